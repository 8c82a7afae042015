"""Which queries count as recent: the latest ones, each once, as far as they were meant."""

import pytest

from clipseek.asked import decoded, encoded, merged

NOW = 1_800_000_000.0


def ago(**seconds: float) -> dict[str, float]:
    """Return queries, and when they were asked: so many seconds ago."""
    return {text.replace("_", " "): NOW - since for text, since in seconds.items()}


def latest(kept: dict[str, float], new: dict[str, float], most: int = 10) -> list[str]:
    """Return the recent queries of both."""
    return list(merged(kept, new, most=most, now=NOW))


def test_a_query_that_is_asked_again_is_there_once_and_late() -> None:
    """However it was spaced; the one that was asked longest ago leaves first."""
    kept = ago(a_boat=900, a_bird=800)
    new = {"  a  boat ": NOW - 1}
    assert latest(kept, new) == ["a bird", "a boat"]
    assert latest(kept, ago(a_car=700), most=2) == ["a bird", "a car"]
    assert merged(kept, new, most=9, now=NOW)["a boat"] == NOW - 1
    assert merged(new, kept, most=9, now=NOW)["a boat"] == NOW - 1


def test_a_query_is_forgotten_after_a_month() -> None:
    """And so is one of the future, by a clock that was wrong, and an empty one."""
    assert latest(ago(old=30 * 86_400, recent=30 * 86_400 - 1, wrong=-9), {" ": NOW}) == ["recent"]


@pytest.mark.parametrize(
    ("begun_s", "left"),
    [
        pytest.param(5.0, ["a red car"], id="typed on"),
        pytest.param(12, ["a red car"], id="typed slowly"),
        pytest.param(13, ["a r", "a red car"], id="a query of its own"),
        pytest.param(1.0, ["a red car", "a r"], id="shortened later"),
    ],
)
def test_the_beginnings_of_a_sentence_do_not_count(begun_s: float, left: list[str]) -> None:
    """The page searches while somebody types; another query between them changes nothing."""
    assert latest(ago(a_red_car=2), ago(a_r=begun_s)) == left
    assert latest(ago(a_red_car=2, a_rabbit=9000), ago(a_r=begun_s)) == ["a rabbit", *left]


def test_what_is_stored_can_be_read() -> None:
    """In its order."""
    kept = {"ein Bär": 1.5, "a bird": 1.0}
    assert list(decoded(encoded(kept)).items()) == list(kept.items())


@pytest.mark.parametrize(
    "stored",
    [None, b"", b"[", b"\xff", b"{}", b"3", b'[1, ["a"], ["b", "c"], [2, 3], ["d", 4, 5]]'],
)
def test_what_is_damaged_is_left_out(stored: bytes | None) -> None:
    """A comparison can do without it."""
    assert decoded(stored) == {}
