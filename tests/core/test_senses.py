"""Searches for what is said in other words, by a sentence model."""

from pathlib import Path

import pytest

from clipseek.cursor import Cursor
from clipseek.errors import VersionGone
from clipseek.ingest.meanings import MeaningReader
from clipseek.parts import Text
from clipseek.query import Query
from clipseek.search import Searcher
from clipseek.testing import DictCache, MemoryCatalog, ToySentences
from clipseek.timed import Cue, TimedText
from clipseek.types import Change, SearchResult, Span
from tests.core.test_search import MODEL, videos
from tests.searching import searcher_over

SAID = TimedText(
    "subtitle",
    "1",
    (Cue(0.5, 1.5, "Hello again", "en"), Cue(2.5, 3.5, "The vehicle is speeding", "en")),
)
SPOKEN = TimedText("speech", "1", (Cue(4.5, 5.5, "A kitten is napping", "en"),))


@pytest.fixture
def catalog() -> MemoryCatalog:
    """Two videos, of which one has subtitles and speech; nothing has read them."""
    catalog = videos()
    catalog.put_text("default", "one", SAID)
    catalog.put_text("default", "one", SPOKEN)
    return catalog


def read(catalog: MemoryCatalog, model: ToySentences) -> list[TimedText]:
    """Let a model read what it has not read yet, and return that."""
    return list(MeaningReader(catalog, model).read("default"))


def searcher_with(catalog: MemoryCatalog, root: Path, model: ToySentences | None) -> Searcher:
    """Return a searcher that has the sentence model."""
    return searcher_over(catalog, root, lambda _: MODEL, sentences=model)


def found(searcher: Searcher, query: str, **more: object) -> SearchResult:
    """Return the answer to a query."""
    (answer,) = searcher.search([Query.of(query, **more)])  # type: ignore[arg-type]  # fields
    assert isinstance(answer, SearchResult)
    return answer


def test_a_passage_is_found_by_what_it_means(catalog: MemoryCatalog, tmp_path: Path) -> None:
    """It has no word of the query; without the model, or before it has read, it is not found."""
    model, query = ToySentences(), "a car that goes fast"
    before = searcher_with(catalog, tmp_path, model)
    assert found(before, query, fields=["subtitle"]).hits == ()
    read(catalog, model)
    searcher = searcher_with(catalog, tmp_path, model)
    hit = found(searcher, query).hits[0]
    assert (hit.video.id, hit.span) == ("one", Span(2.5, 3.5))
    said = hit.fields[-1]
    assert (said.field, said.text, said.highlights) == ("subtitle", "The vehicle is speeding", ())
    assert said.relevance == hit.relevance > 0.99
    assert found(searcher_with(catalog, tmp_path, None), query, fields=["subtitle"]).hits == ()


def test_what_means_something_else_is_not_found(catalog: MemoryCatalog, tmp_path: Path) -> None:
    """Nor is what is asked of another field or another video."""
    model = ToySentences()
    read(catalog, model)
    searcher = searcher_with(catalog, tmp_path, model)
    for query in ("a cat that goes fast", "a boat", "???!"):
        answer = found(searcher, f"{query} x", fields=["subtitle"])
        assert all(hit.relevance < 0.5 for hit in answer.hits)
    cat = "a cat that sleeps"
    assert found(searcher, cat, fields=["subtitle"]).total == 0
    assert [hit.span.start for hit in found(searcher, cat, fields=["speech"]).hits] == [4.5]
    assert found(searcher, cat, fields=["speech"], tags=["night"]).total == 0


def test_words_and_meaning_are_one_hit(catalog: MemoryCatalog, tmp_path: Path) -> None:
    """The passage has one of two words; what it means fits better, and the word is highlighted."""
    model = ToySentences()
    words = searcher_with(catalog, tmp_path, None)
    least = found(words, "vehicle quickly", fields=["subtitle"]).hits[0].relevance
    read(catalog, model)
    (hit,) = found(
        searcher_with(catalog, tmp_path, model), "vehicle quickly", fields=["subtitle"]
    ).hits
    assert least < 0.5 < hit.relevance
    (said,) = hit.fields
    assert [said.text[a:b] for a, b in said.highlights] == ["vehicle"]


def test_parts_are_found_by_what_is_meant(catalog: MemoryCatalog, tmp_path: Path) -> None:
    """Blue is shown while the vehicle is speeding."""
    model = ToySentences()
    read(catalog, model)
    searcher = searcher_with(catalog, tmp_path, model)
    query = Query.of([Text("blue"), Text("a fast car")])
    (answer,) = searcher.search([query])
    assert isinstance(answer, SearchResult)
    assert [(hit.video.id, hit.span.start) for hit in answer.hits if hit.relevance > 0.5] == [
        ("one", 2.0)
    ]


def test_each_text_is_read_once_by_a_model(catalog: MemoryCatalog) -> None:
    """A second time there is nothing to do, and a new text alone is read then."""
    model = ToySentences()
    assert {text.field for text in read(catalog, model)} == {"subtitle", "speech"}
    assert catalog.changes("default", 4) == [Change(5, "text", "one"), Change(6, "text", "one")]
    assert read(catalog, model) == []
    catalog.put_text("default", "two", TimedText("text", "1", (Cue(0, 1, "CAR", "en"),)))
    catalog.put_text("default", "two", TimedText("speech", "1"))
    assert [text.field for text in read(catalog, model)] == ["text"]
    assert model.passages == [
        "A kitten is napping",
        "Hello again",
        "The vehicle is speeding",
        "CAR",
    ]


def test_another_model_reads_again_and_is_not_mixed(catalog: MemoryCatalog, tmp_path: Path) -> None:
    """Until it has read, nothing is found by it; then nothing is left of the other."""
    one, other = ToySentences(), ToySentences("toy-sentences-2")
    read(catalog, one)
    query, fields = "a car that goes fast", ["subtitle"]
    assert found(searcher_with(catalog, tmp_path, other), query, fields=fields).hits == ()
    assert len(read(catalog, other)) == 2
    assert len(found(searcher_with(catalog, tmp_path, other), query, fields=fields).hits) == 1
    assert found(searcher_with(catalog, tmp_path, one), query, fields=fields).hits == ()


def test_a_refresh_follows_what_was_read(catalog: MemoryCatalog, tmp_path: Path) -> None:
    """Also if a text has become another one, which the model has not read."""
    model = ToySentences()
    searcher = searcher_with(catalog, tmp_path, model)
    query, fields = "a car that goes fast", ["subtitle"]
    assert found(searcher, query, fields=fields).hits == ()
    read(catalog, model)
    searcher.collections.refresh()
    assert len(found(searcher, query, fields=fields).hits) == 1
    catalog.put_text("default", "one", TimedText("subtitle", "2", SAID.cues[:1]))
    searcher.collections.refresh()
    assert found(searcher, query, fields=fields).hits == ()


def test_vectors_of_other_passages_are_left_out(catalog: MemoryCatalog, tmp_path: Path) -> None:
    """If there are not as many as passages, they are read again and not searched."""
    model = ToySentences()
    text = read(catalog, model)[-1]
    assert text.meaning is not None
    cut = text.meaning._replace(vectors=text.meaning.vectors[: 2 * model.dim])
    catalog.put_text("default", "one", TimedText("subtitle", "3"))
    catalog.put_text("default", "one", TimedText("subtitle", "3", SAID.cues, cut))
    searcher = searcher_with(catalog, tmp_path, model)
    assert found(searcher, "a car that goes fast", fields=["subtitle"]).hits == ()
    assert [each.field for each in read(catalog, model)] == ["subtitle"]


def test_a_sentence_is_embedded_once(catalog: MemoryCatalog, tmp_path: Path) -> None:
    """Its vector is in the cache of sentences, under the fingerprint of the model."""
    model = ToySentences()
    read(catalog, model)
    searcher = searcher_over(catalog, tmp_path, lambda _: MODEL, sentences=model, cache=DictCache())
    first = found(searcher, "a fast car")
    model.embed_texts = None  # type: ignore[assignment, method-assign]  # it is not called again
    assert found(searcher, "a fast car") == first


def test_a_video_removed_meanwhile_is_left_out(catalog: MemoryCatalog) -> None:
    """The others are read."""
    catalog.put_text("default", "two", TimedText("speech", "1", (Cue(0, 1, "A car"),)))
    reading = MeaningReader(catalog, ToySentences()).read("default")
    next(reading)
    catalog.remove("default", "one")
    assert [text.field for text in reading] == ["speech"]


def test_a_page_goes_on_by_the_model_of_the_one_before(
    catalog: MemoryCatalog, tmp_path: Path
) -> None:
    """A replica with another model, or with none, has other hits in other places."""
    model = ToySentences()
    read(catalog, model)
    cursor = found(searcher_with(catalog, tmp_path, model), "a car", limit=1).next_cursor
    page = Query.of("a car", limit=1, cursor=cursor)
    same, *others = (
        searcher_with(catalog, tmp_path, one).search([page])[0]
        for one in (ToySentences(), ToySentences("toy-sentences-2"), None)
    )
    assert isinstance(same, SearchResult)
    assert isinstance(page.after, Cursor)
    assert [type(one) for one in others] == [VersionGone, VersionGone]
