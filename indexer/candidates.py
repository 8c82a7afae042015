"""What a sample is taken from: the segments of a collection, and what is known of each."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from clipseek import calibration
from clipseek.curating import SegmentTag
from clipseek.errors import NothingIndexed
from clipseek.model import Model
from clipseek.protocols import CatalogReader
from clipseek.recorded import moment_at
from clipseek.stored import SegmentBlock
from clipseek.types import Collection, Scoring, Video

UNKNOWN = "unknown"
"""The stratum of what has no camera, no time of recording or no tag."""
PAGE = 500


@dataclass(frozen=True)
class Candidates:
    """All segments of a collection at one version; the rows of `block` are those of a sample.

    tags: Those of the segments, by video, but for the rejected ones.
    """

    collection: Collection
    block: SegmentBlock
    videos: Mapping[str, Video]
    tags: Mapping[str, Sequence[SegmentTag]] = field(default_factory=dict)

    @classmethod
    def of(cls, catalog: CatalogReader, name: str, tags: Sequence[SegmentTag] = ()) -> "Candidates":
        """Read a collection. Only those of its tags count that are given.

        Raises:
            CollectionNotFound: there is none of this name.
            NothingIndexed: it has no segment.
        """
        with catalog.consistent(name) as reader:
            collection = reader.collection(name)
            blocks = list(reader.blocks(name))
            if not blocks:
                raise NothingIndexed(name)
            ids = sorted({each for block in blocks for each in block.video_ids.tolist()})
            videos: dict[str, Video] = {}
            for start in range(0, len(ids), PAGE):
                videos |= reader.videos_by_id(name, ids[start : start + PAGE])
        shown: dict[str, list[SegmentTag]] = {}
        for tag in tags:
            if tag.is_shown:
                shown.setdefault(tag.video_id, []).append(tag)
        return cls(collection, SegmentBlock.joined(blocks), videos, shown)

    def __len__(self) -> int:
        return len(self.block)

    def video(self, row: int) -> Video:
        """Return the video that a row is of."""
        return self.videos[str(self.block.video_ids[row])]

    @cached_property
    def by_video(self) -> Mapping[str, NDArray[np.int64]]:
        """The rows of each video in the order of time."""
        return self.block.by_video()

    def tags_of(self, row: int) -> set[str]:
        """Return the tags of the video, and those in whose span the frame of a row is shown."""
        video_id, time = str(self.block.video_ids[row]), self.block.best_times[row]
        shown = {tag.rule for tag in self.tags.get(video_id, ()) if tag.start <= time < tag.end}
        return shown | set(self.video(row).tags)

    def strata(self, kind: str) -> list[str]:
        """Return the stratum of each row: its camera, its day, its hour or its rarest tag."""
        return STRATA[kind](self)

    def relevance(
        self, model: Model, queries: NDArray[np.float32], rows: NDArray[np.int64] | None = None
    ) -> NDArray[np.float64]:
        """Return the relevance of rows, or of all, for the vectors of sentences: (Q, S)."""
        scoring: Scoring = model.scoring_of(self.collection)
        vectors, biases = self.block.vectors, self.block.biases
        if rows is not None:
            vectors, biases = vectors[rows], biases[rows]
        evidence = calibration.evidence(queries @ vectors.T, biases, scoring.logit_scale)
        return calibration.relevance(evidence, scoring.relevance)

    def rows_at(self, others: "Candidates") -> NDArray[np.int64]:
        """Return for each row of others the row that shows the same frame here, or -1."""
        here, there = self.by_video, others.by_video
        found = np.full(len(others), -1, np.int64)
        for video_id, asked in there.items():
            rows = here.get(video_id)
            if rows is None:
                continue
            spans = self.block.spans[rows]
            times = others.block.best_times[asked]
            places = np.searchsorted(spans[:, 0], times, side="right") - 1
            is_inside = (places >= 0) & (times < spans[places, 1])
            found[asked[is_inside]] = rows[places[is_inside]]
        return found

    def _each(self, read: Callable[[Video, float], str]) -> list[str]:
        times = self.block.best_times.tolist()
        return [read(self.video(row), time) for row, time in enumerate(times)]


def _cameras(candidates: Candidates) -> list[str]:
    return candidates._each(lambda video, _: video.stream or UNKNOWN)


def _days(candidates: Candidates) -> list[str]:
    return candidates._each(lambda video, time: _recorded(video, time, "%Y-%m-%d"))


def _hours(candidates: Candidates) -> list[str]:
    return candidates._each(lambda video, time: _recorded(video, time, "%H"))


def _recorded(video: Video, time: float, form: str) -> str:
    """Write in UTC when a frame was recorded, as far as that is known."""
    moment = moment_at(video.recorded_at, time)
    return datetime.fromisoformat(moment).strftime(form) if moment else UNKNOWN


def _tags(candidates: Candidates) -> list[str]:
    """Return the rarest tag of each row: only then is something that few have sampled."""
    tags = [candidates.tags_of(row) for row in range(len(candidates))]
    counts = Counter(tag for some in tags for tag in some)
    return [min(some, key=lambda tag: (counts[tag], tag), default=UNKNOWN) for some in tags]


STRATA: Mapping[str, Callable[[Candidates], list[str]]] = {
    "camera": _cameras,
    "day": _days,
    "hour": _hours,
    "tag": _tags,
}
