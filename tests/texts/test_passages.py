"""Cues that are one sentence are searched as one text."""

import pytest

from clipseek.texts.passages import passages
from clipseek.timed import Cue


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        pytest.param("When I", "was young", 1, id="a small letter"),
        pytest.param("First,", "Anna came", 1, id="a comma"),
        pytest.param("Hello.", "Who is it?", 2, id="two sentences"),
    ],
)
def test_a_sentence_goes_on(one: str, other: str, expected: int) -> None:
    """If its end or its beginning says so."""
    found = passages([Cue(0, 2, one, "en"), Cue(2.5, 4, other, "en")])
    assert len(found) == expected
    assert found[-1].end == 4


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(Cue(3.5, 4, "was young", "en"), id="after a pause"),
        pytest.param(Cue(1.0, 4, "was young", "en"), id="at the same time"),
        pytest.param(Cue(2.0, 4, "was young", "de"), id="in another language"),
        pytest.param(Cue(2.0, 13, "was young", "en"), id="for long"),
    ],
)
def test_other_cues_stay_apart(other: Cue) -> None:
    """A passage stays a moment."""
    first = Cue(0, 2, "When I", "en")
    assert passages([first, other]) == [first, other]
