"""A small library of demo videos, ingested once by the command as a user would."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from clipseek.demo.videos import make_videos
from indexer.cli import main


@dataclass(frozen=True)
class Library:
    """A data folder and the videos that it was ingested from."""

    videos: Path
    data_dir: Path

    def run(self, *arguments: str) -> int:
        """Run the command over this data folder and return its exit code."""
        return main(["--data-dir", str(self.data_dir), *arguments])


@pytest.fixture(scope="session")
def shared_library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    """Six videos, ingested with the demo model. Do not change it: use `library`."""
    root = tmp_path_factory.mktemp("library")
    make_videos(6, 5, root / "videos")
    library = Library(root / "videos", root / "data")
    assert library.run("ingest", str(library.videos), "--model", "demo", "--quiet") == 0
    return library


@pytest.fixture
def library(shared_library: Library, tmp_path: Path) -> Library:
    """A copy of the library that a test may change; the videos stay where they were ingested."""
    shutil.copytree(shared_library.data_dir, tmp_path / "data")
    return Library(shared_library.videos, tmp_path / "data")


@pytest.fixture
def empty(shared_library: Library, tmp_path: Path) -> Library:
    """The same videos and a data folder that does not exist yet."""
    return Library(shared_library.videos, tmp_path / "fresh")


@pytest.fixture
def clip(shared_library: Library, tmp_path: Path) -> Callable[[str], Path]:
    """Copy one demo video under a name of the test's choice."""

    def copy(name: str) -> Path:
        source = sorted(shared_library.videos.glob("*.mp4"))[0]
        target = tmp_path / "clips" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        return Path(shutil.copyfile(source, target))

    return copy
