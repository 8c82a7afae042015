"""What is printed of a search: the passage, how many others match, and counts."""

import json
from dataclasses import replace

import pytest

from clipseek.timed import SUBTITLE, FieldHit
from clipseek.types import Facet, Hit, Named, SearchResult, Span
from indexer.found import _said, as_json, as_table

NAMED = Named("v", "Sea", "/sea.mp4", 9.0)
LONG = " ".join(f"word{number:02}" for number in range(20))


@pytest.mark.parametrize(
    ("text", "first", "shown"),
    [
        pytest.param("short enough", 6, "short enough", id="short"),
        pytest.param(LONG, 0, f"{LONG[:48]}…", id="its beginning"),
        pytest.param(LONG, 70, f"…{LONG[58:106]}…", id="around the word"),
        pytest.param(LONG, 133, f"…{LONG[121:]}", id="its end"),
    ],
)
def test_a_line_has_the_words_around_the_first_that_was_asked_for(
    text: str, first: int, shown: str
) -> None:
    """48 characters of the text, from 12 before the word."""
    field = FieldHit(SUBTITLE, 1.0, Span(0, 1), text, ((first, first + 6),))
    assert _said(Hit(NAMED, 1, Span(0, 1), 0.5, 0.3, 1.0, fields=(field,))) == shown


FOUND = SearchResult(
    "the sea",
    [Hit(NAMED, 7, Span(1, 3), 2.0, 0.3, 0.9, more_in_video=4)],
    "default",
    "toy",
    1,
    total=5,
    total_videos=2,
    more=True,
    facets={
        "tag": Facet((("coast", 2), ("night", 1)), more=False),
        "year": Facet((), more=False),
    },
)


def test_groups_and_counts_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """How many others of a video match, and how many videos have what."""
    as_table(FOUND, None)
    printed = capsys.readouterr()
    assert [line.split() for line in printed.out.splitlines()] == [
        ["relevance", "from", "to", "best", "more", "video"],
        ["90%", "00:01.0", "00:03.0", "00:02.0", "4", "/sea.mp4"],
        ["facet", "videos", "value"],
        ["tag", "2", "coast"],
        ["tag", "1", "night"],
    ]
    assert "more videos may match than are counted" in printed.err


def test_counts_are_an_object_of_their_own(capsys: pytest.CaptureFixture[str]) -> None:
    """After those of the hits."""
    as_json(FOUND, None)
    hit, counts = map(json.loads, capsys.readouterr().out.splitlines())
    assert hit["more_in_video"] == 4
    assert counts == {
        "facets": {"tag": {"coast": 2, "night": 1}, "year": {}},
        "videos": 2,
        "more": True,
    }


def test_without_a_value_it_is_said_that_there_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    """In one line, not as an empty table."""
    as_table(replace(FOUND, facets={"tag": Facet((), more=False)}), None)
    assert "none of 2 videos that match has a tag" in capsys.readouterr().err
    as_table(replace(FOUND, total_videos=0, facets={"tag": Facet((), more=False)}), None)
    assert "no video matches, so nothing is counted" in capsys.readouterr().err
