"""Search in FAISS, of the kind and with the effort that were measured to do at build."""

import operator
from pathlib import Path
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from clipseek.errors import ServiceUnavailable
from clipseek.index import tuning
from clipseek.index.among import Among, Effort, Reach
from clipseek.index.among import search as search_among
from clipseek.index.gpu import GPU_LIMIT, OnGpu
from clipseek.index.layout import LEAST_ROWS, Kind, Layout, threads_for
from clipseek.nearest import ascending, checked, nearest, ordered, rounding, rows_of
from clipseek.recent import Recent
from clipseek.types import Neighbours

# Largest collection that is searched exactly. House rule: exact until it is too slow.
EXACT_UP_TO = 100_000
TARGET_RECALL = 0.99
# Filters that leave no more than this many rows, or this share of them, are searched exactly.
FEW_ROWS, FEW_SHARE = 10_000, 0.01

# Rows up to which every one is compared when the recall of a search is judged, some 0.4 s of one
# thread; and how many times the effort of a search finds what it is judged by in more. That of ten
# million rows took 28 s and read the whole index, while searches took 7 times as long.
TRUE_UP_TO, TRUTH = 200_000, 8

# The kinds tried for a collection too large for exact search, fastest first.
_TRIED: tuple[Kind, ...] = ("ivf-pq", "ivf-flat")
# What an approximate index states at most: none of some thousand neighbours was missed, which says
# little of the next.
_AT_MOST = 0.9999
# Vectors that are widened to float32 at a time for exact search.
_BLOCK_ROWS = 8192
# Rows asked for beyond those wanted: among them are those whose scores are all but equal.
_SPARE = 32
# Runs that are scored beyond the depth, which is tuned for ten neighbours, for each further one: of
# the nearest 40, 100 and 400 of a million made frames, 0.99 are then found; with 3 runs 0.98.
_PER_NEIGHBOUR, _TUNED_FOR = 8, 10
_KEPT = 4  # filters whose rows stay marked


class FaissIndex:
    """Search in FAISS; `kind` says how.

    `recall` is the measured recall@10 against exact search at the effort in use, below 1; it is 1
    for `exact`. On a GPU it is the same, because searches with a filter stay on the CPU. `reach`
    says which lists a search with a filter looks through, see `among`; it may be unknown.
    """

    def __init__(
        self,
        ids: NDArray[np.int64],
        layout: Layout,
        *,
        recall: float,
        reach: Reach = (),
    ) -> None:
        self.ids = ids
        self.recall = 1.0 if layout.kind == "exact" else min(recall, _AT_MOST)
        self.reach = reach
        self._among = Recent[NDArray[np.int64] | Among](_KEPT)
        self._layout = layout
        self._gpu: OnGpu | None = None
        self._held: NDArray[np.int32] | None = None

    @classmethod
    def build(
        cls,
        vectors: NDArray[np.float32],
        ids: NDArray[np.int64],
        *,
        queries: NDArray[np.float32] | None = None,
        kind: Kind | Literal["auto"] = "auto",
        exact_up_to: int = EXACT_UP_TO,
        target_recall: float = TARGET_RECALL,
    ) -> Self:
        """Build from float32 (N, dim) unit rows.

        The number of lists probed and of runs scored (see `layout`) is the least that reaches
        `target_recall` on held-out queries: on stored vectors with noise, and on `queries` float32
        (M, dim) if given. Give vectors of sentences: they are far from those of pictures and need
        more probes. Without them, much noise is used instead, and more is probed than needed.

        `kind` "auto" is `exact` up to `exact_up_to` rows, otherwise the fastest kind that reaches
        the target, otherwise `exact`. Any other kind is used as it is, except that fewer than
        `LEAST_ROWS` rows are always `exact`.
        """
        ids, vectors = ascending(ids, vectors)
        few = len(ids) <= exact_up_to if kind == "auto" else kind == "exact"
        if few or len(ids) < LEAST_ROWS:
            return cls(ids, Layout.exact(vectors), recall=1.0)
        held = tuning.held(vectors, queries)
        for tried in _TRIED if kind == "auto" else (kind,):
            layout = Layout.made(tried, vectors)
            recall = tuning.tune(layout, held, target_recall)
            if kind != "auto" or recall >= target_recall:
                return cls(
                    ids, layout, recall=recall, reach=tuning.reach(layout, held, target_recall)
                )
        return cls(ids, Layout.exact(vectors), recall=1.0)

    @classmethod
    def load(cls, path: Path, ids: NDArray[np.int64], *, recall: float, reach: Reach = ()) -> Self:
        """Map the file that `save` wrote into memory; processes share its pages.

        Raises:
            ServiceUnavailable: the file is missing, damaged or of another number of rows.
        """
        layout = Layout.load(path)
        if layout.whole.ntotal != len(ids):
            raise ServiceUnavailable(
                f"{path} contains {layout.whole.ntotal} vectors for {len(ids)} ids; "
                "run `indexer build`"
            )
        return cls(ids, layout, recall=recall, reach=reach)

    def save(self, path: Path) -> None:
        """Write the vectors (not the ids) to a file; raise ServiceUnavailable."""
        self._layout.save(path)

    @property
    def saved_bytes(self) -> int:
        """How large its file is at least, in bytes: the vectors, as they are stored."""
        return len(self) * self.dim * (4 if self.kind == "exact" else 2)

    def to_gpu(self, device: int = 0) -> Self:
        """Return an index that searches on a GPU; what a GPU cannot do stays on the CPU.

        Raises:
            ConfigError: this build of faiss has no GPU support or sees no such GPU.
        """
        return self.searched_by(OnGpu.of(self._layout.whole, device))

    def searched_by(self, gpu: OnGpu) -> Self:
        """Return an index that asks another one for neighbours if no filter is given."""
        moved = type(self)(self.ids, self._layout, recall=self.recall, reach=self.reach)
        moved._gpu = gpu
        return moved

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return int(self._layout.whole.d)

    @property
    def kind(self) -> Kind:
        """How the vectors are stored and searched; see `layout`."""
        return self._layout.kind

    @property
    def nprobe(self) -> int:
        """How many lists a search probes; 0 for `exact`."""
        return self._layout.nprobe

    def __len__(self) -> int:
        return len(self.ids)

    def search(
        self, queries: NDArray[np.float32], k: int, *, allow: NDArray[np.int64] | None = None
    ) -> Neighbours:
        """Find the k nearest rows of each query; see `protocols.VectorIndex`.

        An `allow` that cannot be written is known again by its identity, and its rows are marked
        once.
        """
        queries = checked(queries, k, self.dim)
        only = None if allow is None else self._only(allow)
        if isinstance(only, np.ndarray) and len(only) <= self._few:
            found, scores = nearest(self._layout.vectors(only), queries, k)
            return Neighbours(self.ids[only[found]], scores)
        found, scores = self._search(queries, k, only)
        return Neighbours(self.ids[found], scores)

    @property
    def _few(self) -> float:
        """Rows that a filter leaves at most where they are all compared."""
        return max(FEW_ROWS, FEW_SHARE * len(self))

    def _only(self, allow: NDArray[np.int64]) -> NDArray[np.int64] | Among:
        """Return the rows that a filter leaves: as they are, or marked for lists."""
        if allow.flags.writeable:
            return self._marked(allow)
        return self._among.get(allow, lambda: self._marked(allow), operator.is_)

    def _marked(self, allow: NDArray[np.int64]) -> NDArray[np.int64] | Among:
        rows = rows_of(self.ids, allow)
        if self._layout.lists is None or len(rows) <= self._few:
            return rows
        if self._held is None:
            self._held = self._layout.held()
        return Among.of(self._layout, self._held, rows)

    def vectors_of(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the vectors of int64 (K,) ids, which are all there: float32 (K, dim)."""
        return self._layout.vectors(np.searchsorted(self.ids, ids))

    def truth(
        self, queries: NDArray[np.float32], k: int, *, allow: NDArray[np.int64] | None = None
    ) -> Neighbours:
        """Find the true k nearest rows of each query, or in a large index what `TRUTH` finds.

        It takes one thread, so that searches at the same time have the others.
        """
        queries = checked(queries, k, self.dim)
        with threads_for(0):
            if self._layout.lists is None or len(self) <= TRUE_UP_TO:
                rows = np.arange(len(self)) if allow is None else rows_of(self.ids, allow)
                return self._compared(queries, k, rows)
            only = None if allow is None else self._only(allow)
            if isinstance(only, np.ndarray):
                return self._compared(queries, k, only)
            found, scores = self._search(queries, k, only, effort=TRUTH)
            return Neighbours(self.ids[found], scores)

    def _compared(
        self, queries: NDArray[np.float32], k: int, rows: NDArray[np.int64]
    ) -> Neighbours:
        """Compare queries with each of some rows; few of their vectors at a time are in memory."""
        ids = np.empty((len(queries), 0), np.int64)
        scores = np.empty((len(queries), 0), np.float32)
        for start in range(0, len(rows), _BLOCK_ROWS):
            some = rows[start : start + _BLOCK_ROWS]
            near, near_scores = nearest(self._layout.vectors(some), queries, k)
            ids = np.concatenate([ids, self.ids[some[near]]], axis=1)
            scores = np.concatenate([scores, near_scores], axis=1)
            best = np.lexsort((ids, -scores), axis=1)[:, :k]
            ids = np.take_along_axis(ids, best, axis=1)
            scores = np.take_along_axis(scores, best, axis=1)
        return Neighbours(ids, scores)

    def _search(
        self,
        queries: NDArray[np.float32],
        k: int,
        only: NDArray[np.int64] | Among | None,
        effort: int = 1,
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return rows and scores (Q, K), asking again while the result of FAISS is not certain.

        If too few rows were searched to find k, more are searched. If the last score that FAISS
        returned could be equal to the k-th, more rows are requested.
        """
        available = self._count(only)
        k = min(k, available)
        if not k or not len(queries):
            return np.empty((len(queries), k), np.int64), np.empty((len(queries), k), np.float32)
        ask = min(k + _SPARE, available)
        while True:
            scores, found = self._ask(queries, ask, effort, only)
            if (found[:, k - 1] < 0).any():
                effort *= 2
            elif ask < available and _in_doubt(scores, k, self.dim):
                ask = min(2 * ask, available)
            else:
                return self._best(queries, found, scores, k)

    def _ask(
        self,
        queries: NDArray[np.float32],
        ask: int,
        effort: int,
        only: NDArray[np.int64] | Among | None,
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Search once; rows that FAISS did not find are -1, with the lowest of scores.

        With a filter, a query is compared with as many allowed rows as without one at most, and
        with those of as many lists at least, of the lists that have some. A GPU knows no effort
        but its own.
        """
        if self._gpu is not None and only is None and ask <= GPU_LIMIT and effort == 1:
            return self._gpu.search(queries, ask)
        layout = self._layout
        further = max(0, ask - _SPARE - _TUNED_FOR)
        first, depth = effort * layout.nprobe, effort * (layout.depth + _PER_NEIGHBOUR * further)
        if isinstance(only, Among):
            probes = effort * -(-layout.nprobe * len(self) // only.count)
            how = Effort(first=first, probes=probes, depth=depth, reach=self.reach)
            return search_among(layout, only, queries, ask, how)
        return layout.search(queries, ask, probes=first, depth=depth, rows=only)

    def _count(self, only: NDArray[np.int64] | Among | None) -> int:
        if only is None:
            return len(self)
        return only.count if isinstance(only, Among) else len(only)

    def _best(
        self,
        queries: NDArray[np.float32],
        found: NDArray[np.int64],
        scores: NDArray[np.float32],
        k: int,
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Score the rows again that may be the k best, and put these in total order."""
        may_be = found >= 0
        if self._gpu is None:  # whose scores are of float16, and further off
            may_be &= scores >= scores[:, k - 1 : k] - rounding(self.dim)
        asked_by, places = np.nonzero(may_be)
        rows = found[asked_by, places]
        return ordered(self._layout.vectors, queries, asked_by, rows, k)


def _in_doubt(scores: NDArray[np.float32], k: int, dim: int) -> bool:
    """Say whether a row past the last one given could be among the k best of some query."""
    return bool((scores[:, -1] >= scores[:, k - 1] - rounding(dim)).any())
