"""Reads one file for the pipeline: who it is, whether there is anything to do, and its frames."""

import io
import os
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from clipseek import sampling
from clipseek.errors import UnreadableVideo, VideoNotFound
from clipseek.files import Stamp, open_regular
from clipseek.protocols import CatalogWriter, Embedder, FrameSourceOpener
from clipseek.types import FrameBatch, Video
from indexer.claims import Claims
from indexer.fates import reason_of
from indexer.film import File, Film, Report, content_id
from indexer.indexed import Indexed
from indexer.naming import text

SHORT_SIDE = 224
"""Pictures are read with this many pixels on the shorter side, or the model's where that is
more: enough for a thumbnail, and a film of any resolution takes the same memory. It is the side
that most models take, so that a picture is scaled once."""
JPEG_QUALITY = 80


@dataclass(frozen=True, slots=True, eq=False)
class Opened:
    """A film is about to be read; its container claims so many seconds, if it says."""

    film: Film
    duration: float | None


@dataclass(frozen=True, slots=True, eq=False)
class Frames:
    """New frames of a film, ready for the model: uint8 (N, S, S, 3). `sampled` counts repeats.

    `reached` is the time of the last sampled frame, in seconds.
    """

    film: Film
    pixels: NDArray[np.uint8]
    times: Sequence[float]
    cuts: Sequence[bool]
    jpegs: Sequence[bytes]
    sampled: int
    reached: float


@dataclass(frozen=True, slots=True, eq=False)
class End:
    """A film was read to its end."""

    film: Film
    duration: float
    size: tuple[int, int]
    damage: str


@dataclass(frozen=True, slots=True, eq=False)
class Failed:
    """Nothing more of a film comes, because it cannot be read."""

    film: Film
    reason: str


Message = Report | Opened | Frames | End | Failed


class Reader:
    """Reads files into messages for the pipeline. Shared by the decoding threads."""

    def __init__(
        self,
        catalog: CatalogWriter,
        collection: str,
        *,
        indexed: Indexed,
        open_video: FrameSourceOpener,
        embedder: Embedder,
        fps: float,
        force: bool,
        claims: Claims,
        stop: threading.Event,
    ) -> None:
        self._catalog = catalog
        self._collection = collection
        self._indexed = indexed
        self._open_video = open_video
        self._embedder = embedder
        self._fps = fps
        self._force = force
        self._short_side = max(SHORT_SIDE, embedder.image_size)
        self._claims = claims
        self._stop = stop

    def read(self, path: Path) -> Iterator[Message]:
        """Yield reports where nothing is to be done or can be; else frames and their end.

        Whatever goes wrong with this file is its own fate, and the others are read.

        Raises:
            ClipseekError: the catalog cannot be used, so no file can be indexed.
        """
        film: Film | None = None
        try:
            if (known := self._known(path)) is not None:
                yield known
                return
            with open_regular(path) as opened:
                for message in self._identified(path, opened):
                    if isinstance(message, Film):
                        film = message
                        yield from self._frames(film, opened.fileno())
                    else:
                        yield message
        except Exception as error:  # noqa: BLE001  one video, one fate
            reason = reason_of(error, path)
            if film is None:
                yield Report(text(path), "failed", reason=reason)
            else:
                yield Failed(film, reason)
        finally:
            self._claims.leave(path)

    def _known(self, path: Path) -> Report | None:
        """Decide by one look at the file whether it is indexed as it is."""
        if not _is_text(str(path)):
            return Report(
                text(path), "failed", reason="the name is not valid UTF-8; rename the file"
            )
        if self._force:
            return None
        file = File.at(path)
        known = self._indexed.at(path)
        return _unchanged(known, path) if known is not None and file.is_source_of(known) else None

    def _identified(self, path: Path, opened: io.FileIO) -> Iterator[Report | Film]:
        """Decide by the content whether it is indexed, is read by now, or is new."""
        file = File.of(path, os.fstat(opened.fileno()))
        name = content_id(opened, go_on=lambda: not self._stop.is_set())
        if name is None:
            return
        taken = self._claims.take(name, path)
        if taken is not None:
            if taken.is_indexed:
                yield same_content(path, name, taken.first)
            return
        try:
            same = self._catalog.videos_by_id(self._collection, [name]).get(name)
            report = None if same is None or self._force else self._recognised(same, file)
        except Exception:
            self._claims.give_back(name)
            raise
        if report is None:
            yield Film(file, name)
            return
        yield report
        for copy in self._claims.indexed(name):
            yield same_content(copy, name, path)

    def _recognised(self, video: Video, file: File) -> Report | None:
        """Content that is indexed: the same file touched, a moved file, or a copy of one.

        None where it was removed from the catalog at this very moment.
        """
        path = str(file.path)
        if video.uri != path and _still_there(video):
            return same_content(file.path, video.id, Path(video.uri))
        try:
            self._catalog.relocate(
                self._collection, video.id, path, file.size_bytes, file.mtime_ns, file.stamp
            )
        except VideoNotFound:
            return None
        moved = f"moved from {video.uri}" if video.uri != path else ""
        return Report(path, "unchanged", video.id, moved, video.duration)

    def _frames(self, film: Film, descriptor: int) -> Iterator[Message]:
        """Read the film once: sampled frames that are new, then the end."""
        kept: NDArray[np.float32] | None = None
        with self._open_video(film.file.path, descriptor=descriptor) as source:
            yield Opened(film, source.duration)
            times = sampling.grid(self._fps)
            cuts = sampling.ShotCuts(source.frame_rate)
            for batch in source.read(times, short_side=self._short_side, cuts=cuts):
                if film.is_over:
                    return
                new, kept = _new(batch, kept)
                yield self._message(film, batch, new)
            _require_same(film.file, descriptor)
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
            reached=float(batch.times[-1]),
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


def _require_same(file: File, descriptor: int) -> None:
    """Make sure that the file which was hashed and read is as it was, and still at its path.

    Raises:
        UnreadableVideo: it was written to, or another file is there now.
    """
    read, there = os.fstat(descriptor), file.path.stat()
    if File.of(file.path, read) != file or Stamp.of(there) != Stamp.of(read):
        raise UnreadableVideo(str(file.path), "it changed while it was read; run again")


def same_content(path: Path, content: str, first: Path) -> Report:
    """Say of a copy that its content is indexed under another name."""
    return Report(str(path), "unchanged", content, f"same content as {first}")


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
