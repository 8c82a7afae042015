"""A short form of `python -m tests.e2e.kill_jobs`, which `make chaos` runs for long."""

from pathlib import Path

import pytest

from tests.e2e.kill_jobs import run


@pytest.mark.parametrize(
    "is_postgres",
    [
        pytest.param(False, id="sqlite"),
        pytest.param(True, marks=pytest.mark.long, id="postgres"),
    ],
)
def test_kills_end_each_job_once(is_postgres: bool, demo_videos: Path) -> None:
    """Whatever is killed: what was asked for is done, and nothing is indexed twice."""
    videos = sorted(demo_videos.glob("*.mp4"))
    assert run(kills=2, is_postgres=is_postgres, seed=2, ready=videos) == {
        "kills": 2,
        "jobs": 9,
        "unfinished": 0,
        "failed": 0,
        "twice": 0,
        "different": 0,
        "unclean": 0,
    }
