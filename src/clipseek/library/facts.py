"""What a filter asks of the videos of a part beside their tags: folder, length and time."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Self

import numpy as np
from numpy.typing import NDArray

from clipseek.query import Filters, below
from clipseek.types import Named

_AFTER_SLASH = chr(ord("/") + 1)


@dataclass(frozen=True, slots=True, eq=False)
class Facts:
    """What is known of some videos, which are numbered from 0. Immutable.

    It takes 20 bytes for each video, and the text of each distinct folder.

    durations: float64 (V,) seconds. indexed: float64 (V,), seconds since 1970; NaN if not known.
    folders: The distinct folders of their uris, ascending, each with a `/` at its end.
    places: int32 (V,), the number of each video's folder.
    """

    durations: NDArray[np.float64] = field(repr=False)
    indexed: NDArray[np.float64] = field(repr=False)
    folders: Sequence[str] = field(repr=False)
    places: NDArray[np.int32] = field(repr=False)

    @classmethod
    def of(cls, named: Iterable[Named], videos: NDArray[np.str_]) -> Self:
        """Take what `CatalogReader.names` yields; videos that are not in `videos` are left out.

        Of a video that is not named nothing is known, so only a filter by something else finds it.
        """
        numbers = {name: number for number, name in enumerate(videos.tolist())}
        durations, indexed = np.full((2, len(numbers)), np.nan)
        homes = [""] * len(numbers)
        for video in named:
            number = numbers.get(video.id)
            if number is not None:
                durations[number] = video.duration
                indexed[number] = _seconds(video.indexed_at)
                homes[number] = _folder(video.uri)
        return cls._made(durations, indexed, homes)

    @classmethod
    def _made(
        cls,
        durations: NDArray[np.float64],
        indexed: NDArray[np.float64],
        homes: Sequence[str],
    ) -> Self:
        folders = tuple(sorted(set(homes)))
        numbers = {folder: number for number, folder in enumerate(folders)}
        places = np.array([numbers[home] for home in homes], np.int32)
        return cls(durations, indexed, folders, places)

    @classmethod
    def joined(
        cls, parts: Iterable[tuple["Facts", NDArray[np.int64], NDArray[np.bool_]]], count: int
    ) -> Self:
        """Join the facts of several parts to those of `count` videos, as `Tags.joined` does."""
        durations, indexed = np.full((2, count), np.nan)
        homes = [""] * count
        for facts, rows, taken in parts:
            durations[rows[taken]] = facts.durations[taken]
            indexed[rows[taken]] = facts.indexed[taken]
            for number in np.flatnonzero(taken).tolist():
                homes[int(rows[number])] = facts.folders[facts.places[number]]
        return cls._made(durations, indexed, homes)

    def moved(self, named: Iterable[Named], videos: NDArray[np.str_]) -> Self:
        """Return them with other folders of those of `videos` that are named."""
        homes = {video.id: _folder(video.uri) for video in named}
        numbers = np.flatnonzero(np.isin(videos, list(homes))) if homes else ()
        if not len(numbers):
            return self
        all_homes = [self.folders[place] for place in self.places.tolist()]
        for number in numbers:
            all_homes[int(number)] = homes[str(videos[number])]
        changed = self._made(self.durations, self.indexed, all_homes)
        return replace(self, folders=changed.folders, places=changed.places)

    def mask(self, only: Filters) -> NDArray[np.bool_]:
        """Return which videos pass what a filter asks of these facts, bool (V,)."""
        mask = np.ones(len(self.durations), np.bool_)
        if only.folder is not None:
            folder = below(only.folder)
            first = bisect_left(self.folders, folder)
            end = bisect_left(self.folders, folder[:-1] + _AFTER_SLASH)
            mask &= (self.places >= first) & (self.places < end)
        if only.min_duration:
            mask &= self.durations >= only.min_duration
        if only.max_duration is not None:
            mask &= self.durations <= only.max_duration
        if only.indexed_from is not None:
            mask &= self.indexed >= only.indexed_from.timestamp()
        if only.indexed_before is not None:
            mask &= self.indexed < only.indexed_before.timestamp()
        return mask


def _folder(uri: str) -> str:
    return uri[: uri.rfind("/") + 1]


def _seconds(indexed_at: str) -> float:
    try:
        return datetime.fromisoformat(indexed_at).timestamp()
    except ValueError:
        return float("nan")
