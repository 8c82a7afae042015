"""Moments of videos that are at another machine: its process sends them when they are wanted."""

import sys
from collections.abc import Iterator
from pathlib import Path

import av
import pytest

from clipseek.assembly import open_existing
from clipseek.config import Settings
from clipseek.errors import CollectionNotFound
from clipseek_client import Client, ProblemError
from tests.chaos.program import Program, environment, wait_until
from tests.e2e.conftest import Library
from tests.e2e.served import Served, served

__all__ = ["served"]

THERE = "moments"


@pytest.fixture
def edge(library: Library, served: Served, tmp_path: Path) -> Iterator[Program]:
    """Run `indexer forward --follow` over a library with videos of its own, in a process."""
    folder = {"CLIPSEEK_DATA_DIR": str(library.data_dir), "CLIPSEEK_CENTER_KEY": served.key}
    command = [sys.executable, "-m", "indexer", "forward", served.address]
    more = ["--into", THERE, "--follow", "--quiet"]
    program = Program("edge", [*command, *more], tmp_path / "edge.log", environment(folder))
    program.start()
    yield program
    program.end()


def _sent(served: Served) -> list[str]:
    """Return the videos that the center has from the edge."""
    with open_existing(Settings(data_dir=served.library.data_dir)) as service:
        try:
            return [video.id for video in service.catalog.videos(THERE)]
        except CollectionNotFound:
            return []


def _seconds(file: Path) -> float:
    """Return how long a video is, by its frames."""
    with av.open(str(file)) as container:
        times = [frame.time or 0.0 for frame in container.decode(video=0)]
    assert len(times) > 10
    return times[-1] - times[0]


def test_a_moment_comes_from_the_machine_that_has_it(
    edge: Program, served: Served, tmp_path: Path
) -> None:
    """As a file that plays; the second time at once. What is gone there is said to be gone."""
    wait_until(lambda: len(_sent(served)) == 6, f"the videos: {edge.said()}", deadline_s=120)
    first, second, *_ = _sent(served)
    with Client(served.address, key=served.key) as client:
        fetched = client.excerpt(first, 1.0, 3.0, to=tmp_path / "fetched.mp4", collection=THERE)
        assert 1.8 <= _seconds(fetched) <= 2.6
        assert edge.runs
        edge.end()
        again = client.excerpt(first, 1.0, 3.0, to=tmp_path / "again.mp4", collection=THERE)
        assert again.read_bytes() == fetched.read_bytes()
        with pytest.raises(ProblemError, match="is at ann"):
            client.download(second, to=tmp_path / "whole.mp4", collection=THERE)
