"""What searching in Milvus adds to the contract of an index: doubt, lists, and faults."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from clipseek.errors import ServiceUnavailable
from clipseek.index import ExactIndex, MilvusIndex
from clipseek.index import milvus as module
from clipseek.milvus import Milvus
from tests.contracts.milvus import server, stored
from tests.contracts.test_vector_index import DIM, brute, library, right, unit


class Spied(Milvus):
    """A Milvus that notes what is asked of it."""

    def __init__(self) -> None:
        super().__init__(server().address(), ask_s=60.0)  # as patient as the others
        self.asked: list[tuple[int, int, str, int]] = []

    def search(self, name, queries, limit, *, expression="", parameters=None):  # type: ignore[no-untyped-def]  # that of Milvus
        """Note queries, limit, expression and lists; ask."""
        nprobe = (parameters or {}).get("nprobe", 0)
        self.asked.append((len(queries), limit, expression, nprobe))
        return super().search(name, queries, limit, expression=expression, parameters=parameters)


@settings(max_examples=20)
@given(
    count=st.integers(1, 60),
    k=st.integers(1, 70),
    seed=st.integers(0, 1000),
    share=st.none() | st.floats(0, 1),
)
def test_agrees_with_exact_search(count: int, k: int, seed: int, share: float | None) -> None:
    """Ids, scores and their order are those of the exact index, filtered or not."""
    ids, vectors = library(count, seed)
    chance = np.random.default_rng(seed)
    allow = None if share is None else ids[chance.random(count) < share]
    queries = np.concatenate([vectors[:2], unit(chance.normal(size=(2, DIM)))])
    ours = stored(ids, vectors).search(queries, k, allow=allow)
    theirs = ExactIndex(ids, vectors).search(queries, k, allow=allow)
    assert ours.ids.tolist() == theirs.ids.tolist()
    assert ours.scores.tolist() == theirs.scores.tolist()


def test_vectors_that_hardly_differ_are_told_apart() -> None:
    """Of vectors that differ by less than Milvus's scores are exact to, the best come first."""
    chance = np.random.default_rng(2)
    vectors = unit(chance.normal(size=DIM) + 3e-7 * chance.normal(size=(600, DIM)))
    ids = np.arange(600)
    near = stored(ids, vectors).search(vectors[:1], 5)
    assert near.ids.tolist() == [[i for _, i in brute(ids, vectors, vectors[0])[:5]]]


@pytest.fixture
def rows() -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return a library of 700 segments."""
    return library(700)


@pytest.mark.parametrize("k", [80, 100, 250, 700])
@pytest.mark.parametrize("allowed", [700, 350])
def test_more_than_milvus_returns_at_once_is_asked_for_in_parts(
    rows: tuple[NDArray[np.int64], NDArray[np.float32]],
    monkeypatch: pytest.MonkeyPatch,
    k: int,
    allowed: int,
) -> None:
    """With a Milvus that finds 100 neighbours at most, k may be more, and all are right."""
    monkeypatch.setattr(module, "MOST", 100)
    ids, vectors = rows
    spied = Spied()
    index = stored(ids, vectors, milvus=spied)
    allow = ids[:allowed] if allowed < 700 else None
    near = index.search(vectors[:2], k, allow=allow)
    truth = ExactIndex(ids, vectors).search(vectors[:2], k, allow=allow)
    assert near.ids.tolist() == truth.ids.tolist()
    assert max(limit for _, limit, _, _ in spied.asked) <= 100


def test_more_ties_than_milvus_returns_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 300 equal vectors the lowest ids come first, though Milvus returns any 100 of them."""
    monkeypatch.setattr(module, "MOST", 100)
    vectors = np.tile(library(1)[1], (300, 1))
    near = stored(np.arange(300), vectors).search(vectors[:1], 5)
    assert near.ids.tolist() == [[0, 1, 2, 3, 4]]


def test_a_filter_is_evaluated_in_milvus(
    rows: tuple[NDArray[np.int64], NDArray[np.float32]],
) -> None:
    """Whole videos are named by their places, others by ids, and none is sent to be left out."""
    ids, vectors = rows
    spied = Spied()
    index = stored(ids, vectors, milvus=spied)
    index.search(vectors[:1], 3, allow=ids[3:9])
    index.search(vectors[:1], 3, allow=np.append(ids[:3], ids[600]))
    index.search(vectors[:1], 3, allow=ids[3:])
    assert [(limit, expression) for _, limit, expression, _ in spied.asked] == [
        (6, "video in [1, 2]"),
        (3, "video in [0]"),
        (1, f"id in [{ids[600]}]"),
        (35, "video not in [0]"),
    ]


def test_lists_are_searched_until_enough_is_found(
    rows: tuple[NDArray[np.int64], NDArray[np.float32]],
) -> None:
    """One list of 128 is enough for some queries; others get more, and a batch changes nothing."""
    ids, vectors = rows
    spied = Spied()
    index = stored(ids, vectors, kind="ivf-flat", nprobe=1, milvus=spied)
    near = index.search(vectors[:20], 10)
    assert near.ids.shape == (20, 10)
    assert {nprobe for *_, nprobe in spied.asked} >= {1, 2}
    assert any(queries < 20 for queries, *_ in spied.asked)
    for row in range(20):
        alone = index.search(vectors[row : row + 1], 10)
        assert alone.ids[0].tolist() == near.ids[row].tolist()
    assert index.recall == 0.9


def test_lists_are_all_searched_for_exact_answers_and_for_few_rows(
    rows: tuple[NDArray[np.int64], NDArray[np.float32]],
) -> None:
    """`exact` leaves no list out, and neither does a filter that leaves few rows."""
    ids, vectors = rows
    index = stored(ids, vectors, kind="ivf-flat", nprobe=1)
    truth = ExactIndex(ids, vectors)
    for k, allow in [(10, None), (700, None), (10, ids[::2]), (10, ids[:0]), (900, ids[::3])]:
        expected = truth.search(vectors[:3], k, allow=allow).ids.tolist()
        assert index.truth(vectors[:3], k, allow=allow).ids.tolist() == expected
        if allow is not None:
            assert index.search(vectors[:3], k, allow=allow).ids.tolist() == expected


def test_the_truth_of_many_rows_is_what_more_lists_find(
    rows: tuple[NDArray[np.int64], NDArray[np.float32]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Eight times as many as a search looks through, and never more than there are."""
    ids, vectors = rows
    index = stored(ids, vectors, kind="ivf-flat")
    index._milvus = spied = Spied()
    monkeypatch.setattr(module, "TRUE_UP_TO", len(ids) - 1)
    every = index._lists
    for index.nprobe in (2, every):
        index.truth(vectors[:1], 10)
    assert spied.asked[0][-1] == 16
    assert spied.asked[-1][-1] == every


def test_more_lists_find_more(rows: tuple[NDArray[np.int64], NDArray[np.float32]]) -> None:
    """The number of lists is what decides the recall."""
    ids, vectors = rows
    queries = unit(np.random.default_rng(3).normal(size=(60, DIM)))
    truth = ExactIndex(ids, vectors).search(queries, 10).ids
    found = []
    index = stored(ids, vectors, kind="ivf-flat")
    for index.nprobe in (4, 32, 128):
        found.append(right(index.search(queries, 10).ids, truth))
    assert found[0] < found[1] < found[2] == 1.0


def test_a_released_collection_is_loaded_again(
    rows: tuple[NDArray[np.int64], NDArray[np.float32]],
) -> None:
    """A Milvus Lite that was started again has loaded nothing."""
    index = stored(*rows)
    before = index.search(rows[1][:1], 5).ids.tolist()
    released(index)
    assert index.search(rows[1][:1], 5).ids.tolist() == before
    released(index)
    assert index.vectors_of(rows[0][:2]).tolist() == rows[1][:2].tolist()


def released(index: MilvusIndex) -> None:
    """Let Milvus forget that a collection is searched."""
    client(index).release_collection(index.name)


def client(index: MilvusIndex):  # type: ignore[no-untyped-def]  # pymilvus has no types
    """Return the client that an index asks."""
    return index._milvus._open()


def test_rows_that_are_missing_are_an_error(
    rows: tuple[NDArray[np.int64], NDArray[np.float32]],
) -> None:
    """A collection that somebody took segments from is damaged; no answer is half an answer."""
    ids, vectors = rows
    index = stored(ids, vectors)
    client(index).delete(index.name, ids=[int(ids[4])])
    with pytest.raises(ServiceUnavailable, match=r"699 of 700 segments; run `indexer build`"):
        index.search(vectors[:1], 700)
    with pytest.raises(ServiceUnavailable, match="0 of 1 segments"):
        index.vectors_of(ids[4:5])


def test_rows_that_do_not_belong_there_are_an_error(
    rows: tuple[NDArray[np.int64], NDArray[np.float32]],
) -> None:
    """A segment that was added by somebody else is not an answer."""
    ids, vectors = rows
    index = stored(ids, vectors)
    row = {"id": 10**9, "video": 0, "vector": vectors[0]}
    client(index).insert(index.name, [row])
    with pytest.raises(ServiceUnavailable, match="is damaged"):
        index.search(vectors[:1], 5)
