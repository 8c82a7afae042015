"""What every catalog promises of timed texts, over MemoryCatalog, SQLite and PostgreSQL."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from clipseek.errors import VideoNotFound
from clipseek.protocols import CatalogWriter
from clipseek.timed import Cue, Meaning, TimedText
from clipseek.types import Change
from tests.contracts.catalogs import DIM, a_video

SAID = TimedText("subtitle", "1 .srt 5", (Cue(0.5, 1.25, "Grüße, 世界", "de"), Cue(2, 3, "Bye")))
OTHER = replace(SAID, stamp="1 .srt 6", cues=SAID.cues[:1])
NOTHING = TimedText("subtitle", "1")


def test_a_video_is_put_with_what_it_says(catalog: CatalogWriter) -> None:
    """One change, and the text comes back as it was, by video and by stamp."""
    replace(a_video("b"), texts=(SAID,)).put_into(catalog)
    replace(a_video("a"), texts=(NOTHING,)).put_into(catalog)
    a_video("c").put_into(catalog)
    assert list(catalog.texts("default")) == [("a", NOTHING), ("b", SAID)]
    assert list(catalog.texts("default", video_ids=["b", "x"])) == [("b", SAID)]
    stamps = catalog.text_stamps("default", ["a", "b", "c"])
    assert stamps == {"a": {"subtitle": "1"}, "b": {"subtitle": "1 .srt 5"}}
    assert [rows.texts for rows in catalog.stored("default")] == [(NOTHING,), (SAID,), ()]
    assert catalog.collection("default").version == 3


def test_another_text_is_a_change_of_its_own_kind(catalog: CatalogWriter) -> None:
    """Segments keep their ids, because nothing that pictures are searched by has changed."""
    replace(a_video("a"), texts=(SAID,)).put_into(catalog)
    before = catalog.segments("default", "a")
    assert catalog.put_text("default", "a", OTHER) == 2
    assert list(catalog.texts("default")) == [("a", OTHER)]
    assert catalog.segments("default", "a") == before
    assert catalog.changes("default", 1) == [Change(2, "text", "a")]


def test_a_text_is_added_to_a_video_without_one(catalog: CatalogWriter) -> None:
    """A field that is indexed later."""
    a_video("a").put_into(catalog)
    assert catalog.put_text("default", "a", SAID) == 2
    assert list(catalog.texts("default")) == [("a", SAID)]


@pytest.mark.parametrize("before", [pytest.param((SAID,), id="said"), pytest.param((), id="new")])
def test_the_same_text_is_no_change(catalog: CatalogWriter, before: tuple[TimedText, ...]) -> None:
    """Only the stamp is stored: the file was touched, or was looked at for the first time."""
    replace(a_video("a"), texts=before).put_into(catalog)
    touched = TimedText("subtitle", "1 .srt 9", before[0].cues if before else ())
    assert catalog.put_text("default", "a", touched) == 1
    assert catalog.text_stamps("default", ["a"]) == {"a": {"subtitle": "1 .srt 9"}}


def test_putting_a_video_again_replaces_its_text(catalog: CatalogWriter) -> None:
    """As it replaces everything else."""
    replace(a_video("a"), texts=(SAID,)).put_into(catalog)
    a_video("a").put_into(catalog)
    assert list(catalog.texts("default")) == []


def test_a_text_goes_with_its_video_and_its_collection(catalog: CatalogWriter) -> None:
    """Nothing is left behind."""
    catalog.ensure_collection("other", "toy", DIM, "f1")
    for name in ("default", "other"):
        replace(a_video("a"), texts=(SAID,)).put_into(catalog, name)
    catalog.remove("default", "a")
    assert list(catalog.texts("default")) == []
    assert list(catalog.texts("other")) == [("a", SAID)]
    catalog.remove_collection("other")
    catalog.ensure_collection("other", "toy", DIM, "f1")
    a_video("a").put_into(catalog, "other")
    assert list(catalog.texts("other")) == []


def test_other_tags_leave_the_text_alone(catalog: CatalogWriter) -> None:
    """Segments get new ids then, and texts belong to the video."""
    replace(a_video("a"), texts=(SAID,)).put_into(catalog)
    catalog.edit("default", "a", tags=["new"])
    assert list(catalog.texts("default")) == [("a", SAID)]


def test_a_text_of_a_video_that_is_gone_is_refused(catalog: CatalogWriter) -> None:
    """And it makes no version."""
    with pytest.raises(VideoNotFound):
        catalog.put_text("default", "a", SAID)
    assert catalog.collection("default").version == 0


def test_a_text_that_no_database_stores_is_refused(catalog: CatalogWriter) -> None:
    """NUL is not a character of PostgreSQL's texts."""
    a_video("a").put_into(catalog)
    with pytest.raises(ValueError, match="text must be Unicode text without NUL"):
        catalog.put_text("default", "a", TimedText("subtitle", "1", (Cue(0, 1, "a\0b"),)))
    assert catalog.collection("default").version == 1


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(lambda: TimedText("picture", "1"), id="a field that is not text"),
        pytest.param(lambda: TimedText("subtitle", "1", (Cue(2, 2, "x"),)), id="no length"),
        pytest.param(lambda: TimedText("subtitle", "1", (Cue(-1, 2, "x"),)), id="before zero"),
        pytest.param(
            lambda: TimedText("subtitle", "1", (Cue(0, float("nan"), "x"),)), id="not a number"
        ),
    ],
)
def test_a_wrong_text_cannot_be_made(wrong: Callable[[], TimedText]) -> None:
    """So none is stored."""
    with pytest.raises(ValueError, match=r"must be one made of text|needs 0 <= start < end"):
        wrong()


def test_what_a_text_means_is_stored_with_it(catalog: CatalogWriter) -> None:
    """Another meaning is a change; the same text without one has none, and neither has another."""
    meant = replace(SAID, meaning=Meaning("f1", bytes(range(256))))
    a_video("a").put_into(catalog)
    assert catalog.put_text("default", "a", meant) == 2
    assert list(catalog.texts("default")) == [("a", meant)]
    assert [rows.texts for rows in catalog.stored("default")] == [(meant,)]
    assert catalog.put_text("default", "a", meant) == 2
    other = replace(SAID, meaning=Meaning("f2", b""))
    assert catalog.put_text("default", "a", other) == 3
    assert list(catalog.texts("default")) == [("a", other)]
    assert catalog.put_text("default", "a", SAID) == 4
    assert list(catalog.texts("default")) == [("a", SAID)]
