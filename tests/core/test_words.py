"""What a sentence says at all, and how much of it fits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipseek.embedding.words import longest_read, says_something

NOTHING = {
    "question marks": "???",
    "exclamation mark": "!",
    "dots": ". . .",
    "white space": "   \u3000",
    "zero width space": "\u200b",
    "joiners": "\u200d\u2060",
    "marks alone": "\u0301\u0308",
    "variation selector": "\ufe0f",
    "text direction": "\u202e\u2066",
    "quotes and dashes": "«—» “…”",
    "mathematics": "+ = <> ~",
    "money": "$ €",
    "Hangul filler": "\u3164\u115f\u1160\uffa0",
    "blank Braille": "\u2800",
    "replacement characters": "\ufffd\ufffc",
    "a surrogate": "\ud83d",
    "private use": "\ue000",
    "nothing": "",
}
SOMETHING = {
    "letter": "a",
    "digit": "7",
    "Roman number": "Ⅷ",
    "pictograph": "🚗",
    "flag": "🇨🇭",
    "heart": "❤️",
    "Chinese": "?猫",
    "Hebrew with points": "חָתוּל",
    "Hangul": "고양이",
    "Devanagari": "बिल्ली",
}


@pytest.mark.parametrize("text", NOTHING.values(), ids=NOTHING.keys())
def test_signs_alone_say_nothing(text: str) -> None:
    """No letter, no digit and no pictograph that can be seen."""
    assert not says_something(text)


@pytest.mark.parametrize("text", SOMETHING.values(), ids=SOMETHING.keys())
def test_a_letter_a_digit_or_a_pictograph_says_something(text: str) -> None:
    """In any script, and among signs."""
    assert says_something(text)
    assert says_something(f" ?!{text}… ")


@pytest.mark.parametrize(
    ("text", "room", "expected"),
    [
        pytest.param("a red car", 9, 9, id="all"),
        pytest.param("a red car", 8, 5, id="not half a word"),
        pytest.param("a red car", 6, 5, id="a space behind"),
        pytest.param("a red car", 5, 5, id="the end of a word"),
        pytest.param("a  red", 3, 1, id="two spaces"),
        pytest.param(" red car", 4, 4, id="a space before"),
        pytest.param("automobile", 4, 4, id="one long word"),
        pytest.param("一只猫在雨中", 2, 2, id="no spaces"),
    ],
)
def test_a_sentence_is_read_up_to_the_end_of_a_word(text: str, room: int, expected: int) -> None:
    """Only where the first word does not fit, within it."""
    assert longest_read(text, lambda part: len(part) <= room) == expected


@given(st.text(st.sampled_from("ab é猫"), min_size=1, max_size=30), st.integers(1, 30))
def test_what_is_read_fits_and_the_next_word_does_not(text: str, room: int) -> None:
    """Whatever the sentence."""
    end = longest_read(text, lambda part: len(part) <= room)
    assert len(text[:end]) <= room or end == len(text) <= room
    rest = text[end:].split()
    if rest and end:
        following = text[: text.index(rest[0], end) + len(rest[0])]
        assert len(following) > room
