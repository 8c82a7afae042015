"""A short form of `python -m tests.e2e.kill_switch`, which `make chaos` runs for long."""

import shutil
from pathlib import Path

import pytest

from tests.e2e.kill_switch import run


@pytest.mark.parametrize(
    "is_postgres",
    [
        pytest.param(False, marks=pytest.mark.long, id="sqlite"),
        pytest.param(True, id="postgres"),
    ],
)
def test_kills_of_a_switch_lose_and_mix_nothing(
    is_postgres: bool, demo_videos: Path, tmp_path: Path
) -> None:
    """A kill at a random moment; the same command completes the switch."""
    for path in sorted(demo_videos.glob("*.mp4"))[:2]:
        shutil.copy(path, tmp_path)
    counts = run(kills=1, videos=tmp_path, seed=3, is_postgres=is_postgres)
    assert counts.pop("switched") > 1
    assert counts == {"kills": 1, "lost": 0, "twice": 0, "mixed": 0, "unclean": 0}
