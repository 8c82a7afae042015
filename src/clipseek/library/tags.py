"""Which videos of a part have which tags, as rows of its videos: a filter asks no database."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Self
from unicodedata import normalize

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Tags:
    """The tags of `count` videos, which are numbered from 0. Immutable.

    It takes 4 bytes for each tag of each video, and about 200 for each distinct tag.

    numbers: The number of each distinct tag. begins: int64 (T + 1,). rows: int32 (M,), ascending
    for each tag: tag t has `rows[begins[t]:begins[t + 1]]`.
    """

    count: int
    numbers: dict[str, int] = field(repr=False)
    begins: NDArray[np.int64] = field(repr=False)
    rows: NDArray[np.int32] = field(repr=False)

    @classmethod
    def of(cls, tagged: Iterable[tuple[str, Sequence[str]]], videos: NDArray[np.str_]) -> Self:
        """Take what `CatalogReader.tagged` yields; videos that are not in `videos` are left out."""
        numbers: dict[str, int] = {}
        places: dict[str, int] = {}
        given: list[tuple[NDArray[np.int32], NDArray[np.int32]]] = []
        for tag, video_ids in tagged:
            places = places or {name: row for row, name in enumerate(videos.tolist())}
            rows = [places[video_id] for video_id in video_ids if video_id in places]
            if rows:
                number = numbers.setdefault(tag, len(numbers))
                given.append((np.full(len(rows), number, np.int32), np.array(rows, np.int32)))
        return cls._made(len(videos), numbers, given)

    @classmethod
    def joined(
        cls, parts: Iterable[tuple["Tags", NDArray[np.int64], NDArray[np.bool_]]], count: int
    ) -> Self:
        """Join the tags of several parts to those of `count` videos.

        Args:
            parts: The tags of each, with the new rows int64 (V,) of its videos, and which of them
                to take, bool (V,).
            count: How many videos there are then.
        """
        numbers: dict[str, int] = {}
        given = []
        for tags, rows, taken in parts:
            anew = np.array([numbers.setdefault(tag, len(numbers)) for tag in tags.numbers], "i4")
            owners = np.repeat(anew, np.diff(tags.begins))
            kept = taken[tags.rows]
            given.append((owners[kept], rows[tags.rows[kept]].astype(np.int32)))
        return cls._made(count, numbers, given)

    @classmethod
    def _made(
        cls,
        count: int,
        numbers: dict[str, int],
        given: Sequence[tuple[NDArray[np.int32], NDArray[np.int32]]],
    ) -> Self:
        empty = np.empty(0, np.int32)
        owners = np.concatenate([empty, *(tags for tags, _ in given)])
        rows = np.concatenate([empty, *(rows for _, rows in given)])
        order = np.lexsort((rows, owners))
        begins = np.searchsorted(owners[order], np.arange(len(numbers) + 1)).astype(np.int64)
        return cls(count, numbers, begins, rows[order])

    def mask(self, tags: Iterable[str]) -> NDArray[np.bool_]:
        """Return which videos have all of some tags, bool (V,)."""
        mask = np.ones(self.count, np.bool_)
        for tag in tags:
            one = np.zeros(self.count, np.bool_)
            number = self.numbers.get(normalize("NFC", tag))
            if number is not None:
                one[self.rows[self.begins[number] : self.begins[number + 1]]] = True
            mask &= one
        return mask
