"""A chunk that grows: frames come in, and segments of them go out, a few at a time. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import compress

import numpy as np
from numpy.typing import NDArray

from clipseek import calibration, segments
from clipseek.model import Model
from clipseek.stored import Growth
from clipseek.thumbnails import name_of
from clipseek.types import PICTURE, FieldSegments, FrameVectors, Put, Segments, Video

WINDOW = 64
"""Frames of one shot from which segments are formed again; older ones are settled."""
TAIL = 24
"""Frames at the end of a longer shot whose segments are not settled: a run weighs no more after
eight frames (`segments`), so three runs are enough that later frames do not move older borders."""


@dataclass(frozen=True, slots=True, eq=False)
class Grown:
    """A growth that is to be committed, the pictures that it names, and what they stand for.

    spans: Where the segments of the window begin and end, after the commit. pictured: Thumbnails by
    the times of their frames. closes: Whether nothing follows. lengthens: Whether no other segment
    begins than those that are stored, so that nothing is new but that the last one lasts longer.
    seen: How many frames of the chunk are stored after the commit, if they are kept.
    """

    growth: Growth
    pictures: Mapping[str, bytes]
    spans: Sequence[tuple[float, float]]
    pictured: Mapping[float, str]
    starts: Sequence[int]
    frames: int
    closes: bool
    lengthens: bool
    seen: int


class OpenChunk:
    """What is known of a chunk that is being recorded. Not thread-safe.

    Segments are formed as those of a file are, but again with each growth, from the frames whose
    segments may still change: those of the shot that goes on, and of a long shot the last ones.
    """

    def __init__(self, video: Video, folder: str) -> None:
        """Take what is known of the video; `folder` is that of its collection's thumbnails."""
        self.video = video
        self.reached = 0.0
        self._folder = folder
        self._begin = 0.0
        self._times: list[float] = []
        self._cuts: list[bool] = []
        self._vectors: list[NDArray[np.float32]] = []
        self._jpegs: list[bytes] = []
        self._spans: list[tuple[float, float]] = []
        self._pictured: dict[float, str] = {}
        self._all: list[tuple[float, NDArray[np.float32]]] = []
        self._seen = 0
        self._is_closed = False

    def __len__(self) -> int:
        return len(self._all)

    @property
    def is_closed(self) -> bool:
        """Whether its end is committed."""
        return self._is_closed

    def add(self, time: float, *, cut: bool, vector: NDArray[np.float32], jpeg: bytes) -> None:
        """Add a frame, its vector float32 (dim,) and its picture. A time that was there is left."""
        if self._all and time <= self._all[-1][0]:
            return
        self._times.append(time)
        self._cuts.append(cut)
        self._vectors.append(vector)
        self._jpegs.append(jpeg)
        self._all.append((time, vector))
        self.reached = max(self.reached, time)

    def grow(self, model: Model, *, closes: bool = False, keep_frames: bool = True) -> Grown | None:
        """Return what is new since the last commit, or None if nothing is.

        With `closes` nothing follows: the last picture is chosen as in a file. The vectors of new
        frames are stored, if they are kept, and at the end all of them together.
        """
        if not self._times:
            return None
        formed = self._formed(model)
        spans = [(start, end) for start, end in formed.spans.tolist()]
        same = [a == b for a, b in zip(spans, self._spans, strict=False)]
        first = same.index(False) if False in same else len(same)
        if first == len(spans) and not closes:
            return None
        first = min(first, len(spans) - 1) if closes else first
        return self._grown(model, formed, first, closes=closes, keep_frames=keep_frames)

    def _formed(self, model: Model) -> Segments:
        times = np.array(self._times) - self._begin
        formed = segments.form(
            times,
            np.stack(self._vectors),
            np.array(self._cuts, np.bool_),
            self.reached - self._begin,
            coherence=model.coherence,
        )
        shots = formed.shots.copy()
        shots[0] = self._cuts[0] or self._begin == 0
        return replace(formed, spans=formed.spans + self._begin, shots=shots)

    def _grown(
        self, model: Model, formed: Segments, first: int, *, closes: bool, keep_frames: bool
    ) -> Grown:
        starts = [0, *np.searchsorted(self._times, formed.spans[1:, 0]).tolist()]
        best = formed.best.copy()
        if not closes:
            best[-1] = self._shown_already(starts[-1], int(best[-1]))
        first_frame = 0 if closes else self._seen
        times = np.array(self._times)[best[first:]]
        pictures, pictured = self._pictures(best[first:].tolist())
        new = FieldSegments(
            spans=formed.spans[first:],
            vectors=formed.vectors[first:],
            best_times=times,
            biases=calibration.bias(
                formed.vectors[first:], model.bank, model.logit_scale, model.logit_bias
            ),
            thumbnails=[pictured[time] for time in times.tolist()],
            shots=formed.shots[first:],
        )
        put = Put(
            replace(self.video, duration=float(formed.spans[-1, 1])),
            {PICTURE: new},
            frames=self.frames(first_frame) if keep_frames and first_frame < len(self) else None,
            scoring=model.scoring,
            fingerprint=model.embedder.fingerprint,
        )
        return Grown(
            Growth(put, float(formed.spans[first, 0]), first_frame),
            pictures,
            [(start, end) for start, end in formed.spans.tolist()],
            pictured,
            starts,
            len(self._times),
            closes,
            lengthens=formed.spans[:, 0].tolist() == [start for start, _ in self._spans],
            seen=len(self),
        )

    def _shown_already(self, start: int, best: int) -> int:
        """Return a frame of the last segment that has a picture, else the best one.

        That segment grows, so its best frame may be another one each time, and each picture is a
        file.
        """
        known = (i for i in range(start, len(self._times)) if self._times[i] in self._pictured)
        return next(known, best)

    def _pictures(self, frames: Sequence[int]) -> tuple[dict[str, bytes], dict[float, str]]:
        """Return the pictures of frames that have none yet by name, and all names by time."""
        pictures, names = {}, dict(self._pictured)
        for i in frames:
            time, jpeg = self._times[i], self._jpegs[i]
            if time not in names:
                names[time] = name_of(self._folder, self.video.id, time, jpeg)
                pictures[names[time]] = jpeg
        return pictures, names

    def frames(self, first: int = 0) -> FrameVectors:
        """Return the vectors of the frames so far, from a number on."""
        some = self._all[first:]
        return FrameVectors(
            np.array([time for time, _ in some]), np.stack([row for _, row in some])
        )

    def committed(self, grown: Grown) -> None:
        """Take note that a growth is stored, and settle what later frames cannot change."""
        self._spans, self._pictured = list(grown.spans), dict(grown.pictured)
        self._is_closed, self._seen = grown.closes, grown.seen
        settled = self._settled(grown)
        if settled:
            at = grown.starts[settled]
            self._begin = grown.spans[settled][0]
            self._spans = self._spans[settled:]
            for rows in (self._times, self._cuts, self._vectors, self._jpegs):
                del rows[:at]
            kept = {time: name for time, name in self._pictured.items() if time >= self._times[0]}
            self._pictured = kept

    def _settled(self, grown: Grown) -> int:
        """Return how many segments of the window are settled: those before the last cut, at least.

        No segment crosses a cut.
        """
        frames = range(grown.frames)
        cut = max(compress(frames, self._cuts[: grown.frames]), default=0)
        border = max(cut, grown.frames - TAIL if grown.frames > WINDOW else 0)
        return sum(start <= border for start in grown.starts) - 1
