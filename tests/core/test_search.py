"""The query path over a catalog in memory and a toy model that knows colours."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from clipseek import calibration
from clipseek.errors import (
    CollectionNotFound,
    InvalidQuery,
    NothingIndexed,
    QueryNotRead,
)
from clipseek.model import Model
from clipseek.publishing import FolderStore, build
from clipseek.query import MAX_LIMIT, Query
from clipseek.search import Searcher
from clipseek.testing import TOY_WORDS, MemoryCatalog, ToyEmbedder
from clipseek.types import (
    PICTURE,
    Collection,
    FieldSegments,
    Put,
    Relevance,
    SearchResult,
    Video,
)
from tests.searching import searcher_over

EMBEDDER = ToyEmbedder()
BANK = EMBEDDER.embed_texts(["white", "black", "yellow"])
MODEL = Model("toy", EMBEDDER, 20.0, 0.9, Relevance(1.0, 0.0, fitted=False), BANK)


def _put(
    catalog: MemoryCatalog,
    video_id: str,
    colours: Sequence[str],
    tags: tuple[str, ...] = (),
    *,
    model: Model = MODEL,
    collection: str = "default",
) -> None:
    """Put a video that shows each colour for two seconds."""
    count = len(colours)
    vectors = EMBEDDER.embed_texts(colours)
    starts = 2.0 * np.arange(count, dtype=np.float64)
    video = Video(video_id, f"/{video_id}.mp4", video_id, 2.0 * count, 64, 36, 1, tags=tags)
    picture = FieldSegments(
        spans=np.stack([starts, starts + 2], axis=1),
        vectors=vectors,
        best_times=starts,
        biases=calibration.bias(vectors, model.bank, model.logit_scale),
        thumbnails=[f"{video_id}/{i}.jpg" for i in range(count)],
    )
    catalog.put(collection, Put(video, {PICTURE: picture}))


def videos() -> MemoryCatalog:
    """Two videos: red, blue, green; and blue with a tag."""
    catalog = MemoryCatalog()
    catalog.ensure_collection("default", "toy", EMBEDDER.dim, EMBEDDER.fingerprint)
    _put(catalog, "one", ["red", "blue", "green"])
    _put(catalog, "two", ["blue"], tags=("night",))
    return catalog


@pytest.fixture
def store() -> MemoryCatalog:
    """The two videos."""
    return videos()


@pytest.fixture
def searcher(store: MemoryCatalog, tmp_path: Path) -> Searcher:
    """A searcher over the videos, without a snapshot."""
    return searcher_over(store, tmp_path, lambda _: MODEL)


def _one(searcher: Searcher, query: str, **more: object) -> SearchResult:
    answer = searcher.search([Query.of(query, **more)])[0]  # type: ignore[arg-type]  # fields
    assert isinstance(answer, SearchResult)
    return answer


def test_the_best_moment_comes_first(searcher: Searcher) -> None:
    """Green is in the third shot of the first video."""
    result = _one(searcher, "green")
    best = result.hits[0]
    assert (best.video.id, best.span.start, best.span.end) == ("one", 4.0, 6.0)
    assert best.score == pytest.approx(1, abs=1e-3)
    assert (result.model, result.version) == ("toy", 2)


def test_relevance_tells_present_from_absent(searcher: Searcher) -> None:
    """A colour that is there is relevant; a sentence about nothing known is not."""
    assert _one(searcher, "red").hits[0].relevance > 0.9
    assert _one(searcher, "a submarine").hits[0].relevance < 0.1


def _bias(model: Model) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    """Return what computes a model's biases."""
    return partial(calibration.bias, bank=model.bank, logit_scale=model.logit_scale)


OTHER_BANK = EMBEDDER.embed_texts(["red", "cyan", "magenta"])
OTHERS = {
    "bank": replace(MODEL, bank=OTHER_BANK, bank_hash="other"),
    "logit scale": replace(MODEL, logit_scale=5.0),
    "constants": replace(MODEL, relevance=Relevance(0.5, -3.0, fitted=True)),
}


OTHERWISE_JUDGED = (
    "collection %s uses another bank or other constants than its model toy has now; "
    "`indexer calibrate --collection %s` applies those"
)


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS.keys())
def test_relevance_does_not_depend_on_the_bundle_of_the_machine_that_searches(
    store: MemoryCatalog, tmp_path: Path, caplog: pytest.LogCaptureFixture, other: Model
) -> None:
    """It is judged by what the biases were made by, and the log says what to do, once."""
    store.rescore("default", MODEL.scoring, _bias(MODEL))
    expected = _one(searcher_over(store, tmp_path, lambda _: MODEL), "red").hits
    assert not caplog.messages
    searcher = searcher_over(store, tmp_path, lambda _: other)
    assert _one(searcher, "red").hits == expected
    assert _one(searcher, "red").hits == expected
    assert caplog.messages == [OTHERWISE_JUDGED.replace("%s", "default")]


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS.keys())
def test_a_search_after_rescoring_equals_one_of_a_new_collection(
    store: MemoryCatalog, tmp_path: Path, other: Model
) -> None:
    """An open searcher takes the new biases, scale and constants up together."""
    store.rescore("default", MODEL.scoring, _bias(MODEL))
    searcher = searcher_over(store, tmp_path, lambda _: MODEL)
    before = _one(searcher, "red").hits
    store.rescore("default", other.scoring, _bias(other))
    searcher.collections.refresh()
    after = _one(searcher, "red").hits
    new = MemoryCatalog()
    new.ensure_collection("default", "toy", EMBEDDER.dim, EMBEDDER.fingerprint, other.scoring)
    _put(new, "one", ["red", "blue", "green"], model=other)
    _put(new, "two", ["blue"], tags=("night",), model=other)
    expected = _one(searcher_over(new, tmp_path, lambda _: other), "red").hits
    assert [hit.relevance for hit in after] == pytest.approx([h.relevance for h in expected], 1e-3)
    assert [hit.relevance for hit in after] != [hit.relevance for hit in before]


def test_collections_of_one_model_may_be_judged_differently(
    store: MemoryCatalog, tmp_path: Path
) -> None:
    """Each by its own scale and constants, in one batch; the model is loaded once."""
    store.rescore("default", MODEL.scoring, _bias(MODEL))
    other = replace(OTHERS["logit scale"], relevance=Relevance(0.5, -3.0, fitted=True))
    store.ensure_collection("other", "toy", EMBEDDER.dim, EMBEDDER.fingerprint, other.scoring)
    _put(store, "one", ["red", "blue", "green"], model=other, collection="other")
    loaded = []

    def load(collection: Collection) -> Model:
        loaded.append(collection.name)
        return MODEL

    searcher = searcher_over(store, tmp_path, load)
    queries = [Query.of("red", limit=1, collection=name) for name in ("default", "other")]
    answers = searcher.search(queries)
    found = [answer.hits[0] for answer in answers if isinstance(answer, SearchResult)]
    for hit, model in zip(found, (MODEL, other), strict=True):
        bias = float(_bias(model)(EMBEDDER.embed_texts(["red"]))[0])
        evidence = model.logit_scale * hit.score - bias
        curve = model.relevance
        assert hit.evidence == pytest.approx(evidence, abs=2e-2)
        assert hit.relevance == pytest.approx(
            1 / (1 + np.exp(-curve.scale * evidence - curve.offset)), abs=2e-3
        )
    assert loaded == ["default"]


def test_limit_and_minimum_cut_the_hits(searcher: Searcher) -> None:
    """At most so many, and none below the minimum; no hits is an answer."""
    assert len(_one(searcher, "blue", limit=1).hits) == 1
    assert {hit.video.id for hit in _one(searcher, "blue", min_relevance=0.9).hits} == {
        "one",
        "two",
    }
    assert _one(searcher, "a submarine", min_relevance=0.9).hits == ()


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        pytest.param({"video_ids": ("two",)}, {"two"}, id="video"),
        pytest.param({"tags": ("night",)}, {"two"}, id="tag"),
        pytest.param({"video_ids": ("one",), "tags": ("night",)}, set(), id="both"),
        pytest.param({"video_ids": ()}, set(), id="no video"),
        pytest.param({"video_ids": ("gone",)}, set(), id="unknown video"),
        pytest.param({}, {"one", "two"}, id="none"),
    ],
)
def test_filters(searcher: Searcher, filters: dict[str, object], expected: set[str]) -> None:
    """Only what the filter lets through is found."""
    assert {hit.video.id for hit in _one(searcher, "blue", **filters).hits} == expected


@pytest.fixture
def many(tmp_path: Path) -> MemoryCatalog:
    """More videos than are asked for at once, half of them with a tag, and their snapshot."""
    catalog = MemoryCatalog()
    catalog.ensure_collection("default", "toy", EMBEDDER.dim, EMBEDDER.fingerprint)
    for number in range(600):
        tags = ("all", "half") if number % 2 else ("all",)
        _put(catalog, f"v{number:03d}", ["red"], tags)
    build(catalog, FolderStore(tmp_path), "default")
    return catalog


def _found(searcher: Searcher, *tags: str) -> set[str]:
    return {hit.video.id for hit in _one(searcher, "red", limit=MAX_LIMIT, tags=tags).hits}


def test_videos_with_all_of_some_tags_are_found(many: MemoryCatalog, tmp_path: Path) -> None:
    """As many as are asked for, of those in the snapshot and those that came since."""
    searcher = searcher_over(many, tmp_path, lambda _: MODEL)
    found = _found(searcher, "all", "half")
    assert len(found) == MAX_LIMIT
    assert all(int(name[1:]) % 2 for name in found)
    _put(many, "new", ["red"], ("other", "half"))
    searcher.collections.refresh()
    assert _found(searcher, "half", "other") == {"new"}


def test_tags_follow_their_videos(many: MemoryCatalog, tmp_path: Path) -> None:
    """A video that gets a tag, one that loses it and one that is removed."""
    searcher = searcher_over(many, tmp_path, lambda _: MODEL)
    for number in range(6, 600):
        many.remove("default", f"v{number:03d}")
    searcher.collections.refresh()
    assert _found(searcher, "half") == {"v001", "v003", "v005"}
    _put(many, "v000", ["red"], ("half",))
    _put(many, "v001", ["red"], ("all",))
    many.remove("default", "v003")
    searcher.collections.refresh()
    assert _found(searcher, "half") == {"v000", "v005"}
    assert _found(searcher, "all", "half") == {"v005"}
    assert _found(searcher, "nothing") == set()


def test_an_answer_is_of_one_version_of_tags(many: MemoryCatalog, tmp_path: Path) -> None:
    """A tag that came since the version which an answer names lets nothing through."""
    searcher = searcher_over(many, tmp_path, lambda _: MODEL)
    searcher.collections.open("default")
    _put(many, "v000", ["red"], ("half",))
    _put(many, "v001", ["red"])
    result = _one(searcher, "red", tags=("half",), video_ids=("v000", "v001"))
    assert {hit.video.id for hit in result.hits} == {"v001"}
    assert result.version == 600


def test_hits_of_one_score_are_ordered_by_video_and_time(tmp_path: Path) -> None:
    """Not by when they were indexed, also where there are no others."""
    catalog = MemoryCatalog()
    catalog.ensure_collection("default", "toy", EMBEDDER.dim, EMBEDDER.fingerprint)
    for name in ("b", "c", "a"):
        _put(catalog, name, ["red"])
    result = _one(searcher_over(catalog, tmp_path, lambda _: MODEL), "red")
    assert [hit.video.id for hit in result.hits] == ["a", "b", "c"]


def test_hits_do_not_depend_on_the_limits_of_others(
    store: MemoryCatalog, searcher: Searcher
) -> None:
    """Neighbours that another search of the batch asked for are not looked at."""
    _put(store, "long", ["red"] * 80)
    asked = Query.of("red", limit=2)
    (alone,) = searcher.search([asked])
    beside, _ = searcher.search([asked, Query.of("red", limit=MAX_LIMIT)])
    assert beside == alone


def test_a_batch_equals_its_singles_and_errors_stay_in_place(searcher: Searcher) -> None:
    """One bad request has its own error; the others are answered as if alone."""
    queries = [
        Query.of("red"),
        Query.of(" "),
        Query.of("blue", video_ids=("two",)),
        Query.of("blue", collection="none"),
        Query.of("blue", limit=1),
        Query.of("green"),
    ]
    answers = searcher.search(queries)
    assert [type(answers[i]) for i in (1, 3)] == [InvalidQuery, CollectionNotFound]
    for i in (0, 2, 4, 5):
        assert answers[i] == searcher.search([queries[i]])[0]


@pytest.mark.parametrize("query", [Query.of(" "), Query.of("red", 101)], ids=["empty", "limit"])
def test_a_query_outside_its_limits_is_refused(searcher: Searcher, query: Query) -> None:
    """With the sentence that says what is wrong."""
    answer = searcher.search([query])[0]
    assert isinstance(answer, InvalidQuery)
    assert str(answer) == str(query.problem())


def test_a_query_without_a_word_has_its_error_in_its_place(searcher: Searcher) -> None:
    """The others of the batch are answered."""
    answers = searcher.search([Query.of(query) for query in ("red", "???", "blue")])
    assert [type(answer) for answer in answers] == [SearchResult, QueryNotRead, SearchResult]
    assert "'???'" in str(answers[1])
    assert "toy" in str(answers[1])
    assert answers[2] == searcher.search([Query.of("blue")])[0]


def test_a_query_that_is_too_long_says_where_it_was_cut(searcher: Searcher) -> None:
    """In its own characters, white space and all; one that fits says nothing."""
    words = " red " * TOY_WORDS
    cut = _one(searcher, f"{words} blue")
    assert cut.truncated_at == len(words.rstrip())
    assert _one(searcher, words).truncated_at is None


def test_nothing_indexed_names_the_command(tmp_path: Path) -> None:
    """Whether the collection is missing or empty."""
    catalog = MemoryCatalog()
    searcher = searcher_over(catalog, tmp_path, lambda _: MODEL)
    assert isinstance(searcher.search([Query.of("x")])[0], NothingIndexed)
    catalog.ensure_collection("default", "toy", EMBEDDER.dim, EMBEDDER.fingerprint)
    answer = searcher.search([Query.of("x")])[0]
    assert isinstance(answer, NothingIndexed)
    assert "run `indexer ingest PATH` first" in str(answer)
    catalog.ensure_collection("more", "toy", EMBEDDER.dim, EMBEDDER.fingerprint)
    (answer,) = searcher.search([Query.of("x", collection="more")])
    assert "run `indexer ingest PATH --collection more` first" in str(answer)


def test_refresh_takes_up_what_changed(store: MemoryCatalog, searcher: Searcher) -> None:
    """A new video is found and a removed one is gone, without opening again."""
    _one(searcher, "red")
    _put(store, "three", ["magenta"])
    store.remove("default", "one")
    searcher.collections.refresh()
    assert _one(searcher, "magenta").hits[0].video.id == "three"
    assert {hit.video.id for hit in _one(searcher, "red").hits} == {"two", "three"}
    assert searcher.collections.stats()["default"].version == 4


def test_fitted_constants_change_relevance_alone(store: MemoryCatalog, searcher: Searcher) -> None:
    """The order and the scores stay; the version tells the answers apart."""
    before = _one(searcher, "red")
    store.set_relevance("default", Relevance(0.1, -5.0, fitted=True))
    searcher.collections.refresh()
    after = _one(searcher, "red")
    assert [hit.score for hit in after.hits] == [hit.score for hit in before.hits]
    assert after.hits[0].relevance < before.hits[0].relevance
    assert after.version == before.version + 1


def test_a_model_is_loaded_once(store: MemoryCatalog, tmp_path: Path) -> None:
    """However many searches there are."""
    loaded: list[str] = []

    def load(collection: Collection) -> Model:
        loaded.append(collection.model)
        return MODEL

    searcher = searcher_over(store, tmp_path, load)
    for _ in range(3):
        _one(searcher, "red")
    assert loaded == ["toy"]
