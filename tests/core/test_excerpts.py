"""The folder of excerpts: one is made at a time, and sent while it is written."""

import os
import time
from pathlib import Path
from typing import cast

import pytest

from clipseek.errors import UnreadableVideo
from clipseek.excerpts import Busy, Excerpts, Start, key_of
from clipseek.video.excerpting import Excerpting, Recipe

RECIPE = Recipe(0.0, 1.0, 360, copy=False, growing=True)


class Written:
    """An excerpt that a test writes, in place of a process."""

    def __init__(self, target: Path) -> None:
        self.target = target
        self.is_done = self.is_ended = False
        self.error: UnreadableVideo | None = None

    def write(self, content: bytes) -> None:
        """Add to the file."""
        with self.target.open("ab") as file:
            file.write(content)

    def check(self) -> None:
        """Raise the error, if there is one."""
        if self.error is not None:
            raise self.error

    def end(self) -> None:
        """Note it."""
        self.is_ended = True


class Writers:
    """Starts excerpts, which begin with some bytes."""

    def __init__(self) -> None:
        self.started: list[Written] = []

    def start(self, _recipe: Recipe, target: Path) -> Excerpting:
        """Start one."""
        made = Written(target)
        made.write(b"begin,")
        self.started.append(made)
        return cast("Excerpting", made)

    @property
    def as_start(self) -> Start:
        """The function that excerpts are started by."""
        return self.start


@pytest.fixture
def excerpts(tmp_path: Path) -> Excerpts:
    """Return a folder whose users wait for nothing."""
    return Excerpts(tmp_path / "excerpts", 2**20, patience_s=0.0)


def test_blocks_come_while_the_file_is_written(excerpts: Excerpts) -> None:
    """The first one before the second one is written; at the end the file is kept."""
    writers = Writers()
    growing = excerpts.growing("k.mp4", RECIPE, writers.as_start)
    assert next(growing) == b"begin,"
    assert excerpts.find("k.mp4") is None
    (written,) = writers.started
    written.write(b"end")
    written.is_done = True
    assert list(growing) == [b"end"]
    kept = excerpts.find("k.mp4")
    assert kept is not None
    assert kept.read_bytes() == b"begin,end"
    assert not written.target.exists()


def test_two_who_ask_for_the_same_share_it(excerpts: Excerpts) -> None:
    """It ends when the last of them has left."""
    writers = Writers()
    one, two = (excerpts.growing("k.mp4", RECIPE, writers.as_start) for _ in range(2))
    (written,) = writers.started
    one.close()
    assert not written.is_ended
    assert next(two) == b"begin,"
    two.close()
    assert written.is_ended
    assert not written.target.exists()


def test_nobody_joins_an_excerpt_that_is_over(excerpts: Excerpts) -> None:
    """Its part has another name by now; another reader may still be at its middle."""
    writers = Writers()
    one, two = (excerpts.growing("k.mp4", RECIPE, writers.as_start) for _ in range(2))
    writers.started[0].is_done = True
    assert b"".join(one) == b"begin,"
    with pytest.raises(Busy):
        excerpts.growing("k.mp4", RECIPE, writers.as_start)
    assert b"".join(two) == b"begin,"


def test_another_one_waits_for_its_turn(excerpts: Excerpts) -> None:
    """It has it when nobody reads the first one any more."""
    writers = Writers()
    first = excerpts.growing("a.mp4", RECIPE, writers.as_start)
    with pytest.raises(Busy):
        excerpts.growing("b.mp4", RECIPE, writers.as_start)
    with pytest.raises(Busy):
        excerpts.made("c.mp4", RECIPE, writers.as_start)
    first.close()
    excerpts.growing("b.mp4", RECIPE, writers.as_start).close()
    assert len(writers.started) == 2


def test_an_error_gives_the_turn_back(excerpts: Excerpts) -> None:
    """One of the process, and one before it has started."""
    writers = Writers()

    def broken(recipe: Recipe, target: Path) -> Excerpting:
        started = writers.start(recipe, target)
        writers.started[-1].error = UnreadableVideo("v", "damaged")
        return started

    def gone(_recipe: Recipe, _target: Path) -> Excerpting:
        raise FileNotFoundError

    with pytest.raises(UnreadableVideo):
        excerpts.growing("a.mp4", RECIPE, broken)
    with pytest.raises(FileNotFoundError):
        excerpts.growing("a.mp4", RECIPE, gone)
    excerpts.growing("b.mp4", RECIPE, writers.as_start).close()


def test_parts_that_nobody_writes_any_more_are_deleted(excerpts: Excerpts, tmp_path: Path) -> None:
    """Those of a server that was killed: an excerpt takes at most an hour."""
    folder = tmp_path / "excerpts"
    folder.mkdir()
    for name, age_s in (("left.part", 3700), ("written.part", 3500)):
        (folder / name).touch()
        os.utime(folder / name, (time.time() - age_s,) * 2)
    growing = excerpts.growing("k.mp4", RECIPE, (writers := Writers()).as_start)
    writers.started[0].is_done = True
    assert b"".join(growing)
    assert {path.name for path in folder.iterdir()} == {"written.part", "k.mp4"}


def test_a_key_depends_on_all_that_is_shown() -> None:
    """The content, the span, and the size."""
    keys = {
        key_of("a", RECIPE),
        key_of("b", RECIPE),
        key_of("a", Recipe(0.0, 2.0, 360, copy=False, growing=True)),
        key_of("a", Recipe(0.0, 1.0, 720, copy=False, growing=True)),
    }
    assert len(keys) == 4
