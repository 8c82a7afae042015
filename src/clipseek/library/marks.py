"""Marks: the tags on spans of the videos of a view, so that a search asks no database for them."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from functools import cached_property
from typing import Self
from unicodedata import normalize

import numpy as np
from numpy.typing import NDArray

from clipseek.layers import Layers
from clipseek.marks import Mark
from clipseek.table import SegmentTable
from clipseek.timed import Span

Own = tuple[Mark, ...]
_NO_SPANS: tuple[NDArray[np.str_], NDArray[np.float64]] = np.empty(0, np.str_), np.empty((0, 2))


@dataclass(frozen=True)
class Marks:
    """The tags on spans by video, in the order of their starts. Immutable.

    videos: Each has one tag or more.
    """

    videos: Layers[str, Own] = field(default_factory=Layers, repr=False)

    @classmethod
    def of(cls, given: Iterable[tuple[str, Mark]]) -> Self:
        """Take what `CatalogReader.marks` yields."""
        found: dict[str, list[Mark]] = {}
        for video_id, mark in given:
            found.setdefault(video_id, []).append(mark)
        own = {video_id: tuple(sorted(marks, key=_place)) for video_id, marks in found.items()}
        return cls(Layers(own))

    def changed(self, videos: AbstractSet[str], given: Iterable[tuple[str, Mark]]) -> Self:
        """Return them with the given tags of some videos instead of those that these had."""
        if not videos:
            return self
        changed = self.videos.changed(videos, type(self).of(given).videos)
        return self if changed is self.videos else type(self)(changed)

    def over(self, video_id: str, span: Span) -> Own:
        """Return the tags of a video that overlap a span."""
        own = self.videos.get(video_id, ())
        return tuple(
            mark for mark in own if mark.span.start < span.end > span.start < mark.span.end
        )

    def are_over(self, tags: Iterable[str], video_id: str, span: Span) -> bool:
        """Whether all of some tags overlap a span of a video."""
        wanted = {normalize("NFC", tag) for tag in tags}
        return wanted <= {mark.tag for mark in self.over(video_id, span)}

    def met(self, tags: Iterable[str], table: SegmentTable) -> NDArray[np.bool_]:
        """Return which segments of a table overlap a span of each of some tags, bool (N,)."""
        some = np.arange(len(table.owners))
        for tag in dict.fromkeys(normalize("NFC", tag) for tag in tags):
            places, spans = self._spans(tag, table.videos)
            tagged = np.zeros(len(table.videos), np.bool_)
            tagged[places] = True
            some = some[tagged[table.owners[some]]]
            some = some[_overlap(table.owners[some], table.spans[some], places, spans)]
        met = np.zeros(len(table.owners), np.bool_)
        met[some] = True
        return met

    def _spans(
        self, tag: str, videos: NDArray[np.str_]
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return the spans of a tag: the places of their videos in `videos`, and their seconds."""
        ids, spans = self._by_tag.get(tag, _NO_SPANS)
        if not len(videos) or not len(ids):
            return np.empty(0, np.int64), np.empty((0, 2))
        places = np.searchsorted(videos, ids).clip(max=len(videos) - 1)
        is_here = videos[places] == ids
        return places[is_here], spans[is_here]

    @cached_property
    def _by_tag(self) -> dict[str, tuple[NDArray[np.str_], NDArray[np.float64]]]:
        """The video of each span of a tag, and its seconds, float64 (S, 2)."""
        found: dict[str, tuple[list[str], list[tuple[float, float]]]] = {}
        for video_id, own in self.videos.items():
            for mark in own:
                ids, spans = found.setdefault(mark.tag, ([], []))
                ids.append(video_id)
                spans.append((mark.span.start, mark.span.end))
        return {
            tag: (np.array(ids), np.array(spans, np.float64).reshape(-1, 2))
            for tag, (ids, spans) in found.items()
        }

    def counts(self, gone: AbstractSet[str] = frozenset()) -> list[tuple[str, int, int]]:
        """Return each tag with how many videos and spans have it, the most videos first."""
        found: dict[str, tuple[int, int]] = {}
        for video_id, own in self.videos.items():
            if video_id not in gone:
                for tag in {mark.tag for mark in own}:
                    videos, spans = found.get(tag, (0, 0))
                    found[tag] = videos + 1, spans + sum(mark.tag == tag for mark in own)
        ordered = sorted(found.items(), key=lambda each: (-each[1][0], each[0]))
        return [(tag, videos, spans) for tag, (videos, spans) in ordered]


def _place(mark: Mark) -> tuple[float, str, float]:
    return mark.span.start, mark.tag, mark.span.end


def _overlap(
    owners: NDArray[np.int32],
    spans: NDArray[np.float64],
    of_tags: NDArray[np.int64],
    tags: NDArray[np.float64],
) -> NDArray[np.bool_]:
    """Return which segments overlap one of some spans of the same owner, bool (N,).

    Of the spans that start before the end of a segment, the one that ends last decides.
    """
    count = len(tags)
    by_end = np.lexsort((tags[:, 1], of_tags))
    rank = np.empty(count, np.int64)
    rank[by_end] = np.arange(count)
    # What is equal to the end of a segment starts after it.
    order = np.lexsort(
        (
            np.concatenate([np.ones(count), np.zeros(len(spans))]),
            np.concatenate([tags[:, 0], spans[:, 1]]),
            np.concatenate([of_tags, owners]),
        )
    )
    ranks = np.concatenate([rank, np.full(len(spans), -1)])[order]
    last = np.empty(len(order), np.int64)
    last[order] = np.maximum.accumulate(ranks) if len(ranks) else ranks
    last = last[count:]
    found = np.zeros(len(spans), np.bool_)
    there = np.flatnonzero(last >= 0)
    best = by_end[last[there]]
    found[there] = (of_tags[best] == owners[there]) & (tags[best, 1] > spans[there, 0])
    return found
