"""Searches and the tags on spans that rules gave: hits name them, and filters let them through."""

from pathlib import Path

import pytest

from clipseek.curating import SegmentTag, Tagging, tag_id
from clipseek.decisions import Decision
from clipseek.errors import ClipseekError
from clipseek.filters import Filters
from clipseek.library.view import View
from clipseek.marks import Mark
from clipseek.parts import Part, Text
from clipseek.query import Query, Step
from clipseek.rules import Rule
from clipseek.search import Searcher
from clipseek.testing import MemoryCatalog, MemoryCurating
from clipseek.testing.indexes import MemoryStore
from clipseek.timed import Cue, Span, TimedText
from clipseek.types import SearchResult
from tests.core.test_search import MODEL, videos
from tests.searching import searcher_over

RULE = Rule("sea", ("blue",), threshold=0.5)
SPAN = 2.0, 4.0
ONLY = Filters(segment_tags=("sea",))


@pytest.fixture
def catalog() -> MemoryCatalog:
    """Two videos: red, blue, green, with a sentence about guitars before the green; and blue."""
    catalog = videos()
    cues = Cue(0.2, 1.0, "Zebras run", "en"), Cue(2.5, 3.5, "Zebras sleep", "en")
    catalog.put_text("default", "one", TimedText("subtitle", "1", cues))
    return catalog


@pytest.fixture
def store(catalog: MemoryCatalog) -> MemoryCurating:
    """The blue of the first video is tagged as sea."""
    store = MemoryCurating(catalog)
    store.put_rules("default", [RULE], "ann")
    its_id = tag_id("one", "sea", *SPAN)
    tag = SegmentTag(its_id, "one", *SPAN, "sea", RULE.version, 0.9)
    store.apply("default", [Tagging("one", "sea", RULE.version, "stamp", [tag])])
    return store


@pytest.fixture
def searcher(catalog: MemoryCatalog, store: MemoryCurating, tmp_path: Path) -> Searcher:
    """A searcher over the videos and the tags."""
    return searcher_over(catalog, tmp_path, lambda _: MODEL)


def found(searcher: Searcher, *parts: str, **more: object) -> SearchResult:
    """Return the answer to some sentences; raise the error if there is one."""
    asked: list[Part] = [Text(part) for part in parts]
    (answer,) = searcher.search([Query.of(asked, **more)])  # type: ignore[arg-type]  # fields
    if isinstance(answer, ClipseekError):
        raise answer
    return answer


def where(result: SearchResult) -> set[tuple[str, float, float]]:
    """Return the spans of the hits."""
    return {(hit.video.id, hit.span.start, hit.span.end) for hit in result.hits}


def decide(store: MemoryCurating, verdict: str) -> None:
    """Decide on the tag."""
    its_id = tag_id("one", "sea", *SPAN)
    said = Decision(its_id, "one", *SPAN, "sea", verdict, "ann", RULE.version, 0.9)  # type: ignore[arg-type]  # a word
    store.decide("default", said)


def test_hits_name_the_tags_that_overlap_them(searcher: Searcher) -> None:
    """Not those of another moment of the video, nor of another video."""
    hits = found(searcher, "blue", fields=["picture"]).hits
    mark = Mark("sea", Span(*SPAN), 0.9, "proposed")

    named = {(hit.video.id, hit.span.start): hit.tags for hit in hits}
    assert named.pop(("one", 2.0)) == (mark,)
    assert len(named) > 1
    assert set(named.values()) == {()}


@pytest.mark.parametrize(
    ("parts", "fields"),
    [
        pytest.param(["blue"], ["picture"], id="pictures"),
        pytest.param(["zebras"], ["picture", "subtitle"], id="pictures and words"),
        pytest.param(["zebras"], ["subtitle"], id="words"),
        pytest.param(["blue", "zebras"], ["picture", "subtitle"], id="parts"),
        pytest.param(["red"], ["picture"], id="what is elsewhere"),
    ],
)
def test_only_moments_that_overlap_a_tag_pass(
    searcher: Searcher, parts: list[str], fields: list[str]
) -> None:
    """Without the filter there are others, of the same video too."""
    every = where(found(searcher, *parts, fields=fields))
    some = where(found(searcher, *parts, fields=fields, filters=ONLY))

    assert some
    assert all(video == "one" and start < 4 and end > 2 for video, start, end in some)
    assert any(video == "one" and not (start < 4 and end > 2) for video, start, end in every)


def test_each_step_overlaps_a_tag(searcher: Searcher) -> None:
    """What is beside the moment of another step is not looked at if it does not pass."""
    then = [Step((Text("green"),), 10.0)]
    assert found(searcher, "blue", then=then, fields=["picture"]).hits
    assert not found(searcher, "blue", then=then, fields=["picture"], filters=ONLY).hits


def test_a_change_of_tags_is_followed(
    searcher: Searcher, catalog: MemoryCatalog, store: MemoryCurating
) -> None:
    """By a view that is there already, whose version and so whose answers are then others."""
    indexes = MemoryStore()
    view = View.open(catalog, indexes, "default")
    other = View.open(catalog, indexes, "default")

    decide(store, "accept")
    later = view.refresh(catalog, indexes)
    assert later.version > view.version
    assert [mark.state for mark in later.fields.marks.videos["one"]] == ["accepted"]

    decide(store, "reject")
    last = later.refresh(catalog, indexes)
    assert last.fields.marks == View.open(catalog, indexes, "default").fields.marks
    assert not last.passing(ONLY)

    store.remove_rule("default", "sea")
    assert other.refresh(catalog, indexes).fields.marks.videos == {}


def test_answers_with_other_tags_have_other_keys() -> None:
    """The order of tags makes no difference."""
    asked = [Query.of("blue", filters=Filters(segment_tags=tags)) for tags in TAGS]
    keys = [query.key(1, "f") for query in asked]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3


TAGS = ("a", "b"), ("b", "a"), ("a",), None
