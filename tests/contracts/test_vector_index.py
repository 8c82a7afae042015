"""What every VectorIndex promises, over the exact, the FAISS, the GPU and the Milvus index."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from clipseek.errors import ConfigError, ServiceUnavailable
from clipseek.index import (
    KINDS,
    ExactIndex,
    FaissIndex,
    Kind,
    MilvusIndex,
    OnGpu,
    ShardedIndex,
    among,
    gpus,
)
from clipseek.nearest import ascending
from clipseek.protocols import VectorIndex
from clipseek.types import Neighbours
from tests.contracts.milvus import stored

DIM = 16

Make = Callable[[NDArray[np.int64], NDArray[np.float32]], VectorIndex]


def unit(rows: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the rows scaled to length one."""
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def rounded(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the rows as float16 holds them."""
    return rows.astype(np.float16).astype(np.float32)


def library(count: int, seed: int = 0) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return ids with gaps and vectors in a dozen heaps, some of them equal.

    They are float16 numbers, as in the catalog, so that every kind of index scores them alike.
    """
    chance = np.random.default_rng(seed)
    heaps = chance.normal(size=(12, DIM))
    vectors = heaps[chance.integers(12, size=count)] + 0.7 * chance.normal(size=(count, DIM))
    if count > 20:
        vectors[5:12] = vectors[4]
    return np.cumsum(chance.integers(1, 4, size=count)), rounded(unit(vectors))


def videos(count: int, seed: int = 0) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return ids with gaps and vectors that walk slowly, and leap now and then, as in videos."""
    chance = np.random.default_rng(seed)
    steps = chance.normal(size=(count, DIM))
    rows = np.empty((count, DIM))
    for row in range(count):
        leap = row == 0 or chance.random() < 0.05
        rows[row] = steps[row] if leap else 0.99 * rows[row - 1] + 0.14 * steps[row]
    return np.cumsum(chance.integers(1, 4, size=count)), rounded(unit(rows))


def brute(
    ids: NDArray[np.int64], vectors: NDArray[np.float32], query: NDArray[np.float32]
) -> list[tuple[float, int]]:
    """Return every (-score, id) in the total order: the truth, written down again."""
    scores = [float(np.float32((row.astype(float) * query.astype(float)).sum())) for row in vectors]
    return sorted((-score, int(i)) for score, i in zip(scores, ids, strict=True))


def right(found: NDArray[np.int64], truth: NDArray[np.int64]) -> float:
    """Return the share of the true neighbours that are found."""
    pairs = zip(found.tolist(), truth.tolist(), strict=True)
    return float(np.mean([len(set(ours) & set(theirs)) / len(theirs) for ours, theirs in pairs]))


def exact(ids: NDArray[np.int64], vectors: NDArray[np.float32]) -> VectorIndex:
    """Make the NumPy index."""
    return ExactIndex(ids, vectors)


def flat(ids: NDArray[np.int64], vectors: NDArray[np.float32]) -> FaissIndex:
    """Make the exact FAISS index."""
    return FaissIndex.build(vectors, ids)


def of_kind(kind: Kind) -> Callable[[NDArray[np.int64], NDArray[np.float32]], FaissIndex]:
    """Return what makes a FAISS index of one kind; small libraries get the exact one."""

    def make(ids: NDArray[np.int64], vectors: NDArray[np.float32]) -> FaissIndex:
        return FaissIndex.build(vectors, ids, kind=kind, target_recall=0.9)

    return make


def beside(ids: NDArray[np.int64], vectors: NDArray[np.float32]) -> VectorIndex:
    """Make the FAISS index that asks another one, as it does on a GPU, on the CPU."""
    other = faiss.IndexFlatIP(vectors.shape[1])
    index = FaissIndex.build(vectors, ids)
    if len(ids):
        other.add(ascending(ids, vectors)[1])
    return index.searched_by(OnGpu(other, threading.Lock()))


def on_gpu(ids: NDArray[np.int64], vectors: NDArray[np.float32]) -> VectorIndex:
    """Make the FAISS index that searches on a GPU."""
    return FaissIndex.build(vectors, ids).to_gpu()


def in_milvus(ids: NDArray[np.int64], vectors: NDArray[np.float32]) -> MilvusIndex:
    """Make the index in Milvus Lite; `test_milvus_index` compares it with exact search."""
    return stored(ids, vectors)


def sharded(ids: NDArray[np.int64], vectors: NDArray[np.float32]) -> VectorIndex:
    """Make three shards, of which one may be empty, and search them together."""
    ids, vectors = ascending(ids, vectors)
    parts = {number: ids % 4 == number for number in (1, 2)}
    parts[3] = ~(parts[1] | parts[2])
    shards = {n: FaissIndex.build(vectors[some], ids[some]) for n, some in parts.items()}
    return ShardedIndex(vectors.shape[1], shards)


no_gpu = pytest.mark.skipif(not gpus(), reason="faiss sees no GPU here")
EXACT = [
    pytest.param(exact, id="exact"),
    pytest.param(flat, id="flat"),
    pytest.param(beside, id="beside"),
    pytest.param(on_gpu, id="gpu", marks=no_gpu),
    pytest.param(sharded, id="sharded"),
]
FAISS = [pytest.param(of_kind(kind), id=kind) for kind in KINDS]
# `test_milvus_index` is the short form.
MILVUS = pytest.param(in_milvus, id="milvus", marks=pytest.mark.long)
every_index = pytest.mark.parametrize("make", [*EXACT, *FAISS[1:], MILVUS])
every_kind = pytest.mark.parametrize("make", FAISS)
every_exact_index = pytest.mark.parametrize("make", EXACT)


@every_exact_index
@given(
    count=st.integers(1, 60),
    k=st.integers(1, 70),
    seed=st.integers(0, 1000),
    share=st.none() | st.floats(0, 1),
)
def test_agrees_with_brute_force(
    make: Make, count: int, k: int, seed: int, share: float | None
) -> None:
    """Ids, scores and their order are those of sorting every vector, filtered or not."""
    ids, vectors = library(count, seed)
    chance = np.random.default_rng(seed)
    allow = None if share is None else ids[chance.random(count) < share]
    queries = np.concatenate([vectors[:2], unit(chance.normal(size=(2, DIM)))])
    near = make(ids, vectors).search(queries, k, allow=allow)
    for row, query in enumerate(queries):
        inside = np.ones(count, bool) if allow is None else np.isin(ids, allow)
        truth = brute(ids[inside], vectors[inside], query)[:k]
        assert near.ids[row].tolist() == [i for _, i in truth]
        assert near.scores[row].tolist() == [-score for score, _ in truth]


@every_index
def test_truth_is_what_sorting_every_vector_gives(make: Make) -> None:
    """Whatever `search` leaves out, `truth` finds, with a filter and without one."""
    ids, vectors = library(700)
    chance = np.random.default_rng(5)
    index = make(ids, vectors)
    queries = np.concatenate([vectors[4:5], unit(chance.normal(size=(2, DIM)))])
    truths = [brute(ids, vectors, query) for query in queries]
    for share, k in [(None, 1), (None, 10), (None, 700), (0.5, 900), (0.01, 10), (0.0, 10)]:
        allow = None if share is None else ids[chance.random(700) < share]
        near = index.truth(queries, k, allow=allow)
        for row, truth in enumerate(truths):
            best = [(s, i) for s, i in truth if allow is None or i in allow][:k]
            assert near.ids[row].tolist() == [i for _, i in best]
            assert near.scores[row].tolist() == [-score for score, _ in best]


def test_truth_goes_through_all_blocks() -> None:
    """The nearest of more rows than are widened at once, and of one list that is looked into."""
    ids, vectors = library(20_000)
    index = FaissIndex.build(vectors, ids, kind="ivf-flat")
    index._layout.use(1, 0)
    queries = unit(np.random.default_rng(3).normal(size=(20, DIM)))
    truth = ExactIndex(ids, vectors).search(queries, 50)
    assert index.truth(queries, 50).ids.tolist() == truth.ids.tolist()
    assert index.search(queries, 50).ids.tolist() != truth.ids.tolist()


@pytest.mark.parametrize("kind", ["ivf-flat", "ivf-sq8", "ivf-pq"])
def test_the_truth_of_a_large_index_is_what_more_effort_finds(
    kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Most of what a search misses, with a filter too, and without comparing every vector."""
    ids, vectors = library(24_000)
    index = FaissIndex.build(vectors, ids, kind=kind)
    index._layout.use(2, min(index._layout.depth, 40))
    queries = unit(np.random.default_rng(3).normal(size=(20, DIM)))
    for allow in (None, ids[::2]):
        tenth = index.truth(queries, 10, allow=allow).scores[:, 9:]
        served = index.search(queries, 10, allow=allow).scores
        with monkeypatch.context() as patch:
            patch.setattr("clipseek.index.faiss.TRUE_UP_TO", 1000)
            patch.setattr(FaissIndex, "_compared", lambda *_: pytest.fail("all were compared"))
            near = index.truth(queries, 10, allow=allow).scores
        assert (served >= tenth).mean() < 0.85
        assert (near >= tenth).mean() > (served >= tenth).mean() + 0.1


def test_a_gpu_does_not_judge_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it found is judged by what more effort finds, which is made without it."""
    asked = []

    class Blind:
        def search(self, queries: NDArray[np.float32], k: int) -> Any:
            asked.append(k)
            assert len(asked) == 1, "it was asked again, or to judge"
            return np.full((len(queries), k), -1, np.float32), np.full((len(queries), k), -1)

    ids, vectors = library(20_000)
    index = FaissIndex.build(vectors, ids, kind="ivf-flat")
    blind = index.searched_by(Blind())  # type: ignore[arg-type]  # as much of one as is asked
    monkeypatch.setattr("clipseek.index.faiss.TRUE_UP_TO", 1000)
    queries = unit(np.random.default_rng(3).normal(size=(5, DIM)))
    assert blind.truth(queries, 10).ids.tolist() == index.truth(queries, 10).ids.tolist()
    assert blind.search(queries, 10).ids.shape == (5, 10)


def test_few_rows_of_a_large_index_are_all_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a filter leaves of it, however large the index is."""
    ids, vectors = library(20_000)
    index = FaissIndex.build(vectors, ids, kind="ivf-flat")
    monkeypatch.setattr("clipseek.index.faiss.TRUE_UP_TO", 1000)
    allow = ids[:500]
    truth = ExactIndex(ids, vectors).search(vectors[:5], 50, allow=allow)
    assert index.truth(vectors[:5], 50, allow=allow).ids.tolist() == truth.ids.tolist()


def test_the_truth_takes_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """And those who search have what they had."""
    ids, vectors = library(20_000)
    index = FaissIndex.build(vectors, ids, kind="ivf-flat")
    before, seen = faiss.omp_get_max_threads(), []
    searched = FaissIndex._compared

    def compared(self: FaissIndex, *given: Any) -> Neighbours:
        seen.append(faiss.omp_get_max_threads())
        return searched(self, *given)

    monkeypatch.setattr(FaissIndex, "_compared", compared)
    index.truth(vectors[:1], 10)
    assert (seen, faiss.omp_get_max_threads()) == ([1], before)


@every_index
def test_only_what_compares_all_vectors_states_full_recall(make: Make) -> None:
    """An approximate index may have missed none of what was measured, and still is below 1."""
    ids, vectors = library(700)
    index = make(ids, vectors)
    compares_all = not isinstance(index, FaissIndex) or index.kind == "exact"
    assert (index.recall == 1.0) == compares_all
    assert 0.9 <= index.recall <= 1.0


@pytest.mark.parametrize(("kind", "is_full"), [("ivf-flat", False), ("exact", True)])
def test_a_measurement_without_a_miss_is_not_full_recall(
    tmp_path: Path, kind: Kind, is_full: bool
) -> None:
    """So searches of an approximate index are still compared with exact ones."""
    ids, vectors = library(700)
    FaissIndex.build(vectors, ids, kind=kind).save(tmp_path / "index.faiss")
    index = FaissIndex.load(tmp_path / "index.faiss", np.sort(ids), recall=1.0)
    assert (index.recall == 1.0) is is_full


@every_index
def test_vectors_are_given_by_their_ids(make: Make) -> None:
    """In the order of the ids, as often as they are asked for; with no id, none."""
    ids, vectors = library(700)
    index = make(ids, vectors)
    rows = np.array([5, 699, 0, 5])
    assert index.vectors_of(ids[rows]) == pytest.approx(vectors[rows], abs=1e-6)
    assert index.vectors_of(ids[:0]).shape == (0, DIM)


@every_index
@pytest.mark.parametrize("k", [1, 10, 150, 699, 700, 1000])
def test_gives_as_many_as_asked_without_padding(make: Make, k: int) -> None:
    """There are min(k, N) distinct neighbours, each of an id that is stored."""
    ids, vectors = library(700)
    near = make(ids, vectors).search(vectors[:5], k)
    assert near.ids.shape == (5, min(k, 700))
    assert np.isin(near.ids, ids).all()
    assert all(len(set(row)) == len(row) for row in near.ids.tolist())


@every_index
def test_ties_go_to_the_lower_id(make: Make) -> None:
    """Equal vectors score exactly alike and stand in the order of their ids."""
    ids, vectors = library(700)
    for k in (1, 4, 7, 8, 20):
        near = make(ids, vectors).search(vectors[4:5], k)
        first = min(k, 8)
        assert near.ids[0, :first].tolist() == ids[4 : 4 + first].tolist()
        assert len(set(near.scores[0, :first].tolist())) == 1


@every_exact_index
@pytest.mark.parametrize("queries", [1, 40], ids=["alone", "in a batch"])
def test_vectors_that_hardly_differ_are_told_apart(make: Make, queries: int) -> None:
    """Of vectors that differ by less than float32 products are exact to, the best come first."""
    chance = np.random.default_rng(2)
    vectors = unit(chance.normal(size=DIM) + 3e-7 * chance.normal(size=(3000, DIM)))
    ids = np.arange(3000)
    near = make(ids, vectors).search(np.tile(vectors[:1], (queries, 1)), 5)
    truth = brute(ids, vectors, vectors[0])[:5]
    assert near.ids.tolist() == [[i for _, i in truth]] * queries


@every_index
def test_rows_are_in_the_total_order(make: Make) -> None:
    """Scores descend, and a score is the cosine of the query and the vector of that id."""
    ids, vectors = library(700)
    near = make(ids, vectors).search(vectors[:40], 60)
    for row, query in enumerate(vectors[:40]):
        pairs = list(zip((-near.scores[row]).tolist(), near.ids[row].tolist(), strict=True))
        assert pairs == sorted(pairs)
        assert set(pairs) <= set(brute(ids, vectors, query))


@every_index
@pytest.mark.parametrize("kept", [0, 1, 9, 350, 700])
def test_a_filter_leaves_only_allowed_ids(make: Make, kept: int) -> None:
    """Only ids in `allow` come back, and as many as asked for or allowed."""
    ids, vectors = library(700)
    allow = np.random.default_rng(kept).permutation(ids)[:kept]
    near = make(ids, vectors).search(vectors[:3], 30, allow=allow)
    assert near.ids.shape == (3, min(30, kept))
    assert np.isin(near.ids, allow).all()


@every_index
@pytest.mark.parametrize(
    "places",
    [
        pytest.param([9, 9, 0, 4], id="descending"),
        pytest.param([0, 9, 9], id="twice"),
        pytest.param([0, 9, 4], id="mixed"),
    ],
)
def test_unknown_and_repeated_allowed_ids_count_for_nothing(make: Make, places: list[int]) -> None:
    """An id that is not stored, or is given twice, makes no place for another, in any order."""
    ids, vectors = library(700)
    some = np.sort(ids)[places]
    (at,) = np.flatnonzero(ids == some[0])
    truth = brute(ids, vectors, vectors[at])
    expected = [found for _, found in truth if found in set(some.tolist())]
    for allow in (some, np.append(some, [-1, 10**15])):
        near = make(ids, vectors).search(vectors[at : at + 1], 10, allow=allow)
        assert near.ids.tolist() == [expected]


@every_index
def test_order_of_the_rows_given_does_not_matter(make: Make) -> None:
    """An index made from shuffled rows answers as one made from ascending ids."""
    ids, vectors = library(150)
    order = np.random.default_rng(0).permutation(150)
    ours = make(ids[order], vectors[order]).search(vectors[:5], 20)
    theirs = make(ids, vectors).search(vectors[:5], 20)
    assert ours.ids.tolist() == theirs.ids.tolist()
    assert ours.scores.tolist() == theirs.scores.tolist()


@every_index
def test_a_batch_answers_as_single_queries(make: Make) -> None:
    """Forty queries at once give bit for bit what each gives alone."""
    ids, vectors = library(700)
    index = make(ids, vectors)
    batch = index.search(vectors[:40], 10)
    for row in range(40):
        alone = index.search(vectors[row : row + 1], 10)
        assert alone.ids[0].tolist() == batch.ids[row].tolist()
        assert alone.scores[0].tolist() == batch.scores[row].tolist()


@every_index
def test_threads_may_search_at_once(make: Make) -> None:
    """Searches from eight threads, filtered and not, give what they give in turn."""
    ids, vectors = library(700)
    index = make(ids, vectors)

    def ask(row: int) -> list[int]:
        allow = ids[::2] if row % 2 else None
        answer: list[int] = index.search(vectors[row : row + 1], 10, allow=allow).ids[0].tolist()
        return answer

    expected = [ask(row) for row in range(100)]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(100))) == expected


@every_index
def test_an_empty_index_finds_nothing(make: Make) -> None:
    """Without vectors there are no neighbours, and no error."""
    index = make(np.empty(0, np.int64), np.empty((0, DIM), np.float32))
    near = index.search(np.ones((2, DIM), np.float32), 10)
    assert (len(index), index.dim, near.ids.shape) == (0, DIM, (2, 0))


@every_index
def test_no_query_gives_no_row(make: Make) -> None:
    """An empty batch of queries gives (0, K)."""
    near = make(*library(30)).search(np.empty((0, DIM), np.float32), 10)
    assert near.ids.shape == (0, 10)


@every_index
@pytest.mark.parametrize(
    ("queries", "k", "expected"),
    [
        pytest.param(np.ones((1, DIM + 1), np.float32), 5, "queries must be", id="dim"),
        pytest.param(np.ones(DIM, np.float32), 5, "queries must be", id="one vector"),
        pytest.param(np.full((1, DIM), np.nan, np.float32), 5, "finite", id="nan"),
        pytest.param(np.ones((1, DIM), np.float32), 0, "k must be", id="k"),
    ],
)
def test_a_wrong_question_is_refused(
    make: Make, queries: NDArray[np.float32], k: int, expected: str
) -> None:
    """The wrong shape, a value that is not a number and k < 1 raise ValueError."""
    with pytest.raises(ValueError, match=expected):
        make(*library(30)).search(queries, k)


@every_index
@pytest.mark.parametrize(
    ("ids", "vectors", "expected"),
    [
        pytest.param([1, 2], np.ones((3, DIM)), "must be", id="lengths"),
        pytest.param([1, 1], np.ones((2, DIM)), "distinct", id="twice"),
        pytest.param([1, 2], np.full((2, DIM), np.inf), "finite", id="infinite"),
    ],
)
def test_wrong_rows_are_refused(
    make: Make, ids: list[int], vectors: NDArray[np.float64], expected: str
) -> None:
    """Rows that do not belong together or are not numbers raise ValueError."""
    with pytest.raises(ValueError, match=expected):
        make(np.array(ids), vectors.astype(np.float32))


def test_a_large_block_of_queries_is_answered_in_parts() -> None:
    """More queries than one block of scores holds are answered alike."""
    ids, vectors = library(9000)
    queries = np.tile(vectors[:40], (50, 1))
    near = ExactIndex(ids, vectors).search(queries, 3, allow=ids[:8999])
    assert (near.ids.reshape(50, 40, 3) == near.ids[:40]).all()


def test_the_lists_are_tuned_to_the_recall_asked_for() -> None:
    """The recall stated is reached on other queries too, with fewer than half of the lists."""
    ids, vectors = library(6000)
    index = FaissIndex.build(vectors, ids, exact_up_to=1000)
    queries = unit(vectors[::50] + 0.1 * np.random.default_rng(9).normal(size=(120, DIM)))
    truth = ExactIndex(ids, vectors).search(queries, 10)
    found = index.search(queries, 10)
    assert index.kind == "ivf-pq"
    assert 0.99 <= index.recall <= 1
    assert 1 <= index.nprobe < 150 / 2
    assert right(found.ids, truth.ids) >= 0.97


def test_queries_given_are_tuned_for() -> None:
    """Queries far from all vectors are found too, and those near them need fewer probes."""
    ids, vectors = library(6000)
    far = unit(np.random.default_rng(3).normal(size=(300, DIM)))
    near = FaissIndex.build(vectors, ids, exact_up_to=1000, queries=vectors[:300])
    both = FaissIndex.build(vectors, ids, exact_up_to=1000, queries=far)
    assert near.nprobe < both.nprobe
    assert both.recall >= 0.99


@pytest.fixture(scope="module")
def many() -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return so many rows that half of them are too many to be searched one by one."""
    return library(24_000)


@pytest.mark.parametrize("kind", KINDS)
def test_a_wide_filter_is_searched_by_faiss(
    many: tuple[NDArray[np.int64], NDArray[np.float32]], kind: Kind
) -> None:
    """Of half of many rows, scattered, come the nearest that are allowed."""
    ids, vectors = many
    allow = np.random.default_rng(1).permutation(ids)[:10_500]
    index = FaissIndex.build(vectors, ids, kind=kind, queries=vectors[::60])
    truth = ExactIndex(ids, vectors).search(vectors[:200], 10, allow=allow)
    found = index.search(vectors[:200], 10, allow=allow)
    assert np.isin(found.ids, allow).all()
    assert right(found.ids, truth.ids) >= (1 if kind == "exact" else 0.99)


def test_more_lists_are_probed_where_those_at_hand_run_dry(
    many: tuple[NDArray[np.int64], NDArray[np.float32]],
) -> None:
    """A filter that leaves nothing near the query, and a large k, are still answered in full."""
    ids, vectors = many
    index = FaissIndex.build(vectors, ids, exact_up_to=1000)
    query = vectors[:1]
    far = ids[np.argsort(vectors @ query[0])[:12_000]]
    near = index.search(query, 11_000, allow=far)
    assert near.ids.shape == (1, 11_000)
    assert np.isin(near.ids, far).all()
    assert len(np.unique(index.search(query, 24_000).ids)) == 24_000


CODED: tuple[Kind, ...] = ("ivf-sq8", "ivf-pq")


@pytest.mark.parametrize("kind", CODED)
def test_near_duplicates_share_a_code(kind: Kind, tmp_path: Path) -> None:
    """Frames of a video need fewer codes than as many unlike ones, and all of them are found."""
    ids, vectors = videos(24_000)
    index = FaissIndex.build(vectors, ids, kind=kind, queries=vectors[::60])
    apart = FaissIndex.build(np.random.default_rng(1).permutation(vectors), ids, kind=kind)
    sizes = []
    for number, built in enumerate((index, apart)):
        built.save(tmp_path / f"{number}.faiss")
        sizes.append((tmp_path / f"{number}.faiss").stat().st_size)
    assert sizes[0] < 0.75 * sizes[1]
    queries = unit(vectors[::80] + 0.05 * np.random.default_rng(2).normal(size=(300, DIM)))
    again = FaissIndex.load(tmp_path / "0.faiss", ids, recall=index.recall)
    found = again.search(queries, 10)
    assert right(found.ids, ExactIndex(ids, vectors).search(queries, 10).ids) >= 0.98
    assert found.ids.tolist() == index.search(queries, 10).ids.tolist()


@pytest.mark.parametrize("kind", CODED)
def test_a_filter_may_allow_a_few_of_a_run(kind: Kind) -> None:
    """Of near-duplicates that share a code, none but those allowed are found."""
    ids, vectors = videos(24_000)
    index = FaissIndex.build(vectors, ids, kind=kind, queries=vectors[::60])
    allow = ids[np.arange(len(ids)) % 2 == 1]
    queries = vectors[::150]
    found = index.search(queries, 10, allow=allow)
    truth = ExactIndex(ids, vectors).search(queries, 10, allow=allow)
    assert np.isin(found.ids, allow).all()
    assert right(found.ids, truth.ids) >= 0.98


def test_rows_that_never_change_are_found() -> None:
    """One picture all video long, then another, is more rows than runs, and none are lost."""
    first, second = rounded(unit(np.random.default_rng(0).normal(size=(2, DIM))))
    vectors = np.concatenate([np.tile(first, (45_000, 1)), np.tile(second, (5000, 1))])
    index = FaissIndex.build(vectors, np.arange(50_000), kind="ivf-pq")
    assert index.search(first[None], 10).ids.tolist() == [list(range(10))]
    assert index.search(second[None], 10).ids.tolist() == [list(range(45_000, 45_010))]


def test_exact_where_nothing_else_reaches_the_target() -> None:
    """A recall that no kind reaches leaves the exact one."""
    vectors = unit(np.random.default_rng(0).normal(size=(700, DIM)))
    index = FaissIndex.build(vectors, np.arange(700), exact_up_to=500, target_recall=1.01)
    assert (index.kind, index.recall, index.nprobe) == ("exact", 1.0, 0)


def test_a_kind_asked_for_is_taken() -> None:
    """The kind is the one asked for, whatever the size; only too few rows for lists are exact."""
    ids, vectors = library(700)
    assert [FaissIndex.build(vectors, ids, kind=kind).kind for kind in KINDS] == list(KINDS)
    assert FaissIndex.build(vectors[:600], ids[:600], kind="ivf-pq").kind == "exact"


def test_lists_without_structure_are_found_too() -> None:
    """Among vectors of no structure, with codes of 2 bits a component, recall is as stated."""
    chance = np.random.default_rng(4)
    vectors = rounded(unit(chance.normal(size=(5000, 64))))
    queries = unit(chance.normal(size=(200, 64)))
    index = FaissIndex.build(vectors, np.arange(5000), exact_up_to=1000)
    truth = ExactIndex(np.arange(5000), vectors).search(queries, 10)
    found = index.search(queries, 10)
    assert index.kind == "ivf-pq"
    assert right(found.ids, truth.ids) >= 0.98


@every_kind
def test_saved_and_loaded_answers_alike(make: Callable[..., FaissIndex], tmp_path: Path) -> None:
    """An index read from its file has the same answers, kind and number of probes."""
    ids, vectors = library(700)
    index = make(ids, vectors)
    index.save(tmp_path / "index.faiss")
    again = FaissIndex.load(tmp_path / "index.faiss", ids, recall=index.recall)
    assert (again.kind, again.nprobe, again.recall) == (index.kind, index.nprobe, index.recall)
    for allow in (None, ids[::2]):
        ours = again.search(vectors, 15, allow=allow)
        theirs = index.search(vectors, 15, allow=allow)
        assert ours.ids.tolist() == theirs.ids.tolist()
        assert ours.scores.tolist() == theirs.scores.tolist()


def _missing(path: Path) -> None:
    path.unlink()


def _torn(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5000])


def _foreign(path: Path) -> None:
    path.write_bytes(b"no index at all" * 100)


@pytest.mark.parametrize("damage", [_missing, _torn, _foreign], ids=["missing", "torn", "foreign"])
@every_kind
def test_a_damaged_file_says_what_to_do(
    make: Callable[..., FaissIndex], damage: Callable[[Path], None], tmp_path: Path
) -> None:
    """A file that is missing, cut short or of another kind raises ServiceUnavailable."""
    ids, vectors = library(700)
    make(ids, vectors).save(tmp_path / "index.faiss")
    damage(tmp_path / "index.faiss")
    with pytest.raises(ServiceUnavailable, match="run `indexer build`"):
        FaissIndex.load(tmp_path / "index.faiss", ids, recall=1.0)


def test_an_index_of_a_former_release_says_so(tmp_path: Path) -> None:
    """Codes for each row, and the rows beside them, are how `ivf-pq` once lay."""
    _, vectors = library(700)
    former = faiss.IndexRefineFlat(
        faiss.index_factory(DIM, "IVF4,Flat", faiss.METRIC_INNER_PRODUCT)
    )
    former.train(vectors)
    former.add(vectors)
    faiss.write_index(former, str(tmp_path / "index.faiss"))
    with pytest.raises(ServiceUnavailable, match=r"older release; run `indexer build`"):
        FaissIndex.load(tmp_path / "index.faiss", np.arange(700), recall=1.0)


def test_a_file_of_another_number_of_rows_is_refused(tmp_path: Path) -> None:
    """Ids and vectors must be of one build."""
    ids, vectors = library(30)
    FaissIndex.build(vectors, ids).save(tmp_path / "index.faiss")
    with pytest.raises(ServiceUnavailable, match="30 vectors for 29 ids"):
        FaissIndex.load(tmp_path / "index.faiss", ids[:29], recall=1.0)


def test_a_folder_that_is_not_there_cannot_be_written(tmp_path: Path) -> None:
    """A failed save raises ServiceUnavailable."""
    with pytest.raises(ServiceUnavailable, match="cannot be written"):
        flat(*library(30)).save(tmp_path / "none" / "index.faiss")


def test_a_gpu_that_is_not_there_is_named() -> None:
    """Asking for a GPU that faiss does not see raises ConfigError and says what helps."""
    index = flat(*library(30))
    with pytest.raises(ConfigError, match="search on the CPU"):
        index.to_gpu(gpus())


def test_a_filter_that_passes_none_of_the_nearest_finds_the_next_ones() -> None:
    """Of 48 000 rows, a filter passes 12 000 past the nearest 8000: their lists are probed too."""
    rng = np.random.default_rng(3)
    rows, dim = 48_000, 16
    centres = rng.normal(size=(300, dim))
    vectors = centres[rng.integers(300, size=rows)] + 0.7 * rng.normal(size=(rows, dim))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    ids = np.arange(rows, dtype=np.int64)
    queries = vectors[0] + 0.05 * rng.normal(size=(32, dim))
    queries = (queries / np.linalg.norm(queries, axis=1, keepdims=True)).astype(np.float32)
    allow = np.sort(np.argsort(-(vectors @ vectors[0]))[8000:20_000])
    truth = ExactIndex(ids, vectors).search(queries, 10, allow=allow)
    found = FaissIndex.build(vectors, ids, kind="ivf-flat").search(queries, 10, allow=allow)
    # Vectors of float16: a score is off by 4.9e-4 at most.
    assert (found.scores >= truth.scores[:, -1:] - 1e-3).mean() >= 0.95


def lists_asked(index: FaissIndex, monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """Return where the lists are noted that each pass of a search with a filter looks through."""
    asked: list[list[int]] = []
    whole = among._assigned

    def assigned(of: Any, query: Any, k: int, lists: Any, *rest: Any) -> Any:
        if of is index._layout.lists:
            asked.append(lists.found.tolist())
        return whole(of, query, k, lists, *rest)

    monkeypatch.setattr(among, "_assigned", assigned)
    return asked


@pytest.mark.parametrize("kind", ["ivf-flat", "ivf-sq8", "ivf-pq"])
def test_half_of_the_rows_take_little_more_than_all(
    kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twice as many lists are looked through only if a nearer one may have something better."""
    rng = np.random.default_rng(8)
    rows, dim = 40_000, 24
    centres = rng.normal(size=(200, dim))
    vectors = centres[np.sort(rng.integers(200, size=rows))] + 0.8 * rng.normal(size=(rows, dim))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    index = FaissIndex.build(vectors, np.arange(rows), kind=kind)
    assert len(index.reach) == 1
    monkeypatch.setattr("clipseek.index.faiss.FEW_ROWS", 0)
    asked = lists_asked(index, monkeypatch)
    allow = np.flatnonzero(rng.random(rows) < 0.5)
    queries = vectors[rng.permutation(rows)[:64]] + 0.1 * rng.normal(size=(64, dim))
    queries = (queries / np.linalg.norm(queries, axis=1, keepdims=True)).astype(np.float32)
    found = index.search(queries, 10, allow=allow)
    truth = ExactIndex(np.arange(rows), vectors).search(queries, 10, allow=allow)
    assert (found.scores >= truth.scores[:, -1:] - 1e-3).mean() >= 0.97
    assert set(found.ids.ravel().tolist()) <= set(allow.tolist())
    for_each = sum(map(len, asked)) / len(queries)
    assert index.nprobe <= for_each < 1.4 * index.nprobe
    asked.clear()
    index.reach = ()  # as of a snapshot that does not say it
    index.search(queries, 10, allow=allow)
    assert sum(map(len, asked)) / len(queries) > 1.7 * index.nprobe


def test_the_tenth_row_and_the_nearest_centre_say_which_lists_follow(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A filter leaves the nearest rows out: those it passes would say that less is to be found."""
    rng = np.random.default_rng(8)
    rows, dim, slope, probes = 6000, 16, 0.2, 10
    vectors = rng.normal(size=(60, dim))[rng.integers(60, size=rows)]
    vectors = vectors + 0.7 * rng.normal(size=(rows, dim))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    index = FaissIndex.build(vectors, np.arange(rows), kind="ivf-flat")
    monkeypatch.setattr("clipseek.index.faiss.FEW_ROWS", 0)
    index.reach = ((0.0, 0.0), (1.0, slope))
    layout = index._layout
    layout.use(probes, 0)
    asked = lists_asked(index, monkeypatch)
    allow = np.sort(np.argsort(-(vectors @ vectors[0]))[200:3200])
    index.search(vectors[:1], 10, allow=allow)

    centres = layout.lists.quantizer.reconstruct_n(0, layout.nlist) @ vectors[0]
    held = layout.lists_of(allow)
    near = sorted(set(held.tolist()), key=lambda number: -centres[number])
    found = np.sort(vectors[allow[np.isin(held, near[:probes])]] @ vectors[0])[::-1]

    def until(score: float, best: float) -> int:
        return int((centres[near] >= score - slope * best).sum())

    least = until(found[9], max(found[9], centres.max()))
    assert (asked[0], asked[1]) == (near[:probes], near[probes:least])
    others = (until(found[0], centres.max()), until(found[9], found[9]), probes, len(near))
    assert least not in others


def test_rows_of_a_filter_are_marked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """An array that cannot be written is known again, one that can may be another by now."""
    ids, vectors = library(2000)
    index = FaissIndex.build(vectors, ids, kind="ivf-flat")
    monkeypatch.setattr("clipseek.index.faiss.FEW_ROWS", 0)
    made: list[int] = []
    of = among.Among.of

    def counted(layout: Any, held: Any, rows: Any) -> among.Among:
        made.append(len(rows))
        return of(layout, held, rows)

    monkeypatch.setattr(among.Among, "of", counted)
    fixed = [np.sort(ids)[start::2] for start in (0, 1)]
    for allow in fixed:
        allow.flags.writeable = False
    for _ in range(3):
        for allow in fixed:
            assert set(index.search(vectors[:2], 5, allow=allow).ids.ravel()) <= set(allow)
    assert len(made) == 2
    changing = np.sort(ids)[::2].copy()
    index.search(vectors[:2], 5, allow=changing)
    changing[:] = np.sort(ids)[1::2]
    assert set(index.search(vectors[:2], 5, allow=changing).ids.ravel()) <= set(fixed[1])


@pytest.mark.parametrize("kind", ["ivf-flat", "ivf-sq8", "ivf-pq"])
def test_lists_without_an_allowed_row_are_not_looked_through(
    kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 12 groups of vectors a filter passes one: its few lists have all that there is to find."""
    rng = np.random.default_rng(4)
    rows, dim = 6000, 16
    groups = np.sort(rng.integers(12, size=rows))
    vectors = 4 * rng.normal(size=(12, dim))[groups] + rng.normal(size=(rows, dim))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    index = FaissIndex.build(vectors, np.arange(rows), kind=kind)
    monkeypatch.setattr("clipseek.index.faiss.FEW_ROWS", 0)
    asked = lists_asked(index, monkeypatch)
    allow = np.flatnonzero(groups == 3)
    found = index.search(vectors[groups == 7][:5], 10, allow=allow)
    with_some = set(index._layout.lists_of(allow).tolist())
    assert len(asked) >= 5
    assert all(set(lists) <= with_some for lists in asked)
    assert len(with_some) < index._layout.nlist / 2
    truth = ExactIndex(np.arange(rows), vectors).search(vectors[groups == 7][:5], 10, allow=allow)
    assert (found.scores >= truth.scores[:, -1:] - 1e-3).mean() >= 0.9
