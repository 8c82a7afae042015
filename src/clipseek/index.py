"""Nearest vectors by cosine: exact in NumPy, and FAISS where a library is too large for that.

Both indexes score the rows they return alike (see `nearest`): ties go to the lower id, and a score
does not depend on which index gave it.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, Self

import faiss as _faiss
import numpy as np
from numpy.typing import NDArray

from clipseek.errors import ConfigError, ServiceUnavailable
from clipseek.nearest import ascending, checked, nearest, rounding, rows_of, scores_of
from clipseek.types import Neighbours

# The stubs of some releases lack what its Python layer adds.
faiss: Any = _faiss

Kind = Literal["flat", "ivf"]

# Largest collection that is searched exactly. House rule: exact until it is too slow.
EXACT_UP_TO = 100_000
TARGET_RECALL = 0.99
# Filters that leave no more than this many rows, or this share of them, are searched exactly.
FEW_ROWS, FEW_SHARE = 10_000, 0.01

_BLOCK_ROWS = 8192  # rows that are added at a time
_HELD_QUERIES = 256  # per kind of query: 2 560 neighbours, a standard error of 0.002 at 0.99
# Length of the noise added to a stored unit vector to make a held query: a cosine with it of 0.89,
# and, where no sentences are given, of 0.45. Tuned with the latter on 150 000 vectors, sentences
# apart from them found 0.998 of their ten neighbours; with the former alone 0.53
# (`python -m benchmarks.vectors`).
_NOISE, _FAR_NOISE = 0.5, 2.0
# Products that FAISS does in one thread, some 5 ms of work. More threads wait for each other by
# turning: with 10 connections on two busy cores 342 searches a second, in one thread 867
# (`python -m benchmarks.serve`).
_FEW_PRODUCTS = 5e7
_GPU_LIMIT = 2048  # most neighbours (and probes) of faiss on a GPU; wiki, "Faiss on the GPU"


class ExactIndex:
    """Search by comparing with every vector, in NumPy."""

    def __init__(self, ids: NDArray[np.int64], vectors: NDArray[np.float32]) -> None:
        """Store int64 (N,) distinct ids and float32 (N, dim) unit rows."""
        self.ids, self.vectors = ascending(ids, vectors)

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return int(self.vectors.shape[1])

    def __len__(self) -> int:
        return len(self.ids)

    def search(
        self, queries: NDArray[np.float32], k: int, *, allow: NDArray[np.int64] | None = None
    ) -> Neighbours:
        """Find the k nearest rows of each query; see `protocols.VectorIndex`."""
        queries = checked(queries, k, self.dim)
        rows = None if allow is None else rows_of(self.ids, allow)
        found, scores = nearest(self.vectors, queries, k, rows)
        return Neighbours(self.ids[found], scores)


class FaissIndex:
    """Search in FAISS: exact (`flat`), or by the nearest of many lists of vectors (`ivf`).

    `recall` is the measured recall@10 against exact search at the `nprobe` in use; 1 for `flat`.
    """

    def __init__(self, ids: NDArray[np.int64], index: Any, *, recall: float) -> None:
        self.ids = ids
        self.recall = recall
        self._index = index
        self._gpu: _OnGpu | None = None

    @classmethod
    def build(
        cls,
        vectors: NDArray[np.float32],
        ids: NDArray[np.int64],
        *,
        queries: NDArray[np.float32] | None = None,
        exact_up_to: int = EXACT_UP_TO,
        target_recall: float = TARGET_RECALL,
    ) -> Self:
        """Build from float32 (N, dim) unit rows: `flat` up to `exact_up_to` rows, else `ivf`.

        The number of lists probed is the least that reaches `target_recall` on held queries: on
        stored vectors with noise, and on `queries` float32 (M, dim) where given. Give vectors of
        sentences: they lie apart from those of pictures and need more probes; without them, much
        noise stands in for that and probes more than needed. Where half of the lists would not
        do, the index is `flat`.
        """
        ids, vectors = ascending(ids, vectors)
        if len(ids) > exact_up_to:
            index = _inverted(vectors)
            recall = _tune(index, vectors, _held(vectors, queries), target_recall)
            if recall >= target_recall:
                return cls(ids, index, recall=recall)
        index = faiss.IndexFlatIP(vectors.shape[1])
        _add(index, vectors)
        return cls(ids, index, recall=1.0)

    @classmethod
    def load(cls, path: Path, ids: NDArray[np.int64], *, recall: float) -> Self:
        """Map the file that `save` wrote into memory; processes share its pages.

        Raises:
            ServiceUnavailable: the file is missing, damaged or of another number of rows.
        """
        try:
            index = faiss.read_index(str(path), _mapped())
        except (RuntimeError, MemoryError) as error:
            raise ServiceUnavailable(
                f"{path} is no index that can be read ({_brief(error)}); run `indexer build`"
            ) from error
        if index.ntotal != len(ids):
            raise ServiceUnavailable(
                f"{path} holds {index.ntotal} vectors for {len(ids)} ids; run `indexer build`"
            )
        return cls(ids, index, recall=recall)

    def save(self, path: Path) -> None:
        """Write the vectors (not the ids) to a file; raise ServiceUnavailable."""
        try:
            faiss.write_index(self._index, str(path))
        except RuntimeError as error:
            raise ServiceUnavailable(f"{path} cannot be written: {_brief(error)}") from error

    def to_gpu(self, device: int = 0) -> Self:
        """Return an index that searches on a GPU; what a GPU cannot do stays on the CPU.

        Raises:
            ConfigError: this build of faiss has no GPU support or sees no such GPU.
        """
        if device >= gpus():
            raise ConfigError(
                f"faiss sees {gpus()} GPUs, but GPU {device} was asked for; "
                "install `clipseek[gpu]` or search on the CPU"
            )
        moved = type(self)(self.ids, self._index, recall=self.recall)
        moved._gpu = _OnGpu(self._index, device)
        return moved

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return int(self._index.d)

    @property
    def kind(self) -> Kind:
        """How the vectors are searched: `flat` is exact, `ivf` approximate."""
        return "ivf" if hasattr(self._index, "nprobe") else "flat"

    @property
    def nprobe(self) -> int:
        """How many lists a search probes; 0 for `flat`."""
        return int(getattr(self._index, "nprobe", 0))

    def __len__(self) -> int:
        return len(self.ids)

    def search(
        self, queries: NDArray[np.float32], k: int, *, allow: NDArray[np.int64] | None = None
    ) -> Neighbours:
        """Find the k nearest rows of each query; see `protocols.VectorIndex`."""
        queries = checked(queries, k, self.dim)
        rows = None if allow is None else rows_of(self.ids, allow)
        if rows is not None and len(rows) <= max(FEW_ROWS, FEW_SHARE * len(self)):
            found, scores = nearest(self._index.reconstruct_batch(rows), queries, k)
            return Neighbours(self.ids[rows[found]], scores)
        found, scores = self._search(queries, k, rows)
        return Neighbours(self.ids[found], scores)

    def _search(
        self, queries: NDArray[np.float32], k: int, rows: NDArray[np.int64] | None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return rows and scores (Q, K), asking again for as long as FAISS leaves doubt.

        Lists too few for k rows are probed in greater number; where the last score that FAISS
        gave could be equal to the k-th, more rows are asked for.
        """
        available = len(self) if rows is None else len(rows)
        k = min(k, available)
        if not k or not len(queries):
            return np.empty((len(queries), k), np.int64), np.empty((len(queries), k), np.float32)
        ask, probes = min(k + 32, available), self._probes(available)
        while True:
            scores, found = self._ask(queries, ask, probes, rows)
            if (found[:, k - 1] < 0).any():
                probes *= 2
            elif ask < available and _in_doubt(scores, k, self.dim):
                ask = min(2 * ask, available)
            else:
                return self._ordered(queries, found, k)

    def _probes(self, available: int) -> int:
        """Return the probes that compare a query with as many allowed rows as without a filter."""
        return -(-self.nprobe * len(self) // max(available, 1))

    def _ask(
        self,
        queries: NDArray[np.float32],
        ask: int,
        probes: int,
        rows: NDArray[np.int64] | None,
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Search once; rows that FAISS did not find are -1, with the lowest of scores."""
        if self._gpu is not None and rows is None and max(ask, probes) <= _GPU_LIMIT:
            return self._gpu.search(queries, ask, probes)
        selector = None if rows is None else _selector(rows, len(self))
        if self.kind == "flat":
            params = faiss.SearchParameters(sel=selector)
        else:
            params = faiss.SearchParametersIVF(sel=selector, nprobe=min(probes, self._index.nlist))
        share = 1.0 if self.kind == "flat" else min(1.0, probes / self._index.nlist)
        with _threads(share * len(queries) * len(self) * self.dim):
            scores, found = self._index.search(queries, ask, params=params)
        return scores, found

    def _ordered(
        self, queries: NDArray[np.float32], found: NDArray[np.int64], k: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Score the rows found anew, in float64, and keep the k best in the total order."""
        rows = np.empty((len(queries), k), np.int64)
        scores = np.empty((len(queries), k), np.float32)
        for number, query in enumerate(queries):
            mine = found[number][found[number] >= 0]
            exact = scores_of(self._index.reconstruct_batch(mine), query)
            best = np.lexsort((mine, -exact))[:k]
            rows[number], scores[number] = mine[best], exact[best]
        return rows, scores


class _OnGpu:
    """A copy of a FAISS index on one GPU; a lock guards it, as its scratch memory is shared.

    It knows no selectors: faiss issue 3924.
    """

    def __init__(self, index: Any, device: int) -> None:
        self._resources = faiss.StandardGpuResources()
        self._index = faiss.index_cpu_to_gpu(self._resources, device, index)
        self._lock = threading.Lock()

    def search(
        self, queries: NDArray[np.float32], k: int, probes: int
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Return scores and rows (Q, k), padded with -1."""
        with self._lock:
            if hasattr(self._index, "nprobe"):
                self._index.nprobe = probes
            scores, found = self._index.search(queries, k)
            return scores, found


@contextmanager
def _threads(products: float) -> Iterator[None]:
    """Let FAISS use one thread where there is little to do; the setting is the calling thread's."""
    most = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1 if products < _FEW_PRODUCTS else most)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(most)


def gpus() -> int:
    """Return how many GPUs faiss can use; 0 in a build without GPU support."""
    count = getattr(faiss, "get_num_gpus", None)
    return 0 if count is None else int(count())


def _in_doubt(scores: NDArray[np.float32], k: int, dim: int) -> bool:
    """Say whether a row past the last one given could be among the k best of some query."""
    return bool((scores[:, -1] >= scores[:, k - 1] - rounding(dim)).any())


def _selector(rows: NDArray[np.int64], count: int) -> Any:
    """Return the FAISS selector of some of `count` rows, one bit for each."""
    mask = np.zeros(count, np.bool_)
    mask[rows] = True
    return faiss.IDSelectorBitmap(np.packbits(mask, bitorder="little"))


def _mapped() -> int:
    """Return the flags that map an index file; `flat` is mapped from faiss 1.11 on, else read."""
    return int(getattr(faiss, "IO_FLAG_MMAP_IFC", 0) | faiss.IO_FLAG_READ_ONLY)


def _brief(error: BaseException) -> str:
    """Return what FAISS says without the place in its sources."""
    return str(error).rpartition("Error: ")[2] or type(error).__name__


def _add(index: Any, vectors: NDArray[np.float32]) -> None:
    for start in range(0, len(vectors), _BLOCK_ROWS):
        index.add(vectors[start : start + _BLOCK_ROWS])


def _inverted(vectors: NDArray[np.float32]) -> Any:
    """Train and fill an IVF-Flat index, the same one every time.

    4 * sqrt(N) lists, each trained on 64 vectors, are within what faiss advises below a million
    vectors (4 to 16 times sqrt(N), 30 to 256 vectors): wiki, "Guidelines to choose an index".
    """
    count, dim = vectors.shape
    lists = max(1, min(round(4 * count**0.5), count // 39))
    index = faiss.IndexIVFFlat(faiss.IndexFlatIP(dim), dim, lists, faiss.METRIC_INNER_PRODUCT)
    index.cp.seed, index.cp.max_points_per_centroid = 1234, 64
    sample = np.random.default_rng(0).permutation(count)[: 64 * lists]
    index.train(vectors[np.sort(sample)])
    _add(index, vectors)
    index.make_direct_map()
    return index


def _held(
    vectors: NDArray[np.float32], queries: NDArray[np.float32] | None
) -> list[NDArray[np.float32]]:
    """Return the queries of each kind that recall is measured on."""
    chance = np.random.default_rng(1)
    length = _FAR_NOISE if queries is None else _NOISE
    noisy = vectors[chance.permutation(len(vectors))[:_HELD_QUERIES]]
    noise = chance.standard_normal(noisy.shape, np.float32)
    noisy = noisy + length * noise / np.linalg.norm(noise, axis=1, keepdims=True)
    kinds = [noisy / np.linalg.norm(noisy, axis=1, keepdims=True)]
    if queries is not None and len(queries):
        kinds.append(queries[chance.permutation(len(queries))[:_HELD_QUERIES]])
    return [np.ascontiguousarray(kind, np.float32) for kind in kinds]


def _tune(
    index: Any,
    vectors: NDArray[np.float32],
    held: list[NDArray[np.float32]],
    target: float,
) -> float:
    """Set the least nprobe below half of the lists that reaches `target`; return its recall@10.

    The recall is that of the kind of query that fares worst.
    """
    worst = [_kth_scores(vectors, queries) for queries in held]

    def recall(nprobe: int) -> float:
        index.nprobe = nprobe
        return min(_recall(index, *kind) for kind in zip(held, worst, strict=True))

    too_few, enough = 0, max(1, (index.nlist - 1) // 2)
    best = recall(enough)
    if best < target:
        return best
    probe = 1
    while enough - too_few > 1:
        measured = recall(probe)
        if measured >= target:
            enough, best = probe, measured
        else:
            too_few = probe
        doubled = 2 * probe
        probe = doubled if doubled < enough else (too_few + enough) // 2
    index.nprobe = enough
    return best


def _kth_scores(vectors: NDArray[np.float32], queries: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the true score float32 (Q, 1) of the tenth neighbour of each query."""
    k = min(10, len(vectors))
    scores, _ = faiss.knn(queries, vectors, k, metric=faiss.METRIC_INNER_PRODUCT)
    return np.asarray(scores[:, -1:], np.float32)


def _recall(index: Any, queries: NDArray[np.float32], tenth: NDArray[np.float32]) -> float:
    """Return the share of the ten neighbours found that score no less than the true tenth.

    Judged by score, so that of several equal vectors any one is right.
    """
    scores, _ = index.search(queries, min(10, index.ntotal))
    return float((scores >= tenth - rounding(queries.shape[1])).mean())
