"""What the column `says` of a search has of a long text."""

import pytest

from clipseek.timed import SUBTITLE, FieldHit
from clipseek.types import Hit, Named, Span
from indexer.found import _said

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
