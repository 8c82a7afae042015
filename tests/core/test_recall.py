"""Live recall: searches of an index that is bad on purpose, compared with every segment."""

import threading
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry, generate_latest

from clipseek import publishing
from clipseek.index import FaissIndex
from clipseek.index.faiss import TRUE_UP_TO, TRUTH
from clipseek.library.collections import CollectionStats
from clipseek.library.view import View
from clipseek.metrics import Metrics
from clipseek.publishing import FolderStore
from clipseek.recall import WAITING, K, RecallSampler, judged
from clipseek.testing import MemoryCatalog
from clipseek.types import PICTURE, FieldSegments, Put, Video

DIM, VIDEOS, PER_VIDEO, QUERIES = 16, 6, 500, 30


def _unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    unit: NDArray[np.float32] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit


def _put(catalog: MemoryCatalog, name: str, count: int) -> None:
    vectors = _unit(
        np.random.default_rng(len(name) + ord(name[-1])).standard_normal((count, DIM), np.float32)
    )
    edges = np.arange(count + 1, dtype=np.float64)
    picture = FieldSegments(
        spans=np.stack([edges[:-1], edges[1:]], axis=1),
        vectors=vectors,
        best_times=edges[:-1],
        biases=np.zeros(count, np.float32),
        thumbnails=["none.jpg"] * count,
    )
    video = Video(name, f"/{name}.mp4", name, float(count), 64, 48, 1)
    catalog.put("default", Put(video, {PICTURE: picture}))


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory) -> View:
    """Return a view of a snapshot that looks into one list only, and of a delta beside it."""
    catalog, root = MemoryCatalog(), tmp_path_factory.mktemp("snapshots")
    catalog.ensure_collection("default", "toy", DIM, "print")
    for number in range(VIDEOS):
        _put(catalog, f"video-{number}", PER_VIDEO)
    publishing.build(catalog, FolderStore(root), "default", kind="ivf-flat")
    _put(catalog, "late", 40)
    catalog.remove("default", "video-0")
    view = View.open(catalog, FolderStore(root), "default")
    index = view._base.index
    assert isinstance(index, FaissIndex)
    index._layout.use(1, 0)
    return view


@pytest.fixture(scope="module")
def queries() -> NDArray[np.float32]:
    """Return queries that lie anywhere."""
    return _unit(np.random.default_rng(7).standard_normal((QUERIES, DIM), np.float32))


def _everything(view: View) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the ids and the vectors of all live segments, read back from the parts."""
    parts = (view._base, *view._delta)
    ids = np.concatenate([np.setdiff1d(part.table.ids, part.dead) for part in parts])
    base = view._base.index
    assert isinstance(base, FaissIndex)
    alive = np.flatnonzero(~np.isin(view._base.table.ids, view._base.dead))
    vectors = [base._layout.vectors(alive), *(part.index.vectors for part in view._delta)]
    return ids, np.concatenate(vectors)


def test_the_truth_is_the_true_neighbours(bad: View, queries: NDArray[np.float32]) -> None:
    """By comparing with every live segment, whatever the index is."""
    ids, vectors = _everything(bad)
    for query in queries:
        best = ids[np.argsort(-(vectors.astype(np.float64) @ query), kind="stable")[:K]]
        assert set(bad.truth(query[None], K).ids[0]) == set(best)


def test_the_manual_says_what_large_indexes_are_judged_by() -> None:
    """By the numbers that are used."""
    page = Path(__file__).parents[2].joinpath("api", "README.md").read_text("utf-8")
    assert TRUTH == 8
    assert f"more than {TRUE_UP_TO:,} segments with a search of eight times the effort" in page


def test_what_was_not_found_lowers_the_recall(bad: View, queries: NDArray[np.float32]) -> None:
    """It is the share of the true ten that were served."""
    assert not bad.is_exact
    for query in queries:
        near = bad.search(query[None], 64)
        truth = bad.truth(query[None], K).ids[0]
        share = len(set(near.ids[0, :K]) & set(truth)) / K
        assert judged(bad, query[None], near.scores[0, :K]) == share


def test_a_share_of_the_searches_is_shown(bad: View, queries: NDArray[np.float32]) -> None:
    """As a mean and a number, judged in a thread of its own."""
    done = threading.Semaphore(0)
    stats = {"default": CollectionStats(1, len(bad), 1, 0, is_exact=bad.is_exact)}
    metrics = Metrics(CollectorRegistry(), lambda: stats)

    def report(collection: str, recall: float) -> None:
        metrics.recall(collection, recall)
        done.release()

    sampler = RecallSampler(1.0, report)
    sampler.start()
    expected = []
    for query in queries:
        near = bad.search(query[None], 64)
        sampler.offer(bad, query[None], near)
        assert done.acquire(timeout=20)
        expected.append(judged(bad, query[None], near.scores[0, :K]))
    sampler.close()
    shown = generate_latest(metrics.registry).decode()
    assert 0 < np.mean(expected) < 0.95
    assert f'clipseek_recall_samples_total{{collection="default"}} {float(QUERIES)}' in shown
    (line,) = [one for one in shown.splitlines() if one.startswith("clipseek_recall_at_10{")]
    assert float(line.split()[1]) == pytest.approx(np.mean(expected))


def test_an_exact_index_is_not_judged(tmp_path: Path, queries: NDArray[np.float32]) -> None:
    """Its recall is 1 by construction, and shown as that."""
    catalog = MemoryCatalog()
    catalog.ensure_collection("default", "toy", DIM, "print")
    _put(catalog, "video-1", 40)
    view = View.open(catalog, FolderStore(tmp_path), "default")
    sampler = RecallSampler(1.0, lambda _name, _recall: pytest.fail("it was judged"))
    sampler.start()
    sampler.offer(view, queries, view.search(queries, K))
    assert sampler._waiting.empty()
    sampler.close()
    stats = {"default": CollectionStats(1, 40, None, 40, is_exact=view.is_exact)}
    shown = generate_latest(Metrics(CollectorRegistry(), lambda: stats).registry).decode()
    assert 'clipseek_recall_at_10{collection="default"} 1.0' in shown


def test_a_search_that_cannot_be_judged_is_not_the_last(
    bad: View, queries: NDArray[np.float32], caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever the error is: the next one is judged, and the log has the traceback."""
    done = threading.Semaphore(0)
    ends = iter([ZeroDivisionError("not ours")])

    def report(_collection: str, _recall: float) -> None:
        done.release()
        for error in ends:
            raise error

    sampler = RecallSampler(1.0, report)
    sampler.start()
    sampler.offer(bad, queries[:2], bad.search(queries[:2], K))
    for _ in range(2):
        assert done.acquire(timeout=20)
    sampler.close()
    assert "ZeroDivisionError: not ours" in caplog.text


def test_no_search_waits_for_the_judge(bad: View, queries: NDArray[np.float32]) -> None:
    """What is more than it keeps up with is left out."""
    held, begun = threading.Event(), threading.Event()

    def report(_collection: str, _recall: float) -> None:
        begun.set()
        assert held.wait(20)

    sampler = RecallSampler(1.0, report)
    sampler.start()
    for _ in range(4):
        sampler.offer(bad, queries, bad.search(queries, K))
        assert begun.wait(20)
    assert sampler._waiting.qsize() == WAITING
    held.set()
    sampler.close()


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5])
def test_the_share_is_kept(share: float, bad: View, queries: NDArray[np.float32]) -> None:
    """Those searches are judged whose number, drawn evenly from [0, 1), is below the share."""
    taken: list[float] = []
    done = threading.Semaphore(0)

    def report(_collection: str, recall: float) -> None:
        taken.append(recall)
        done.release()

    drawn = iter(np.arange(QUERIES) / QUERIES)
    sampler = RecallSampler(share, report, lambda: float(next(drawn)))
    sampler.start()
    near = bad.search(queries, K)
    sampler.offer(bad, queries, near)
    some = int(np.ceil(share * QUERIES))
    for _ in range(some):
        assert done.acquire(timeout=20)
    assert sampler._waiting.empty()
    sampler.close()
    pairs = zip(queries[:some], near.scores, strict=False)
    assert taken == [judged(bad, query[None], scores) for query, scores in pairs]
