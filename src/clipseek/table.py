"""What is known about many segments, except their vectors, as arrays in the order of their ids."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from clipseek.errors import SegmentNotFound
from clipseek.nearest import located
from clipseek.ranking import Rows
from clipseek.stored import SegmentBlock

Scalar = TypeVar("Scalar", bound=np.generic)


@dataclass(frozen=True)
class SegmentTable:
    """Segments by ascending id, rows together.

    ids: int64 (N,), ascending. videos: str (V,), ascending and distinct. owners: int32 (N,), rows
    of `videos`. spans: float64 (N, 2) seconds. best_times: float64 (N,). biases: float32 (N,).
    """

    ids: NDArray[np.int64]
    videos: NDArray[np.str_]
    owners: NDArray[np.int32]
    spans: NDArray[np.float64]
    best_times: NDArray[np.float64]
    biases: NDArray[np.float32]

    def __post_init__(self) -> None:
        count = len(self.ids)
        rows = (self.owners, self.spans, self.best_times, self.biases)
        if any(len(row) != count for row in rows) or self.spans.shape != (count, 2):
            raise ValueError(f"{count} ids, but rows of {[row.shape for row in rows]}")
        if (np.diff(self.ids) <= 0).any():
            raise ValueError("ids must be ascending and distinct")
        if count and not 0 <= self.owners.min() <= self.owners.max() < len(self.videos):
            raise ValueError(f"owners must be rows of {len(self.videos)} videos")

    @classmethod
    def of(cls, blocks: Iterable[SegmentBlock], dim: int) -> tuple[Self, NDArray[np.float32]]:
        """Gather blocks to one table and its vectors, float32 (N, dim), in the table's order."""
        gathered = list(blocks)
        ids = _joined([block.ids for block in gathered], np.empty(0, np.int64))
        videos, owners = _owners([block.video_ids for block in gathered])
        order = np.argsort(ids, kind="stable")
        table = cls(
            ids=ids[order],
            videos=videos,
            owners=owners[order],
            spans=_joined([block.spans for block in gathered], np.empty((0, 2)))[order],
            best_times=_joined([block.best_times for block in gathered], np.empty(0))[order],
            biases=_joined([block.biases for block in gathered], np.empty(0, np.float32))[order],
        )
        vectors = _joined([block.vectors for block in gathered], np.empty((0, dim), np.float32))
        in_order = bool((np.diff(ids) > 0).all())
        return table, vectors if in_order else vectors[order]

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def least_bias(self) -> float:
        """The smallest bias; infinity if there are no segments."""
        return float(np.min(self.biases, initial=np.inf))

    @cached_property
    def _by_time(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The rows by video and start, int64 (N,), and a number for each that ascends with them."""
        starts = self.spans[:, 0]
        order = np.lexsort((starts, self.owners))
        return order, self._places(self.owners[order], starts[order])

    def _places(
        self, owners: NDArray[np.int32] | NDArray[np.int64], seconds: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return one number for a time of a video, which ascends by video and then by time."""
        longest = float(self.spans.max(initial=0.0)) + 1.0
        # Videos are further apart than any of them is long, so that their times do not meet.
        apart: NDArray[np.float64] = owners.astype(np.float64) * (2.0 * longest)
        return apart + np.clip(seconds, -1.0, longest)

    def between(
        self,
        owners: NDArray[np.int64],
        begins: NDArray[np.float64],
        ends: NDArray[np.float64],
        most: int,
    ) -> NDArray[np.int64]:
        """Return the ids of the segments that are shown in some stretches, ascending.

        Of stretches that have more than `most` segments together, the first ones are taken.
        owners: int64 (S,), rows of `videos`. begins, ends: float64 (S,) seconds; a stretch is
        [begin, end).
        """
        order, places = self._by_time
        # Segments follow each other without a gap, so the one before the first start is shown too.
        first = np.searchsorted(places, self._places(owners, begins), side="right") - 1
        own = np.searchsorted(places, self._places(owners, np.full(len(owners), -1.0)))
        first = np.maximum(first, own)
        counts = np.maximum(np.searchsorted(places, self._places(owners, ends)) - first, 0)
        before = np.cumsum(counts) - counts
        at = np.arange(min(most, int(counts.sum())))
        stretch = np.searchsorted(before + counts, at, side="right")
        return np.unique(self.ids[order[first[stretch] + at - before[stretch]]])

    def mask_of(self, videos: Iterable[str]) -> NDArray[np.bool_]:
        """Return which of `videos` are among those given, bool (V,)."""
        mask = np.zeros(len(self.videos), np.bool_)
        # NumPy ends a text at its last character that is not NUL, and would widen all names to the
        # longest one that is asked for.
        width = self.videos.dtype.itemsize // 4
        asked = [name for name in videos if len(name) <= width and not name.endswith("\0")]
        if len(mask) and asked:
            names = np.array(asked, self.videos.dtype)
            places = np.searchsorted(self.videos, names).clip(max=len(mask) - 1)
            mask[places[self.videos[places] == names]] = True
        return mask

    def ids_where(self, mask: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return the ids, ascending, of the segments of the videos in a mask bool (V,)."""
        found: NDArray[np.int64] = self.ids[mask[self.owners]]
        return found

    def rows(self, ids: NDArray[np.int64]) -> Rows:
        """Return what is known of the segments, in the order asked; raise SegmentNotFound."""
        places, is_there = located(self.ids, ids)
        if len(missing := ids[~is_there]):
            raise SegmentNotFound(int(missing[0]))
        owners = self.owners[places]
        return Rows(
            video_ids=self.videos[owners],
            owners=owners.astype(np.int64),
            spans=self.spans[places],
            best_times=self.best_times[places],
            biases=self.biases[places],
        )


def _owners(names: Sequence[NDArray[np.str_]]) -> tuple[NDArray[np.str_], NDArray[np.int32]]:
    """Return the distinct names, ascending, and for each row which of them it has.

    Block by block, as a million names of 64 characters are 256 MB.
    """
    found = [np.unique(block, return_inverse=True) for block in names]
    distinct = np.unique(_joined([block for block, _ in found], np.empty(0, np.str_)))
    rows = [np.searchsorted(distinct, block)[numbers] for block, numbers in found]
    return distinct, _joined(rows, np.empty(0, np.int64)).astype(np.int32)


def _joined(parts: Sequence[NDArray[Scalar]], empty: NDArray[Scalar]) -> NDArray[Scalar]:
    return np.concatenate(parts) if parts else empty
