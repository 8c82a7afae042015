"""The kinds of FAISS index: how each stores vectors, and how it is searched.

exact      all vectors in float32, every one compared
ivf-flat   lists of vectors in float16, the nearest lists compared
ivf-sq8    lists of codes of 8 bits per component
ivf-pq     lists of codes of 2 bits per component, compared 32 at a time by shuffles of registers
           (Andre, Kermarrec, Le Scouarnec 2015, "Cache locality is not enough"); the vectors are
           rotated before, so that codes are equally exact everywhere (see `_turn`)

Codes stand for runs: consecutive rows that are near-duplicates, as those of a video are while
little moves (see `runs`). A row that differs from the one before and the next is a run of its own.
The code is that of a run's mean, and the vectors of the best runs are scored in float16. In FAISS,
each run is a list of one index of float16, whose quantizer is the index of codes.

The catalog stores vectors as codes of 8 bits (see `catalog.codes`); float16 keeps scores of what it
gives to within 4.9e-4. HNSW is not a kind here: over a million generated frames in float16 it took
12.9 ms of one core for a recall@10 of 0.97 of sentences (efSearch 4096) and 124 s to build;
`ivf-pq` took 1.5 ms of two cores for 0.99, and 24 s. `python -m benchmarks.index` compares both
over fewer frames.
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
from clipseek.index.runs import means_of, runs_of

# The stubs of some releases lack what its Python layer adds.
faiss: Any = _faiss

Kind = Literal["exact", "ivf-flat", "ivf-sq8", "ivf-pq"]
KINDS: tuple[Kind, ...] = get_args(Kind)

# Fewest rows in lists: codes of 4 bits need 39 * 16 to be trained without a warning of FAISS.
LEAST_ROWS = 39 * 16

_BLOCK_ROWS = 8192  # rows that are added at a time
# Vectors per list and rounds of k-means. On 100 000 made frames in 1265 lists (`benchmarks.frames`)
# 0.99 of the neighbours of sentences were in the nearest 0.12 of the lists; with 40 vectors and 8
# rounds, three times the work, in 0.14.
_TRAINED_ON, _ROUNDS = 20, 5
_LIST = 100  # vectors of a list; in lists of 143 the same neighbours were in 0.23 of them
_CODED = 16_384  # vectors that codes are trained on; FAISS takes 256 for each of 16 values
# Products that FAISS does in one thread, some 5 ms of work. More threads wait for each other by
# turning: with 10 connections on two busy cores 342 searches a second, in one thread 867
# (`python -m benchmarks.serve`).
_FEW_PRODUCTS = 5e7
_PLACE_BITS = 32  # of the place within a list, in what FAISS notes of each row
# FAISS's way through the lists of codes: its own choice, which gives each thread queries of its
# own, or one query's lists to several threads. One query, two threads, a million vectors: 5.2 ms
# and 3.5 ms; of several queries each 2.3 ms and 3.0 ms.
_OWN_CHOICE, _SHARED_LISTS = 0, 14


@dataclass(frozen=True, slots=True)
class Layout:
    """A FAISS index of one kind, whose rows are numbered from 0.

    whole: What is searched and saved, and returns rows. lists: The part that probes lists, or None
    if there are none. turn: What rotates vectors before they reach the lists, or None.
    runs: int32 (N,), the run of each row, if codes stand for runs, or None.
    """

    kind: Kind
    whole: Any = field(repr=False)
    lists: Any = field(repr=False)
    turn: Any = field(default=None, repr=False)
    runs: NDArray[np.int32] | None = field(default=None, repr=False)

    @classmethod
    def exact(cls, vectors: NDArray[np.float32]) -> Self:
        """Keep float32 (N, dim) as they are."""
        index = faiss.IndexFlatIP(vectors.shape[1])
        _add(index, vectors)
        return cls("exact", index, None)

    @classmethod
    def made(cls, kind: Kind, vectors: NDArray[np.float32]) -> Self:
        """Lay out float32 (N, dim), at least `LEAST_ROWS` of them."""
        if kind == "exact":
            return cls.exact(vectors)
        if kind == "ivf-flat":
            lists = _float16(_centres_of(vectors), vectors.shape[1])
            _add(lists, vectors)
            lists.make_direct_map()
            return cls(kind, lists, lists)
        runs = runs_of(vectors, least=LEAST_ROWS)
        means = means_of(vectors, runs)
        centres, sample = _centres_of(means), means[_some(len(means), _CODED)]
        turn = _turn(centres, sample) if kind == "ivf-pq" else None
        lists = _CODES[kind](centres if turn is None else _turned(centres, turn), vectors.shape[1])
        base = lists if turn is None else faiss.IndexPreTransform(turn, lists)
        base.train(sample)
        _add(base, means)
        whole = _float16(base, vectors.shape[1])
        _add_to(whole, vectors, runs)
        whole.make_direct_map()
        return cls(kind, whole, lists, turn, runs)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Map a saved index into memory; processes share its pages. Raises ServiceUnavailable."""
        try:
            whole = faiss.read_index(str(path), _mapped(path))
        except (OSError, RuntimeError, MemoryError) as error:
            raise ServiceUnavailable(
                f"{path} is not an index that can be read ({_brief(error)}); run `indexer build`"
            ) from error
        if isinstance(whole, faiss.IndexFlat):
            return cls("exact", whole, None)
        if not isinstance(whole, faiss.IndexIVF):
            raise ServiceUnavailable(f"{path} was made by an older release; run `indexer build`")
        rows = faiss.downcast_InvertedLists(whole.invlists)
        if isinstance(rows, faiss.OnDiskInvertedLists):
            rows.prefetch_nthread = 0  # or each search starts 32 threads: 2.5 ms instead of 1.05
        lists, turn = faiss.downcast_index(whole.quantizer), None
        if isinstance(lists, faiss.IndexPreTransform):
            turn = faiss.downcast_VectorTransform(lists.chain.at(0))
            lists = faiss.downcast_index(lists.index)
        if not isinstance(lists, faiss.IndexIVF):
            return cls("ivf-flat", whole, whole)
        kind: Kind = "ivf-sq8" if turn is None else "ivf-pq"
        places = faiss.vector_to_array(whole.direct_map.array)
        return cls(kind, whole, lists, turn, (places >> _PLACE_BITS).astype(np.int32))

    def save(self, path: Path) -> None:
        """Write it to a file; raise ServiceUnavailable."""
        try:
            faiss.write_index(self.whole, str(path))
        except RuntimeError as error:
            raise ServiceUnavailable(
                f"{path} cannot be written: the disk failed or is full; free some space and run "
                "`indexer build`"
            ) from error

    @property
    def nlist(self) -> int:
        """How many lists there are; 0 for `exact`."""
        return 0 if self.lists is None else int(self.lists.nlist)

    @property
    def nprobe(self) -> int:
        """How many lists a search probes; 0 for `exact`."""
        return 0 if self.lists is None else int(self.lists.nprobe)

    @property
    def depth(self) -> int:
        """How many runs have their vectors scored for ten neighbours; 0 without codes."""
        return 0 if self.runs is None else int(self.whole.nprobe)

    @property
    def rows_per_run(self) -> float:
        """How many rows a run has on average; 1 if there are no runs."""
        return 1.0 if self.runs is None else len(self.runs) / self.lists.ntotal

    def use(self, nprobe: int, depth: int) -> None:
        """Set what a search does from now on, and when it is loaded again."""
        if self.lists is not None:
            self.lists.nprobe = nprobe
        if self.runs is not None:
            self.whole.nprobe = depth

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
            depth: Runs whose vectors are scored, where codes choose them.
            rows: The only rows allowed, if given: of `exact` alone. Of lists, see `among`.
        """
        with self.threads(len(queries), probes, depth):
            scores, found = self.whole.search(
                queries, k, params=self._parameters(rows, probes, depth)
            )
        return scores, found

    @contextmanager
    def threads(self, queries: int, probes: int, depth: int) -> Iterator[None]:
        """Let FAISS use as many threads as a search is worth."""
        with threads_for(self._products(queries, probes, depth)) as threads:
            if self.kind == "ivf-pq":  # whatever it is set to, the same rows are found
                self.lists.implem = _SHARED_LISTS if queries < threads else _OWN_CHOICE
            yield

    def ranked(self, queries: NDArray[np.float32], *, probes: int, depth: int) -> NDArray[np.int64]:
        """Return the runs that seem best by their codes, int64 (Q, depth); none is -1."""
        base = self.whole.quantizer
        return np.asarray(base.search(queries, depth, params=self._within(probes))[1])

    def _parameters(self, rows: NDArray[np.int64] | None, probes: int, depth: int) -> Any:
        if self.lists is None:
            return faiss.SearchParameters(
                sel=None if rows is None else selected(rows, int(self.whole.ntotal))
            )
        if self.runs is None:
            return faiss.SearchParametersIVF(nprobe=min(probes, self.nlist))
        return faiss.SearchParametersIVF(
            nprobe=min(depth, int(self.lists.ntotal)), quantizer_params=self._within(probes)
        )

    def _within(self, probes: int) -> Any:
        """Return the parameters of a search of the codes."""
        within = faiss.SearchParametersIVF(nprobe=min(probes, self.nlist))
        if self.turn is None:
            return within
        return faiss.SearchParametersPreTransform(index_params=within)

    def _products(self, queries: int, probes: int, depth: int) -> float:
        """Return how many components are multiplied."""
        if self.lists is None:
            return float(queries * self.whole.ntotal * self.whole.d)
        rows = min(1.0, probes / self.nlist) * int(self.lists.ntotal)
        if self.runs is not None:
            rows += depth * self.rows_per_run
        return queries * rows * int(self.whole.d)

    def turned(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return float32 (N, dim) as the lists have them."""
        if self.turn is None:
            return vectors
        return np.asarray(self.turn.apply(np.ascontiguousarray(vectors)), np.float32)

    def vectors(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return rows as float32 (R, dim)."""
        with threads_for(rows.size * int(self.whole.d)):
            return np.asarray(self.whole.reconstruct_batch(rows), np.float32)

    def held(self) -> NDArray[np.int32]:
        """Return the list of each run, or of each row where there are no runs, int32 (R,)."""
        held = np.empty(int(self.lists.ntotal), np.int32)
        inverted = faiss.downcast_InvertedLists(self.lists.invlists)
        for number in range(self.nlist):
            if size := inverted.list_size(number):
                held[faiss.rev_swig_ptr(inverted.get_ids(number), size)] = number
        return held

    def lists_of(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the list that each of some rows, of any shape, is found in."""
        return self.held()[rows if self.runs is None else self.runs[rows]].astype(np.int64)


def _some(count: int, most: int) -> NDArray[np.int64]:
    """Return rows drawn at random, ascending, the same ones every time."""
    return np.sort(np.random.default_rng(0).permutation(count)[:most])


def _centres_of(vectors: NDArray[np.float32]) -> Any:
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
    centres = faiss.IndexFlatIP(dim)
    trained.train(vectors[_some(count, _TRAINED_ON * lists)], centres)
    return centres


def _float16(quantizer: Any, dim: int) -> Any:
    """Return an empty index of float16 in as many lists as the quantizer has vectors."""
    lists = faiss.IndexIVFScalarQuantizer(
        quantizer,
        dim,
        quantizer.ntotal,
        faiss.ScalarQuantizer.QT_fp16,
        faiss.METRIC_INNER_PRODUCT,
        False,
    )
    lists.is_trained = True
    return lists


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


_CODES = {"ivf-sq8": _ivf_sq8, "ivf-pq": _ivf_pq}


@contextmanager
def threads_for(products: float) -> Iterator[int]:
    """Let FAISS use one thread if there is little to do; the setting is per calling thread."""
    most = faiss.omp_get_max_threads()
    threads = 1 if products < _FEW_PRODUCTS else most
    faiss.omp_set_num_threads(threads)
    try:
        yield threads
    finally:
        faiss.omp_set_num_threads(most)


def selected(rows: NDArray[np.integer[Any]], count: int) -> Any:
    """Return the FAISS selector of some of `count` rows, one bit for each."""
    mask = np.zeros(count, np.bool_)
    mask[rows] = True
    return marked(mask)


def marked(mask: NDArray[np.bool_]) -> Any:
    """Return the FAISS selector of the rows that are marked, bool (N,)."""
    return faiss.IDSelectorBitmap(np.packbits(mask, bitorder="little"))


def _mapped(path: Path) -> int:
    """Return the flags that map an index file; `exact` is mapped from faiss 1.11 on, else read.

    Lists need another flag than `exact`, which a file begins with the name of.
    """
    with path.open("rb") as file:
        is_exact = file.read(4) == b"IxFI"
    flag = getattr(faiss, "IO_FLAG_MMAP_IFC", 0) if is_exact else faiss.IO_FLAG_MMAP
    return int(flag | faiss.IO_FLAG_READ_ONLY)


def _brief(error: BaseException) -> str:
    """Return what FAISS says without the place in its sources."""
    return str(error).rpartition("Error: ")[2] or type(error).__name__


def _add(index: Any, vectors: NDArray[np.float32]) -> None:
    for start in range(0, len(vectors), _BLOCK_ROWS):
        index.add(vectors[start : start + _BLOCK_ROWS])


def _add_to(index: Any, vectors: NDArray[np.float32], lists: NDArray[np.int32]) -> None:
    """Add rows to the lists that are said."""
    for start in range(0, len(vectors), _BLOCK_ROWS):
        rows = np.ascontiguousarray(vectors[start : start + _BLOCK_ROWS])
        ids = np.arange(start, start + len(rows))
        places = lists[start : start + len(rows)].astype(np.int64)
        index.add_core(len(rows), *map(faiss.swig_ptr, (rows, ids, places)))
