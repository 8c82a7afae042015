"""Whether what is stored of videos agrees with their files: lengths, thumbnails and vectors."""

import hashlib
import io
import random
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from clipseek.errors import ServiceUnavailable, UnreadableVideo
from clipseek.ingest.steps import SHORT_SIDE
from clipseek.live.naming import is_recorded
from clipseek.protocols import CatalogReader, Embedder, FrameSource, FrameSourceOpener
from clipseek.sources import Places, Source, content_id
from clipseek.stored import rounding_s
from clipseek.thumbnails import Thumbnails
from clipseek.types import Segment, Video

OPENED = 200
"""Videos of a collection whose containers are asked for their lengths, 10 ms each."""
BUDGET_S = 1800.0
"""Seconds of video of a collection that are read for its thumbnails, at 100 to 300 a second."""
CLAIM_S, CLAIM_SHARE = 0.5, 0.01
"""A container's claim counts its sound too, so a larger difference is measured, not reported."""
LENGTH_S = 0.1
"""Two readings of one file may differ by the last frame's duration."""
COLOURS = 8.0
"""Mean difference of two pictures in levels. A thumbnail differs from its frame by 2 at most
(JPEG), one of HDR that was taken for SDR by 30 to 50, one of another shot by 20 and more."""
SHAPES = 0.03
MEAN_COSINE, COSINE = 0.9, 0.7
"""Of frames read sparsely and exactly: on average 0.96 over a real video or more, 0.89 at worst."""
_SIDE = 16
_NAME = re.compile(r".*/(\d{9,})-([0-9a-f]{12})\.jpg")
_ANEW = "index it again with `indexer ingest FILE --force`"


@dataclass
class Checked:
    """How much was checked, so that the user knows what was not.

    without_frames: Videos whose frame vectors were not kept when they were indexed.
    """

    videos: int = 0
    opened: int = 0
    thumbnails: int = 0
    without_frames: int = 0


@dataclass(frozen=True)
class Originals:
    """Compares the rows of one collection with the files that they were made from."""

    catalog: CatalogReader
    thumbnails: Thumbnails
    collection: str
    places: Places
    open_fast: FrameSourceOpener
    open_exact: FrameSourceOpener
    checked: Checked = field(default_factory=Checked)

    def problems(self, *, seed: int) -> Iterator[str]:
        """Look at every file, ask some for their lengths, and compare some thumbnails."""
        there: list[Video] = []
        for video in self._videos():
            problem = self._file(video, hashed=False)
            if problem:
                yield problem
            elif _is_complete(video):
                there.append(video)
        random.Random(seed).shuffle(there)
        for video in there[:OPENED]:
            self.checked.opened += 1
            yield from self._length(video)
        left = BUDGET_S
        for video in there:
            if left <= 0:
                break
            yield from self._thumbnails(video, until=left)
            left -= video.duration

    def all_problems(self, embedder: Embedder) -> Iterator[str]:
        """Decode every video again, and compare its length, its thumbnails and its vectors."""
        for video in self._videos():
            if problem := self._file(video, hashed=True):
                yield problem
                continue
            if not _is_complete(video):
                continue
            self.checked.opened += 1
            try:
                yield from self._again(video, embedder)
            except (UnreadableVideo, OSError) as error:
                yield self._said(video, f"cannot be read: {error}")
                continue
            yield from self._thumbnails(video, until=float("inf"))

    def _videos(self) -> Iterator[Video]:
        after = ""
        while page := self.catalog.videos(self.collection, after=after):
            yield from page
            self.checked.videos += len(page)
            after = page[-1].id

    @contextmanager
    def _opened(self, video: Video, open_video: FrameSourceOpener) -> Iterator[FrameSource]:
        with (
            self.places.look(video.uri).parts() as file,
            open_video(video.uri, descriptor=file.fileno()) as frames,
        ):
            yield frames

    def _said(self, video: Video, what: str) -> str:
        return f"{self.collection}: video {video.id} ({video.uri}) {what}"

    def _file(self, video: Video, *, hashed: bool) -> str:
        """Say whether the file is gone or has other content than was indexed."""
        if not is_recorded(video):
            return ""
        try:
            source = self.places.look(video.uri)
            if not _is_complete(video):
                return ""
            if source.size_bytes != video.size_bytes:
                return self._said(
                    video, "has changed on disk since it was indexed; ingest it again"
                )
            is_touched = source.stamp != video.stamp
            if video.stream:
                is_other = is_touched  # a chunk is named by its time, not by its content
            else:
                is_other = (hashed or is_touched) and _content_of(source) != video.id
            if is_other:
                return self._said(
                    video, "has other content than when it was indexed; ingest it again"
                )
        except (FileNotFoundError, NotADirectoryError):
            return self._said(video, "is missing; mount its disk, or `indexer remove` it")
        except OSError as error:
            return self._said(video, f"cannot be read: {error.strerror}")
        return ""

    def _length(self, video: Video) -> Iterator[str]:
        """Compare the stored length with the container's claim, and if in doubt with the frames."""
        try:
            with self._opened(video, self.open_fast) as source:
                claim = source.duration
                allowed = max(CLAIM_S, CLAIM_SHARE * video.duration)
                if claim is not None and abs(claim - video.duration) <= allowed:
                    return
                length = _read_length(source)
            if video.state == "incomplete" and any(self._other_length(video, length)):
                # How far damage lets a reader come depends on how it reads.
                with self._opened(video, self.open_exact) as source:
                    length = _read_length(source)
        except (UnreadableVideo, OSError) as error:
            reason = error.reason if isinstance(error, UnreadableVideo) else error.strerror
            yield self._said(video, f"is indexed, and cannot be read now: {reason}")
            return
        yield from self._other_length(video, length)

    def _other_length(self, video: Video, length: float | None) -> Iterator[str]:
        if length is not None and abs(length - video.duration) > LENGTH_S:
            yield self._said(
                video, f"is stored with {video.duration:.2f} s and has {length:.2f} s; {_ANEW}"
            )

    def _thumbnails(self, video: Video, *, until: float) -> Iterator[str]:
        """Compare the thumbnails of the segments up to a time with the frames they stand for."""
        segments = self.catalog.segments(self.collection, video.id)
        pictures: list[_Pictured] = []
        for segment in segments:
            if segment.best_time <= until:
                problem, look = self._stored(video, segment)
                if problem:
                    yield problem
                if look is not None:
                    pictures.append((segment, look))
        self.checked.thumbnails += len(pictures)
        doubtful = self._differing(video, pictures, self.open_fast)
        for segment, _ in self._differing(video, doubtful, self.open_exact):
            yield self._said(
                video,
                f"has a thumbnail of {segment.best_time:.2f} s that shows another picture than "
                f"the file does then ({segment.thumbnail}); {_ANEW}",
            )

    def _stored(self, video: Video, segment: Segment) -> tuple[str, "_Look | None"]:
        """Read a thumbnail, and compare it with the time and the hash in its name."""
        try:
            jpeg = self.thumbnails.read(segment.thumbnail)
            look = _Look.at(Image.open(io.BytesIO(jpeg)).convert("RGB"))
        except (ServiceUnavailable, OSError):
            return (
                "",
                None,
            )  # a missing file or one that is not a JPEG is reported where all are checked
        named = _NAME.fullmatch(segment.thumbnail)
        if named is None:
            return "", look
        if abs(int(named[1]) / 1000 - segment.best_time) > 2 * rounding_s(segment.best_time):
            what = f"has a thumbnail for {segment.best_time:.2f} s that belongs to another time"
            return self._said(video, f"{what} ({segment.thumbnail}); {_ANEW}"), look
        if hashlib.sha256(jpeg).hexdigest()[:12] != named[2]:
            what = f"has a thumbnail that is not the one that was written ({segment.thumbnail})"
            return self._said(video, f"{what}; {_ANEW}"), look
        return "", look

    def _differing(
        self,
        video: Video,
        pictures: Sequence["_Pictured"],
        open_video: FrameSourceOpener,
    ) -> list["_Pictured"]:
        """Return those pictures that are not the video's at their times."""
        if not pictures:
            return []
        times = [segment.best_time + rounding_s(segment.best_time) for segment, _ in pictures]
        short_side = min(look.side for _, look in pictures)
        seen: list[tuple[float, _Look]] = []
        try:
            with self._opened(video, open_video) as source:
                for batch in source.read(times, short_side=short_side):
                    looks = (_Look.at(Image.fromarray(pixels)) for pixels in batch.pixels)
                    seen += zip(batch.times.tolist(), looks, strict=True)
                    if seen[-1][0] >= pictures[-1][0].best_time - rounding_s(times[-1]):
                        break  # the rest of the file is not needed
        except (UnreadableVideo, OSError):
            return []  # reported where its length is checked
        return [
            (segment, look)
            for segment, look in pictures
            if not seen
            or not look.is_like(min(seen, key=lambda one: abs(one[0] - segment.best_time))[1])
        ]

    def _again(self, video: Video, embedder: Embedder) -> Iterator[str]:
        """Read the sampled frames of a video again; without stored vectors, only its length."""
        times, vectors = self.catalog.frame_vectors(self.collection, video.id)
        found: list[float] = []
        cosines: list[float] = []
        with self._opened(video, self.open_exact) as source:
            asked = [time + rounding_s(time) for time in times.tolist()]
            for batch in source.read(asked, short_side=max(SHORT_SIDE, embedder.image_size)):
                rows = vectors[len(found) : len(found) + len(batch)]
                found += batch.times.tolist()
                if len(rows) == len(batch):
                    now = embedder.embed_images(embedder.prepare(batch.pixels))
                    cosines += np.einsum("nd,nd->n", now, rows).tolist()
            yield from self._other_length(video, source.duration)
        late = [rounding_s(time) for time in times.tolist()]
        if len(found) != len(times) or (np.abs(np.array(found) - times) > np.array(late)).any():
            yield self._said(video, f"has frames at other times than are stored; {_ANEW}")
        elif cosines and (min(cosines) < COSINE or np.mean(cosines) < MEAN_COSINE):
            at = found[int(np.argmin(cosines))]
            what = f"shows another picture at {at:.2f} s than its vector was made from"
            yield self._said(video, f"{what} (cosine {min(cosines):.2f}); {_ANEW}")


@dataclass(frozen=True, slots=True)
class _Look:
    """What a picture looks like: its shape, its shorter side in pixels, and its colours.

    colours: float32 (16, 16, 3), RGB, in 0 to 255.
    """

    shape: float
    side: int
    colours: NDArray[np.float32]

    @classmethod
    def at(cls, picture: Image.Image) -> "_Look":
        """Reduce a picture to its look."""
        small = picture.resize((_SIDE, _SIDE), Image.Resampling.BOX)
        shape = picture.width / picture.height
        return cls(shape, min(picture.size), np.asarray(small, np.float32))

    def is_like(self, other: "_Look") -> bool:
        """Whether two pictures are of one frame."""
        same_shape = abs(self.shape / other.shape - 1) <= SHAPES
        return same_shape and float(np.abs(self.colours - other.colours).mean()) <= COLOURS


def _read_length(source: FrameSource) -> float | None:
    for _ in source.read(()):
        pass
    return source.duration


def _is_complete(video: Video) -> bool:
    """Whether there is a file that does not grow; a chunk that is recorded has no stamp yet."""
    return is_recorded(video) and bool(video.stamp or not video.stream)


def _content_of(source: Source) -> str | None:
    with source.open() as file:
        return content_id(file)


_Pictured = tuple[Segment, _Look]
"""A segment and what its thumbnail looks like: a long video has thousands."""
