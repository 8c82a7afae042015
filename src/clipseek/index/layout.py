"""The kinds of FAISS index: how the vectors lie in each, and how one is searched.

exact      all vectors in float32, every one compared
ivf-flat   lists of vectors in float16, the nearest lists compared
ivf-sq8    lists of codes of 8 bits a component; the best are scored by vectors in float16
ivf-pq     lists of codes of 2 bits a component, compared 32 at a time by shuffles of registers
           (Andre, Kermarrec, Le Scouarnec 2015, "Cache locality is not enough"); the vectors are
           turned before, so that codes are equally exact everywhere (see `_turn`); the best are
           scored by vectors in float16

float16 is what the catalog keeps vectors in: a score of such a row is off by at most 4.9e-4 (see
`catalog.rows.pack`). HNSW is no kind here: over 100 000 made frames in float16 it needed efSearch
1024 and 2.0 ms of a processor for a recall@10 of 0.99 of sentences, `ivf-pq` 1.1 ms for 0.997, and
more than twice the time to build (`python -m benchmarks.index` has both).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self, get_args

import faiss as _faiss
import numpy as np
from numpy.typing import NDArray

from clipseek.errors import ServiceUnavailable

# The stubs of some releases lack what its Python layer adds.
faiss: Any = _faiss

Kind = Literal["exact", "ivf-flat", "ivf-sq8", "ivf-pq"]
KINDS: tuple[Kind, ...] = get_args(Kind)

# Fewest rows in lists: codes of 4 bits need 39 * 16 to be trained without a warning of FAISS.
LEAST_ROWS = 39 * 16

_BLOCK_ROWS = 8192  # rows that are added at a time
# Vectors per list and rounds of k-means. On 100 000 made frames in 1265 lists (`benchmarks.frames`)
# 0.99 of the neighbours of sentences lay in the nearest 0.12 of the lists; with 40 vectors and 8
# rounds, three times the work, in 0.14.
_TRAINED_ON, _ROUNDS = 20, 5
_LIST = 100  # vectors of a list; in lists of 143 the same neighbours lay in 0.23 of them
_CODED = 16_384  # vectors that codes are trained on; FAISS takes 256 for each of 16 values
# Products that FAISS does in one thread, some 5 ms of work. More threads wait for each other by
# turning: with 10 connections on two busy cores 342 searches a second, in one thread 867
# (`python -m benchmarks.serve`).
_FEW_PRODUCTS = 5e7
# FAISS's way through the lists of codes: its own choice, which gives each thread queries of its
# own, or one query's lists to several threads. One query, two threads, a million vectors: 5.2 ms
# and 3.5 ms; of several queries each 2.3 ms and 3.0 ms.
_OWN_CHOICE, _SHARED_LISTS = 0, 14


@dataclass(frozen=True, slots=True)
class Layout:
    """A FAISS index of one kind, whose rows are numbered from 0.

    whole: What is searched and saved. lists: The part that probes lists, or None where there are
    none. store: The part that gives rows back. turn: What turns vectors before they come to the
    lists, or None.
    """

    kind: Kind
    whole: Any = field(repr=False)
    lists: Any = field(repr=False)
    store: Any = field(repr=False)
    turn: Any = field(default=None, repr=False)

    @classmethod
    def exact(cls, vectors: NDArray[np.float32]) -> Self:
        """Keep float32 (N, dim) as they are."""
        index = faiss.IndexFlatIP(vectors.shape[1])
        _add(index, vectors)
        return cls("exact", index, None, index)

    @classmethod
    def made(cls, kind: Kind, centres: Any, vectors: NDArray[np.float32]) -> Self:
        """Put float32 (N, dim) into the lists of some centres (see `centres_of`)."""
        if kind == "exact":
            return cls.exact(vectors)
        chosen = np.random.default_rng(0).permutation(len(vectors))[:_CODED]
        sample = vectors[np.sort(chosen)]
        turn = _turn(centres, sample) if kind == "ivf-pq" else None
        lists = _LISTS[kind](centres if turn is None else _turned(centres, turn), vectors.shape[1])
        base = lists if turn is None else faiss.IndexPreTransform(turn, lists)
        base.train(sample)
        _add(base, vectors)
        if kind == "ivf-flat":
            lists.make_direct_map()
            return cls(kind, lists, lists, lists)
        store = faiss.IndexScalarQuantizer(
            vectors.shape[1], faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT
        )
        _add(store, vectors)
        return cls(kind, faiss.IndexRefine(base, store), lists, store, turn)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Map a saved index into memory; processes share its pages. Raises ServiceUnavailable."""
        try:
            whole = faiss.read_index(str(path), _mapped())
        except (RuntimeError, MemoryError) as error:
            raise ServiceUnavailable(
                f"{path} is no index that can be read ({_brief(error)}); run `indexer build`"
            ) from error
        if isinstance(whole, faiss.IndexRefine):
            lists, store = map(faiss.downcast_index, (whole.base_index, whole.refine_index))
            turn = None
            if isinstance(lists, faiss.IndexPreTransform):
                turn = faiss.downcast_VectorTransform(lists.chain.at(0))
                lists = faiss.downcast_index(lists.index)
            coded = isinstance(lists, faiss.IndexIVFPQFastScan)
            return cls("ivf-pq" if coded else "ivf-sq8", whole, lists, store, turn)
        if isinstance(whole, faiss.IndexIVF):
            return cls("ivf-flat", whole, whole, whole)
        return cls("exact", whole, None, whole)

    def save(self, path: Path) -> None:
        """Write it to a file; raise ServiceUnavailable."""
        try:
            faiss.write_index(self.whole, str(path))
        except RuntimeError as error:
            raise ServiceUnavailable(f"{path} cannot be written: {_brief(error)}") from error

    @property
    def nlist(self) -> int:
        """How many lists there are; 0 for `exact`."""
        return 0 if self.lists is None else int(self.lists.nlist)

    @property
    def nprobe(self) -> int:
        """How many lists a search probes; 0 for `exact`."""
        return 0 if self.lists is None else int(self.lists.nprobe)

    @property
    def is_coded(self) -> bool:
        """Whether codes choose which vectors are scored."""
        return self.whole is not self.store

    @property
    def depth(self) -> int:
        """How many vectors are scored for ten neighbours, where codes choose them; else 0."""
        return round(10 * self.whole.k_factor) if self.is_coded else 0

    def use(self, nprobe: int, depth: int) -> None:
        """Set what a search does from now on, and when it is loaded again."""
        if self.lists is not None:
            self.lists.nprobe = nprobe
        if self.is_coded:
            self.whole.k_factor = depth / 10

    def search(
        self,
        queries: NDArray[np.float32],
        k: int,
        *,
        probes: int,
        depth: int,
        rows: NDArray[np.int64] | None = None,
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Return scores and rows (Q, k), best first; what is not found is row -1.

        Args:
            queries: float32 (Q, dim).
            k: How many.
            probes: Lists that are looked through.
            depth: Vectors that are scored, where codes choose them.
            rows: The only rows allowed, if given.
        """
        selector = None if rows is None else _selector(rows, self.whole.ntotal)
        with _threads(self._products(len(queries), probes)) as threads:
            if self.kind == "ivf-pq":  # whatever it is set to, the same rows are found
                self.lists.implem = _SHARED_LISTS if len(queries) < threads else _OWN_CHOICE
            scores, found = self.whole.search(
                queries, k, params=self._parameters(selector, k, probes, depth)
            )
        return scores, found

    def _parameters(self, selector: Any, k: int, probes: int, depth: int) -> Any:
        if self.lists is None:
            return faiss.SearchParameters(sel=selector)
        within = faiss.SearchParametersIVF(sel=selector, nprobe=min(probes, self.nlist))
        if not self.is_coded:
            return within
        if self.turn is not None:
            within = faiss.SearchParametersPreTransform(index_params=within)
        factor = max(k, min(depth, self.whole.ntotal)) / k
        return faiss.IndexRefineSearchParameters(k_factor=factor, base_index_params=within)

    def _products(self, queries: int, probes: int) -> float:
        share = min(1.0, probes / self.nlist) if self.nlist else 1.0
        return share * queries * int(self.whole.ntotal) * int(self.whole.d)

    def turned(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return float32 (N, dim) as the lists have them."""
        if self.turn is None:
            return vectors
        return np.asarray(self.turn.apply(np.ascontiguousarray(vectors)), np.float32)

    def vectors(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return rows as float32 (R, dim)."""
        with _threads(rows.size * int(self.whole.d)):
            return np.asarray(self.store.reconstruct_batch(rows), np.float32)


def centres_of(vectors: NDArray[np.float32]) -> Any:
    """Return the centres of the lists in a FAISS index, the same ones every time.

    There are 4 to 8 times sqrt(N), within what FAISS advises below a million vectors (wiki,
    "Guidelines to choose an index"): as many as there are hundreds of vectors.
    """
    count, dim = vectors.shape
    root = count**0.5
    lists = max(1, min(round(max(4 * root, min(8 * root, count / _LIST))), count // 39))
    trained = faiss.Clustering(dim, lists)
    trained.niter, trained.seed, trained.spherical = _ROUNDS, 1234, True
    trained.min_points_per_centroid, trained.max_points_per_centroid = 1, _TRAINED_ON
    sample = np.random.default_rng(0).permutation(count)[: _TRAINED_ON * lists]
    centres = faiss.IndexFlatIP(dim)
    trained.train(vectors[np.sort(sample)], centres)
    return centres


def _ivf_flat(centres: Any, dim: int) -> Any:
    return faiss.IndexIVFScalarQuantizer(
        centres,
        dim,
        centres.ntotal,
        faiss.ScalarQuantizer.QT_fp16,
        faiss.METRIC_INNER_PRODUCT,
        False,
    )


def _ivf_sq8(centres: Any, dim: int) -> Any:
    return faiss.IndexIVFScalarQuantizer(
        centres,
        dim,
        centres.ntotal,
        faiss.ScalarQuantizer.QT_8bit,
        faiss.METRIC_INNER_PRODUCT,
        True,
    )


def _turn(centres: Any, sample: NDArray[np.float32]) -> Any:
    """Return the turn of vectors after which pairs of components vary equally much.

    Of what is left of the vectors without their centres, the principal components, paired so that
    the variances of each pair have about the same product: Ge et al. 2013, "Optimized product
    quantization", section 3.3. In a million made frames, scoring the best 400 by their codes then
    finds as much as scoring 1600 does without it (recall@10 of 0.989).
    """
    dim = sample.shape[1]
    near = centres.search(sample, 1)[1][:, 0]
    left = sample - centres.reconstruct_batch(near)
    axes = np.linalg.eigh(left.T @ left)[1].T
    strongest = np.arange(dim)
    pairs = np.stack([strongest, strongest[::-1]], axis=1).ravel()[:dim]
    turn = faiss.LinearTransform(dim, dim, False)
    faiss.copy_array_to_vector(np.ascontiguousarray(axes[pairs], np.float32).ravel(), turn.A)
    turn.is_trained = True
    return turn


def _turned(centres: Any, turn: Any) -> Any:
    turned = faiss.IndexFlatIP(centres.d)
    turned.add(turn.apply(centres.reconstruct_n(0, centres.ntotal)))
    return turned


def _ivf_pq(centres: Any, dim: int) -> Any:
    """Code what is left of a vector without its centre, two components in 4 bits."""
    parts = dim // 2 if dim % 2 == 0 else dim
    lists = faiss.IndexIVFPQFastScan(
        centres, dim, centres.ntotal, parts, 4, faiss.METRIC_INNER_PRODUCT
    )
    lists.by_residual = True
    return lists


_LISTS = {"ivf-flat": _ivf_flat, "ivf-sq8": _ivf_sq8, "ivf-pq": _ivf_pq}


@contextmanager
def _threads(products: float) -> Iterator[int]:
    """Let FAISS use one thread where there is little to do; the setting is the calling thread's."""
    most = faiss.omp_get_max_threads()
    threads = 1 if products < _FEW_PRODUCTS else most
    faiss.omp_set_num_threads(threads)
    try:
        yield threads
    finally:
        faiss.omp_set_num_threads(most)


def _selector(rows: NDArray[np.int64], count: int) -> Any:
    """Return the FAISS selector of some of `count` rows, one bit for each."""
    mask = np.zeros(count, np.bool_)
    mask[rows] = True
    return faiss.IDSelectorBitmap(np.packbits(mask, bitorder="little"))


def _mapped() -> int:
    """Return the flags that map an index file; `exact` is mapped from faiss 1.11 on, else read."""
    return int(getattr(faiss, "IO_FLAG_MMAP_IFC", 0) | faiss.IO_FLAG_READ_ONLY)


def _brief(error: BaseException) -> str:
    """Return what FAISS says without the place in its sources."""
    return str(error).rpartition("Error: ")[2] or type(error).__name__


def _add(index: Any, vectors: NDArray[np.float32]) -> None:
    for start in range(0, len(vectors), _BLOCK_ROWS):
        index.add(vectors[start : start + _BLOCK_ROWS])
