"""How the commands write times and relevance: as the page does."""

import pytest

from indexer.output import clock, percent


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        pytest.param(0.25, "00:00.3", id="a half goes up"),
        pytest.param(1.97, "00:02.0", id="whole after rounding"),
        pytest.param(59.97, "01:00.0", id="never sixty seconds"),
        pytest.param(3602, "1:00:02.0", id="hours"),
    ],
)
def test_a_time_is_rounded_to_tenths(seconds: float, written: str) -> None:
    """The same seconds are in `tests/page/format.test.js`."""
    assert clock(seconds) == written


@pytest.mark.parametrize(
    ("relevance", "written"),
    [
        pytest.param(1.0, "99%", id="at most 99"),
        pytest.param(0.29, "29%", id="no digit lost to the binary form"),
        pytest.param(0.499, "49%", id="down"),
    ],
)
def test_a_relevance_promises_at_most_99_percent(relevance: float, written: str) -> None:
    """And is rounded down, so that 50% always matches."""
    assert percent(relevance) == written
