"""Search in Milvus, scored again from the vectors that are stored there."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from clipseek.errors import ServiceUnavailable
from clipseek.expressions import Some, chosen
from clipseek.index.faiss import FEW_ROWS, FEW_SHARE, TRUE_UP_TO, TRUTH
from clipseek.index.layout import Kind
from clipseek.milvus import Found, Milvus
from clipseek.nearest import checked, located, ordered, rounding, rows_of
from clipseek.types import Neighbours

MOST = 16_384
"""How many neighbours Milvus finds at most (`quotaAndLimits.limits.topK`)."""

# Rows asked for beyond those wanted: among them are those whose scores are all but equal.
_SPARE = 32
_BYTES = 2**25  # of vectors in one answer of Milvus
# The same most that `FaissIndex` states of an approximate index.
_AT_MOST = 0.9999


class MilvusIndex:
    """Search in a collection of Milvus, whose rows never change.

    `kind` is `exact` (FLAT) or `ivf-flat` (IVF_FLAT, of whose `lists` `nprobe` are compared).
    `recall` is the measured recall@10 against exact search, or 1 for `exact`.
    """

    def __init__(
        self,
        milvus: Milvus,
        name: str,
        *,
        ids: NDArray[np.int64],
        owners: NDArray[np.int32],
        dim: int,
        kind: Kind = "exact",
        lists: int = 0,
        nprobe: int = 0,
        recall: float = 1.0,
    ) -> None:
        """Search what is stored under a name: int64 (N,) ascending ids, of int32 (N,) videos."""
        self.ids = ids
        self.dim = dim
        self.kind = kind
        self.nprobe = nprobe
        self.recall = 1.0 if kind == "exact" else min(recall, _AT_MOST)
        self.name = name
        self._lists = lists
        self._milvus = milvus
        self._owners = owners

    def __len__(self) -> int:
        return len(self.ids)

    def search(
        self, queries: NDArray[np.float32], k: int, *, allow: NDArray[np.int64] | None = None
    ) -> Neighbours:
        """Find the k nearest rows of each query; see `protocols.VectorIndex`."""
        rows = None if allow is None else rows_of(self.ids, allow)
        few = rows is not None and len(rows) <= max(FEW_ROWS, FEW_SHARE * len(self))
        return self._search(queries, k, rows, self._lists if few else self.nprobe)

    def truth(
        self, queries: NDArray[np.float32], k: int, *, allow: NDArray[np.int64] | None = None
    ) -> Neighbours:
        """Find the true k nearest rows of each query, or those of many lists (`TRUE_UP_TO`)."""
        rows = None if allow is None else rows_of(self.ids, allow)
        is_true = len(self) <= TRUE_UP_TO
        lists = self._lists if is_true else min(self._lists, TRUTH * self.nprobe)
        return self._search(queries, k, rows, lists)

    def vectors_of(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the vectors of int64 (K,) ids, which are all there: float32 (K, dim)."""
        vectors = np.empty((len(ids), self.dim), np.float32)
        distinct, places = np.unique(ids, return_inverse=True)
        step = max(1, _BYTES // (4 * self.dim))
        for start in range(0, len(distinct), step):
            some = distinct[start : start + step]
            found, stored = self._milvus.vectors(self.name, f"id in {some.tolist()}", self.dim)
            if found.tolist() != some.tolist():
                raise self._incomplete(len(found), len(some))
            mine = (places >= start) & (places < start + step)
            vectors[mine] = stored[places[mine] - start]
        return vectors

    def _search(
        self, queries: NDArray[np.float32], k: int, rows: NDArray[np.int64] | None, nprobe: int
    ) -> Neighbours:
        queries = checked(queries, k, self.dim)
        count = len(self) if rows is None else len(rows)
        k = min(k, count)
        if not k or not len(queries):
            shape = (len(queries), k)
            return Neighbours(np.empty(shape, np.int64), np.empty(shape, np.float32))
        if rows is not None and nprobe:
            # As many allowed rows are compared as without a filter.
            nprobe = min(self._lists, -(-nprobe * len(self) // count))
        found = None
        if k <= MOST - _SPARE:
            some = [Some("", count)] if rows is None else chosen(self.ids, self._owners, rows)
            found = self._nearest(queries, k, some, nprobe)
        if found is None:  # so many rows that each part of them is returned as a whole
            found = self._nearest(queries, k, self._parts(rows), self._lists)
        if found is None:
            raise ServiceUnavailable(f"the collection {self.name} of Milvus cannot be searched")
        return found

    def _parts(self, rows: NDArray[np.int64] | None) -> list[Some]:
        """Return expressions for some rows that let through no more than Milvus returns, each."""
        rows = np.arange(len(self)) if rows is None else rows
        starts = range(0, len(rows), MOST)
        parts = [chosen(self.ids, self._owners, rows[start : start + MOST]) for start in starts]
        return [each for part in parts for each in part]

    def _nearest(
        self, queries: NDArray[np.float32], k: int, some: Sequence[Some], nprobe: int
    ) -> Neighbours | None:
        """Return the k nearest among some rows, or None if more are tied than Milvus returns."""
        step = max(1, _BYTES // (4 * self.dim * min(k + _SPARE, MOST)))
        blocks = []
        for start in range(0, len(queries), step):
            parts = []
            for part in some:
                near = self._of_part(queries[start : start + step], k, part, nprobe)
                if near is None:
                    return None
                parts.append(near)
            ids = np.concatenate([near.ids for near in parts], axis=1)
            scores = np.concatenate([near.scores for near in parts], axis=1)
            best = np.lexsort((ids, -scores), axis=1)[:, :k]
            blocks.append((np.take_along_axis(ids, best, 1), np.take_along_axis(scores, best, 1)))
        return Neighbours(
            np.concatenate([ids for ids, _ in blocks]),
            np.concatenate([scores for _, scores in blocks]),
        )

    def _of_part(
        self, queries: NDArray[np.float32], k: int, part: Some, nprobe: int
    ) -> Neighbours | None:
        """Return the min(k, count) nearest in a part, asking again while they are not certain.

        If too few lists were compared to find k, more are. If the last score that Milvus returned
        could be equal to the k-th, more rows are requested. Only the queries that need it are asked
        again, so that each is answered as it is alone.
        """
        k = min(k, part.count)
        ask = min(k + _SPARE, part.count, MOST)
        found: list[Found] = self._ask(queries, ask, part.expression, nprobe)
        while True:
            is_thorough = nprobe >= self._lists
            few = [len(each.ids) < (ask if is_thorough else k) for each in found]
            unsure = [self._in_doubt(each, k, ask) for each in found]
            if is_thorough and any(few):
                raise self._incomplete(min(len(each.ids) for each in found), ask)
            if any(few):
                again, nprobe = few, min(2 * nprobe, self._lists)
            elif ask < part.count and any(unsure):
                if ask == MOST:
                    return None
                again, ask = unsure, min(2 * ask, part.count, MOST)
            else:
                return self._best(queries, found, k)
            some = np.flatnonzero(again)
            answers = self._ask(queries[some], ask, part.expression, nprobe)
            for place, answer in zip(some.tolist(), answers, strict=True):
                found[place] = answer

    def _in_doubt(self, found: Found, k: int, ask: int) -> bool:
        """Say whether a row past the last one returned could be among the k best."""
        if len(found.ids) < ask:
            return False
        return bool(found.scores[-1] >= found.scores[k - 1] - rounding(self.dim))

    def _ask(
        self, queries: NDArray[np.float32], ask: int, expression: str, nprobe: int
    ) -> list[Found]:
        parameters = {"nprobe": max(1, nprobe)} if self.kind == "ivf-flat" else {}
        return self._milvus.search(
            self.name, queries, ask, expression=expression, parameters=parameters
        )

    def _best(self, queries: NDArray[np.float32], found: Sequence[Found], k: int) -> Neighbours:
        """Score what was found in float64, and put the k best in total order."""
        ids = np.concatenate([each.ids for each in found])
        rows, are_there = located(self.ids, ids)
        if not are_there.all():
            raise self._incomplete(int(are_there.sum()), len(ids))
        asked_by = np.repeat(np.arange(len(found)), [len(each.ids) for each in found])
        distinct, first = np.unique(rows, return_index=True)
        vectors = np.concatenate([each.vectors for each in found])[first]
        best, scores = ordered(
            lambda some: vectors[np.searchsorted(distinct, some)], queries, asked_by, rows, k
        )
        return Neighbours(self.ids[best], scores)

    def _incomplete(self, found: int, expected: int) -> ServiceUnavailable:
        return ServiceUnavailable(
            f"the collection {self.name} of Milvus at {self._milvus.address} is damaged: it "
            f"returned {found} of {expected} segments; run `indexer build`"
        )
