"""Words of a text: where they are, and in which forms they are looked for."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clipseek.texts.words import folded, is_near, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("A red car, isn't it?", ["a", "red", "car", "isn't", "it"], id="English"),
        pytest.param("Die Straße 7", ["die", "strasse", "7"], id="German"),
        pytest.param("世界和平", ["世界", "界和", "和平"], id="pairs of Chinese"),
        pytest.param("猫", ["猫"], id="one letter of Chinese"),
        pytest.param("tokyo東京 2020", ["tokyo", "東京", "2020"], id="both"),
        pytest.param("नमस्ते दुनिया", ["नमस्ते", "दुनिया"], id="marks of Hindi stay in the word"),
        pytest.param("?! …", [], id="none"),
    ],
)
def test_a_text_has_words(text: str, expected: list[str]) -> None:
    """In small letters, without punctuation."""
    assert [each.word for each in words(text)] == expected


@settings(max_examples=50)
@given(st.text())
def test_words_are_where_they_say(text: str) -> None:
    """In the order of the text, within it, and never empty."""
    found = list(words(text))
    assert all(0 <= each.start < each.end <= len(text) for each in found)
    assert [each.start for each in found] == sorted({each.start for each in found})


@pytest.mark.parametrize(
    ("word", "expected"),
    [("Bär", "bar"), ("ΆΝΘΡΩΠΟΣ", "ανθρωποσ"), ("søndag", "sondag"), ("isn't", "isnt"), ("é", "e")],
)
def test_accents_and_apostrophes_do_not_matter(word: str, expected: str) -> None:
    """As people leave them out when they search."""
    assert folded(word) == expected


@pytest.mark.parametrize(
    ("one", "other", "distance", "expected"),
    [
        pytest.param("guitar", "guitar", 0, True, id="equal"),
        pytest.param("giutar", "guitar", 1, True, id="exchanged"),
        pytest.param("guitr", "guitar", 1, True, id="left out"),
        pytest.param("guitaar", "guitar", 1, True, id="added"),
        pytest.param("gultar", "guitar", 1, True, id="replaced"),
        pytest.param("gulter", "guitar", 1, False, id="two errors"),
        pytest.param("gulter", "guitar", 2, True, id="two errors of two"),
        pytest.param("guitar", "guitarist", 1, False, id="a longer word"),
    ],
)
def test_typing_errors_are_counted(one: str, other: str, distance: int, expected: bool) -> None:
    """Two letters that are exchanged are one error."""
    assert is_near(one, other, distance) is expected


def test_a_prefix_may_go_on() -> None:
    """The end of the last word is not typed yet."""
    assert is_near("giuta", "guitarist", 1, is_prefix=True)
    assert not is_near("violi", "guitarist", 1, is_prefix=True)
