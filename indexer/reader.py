"""Reads one file for the pipeline: who it is, whether there is anything to do, and its frames."""

import io
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from clipseek import sampling
from clipseek.errors import UnreadableVideo
from clipseek.protocols import Catalog, Embedder, FrameSourceOpener
from clipseek.types import FrameBatch, Video
from indexer.film import File, Film, Report
from indexer.naming import text

SHORT_SIDE = 224
"""Pictures are read with this many pixels on the shorter side, or the model's where that is
more: enough for a thumbnail, and a film of any resolution takes the same memory. It is the side
that most models take, so that a picture is scaled once."""
JPEG_QUALITY = 80


@dataclass(frozen=True, slots=True, eq=False)
class Frames:
    """New frames of a film, ready for the model: uint8 (N, S, S, 3). `sampled` counts repeats."""

    film: Film
    pixels: NDArray[np.uint8]
    times: Sequence[float]
    cuts: Sequence[bool]
    jpegs: Sequence[bytes]
    sampled: int


@dataclass(frozen=True, slots=True, eq=False)
class End:
    """Nothing more of this film comes: it was read to its end, or it failed."""

    film: Film
    duration: float = 0.0
    size: tuple[int, int] = (0, 0)
    damage: str = ""
    failed: bool = False


class Reader:
    """Reads files into messages for the pipeline. Shared by the decoding threads."""

    def __init__(
        self,
        catalog: Catalog,
        collection: str,
        *,
        open_video: FrameSourceOpener,
        embedder: Embedder,
        fps: float,
        force: bool,
    ) -> None:
        self._catalog = catalog
        self._collection = collection
        self._open_video = open_video
        self._embedder = embedder
        self._fps = fps
        self._force = force
        self._short_side = max(SHORT_SIDE, embedder.image_size)
        self._claimed: dict[str, Path] = {}
        self._lock = threading.Lock()

    def read(self, path: Path) -> Iterator[Report | Frames | End]:
        """Yield a report where nothing is to be done or can be; else frames and their end."""
        film: Film | None = None
        try:
            found = self._identify(path)
            if isinstance(found, Report):
                yield found
                return
            film = found
            yield from self._frames(film)
        except (UnreadableVideo, OSError) as error:
            if film is not None:
                yield End(film, failed=True)
            yield Report(str(path), "failed", film.id if film else "", _reason(error))

    def _identify(self, path: Path) -> Report | Film:
        """Decide by (size, mtime), then by content, whether the file is indexed already."""
        if not _is_text(str(path)):
            return Report(
                text(path), "failed", reason="the name is not valid UTF-8; rename the file"
            )
        file = File.at(path)
        known = self._catalog.video_at(self._collection, str(path))
        if known is not None and file.is_source_of(known) and not self._force:
            return _unchanged(known, path)
        content_id = file.content_id()
        with self._lock:
            first = self._claimed.setdefault(content_id, path)
        if first != path:
            return Report(str(path), "unchanged", content_id, f"same content as {first}")
        same = self._catalog.videos_by_id(self._collection, [content_id]).get(content_id)
        if same is None or self._force:
            return Film(file, content_id)
        return self._recognised(same, file)

    def _recognised(self, video: Video, file: File) -> Report:
        """Content that is indexed: the same file touched, a moved file, or a copy of one."""
        path = str(file.path)
        if video.uri != path and _still_there(video):
            return Report(path, "unchanged", video.id, f"same content as {video.uri}")
        self._catalog.relocate(self._collection, video.id, path, file.size_bytes, file.mtime_ns)
        moved = f"moved from {video.uri}" if video.uri != path else ""
        return Report(path, "unchanged", video.id, moved, video.duration)

    def _frames(self, film: Film) -> Iterator[Frames | End]:
        """Read the film once: sampled frames that are new, then the end."""
        kept: NDArray[np.float32] | None = None
        with self._open_video(film.file.path) as source:
            times = sampling.grid(self._fps)
            cuts = sampling.ShotCuts(source.frame_rate)
            for batch in source.read(times, short_side=self._short_side, cuts=cuts):
                new, kept = _new(batch, kept)
                yield self._message(film, batch, new)
            if File.at(film.file.path) != film.file:
                raise UnreadableVideo(
                    str(film.file.path), "it changed while it was read; run again"
                )
            yield End(film, source.duration or 0.0, source.size, source.damage)

    def _message(self, film: Film, batch: FrameBatch, new: Sequence[int]) -> Frames:
        pixels = batch.pixels[list(new)]
        return Frames(
            film=film,
            pixels=self._embedder.fit(pixels),
            times=batch.times[list(new)].tolist(),
            cuts=batch.cuts[list(new)].tolist(),
            jpegs=[_jpeg(picture) for picture in pixels],
            sampled=len(batch),
        )


def _new(
    batch: FrameBatch, kept: NDArray[np.float32] | None
) -> tuple[list[int], NDArray[np.float32] | None]:
    """Return which frames do not repeat the last kept one, and the last kept one's print."""
    new = []
    for i, (pixels, cut) in enumerate(zip(batch.pixels, batch.cuts, strict=True)):
        thumbprint = sampling.thumbprint(pixels)
        if kept is None or cut or not sampling.repeats(kept, thumbprint):
            new.append(i)
            kept = thumbprint
    return new, kept


def _jpeg(picture: NDArray[np.uint8]) -> bytes:
    target = io.BytesIO()
    Image.fromarray(picture).save(target, "JPEG", quality=JPEG_QUALITY)
    return target.getvalue()


def _unchanged(video: Video, path: Path) -> Report:
    return Report(str(path), "unchanged", video.id, video.reason, video.duration)


def _still_there(video: Video) -> bool:
    """Whether the file that a video was indexed from is there as it was."""
    try:
        return File.at(Path(video.uri)).is_source_of(video)
    except OSError:
        return False


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _reason(error: UnreadableVideo | OSError) -> str:
    return error.reason if isinstance(error, UnreadableVideo) else error.strerror or str(error)
