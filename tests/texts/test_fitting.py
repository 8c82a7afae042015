"""Which cues are stored, and what is said of the others."""

import pytest

from clipseek.texts.fitting import fitted, language
from clipseek.timed import MAX_CUES, MAX_TEXT, Cue


def test_cues_come_in_the_order_of_time_each_once() -> None:
    """A file beside a video often repeats what the video contains."""
    fit = fitted([Cue(2, 3, "b"), Cue(0, 1, "a"), Cue(2, 3, " b ")], 10)
    assert [cue.text for cue in fit.cues] == ["a", "b"]
    assert fit.problem == ""


def test_a_cue_that_goes_on_past_the_end_is_cut() -> None:
    """As the last one often does."""
    assert fitted([Cue(-1, 1, "a"), Cue(9, 12, "b")], 10).cues == (Cue(0, 1, "a"), Cue(9, 10, "b"))


def test_cues_past_the_end_and_reversed_ones_are_counted() -> None:
    """They are of another version of the video, or broken."""
    cues = [Cue(0, 1, "a"), Cue(10, 12, "b"), Cue(11, 12, "c"), Cue(5, 4, "d"), Cue(6, 6, "e")]
    fit = fitted([*cues, Cue(3, float("nan"), "f")], 10)
    assert [cue.text for cue in fit.cues] == ["a"]
    assert fit.problem == (
        "3 subtitles end before they begin and are left out; "
        "2 subtitles are past the end of the video and are left out"
    )


def test_one_cue_is_counted_as_one() -> None:
    """The sentence is grammatical."""
    said = "1 subtitle is past the end of the video and is left out"
    assert fitted([Cue(11, 12, "c")], 10).problem == said


def test_texts_are_one_line_that_databases_store() -> None:
    """Line breaks and NUL go, and texts without an end are cut."""
    cues = fitted([Cue(0, 1, " a\n\n b\0 "), Cue(1, 2, "x" * 5000), Cue(2, 3, " \n")], 10).cues
    assert [cue.text for cue in cues] == ["a b\ufffd", "x" * MAX_TEXT]


def test_no_more_cues_than_are_stored() -> None:
    """A file of a million cues takes bounded space."""
    fit = fitted((Cue(i, i + 1, "x") for i in range(MAX_CUES + 2)), 1e9)
    assert len(fit.cues) == MAX_CUES
    assert fit.problem == f"2 subtitles are past the first {MAX_CUES} and are left out"


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("eng", "eng"),
        ("pt_BR", "pt-br"),
        ("zh-Hans", "zh-hans"),
        ("und", ""),
        ("a b", ""),
        ("", ""),
    ],
)
def test_languages_are_tags_in_small_letters(tag: str, expected: str) -> None:
    """What is not a tag is not known."""
    assert language(tag) == expected
