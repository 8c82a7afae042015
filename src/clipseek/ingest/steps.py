"""The steps of an ingest: identify, read, embed, finish, commit. Values go in, values come out.

All values can be pickled, so a step can run in a thread, in a process or on another machine. What a
step works with (a model, a decoder, a catalog) is passed to it once, where it runs.
"""

import io
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import PurePath

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from clipseek import calibration, sampling, segments
from clipseek.errors import UnreadableVideo
from clipseek.frames import FrameBatch
from clipseek.ingest.tools import Options
from clipseek.model import Model
from clipseek.protocols import CatalogWriter, Embedder, FrameSourceOpener
from clipseek.sources import Descriptor, Source, content_id
from clipseek.thumbnails import Thumbnails, name_of
from clipseek.timed import TimedText
from clipseek.types import PICTURE, FieldSegments, FrameVectors, Put, Video

SHORT_SIDE = 224
"""Pictures are read with this many pixels on the shorter side, or the model's if that is more:
enough for a thumbnail, and a video of any resolution takes the same memory. Most models take this
side, so a picture is scaled once."""
JPEG_QUALITY = 80


@dataclass(frozen=True, slots=True)
class Identified:
    """A source whose content was hashed; `id` names the video."""

    source: Source
    id: str


@dataclass(frozen=True, slots=True)
class Opened:
    """A video is about to be read; its container claims so many seconds, if it says."""

    duration: float | None
    has_subtitles: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Frames:
    """New frames of a video, ready for the model: uint8 (N, S, S, 3).

    `sampled` counts repeats, too. `reached` is the time of the last sampled frame, in seconds.
    `vectors` are set if they are embedded already: float32 (N, dim); then there are no pixels.
    """

    pixels: NDArray[np.uint8]
    times: Sequence[float]
    cuts: Sequence[bool]
    jpegs: Sequence[bytes]
    sampled: int
    reached: float
    vectors: NDArray[np.float32] | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """A video was read to its end. `duration` is in seconds, `size` is width and height.

    `problem` says what of its texts could not be read; empty if nothing.
    """

    duration: float
    size: tuple[int, int]
    damage: str
    frame_rate: Fraction
    coding: str
    timecode: str = ""
    recorded_at: str = ""
    texts: tuple[TimedText, ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Embedded:
    """All of a video: times float64 (N,), cuts bool (N,), vectors float32 (N, dim), N pictures."""

    video: Identified
    ended: Ended
    times: NDArray[np.float64]
    cuts: NDArray[np.bool_]
    vectors: NDArray[np.float32]
    pictures: Sequence[bytes]


@dataclass(frozen=True, slots=True, eq=False)
class Finished:
    """A video as the catalog takes it, and the JPEG files of its segments by their names."""

    put: Put
    pictures: Mapping[str, bytes]


def identify(
    source: Source, file: io.FileIO, *, go_on: Callable[[], bool] = lambda: True
) -> Identified | None:
    """Hash the opened content of a source; return None if `go_on` said no meanwhile."""
    name = content_id(file, go_on=go_on)
    return None if name is None else Identified(source, name)


def read(
    source: Source,
    file: Descriptor,
    open_video: FrameSourceOpener,
    embedder: Embedder,
    *,
    fps: float,
    longest_s: float = math.inf,
) -> Iterator[Opened | Frames | Ended]:
    """Decode a video once, `fps` frames a second and each shot's first, without repeats.

    Raises:
        UnreadableVideo: it cannot be decoded, or it is longer than `longest_s` seconds. That is
            known before decoding if the container says it.
    """
    short_side = max(SHORT_SIDE, embedder.image_size)
    kept: NDArray[np.float32] | None = None
    with open_video(source.uri, descriptor=file.fileno()) as opened:
        _require_short(source, opened.duration or 0.0, longest_s)
        kept_as = opened.frame_rate, opened.coding, opened.timecode, opened.recorded_at
        yield Opened(opened.duration, opened.has_subtitles)
        cuts = sampling.ShotCuts(opened.frame_rate)
        for batch in opened.read(sampling.grid(fps), short_side=short_side, cuts=cuts):
            _require_short(source, float(batch.times[-1]), longest_s)
            new, kept = _new(batch, kept)
            yield _frames(batch, new, embedder)
        yield Ended(opened.duration or 0.0, opened.size, opened.damage, *kept_as)


def embed(embedder: Embedder, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Embed pictures uint8 (N, S, S, 3); return float32 (N, dim), a unit vector for each.

    Raises:
        ValueError: the model gave other vectors.
    """
    vectors = embedder.embed_images(pixels)
    if len(vectors) != len(pixels) or not np.isfinite(vectors).all():
        raise ValueError(f"the model gave no unit vector for each of {len(pixels)} pictures")
    return vectors


def finish(embedded: Embedded, model: Model, collection: str, options: Options) -> Finished:
    """Form the segments of a video, and choose a picture for each.

    Raises:
        UnreadableVideo: no frame was decoded.
    """
    if not len(embedded.times):
        raise UnreadableVideo(embedded.video.source.uri, "no frame could be decoded")
    times, vectors = embedded.times, embedded.vectors
    formed = segments.form(
        times, vectors, embedded.cuts, embedded.ended.duration, coherence=model.coherence
    )
    chosen = [(float(times[i]), embedded.pictures[int(i)]) for i in formed.best]
    names = [name_of(collection, embedded.video.id, time, jpeg) for time, jpeg in chosen]
    picture = FieldSegments.of(
        formed,
        times,
        biases=calibration.bias(formed.vectors, model.bank, model.logit_scale, model.logit_bias),
        thumbnails=names,
    )
    put = Put(
        _video(embedded, len(formed), options),
        {PICTURE: picture},
        frames=FrameVectors(times, vectors) if options.keep_frame_vectors else None,
        scoring=model.scoring,
        fingerprint=model.embedder.fingerprint,
        texts=embedded.ended.texts,
    )
    jpegs = (jpeg for _, jpeg in chosen)
    return Finished(put, dict(zip(names, jpegs, strict=True)))


def commit(
    finished: Finished,
    catalog: CatalogWriter,
    thumbnails: Thumbnails,
    collection: str,
    *,
    by: str = "",
) -> None:
    """Store a video: its pictures, and then its rows in one transaction.

    With `by`, that run must have the claim on the video.

    Raises:
        ClaimLost: it has not.
        ServiceUnavailable: the catalog or a disk failed; nothing of the video is in the catalog.
    """
    thumbnails.store_all(finished.pictures)
    catalog.put(collection, finished.put, by=by)


def _require_short(source: Source, seconds: float, longest_s: float) -> None:
    if seconds > longest_s:
        raise UnreadableVideo(
            source.uri,
            f"it has {seconds:.0f} s or more, and CLIPSEEK_MAX_VIDEO_S allows {longest_s:g} s; "
            "cut it, or raise the setting",
        )


def _video(embedded: Embedded, count: int, options: Options) -> Video:
    source, ended = embedded.video.source, embedded.ended
    return Video(
        id=embedded.video.id,
        uri=source.uri,
        title=options.title or PurePath(source.uri).stem,
        duration=ended.duration,
        width=ended.size[0],
        height=ended.size[1],
        size_bytes=source.size_bytes,
        stamp=source.stamp,
        state="incomplete" if ended.damage else "indexed",
        reason=ended.damage,
        frame_rate=str(ended.frame_rate),
        coding=ended.coding,
        timecode=ended.timecode,
        recorded_at=ended.recorded_at,
        tags=options.tags,
        segments=count,
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


def _frames(batch: FrameBatch, new: Sequence[int], embedder: Embedder) -> Frames:
    pixels = batch.pixels[list(new)]
    return Frames(
        pixels=embedder.prepare(pixels),
        times=batch.times[list(new)].tolist(),
        cuts=batch.cuts[list(new)].tolist(),
        jpegs=[_jpeg(picture) for picture in pixels],
        sampled=len(batch),
        reached=float(batch.times[-1]),
    )


def _jpeg(picture: NDArray[np.uint8]) -> bytes:
    target = io.BytesIO()
    Image.fromarray(picture).save(target, "JPEG", quality=JPEG_QUALITY)
    return target.getvalue()
