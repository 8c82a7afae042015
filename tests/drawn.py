"""Demo videos that all processes of a run share, because each takes a second or more to draw."""

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from clipseek.demo.videos import make_videos


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """Return a folder that the first process which needs it has filled; nobody may change it."""
    base = factory.getbasetemp()
    root = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder = root / name
    with (root / f"{name}.lock").open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.seek(0)
        if lock.read() != "made":
            shutil.rmtree(folder, ignore_errors=True)  # of a process that failed
            folder.mkdir()
            make(folder)
            lock.write("made")
    return folder


@pytest.fixture(scope="session")
def demo_videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with six demo videos and their captions, for all tests: do not change it."""
    return once(tmp_path_factory, "demo-videos", lambda folder: make_videos(6, 5, folder))
