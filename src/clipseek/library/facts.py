"""What a filter asks of the videos of a part beside their tags: folder, title, length, times."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Self

import numpy as np
from numpy.typing import NDArray

from clipseek.filters import Filters, below
from clipseek.listing import folded
from clipseek.types import Named

_LAST = "\U0010ffff"


@dataclass(frozen=True, slots=True, eq=False)
class Texts:
    """One text of each of some videos. Immutable.

    distinct: Ascending. places: int32 (V,), the number of each video's text.
    """

    distinct: Sequence[str] = field(repr=False)
    places: NDArray[np.int32] = field(repr=False)

    @classmethod
    def of(cls, texts: Sequence[str]) -> Self:
        """Return the texts of videos in their order."""
        distinct = tuple(sorted(set(texts)))
        numbers = {text: number for number, text in enumerate(distinct)}
        return cls(distinct, np.array([numbers[text] for text in texts], np.int32))

    def all(self) -> list[str]:
        """Return the text of each video."""
        return [self.distinct[place] for place in self.places.tolist()]

    def among(self, texts: Iterable[str]) -> NDArray[np.bool_]:
        """Return which videos have one of some texts, bool (V,)."""
        wanted = set(texts)
        numbers = [number for number, text in enumerate(self.distinct) if text in wanted]
        mask: NDArray[np.bool_] = np.isin(self.places, numbers)
        return mask

    def begin_with(self, prefix: str) -> NDArray[np.bool_]:
        """Return which videos have a text that begins with another one, bool (V,)."""
        first = bisect_left(self.distinct, prefix)
        end = bisect_left(self.distinct, _after(prefix)) if _after(prefix) else len(self.distinct)
        mask: NDArray[np.bool_] = (self.places >= first) & (self.places < end)
        return mask


@dataclass(frozen=True, slots=True, eq=False)
class Facts:
    """What is known of some videos, which are numbered from 0. Immutable.

    It takes 40 bytes for each video, and the text of each distinct folder, title and camera.

    durations: float64 (V,) seconds. indexed, recorded: float64 (V,), seconds since 1970; NaN if not
    known. heights: int32 (V,) pixels. folders: Those of their uris, each with a `/` at its end.
    titles: Without the difference of upper and lower case. cameras: Their names; empty for others.
    """

    durations: NDArray[np.float64] = field(repr=False)
    indexed: NDArray[np.float64] = field(repr=False)
    recorded: NDArray[np.float64] = field(repr=False)
    heights: NDArray[np.int32] = field(repr=False)
    folders: Texts = field(repr=False)
    titles: Texts = field(repr=False)
    cameras: Texts = field(repr=False)

    @classmethod
    def of(cls, named: Iterable[Named], videos: NDArray[np.str_]) -> Self:
        """Take what `CatalogReader.names` yields; videos that are not in `videos` are left out.

        Of a video that is not named nothing is known, so only a filter by something else finds it.
        """
        numbers = {name: number for number, name in enumerate(videos.tolist())}
        durations, indexed, recorded = np.full((3, len(numbers)), np.nan)
        heights = np.zeros(len(numbers), np.int32)
        homes, titles, cameras = ([""] * len(numbers) for _ in range(3))
        for video in named:
            number = numbers.get(video.id)
            if number is not None:
                durations[number] = video.duration
                indexed[number] = _seconds(video.indexed_at)
                recorded[number] = _seconds(video.recorded_at)
                heights[number] = video.height
                homes[number], titles[number] = _folder(video.uri), folded(video.title)
                cameras[number] = video.stream
        texts = Texts.of(homes), Texts.of(titles), Texts.of(cameras)
        return cls(durations, indexed, recorded, heights, *texts)

    @classmethod
    def joined(
        cls, parts: Iterable[tuple["Facts", NDArray[np.int64], NDArray[np.bool_]]], count: int
    ) -> Self:
        """Join the facts of several parts to those of `count` videos, as `Tags.joined` does."""
        durations, indexed, recorded = np.full((3, count), np.nan)
        heights = np.zeros(count, np.int32)
        homes, titles, cameras = ([""] * count for _ in range(3))
        for facts, rows, taken in parts:
            durations[rows[taken]] = facts.durations[taken]
            indexed[rows[taken]] = facts.indexed[taken]
            recorded[rows[taken]] = facts.recorded[taken]
            heights[rows[taken]] = facts.heights[taken]
            folders, names, streams = (
                texts.all() for texts in (facts.folders, facts.titles, facts.cameras)
            )
            for number in np.flatnonzero(taken).tolist():
                row = int(rows[number])
                homes[row], titles[row] = folders[number], names[number]
                cameras[row] = streams[number]
        texts = Texts.of(homes), Texts.of(titles), Texts.of(cameras)
        return cls(durations, indexed, recorded, heights, *texts)

    def moved(self, named: Iterable[Named], videos: NDArray[np.str_]) -> Self:
        """Return them with other folders and titles of those of `videos` that are named."""
        known = {video.id: video for video in named}
        numbers = np.flatnonzero(np.isin(videos, list(known))) if known else ()
        if not len(numbers):
            return self
        homes, titles = self.folders.all(), self.titles.all()
        for number in numbers:
            video = known[str(videos[number])]
            homes[int(number)] = _folder(video.uri)
            titles[int(number)] = folded(video.title)
        return replace(self, folders=Texts.of(homes), titles=Texts.of(titles))

    def mask(self, only: Filters) -> NDArray[np.bool_]:
        """Return which videos pass what a filter asks of these facts, bool (V,)."""
        mask = np.ones(len(self.durations), np.bool_)
        if only.folder is not None:
            mask &= self.folders.begin_with(below(only.folder))
        if only.title is not None:
            mask &= self.titles.begin_with(folded(only.title))
        if only.min_duration:
            mask &= self.durations >= only.min_duration
        if only.max_duration is not None:
            mask &= self.durations <= only.max_duration
        if only.min_height:
            mask &= self.heights >= only.min_height
        if only.max_height is not None:
            mask &= self.heights <= only.max_height
        if only.cameras is not None:
            mask &= self.cameras.among(only.cameras)
        ends = np.where(self.are_chunks, self.recorded + self.durations, np.nan)
        return (
            mask
            & _within(self.indexed, only.indexed_from, only.indexed_before)
            & self._recorded(only, self.recorded, ends, self.are_chunks)
        )

    @property
    def are_chunks(self) -> NDArray[np.bool_]:
        """Which videos are chunks of a camera, bool (V,)."""
        return ~self.cameras.among(("",))

    def moments(
        self, only: Filters, owners: NDArray[np.int32], spans: NDArray[np.float64]
    ) -> NDArray[np.bool_]:
        """Return which segments pass the times of recording of a filter, bool (N,).

        owners: int32 (N,), their videos. spans: float64 (N, 2) seconds. Segments of a camera have
        times of their own; the others are as old as their video.
        """
        begin = self.recorded[owners]
        starts, ends = begin + spans[:, 0], begin + spans[:, 1]
        are_chunks = self.are_chunks[owners]
        return self._recorded(only, np.where(are_chunks, starts, begin), ends, are_chunks)

    @staticmethod
    def _recorded(
        only: Filters,
        starts: NDArray[np.float64],
        ends: NDArray[np.float64],
        are_chunks: NDArray[np.bool_],
    ) -> NDArray[np.bool_]:
        """Return what was recorded in the times of a filter: of a camera, what overlaps them."""
        mask = _within(starts, only.recorded_from, only.recorded_before)
        if only.recorded_from is not None:
            first = only.recorded_from.timestamp()
            running = are_chunks & (starts < first) & (ends > first)
            mask |= running & _within(starts, None, only.recorded_before)
        return mask


def _within(
    times: NDArray[np.float64], first: datetime | None, end: datetime | None
) -> NDArray[np.bool_]:
    """Return which times are in `[first, end)`; NaN is in none that has a bound."""
    mask = np.ones(len(times), np.bool_)
    if first is not None:
        mask &= times >= first.timestamp()
    if end is not None:
        mask &= times < end.timestamp()
    return mask


def _after(prefix: str) -> str:
    """Return the first text after all that begin with another one; empty if there is none."""
    kept = prefix.rstrip(_LAST)
    return kept[:-1] + chr(ord(kept[-1]) + 1) if kept else ""


def _folder(uri: str) -> str:
    return uri[: uri.rfind("/") + 1]


def _seconds(time: str) -> float:
    try:
        return datetime.fromisoformat(time).timestamp()
    except ValueError:
        return float("nan")
