"""Videos can be removed when the disk is full."""

import gc
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from indexer.reserve import RESERVE
from tests.e2e.conftest import Library


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 4 MB, in memory; only root can have one."""
    place = tmp_path / "disk"
    place.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(place)]
    if subprocess.run(mounting, capture_output=True, check=False).returncode:
        pytest.skip("a file system of a size of its own can be mounted by root alone")
    yield place
    gc.collect()  # an index that is mapped keeps the disk busy
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def _fill(disk: Path) -> None:
    """Take all space that is left."""
    with (disk / "other").open("wb", buffering=0) as file:
        try:
            while file.write(b"0" * 4096):
                pass
        except OSError:
            return


def test_a_video_is_removed_from_a_full_disk(
    empty: Library, small_disk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An ingest has kept the space for it."""
    library = Library(empty.videos, small_disk / "data")
    video = str(sorted(empty.videos.glob("*.mp4"))[0])
    assert library.run("ingest", video, "--model", "demo", "--quiet") == 0
    _fill(small_disk)
    assert library.run("list") == 0  # to read takes no space
    assert library.run("remove", video) == 0
    (small_disk / "other").unlink()
    capsys.readouterr()
    assert library.run("list", "--json") == 0
    assert capsys.readouterr().out == ""
    assert (library.data_dir / RESERVE).exists()
