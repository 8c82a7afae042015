"""How the commands write times and relevance: as the page does."""

import os
import shutil
import sys

import pytest

from indexer.output import Column, clock, percent, table


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


def test_a_column_that_shrinks_keeps_sixteen_columns(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the end of a path, where its name is, however narrow the terminal is."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setattr(shutil, "get_terminal_size", lambda: os.terminal_size((12, 24)))
    table([Column("id"), Column("uri", shrinks=True)], [("a1", "/videos/of/the/sea/holiday.mp4")])
    assert capsys.readouterr().out.splitlines() == ["id  uri", "a1  …sea/holiday.mp4"]
