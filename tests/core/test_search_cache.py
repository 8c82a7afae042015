"""Sentences are embedded once: what the searcher asks of the model and of the cache."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from clipseek import calibration
from clipseek.cache import LocalCache, NoCache, TextVectors, TieredCache
from clipseek.cache.text import vector_key
from clipseek.model import Model
from clipseek.protocols import Cache
from clipseek.query import Query
from clipseek.search import Searcher
from clipseek.testing import TOY_WORDS, DictCache, MemoryCatalog, ToyEmbedder
from clipseek.types import (
    PICTURE,
    FieldSegments,
    Put,
    Relevance,
    SearchResult,
    Video,
)
from tests import searching
from tests.caching import put
from tests.clock import Clock

HOUR_S = 3600.0


class NotingEmbedder(ToyEmbedder):
    """Notes each batch of sentences that it is given."""

    def __init__(self, fingerprint: str = ToyEmbedder.fingerprint) -> None:
        self.fingerprint = fingerprint
        self.batches: list[list[str]] = []

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed as the toy does."""
        self.batches.append(list(texts))
        return super().embed_texts(texts)


@pytest.fixture
def embedder() -> NotingEmbedder:
    """Return an embedder that was asked nothing yet."""
    return NotingEmbedder()


@pytest.fixture
def store() -> MemoryCatalog:
    """A video that shows red, then blue."""
    vectors = ToyEmbedder().embed_texts(["red", "blue"])
    catalog = MemoryCatalog()
    catalog.ensure_collection("default", "toy", ToyEmbedder.dim, ToyEmbedder.fingerprint)
    picture = FieldSegments(
        spans=np.array([[0.0, 2.0], [2.0, 4.0]]),
        vectors=vectors,
        best_times=np.array([0.0, 2.0]),
        biases=calibration.bias(vectors, vectors, 20.0),
        thumbnails=["0.jpg", "1.jpg"],
    )
    video = Video("one", "/one.mp4", "one", 4.0, 64, 36, 1)
    catalog.put("default", Put(video, {PICTURE: picture}))
    return catalog


def searcher_over(
    store: MemoryCatalog, embedder: NotingEmbedder, root: Path, cache: Cache | None
) -> Searcher:
    """Make a searcher without a snapshot."""
    bank = ToyEmbedder().embed_texts(["white"])
    model = Model("toy", embedder, 20.0, 0.9, Relevance(1.0, 0.0, fitted=False), bank)
    return searching.searcher_over(store, root, lambda _: model, cache=cache, cache_ttl_s=HOUR_S)


@pytest.mark.parametrize(
    "cache", [DictCache, partial(LocalCache, 10, 10_000)], ids=["dict", "local"]
)
def test_a_query_is_embedded_once(
    store: MemoryCatalog, embedder: NotingEmbedder, tmp_path: Path, cache: Callable[[], Cache]
) -> None:
    """However often it is asked, whatever else is asked for; the answers are equal."""
    searcher = searcher_over(store, embedder, tmp_path, cache())
    first = searcher.search([Query.of("red")])
    assert searcher.search([Query.of("red")]) == first
    searcher.search([Query.of("red", limit=1)])
    assert embedder.batches == [["red"]]


@pytest.mark.parametrize("cache", [None, NoCache()], ids=["default", "no cache"])
def test_without_a_cache_it_is_embedded_each_time(
    store: MemoryCatalog, embedder: NotingEmbedder, tmp_path: Path, cache: Cache | None
) -> None:
    """A searcher needs none."""
    searcher = searcher_over(store, embedder, tmp_path, cache)
    first = searcher.search([Query.of("red")])
    assert searcher.search([Query.of("red")]) == first
    assert embedder.batches == [["red"], ["red"]]


def test_the_rest_of_a_batch_is_one_batch(
    store: MemoryCatalog, embedder: NotingEmbedder, tmp_path: Path
) -> None:
    """A known query is left out, a repeated one is sent once; each has its own answer."""
    searcher = searcher_over(store, embedder, tmp_path, DictCache())
    searcher.search([Query.of("red")])
    asked = ["blue", "red", "green", "blue"]
    answers = searcher.search([Query.of(query) for query in asked])
    assert embedder.batches == [["red"], ["blue", "green"]]
    plain = searcher_over(store, NotingEmbedder(), tmp_path, None)
    assert answers == plain.search([Query.of(query) for query in asked])


def test_replicas_and_changes_share_a_vector(
    store: MemoryCatalog, embedder: NotingEmbedder, tmp_path: Path
) -> None:
    """It depends on no version, and a second process finds what the first has embedded."""
    shared = DictCache()
    one, other = (
        searcher_over(store, embedder, tmp_path, TieredCache(LocalCache(10, 10_000), shared))
        for _ in range(2)
    )
    one.search([Query.of("red")])
    store.set_relevance("default", Relevance(0.5, 0.0, fitted=True))
    one.collections.refresh()
    for searcher in (one, other):
        answer = searcher.search([Query.of("red")])[0]
        assert isinstance(answer, SearchResult)
        assert answer.version == 2
    assert embedder.batches == [["red"]]


def test_the_query_comes_back_as_it_was_asked(
    store: MemoryCatalog, embedder: NotingEmbedder, tmp_path: Path
) -> None:
    """The model sees it without needless white space, the answer has it."""
    searcher = searcher_over(store, embedder, tmp_path, DictCache())
    answers = searcher.search([Query.of("  red \n car "), Query.of("red car")])
    assert [a.query for a in answers if isinstance(a, SearchResult)] == ["  red \n car ", "red car"]
    assert embedder.batches == [["red car"]]


class GoneCache(DictCache):
    """A cache that cannot be reached: as the protocol says, it misses and does not raise."""

    def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        """Return nothing."""
        return [None] * len(keys)

    def put_many(self, entries: Mapping[str, bytes], ttl_s: float) -> None:
        """Store nothing."""


def test_an_outage_of_the_cache_changes_no_answer(
    store: MemoryCatalog, embedder: NotingEmbedder, tmp_path: Path
) -> None:
    """The model is asked, every time."""
    queries = [Query.of("red"), Query.of("blue"), Query.of("red")]
    without = searcher_over(store, embedder, tmp_path, GoneCache())
    with_it = searcher_over(store, NotingEmbedder(), tmp_path, DictCache())
    for _ in range(2):
        assert without.search(queries) == with_it.search(queries)
    assert embedder.batches == [["red", "blue"], ["red", "blue"]]


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(b"", id="empty"),
        pytest.param(bytes(4 * ToyEmbedder.dim), id="no end"),
        pytest.param(bytes(4 * ToyEmbedder.dim) + b"\x04\0\0\0", id="end past the sentence"),
        pytest.param(bytes(4 * ToyEmbedder.dim + 8), id="long"),
        pytest.param(b"\x00", id="short"),
    ],
)
def test_what_is_no_vector_of_this_model_is_embedded(
    embedder: NotingEmbedder, value: bytes
) -> None:
    """And replaced."""
    cache = DictCache()
    put(cache, vector_key(embedder.fingerprint, "red"), value, HOUR_S)
    vectors = TextVectors(cache, HOUR_S)
    for _ in range(2):
        found = vectors.embed(embedder, ["red"])
        assert np.array_equal(found.vectors, ToyEmbedder().embed_texts(["red"]))
        assert found.ends == [None]
    assert embedder.batches == [["red"]]


def test_what_was_read_is_remembered(embedder: NotingEmbedder) -> None:
    """All of a sentence, a part of it, or nothing: the same from the cache."""
    vectors = TextVectors(DictCache(), HOUR_S)
    texts = ["red  boat", "red " * TOY_WORDS + "blue", "?!"]
    for _ in range(2):
        assert vectors.embed(embedder, texts).ends == [None, 4 * TOY_WORDS - 1, 0]
    assert len(embedder.batches) == 1


def test_models_do_not_share_vectors(embedder: NotingEmbedder) -> None:
    """The same sentence, another fingerprint."""
    other = NotingEmbedder("toy-2")
    vectors = TextVectors(DictCache(), HOUR_S)
    vectors.embed(embedder, ["red"])
    vectors.embed(other, ["red"])
    assert other.batches == [["red"]]


def test_vectors_end_after_their_time(embedder: NotingEmbedder) -> None:
    """The one that the settings say."""
    clock = Clock()
    vectors = TextVectors(DictCache(clock=clock), 10.0)
    for clock.now in (0.0, 9.0, 10.0):
        vectors.embed(embedder, ["red"])
    assert embedder.batches == [["red"], ["red"]]


def test_cached_vectors_are_bit_for_bit_those_embedded(embedder: NotingEmbedder) -> None:
    """So that an answer does not tell where its vector came from; they can be written to."""
    vectors = TextVectors(DictCache(), HOUR_S)
    texts = ["red", "a blue boat", "a submarine"]
    first, again = (vectors.embed(embedder, texts).vectors for _ in range(2))
    assert first.tobytes() == again.tobytes() == ToyEmbedder().embed_texts(texts).tobytes()
    assert again.dtype == np.float32
    assert again.flags.writeable


def test_no_sentences_give_no_vectors(embedder: NotingEmbedder) -> None:
    """An empty batch has the shape of the model, and asks nothing of it."""
    assert TextVectors(DictCache(), HOUR_S).embed(embedder, []).vectors.shape == (0, embedder.dim)
    assert embedder.batches == []


def test_an_error_of_the_model_is_not_remembered(embedder: NotingEmbedder) -> None:
    """The next search asks it again."""

    class Failing(NotingEmbedder):
        def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
            if not self.batches:
                self.batches.append([])
                raise MemoryError
            return super().embed_texts(texts)

    failing = Failing()
    vectors = TextVectors(DictCache(), HOUR_S)
    with pytest.raises(MemoryError):
        vectors.embed(failing, ["red"])
    assert np.array_equal(vectors.embed(failing, ["red"]).vectors, embedder.embed_texts(["red"]))
