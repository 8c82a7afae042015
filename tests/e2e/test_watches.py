"""`indexer watches`: tried over the past, made, fired for what is indexed then, and listed."""

import json
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import Any

import pytest

from tests.chaos.program import wait_until
from tests.e2e.conftest import Library

Capture = pytest.CaptureFixture[str]


def said(capsys: Capture) -> list[dict[str, Any]]:
    """Return the objects that were printed since the last look."""
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def caption(library: Library) -> dict[str, Any]:
    """Return a sentence that is true of one moment of a video."""
    lines = (library.videos / "captions.jsonl").read_text("utf-8").splitlines()
    found: dict[str, Any] = json.loads(lines[0])
    return found


def test_a_watch_fires_for_what_is_indexed_after_it(library: Library, capsys: Capture) -> None:
    """The video is removed and indexed again: then the moment has an alert."""
    first = caption(library)
    path = str(library.videos / first["file"])
    pictures = library.data_dir.parent / "pictures"
    asked = (first["query"], "--threshold", "0.3")
    try_it = ("watches", "test", *asked, "--alerts-per-day", "48", "--pictures", str(pictures))
    assert library.run(*try_it, "--json") == 0
    (trial,) = said(capsys)
    assert trial["alerts"] >= 1
    assert len(list(pictures.glob("*.jpg"))) == min(trial["alerts"], 50)
    assert 0 < trial["proposed_threshold"] < 1
    assert library.run("remove", path) == 0
    assert library.run("watches", "add", "moment", *asked) == 0
    assert library.run("watches", "run", "--once") == 0
    assert library.run("ingest", path, "--quiet") == 0
    capsys.readouterr()
    assert library.run("watches", "run", "--once", "--json") == 0
    (ran,) = said(capsys)
    assert library.run("watches", "alerts", "--watch", "moment", "--json") == 0
    alerts = said(capsys)
    assert len(alerts) == ran["alerts"] >= 1
    assert any(alert["start"] < first["end"] and first["start"] < alert["end"] for alert in alerts)
    assert library.run("watches", "alerts") == 0
    assert "moment" in capsys.readouterr().out


def test_a_watch_is_paused_resumed_and_removed(library: Library, capsys: Capture) -> None:
    """By its name; a name of two is refused with their ids."""
    add = ("watches", "add", "gate", "a red car", "--hours", "22:00-06:00", "--zone", "Asia/Tokyo")
    assert library.run(*add, "--days-of-week", "sat,sun", "--camera", "yard", "--json") == 0
    (made,) = said(capsys)
    assert (made["cameras"], made["on"], made["threshold"]) == (["yard"], True, 0.5)
    for action, is_on in (("pause", False), ("resume", True)):
        assert library.run("watches", action, "gate", "--json") == 0
        assert said(capsys)[0]["on"] is is_on
    assert library.run(*add) == 0
    capsys.readouterr()
    assert library.run("watches", "remove", "gate") == 2
    assert made["id"] in capsys.readouterr().err
    assert library.run("watches", "remove", made["id"]) == 0
    assert library.run("watches", "remove", "gate") == 0
    capsys.readouterr()
    assert library.run("watches", "list") == 0
    assert "there are no watches" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        pytest.param(("--hours", "26:00-27:00"), "22:00-06:00", id="hours"),
        pytest.param(("--days-of-week", "sonntag"), "mon", id="days"),
        pytest.param(("--hours", "1:00-2:00", "--zone", "Mars"), "Europe/Vienna", id="zone"),
        pytest.param(("--threshold", "2"), "at most 1", id="threshold"),
        pytest.param(("--webhook", "http://hooks.example/"), "https", id="webhook"),
        pytest.param(("--collection", "nothing"), "nothing", id="collection"),
    ],
)
def test_a_wrong_watch_is_refused(
    library: Library, capsys: Capture, options: tuple[str, ...], reason: str
) -> None:
    """With what it must be."""
    assert library.run("watches", "add", "gate", "a red car", *options) == 2
    assert reason in capsys.readouterr().err


def test_running_ends_with_a_signal(library: Library) -> None:
    """And gives up its turns; the exit code is 0."""
    command = [sys.executable, "-m", "indexer", "--data-dir", str(library.data_dir)]
    assert library.run("watches", "add", "gate", "a red car") == 0
    with subprocess.Popen([*command, "watches", "run"]) as process:
        try:
            _until_judged(library)
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
        finally:
            process.kill()


def _until_judged(library: Library) -> None:
    """Wait until a process has judged the collection."""
    path = library.data_dir / "catalog.db"
    with closing(sqlite3.connect(path)) as connection:
        asked = "SELECT count(*) FROM watch_turns WHERE owner != ''"
        wait_until(lambda: connection.execute(asked).fetchone()[0] == 1, "a turn to be taken")
