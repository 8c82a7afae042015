"""Lines that are read in single pictures become passages of time."""

import pytest

from clipseek.texts.recognised import Recognised
from clipseek.texts.writing import Line, Sighting, blocks, passages

HERE = (0.1, 0.1, 0.6, 0.2)


def _line(text: str, confidence: float = 0.99, *, top: float = 0.1, left: float = 0.1) -> Line:
    return Line(text, confidence, (left, top, left + 0.5, top + 0.1))


def _seen(*texts: str | None) -> list[Sighting]:
    """One picture a second; "" is a picture without text, None one that is not read."""
    lines = [None if text is None else (_line(text),) if text else () for text in texts]
    return [Sighting(float(second), each) for second, each in enumerate(lines)]


def _spans(*texts: str | None, end: float = 10.0) -> list[tuple[float, float, str]]:
    return [(each.start, each.end, each.text) for each in passages(_seen(*texts), end)]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        pytest.param(("", "TEA CLUB", "TEA CLUB", "", ""), [(1, 3, "TEA CLUB")], id="comes-goes"),
        pytest.param(("", "TEA CLUB"), [(1, 10, "TEA CLUB")], id="to-the-end"),
        pytest.param(("TEA CLUB", "", "TEA CLUB", "", ""), [(0, 3, "TEA CLUB")], id="missed-once"),
        pytest.param(
            ("TEA CLUB", "", "", "TEA CLUB", "", ""),
            [(0, 1, "TEA CLUB"), (3, 4, "TEA CLUB")],
            id="twice",
        ),
        pytest.param(
            ("TEA CLUB", "", "COFFEE", ""), [(0, 1, "TEA CLUB"), (2, 3, "COFFEE")], id="2"
        ),
        pytest.param(("TEA CLUB", None, None, "", ""), [(0, 1, "TEA CLUB")], id="then-unread"),
        pytest.param(("TEA CLUB", None, "TEA CLUB", ""), [(0, 3, "TEA CLUB")], id="unread-between"),
        pytest.param(("TEA CLUB", None), [(0, 1, "TEA CLUB")], id="unread-to-the-end"),
        pytest.param((None, None), [], id="nothing-read"),
        pytest.param((), [], id="no-pictures"),
    ],
)
def test_a_text_lasts_until_a_picture_does_not_have_it(
    texts: tuple[str | None, ...], expected: list[tuple[float, float, str]]
) -> None:
    """A text is not said of pictures that were not read, except between two that have it."""
    assert _spans(*texts) == expected


def test_readings_of_one_text_are_one_passage() -> None:
    """The most confident spelling is kept."""
    readings = [_line("COFFEE ACADENY", 0.9), _line("COFFEE ACADEMY", 0.97), _line("COFFEEACADEMY")]
    seen = [Sighting(float(i), (line,)) for i, line in enumerate(readings[:2])]
    assert passages(seen, 2) == [Recognised(0, 2, "COFFEE ACADEMY", "", 0.97)]
    assert _spans("COFFEE ACADEMY", "COFFEEACADEMY", "COFFEE GALLERY", end=3)[0][:2] == (0, 2)


def test_two_texts_at_once_are_two_passages() -> None:
    """Far from each other in the picture, each with its own end."""
    both = (_line("TEA CLUB"), _line("EXIT ONLY", top=0.8))
    seen = [Sighting(0, both), Sighting(1, both[:1]), Sighting(2, both[:1])]
    assert [(each.end, each.text) for each in passages(seen, 3)] == [
        (1, "EXIT ONLY"),
        (3, "TEA CLUB"),
    ]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param([_line("PRESENTS", top=0.21), _line("OPEN MOVIE")], ["OPEN MOVIE PRESENTS"]),
        pytest.param([_line("OPEN MOVIE"), _line("PRESENTS", top=0.4)], ["OPEN MOVIE", "PRESENTS"]),
        pytest.param(
            [_line("LEFT"), _line("RIGHT", top=0.21, left=0.65)], ["LEFT", "RIGHT"], id="aside"
        ),
        pytest.param(
            [_line("TITLE"), Line("the small print", 0.99, (0.1, 0.21, 0.6, 0.24))],
            ["TITLE", "the small print"],
            id="other-size",
        ),
    ],
)
def test_lines_below_each_other_are_one_text(lines: list[Line], expected: list[str]) -> None:
    """If they are near, of one size and in one column; the upper one first."""
    assert [block.text for block in blocks(lines)] == expected


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        pytest.param(_line("COFFEE", 0.86), True, id="confident"),
        pytest.param(_line("COFFEE", 0.84), False, id="not-confident"),
        pytest.param(_line("NO", 0.91), False, id="short-and-not-sure"),
        pytest.param(_line("oo", 0.99), False, id="two-wheels"),
        pytest.param(_line("中中", 0.97), False, id="two-signs"),
        pytest.param(_line("007", 0.97), True, id="two-different-digits"),
        pytest.param(_line("NO", 0.96), True, id="short-and-sure"),
        pytest.param(_line("TAXI", 0.94), False, id="four-letters"),
        pytest.param(_line("I", 0.999), False, id="one-letter"),
        pytest.param(_line("--- . ---", 0.999), False, id="no-letter"),
    ],
)
def test_what_may_be_a_shape_is_dropped(line: Line, kept: bool) -> None:
    """The shorter a text, the more easily a shape is read as it."""
    assert bool(list(blocks([line]))) == kept


def test_spaces_and_wide_letters_are_normalised() -> None:
    """A search for usual letters finds them."""
    assert [block.text for block in blocks([_line("  ＴＥＡ \u3000 club\n")])] == ["TEA club"]
