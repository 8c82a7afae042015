"""Search in the shards of a divided index, here or at peers, and merge what each finds."""

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from clipseek.errors import ServiceUnavailable
from clipseek.nearest import checked, contained
from clipseek.protocols import VectorIndex
from clipseek.types import Neighbours

Answer = TypeVar("Answer")


class Shard(VectorIndex, Protocol):
    """The index of one shard."""

    ids: NDArray[np.int64]
    """The ids of its segments, ascending: int64 (N,)."""


class AwayShard(Shard, Protocol):
    """A shard that a peer searches."""

    def holds(self, digest: str) -> bool:
        """Whether the peer has a file of this shard, or does not say: it may be gone."""
        ...


class ShardsMissing(ServiceUnavailable):
    """Some shards of a divided index gave no answer in time: their numbers, and why."""

    def __init__(self, shards: AbstractSet[int], reason: str) -> None:
        self.shards = frozenset(shards)
        self.reason = reason
        named = ", ".join(map(str, sorted(shards)))
        super().__init__(
            f"shard {named} of the index did not answer: {reason}; ask again in a moment, or set "
            "CLIPSEEK_SHARD_MISSING=answer to be answered from the other shards"
        )


class ShardedIndex:
    """Searches all shards and merges by score, then by id, as one index over all would order.

    here: The shards that this process searches, by number. away: Those that peers search, at the
    same time, in `threads`.
    """

    def __init__(
        self,
        dim: int,
        here: Mapping[int, Shard],
        away: Mapping[int, AwayShard] | None = None,
        threads: ThreadPoolExecutor | None = None,
    ) -> None:
        self.dim = dim
        self.here = dict(here)
        self.away = dict(away or {})
        self._threads = threads

    @property
    def shards(self) -> dict[int, Shard]:
        """All shards by number."""
        return {**self.here, **self.away}

    @property
    def recall(self) -> float:
        """The least recall of any shard: each finds its share of the true nearest."""
        return min((shard.recall for shard in self.shards.values()), default=1.0)

    def __len__(self) -> int:
        return sum(len(shard) for shard in self.shards.values())

    def without(self, shards: AbstractSet[int]) -> "ShardedIndex":
        """Return the index of the other shards."""
        here = {number: shard for number, shard in self.here.items() if number not in shards}
        away = {number: shard for number, shard in self.away.items() if number not in shards}
        return ShardedIndex(self.dim, here, away, self._threads)

    def waits_for(self, digests: Mapping[int, str]) -> bool:
        """Whether a peer that answers has not yet the files of the next index, by shard."""
        return not all(
            self.away[number].holds(digest)
            for number, digest in digests.items()
            if number in self.away
        )

    def search(
        self, queries: NDArray[np.float32], k: int, *, allow: NDArray[np.int64] | None = None
    ) -> Neighbours:
        """Find the k nearest of all shards; see `protocols.VectorIndex`.

        Raises:
            ShardsMissing: a peer did not answer.
        """
        queries = checked(queries, k, self.dim)
        return self._nearest(lambda shard: shard.search(queries, k, allow=allow), k, len(queries))

    def truth(
        self, queries: NDArray[np.float32], k: int, *, allow: NDArray[np.int64] | None = None
    ) -> Neighbours:
        """Find what recall is judged by in all shards; raise ShardsMissing."""
        queries = checked(queries, k, self.dim)
        return self._nearest(lambda shard: shard.truth(queries, k, allow=allow), k, len(queries))

    def vectors_of(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the vectors of int64 (K,) ids, which are all there: float32 (K, dim).

        Raises:
            ShardsMissing: a peer did not answer.
        """
        vectors = np.empty((len(ids), self.dim), np.float32)
        mine = {number: contained(shard.ids, ids) for number, shard in self.shards.items()}
        mine = {number: some for number, some in mine.items() if some.any()}
        found = self._each(lambda number, shard: shard.vectors_of(ids[mine[number]]), mine.keys())
        for number, some in mine.items():
            vectors[some] = found[number]
        return vectors

    def _nearest(self, ask: Callable[[Shard], Neighbours], k: int, queries: int) -> Neighbours:
        shards = {number for number, shard in self.shards.items() if len(shard)}
        found = self._each(lambda _, shard: ask(shard), shards)
        return merged(list(found.values()), k, queries)

    def _each(
        self, ask: Callable[[int, Shard], Answer], numbers: AbstractSet[int]
    ) -> dict[int, Answer]:
        """Ask some shards, those of peers at the same time; raise one error for all that failed."""
        waiting: dict[int, Future[Answer]] = {}
        for number in sorted(numbers & self.away.keys()):
            assert self._threads is not None
            waiting[number] = self._threads.submit(ask, number, self.away[number])
        found = {number: ask(number, self.here[number]) for number in numbers & self.here.keys()}
        missing: dict[int, ShardsMissing] = {}
        for number, answer in waiting.items():
            try:
                found[number] = answer.result()
            except ShardsMissing as error:
                missing[number] = error
        if missing:
            reasons = dict.fromkeys(error.reason for error in missing.values())
            raise ShardsMissing(missing.keys(), "; ".join(reasons))
        return found


def merged(found: Sequence[Neighbours], k: int, queries: int) -> Neighbours:
    """Return the k nearest of all that was found, in the order of one index over all."""
    ids = np.concatenate([np.empty((queries, 0), np.int64), *(near.ids for near in found)], axis=1)
    scores = np.concatenate(
        [np.empty((queries, 0), np.float32), *(near.scores for near in found)], axis=1
    )
    best = np.lexsort((ids, -scores), axis=1)[:, :k]
    return Neighbours(np.take_along_axis(ids, best, 1), np.take_along_axis(scores, best, 1))
