"""A small library of demo videos, ingested once by the command as a user would."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from indexer.cli import main
from tests.chaos.videos import make_video
from tests.drawn import once


@dataclass(frozen=True)
class Library:
    """A data folder and the videos that it was ingested from."""

    videos: Path
    data_dir: Path

    def run(self, *arguments: str) -> int:
        """Run the command over this data folder and return its exit code."""
        return main(["--data-dir", str(self.data_dir), *arguments])


@pytest.fixture(scope="session")
def shared_library(tmp_path_factory: pytest.TempPathFactory, demo_videos: Path) -> Library:
    """Six videos, ingested with the demo model. Do not change it: use `library`."""

    def ingest(folder: Path) -> None:
        library = Library(demo_videos, folder / "data")
        assert library.run("ingest", str(demo_videos), "--model", "demo", "--quiet") == 0

    ingested = once(tmp_path_factory, "ingested", ingest)
    own = tmp_path_factory.mktemp("library")
    return Library(demo_videos, Path(shutil.copytree(ingested / "data", own / "data")))


@pytest.fixture(scope="session")
def tiny_library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    """Six videos of two seconds, which are indexed in no time and look like nothing.

    A file whose tests index again and again calls it `shared_library`. Do not change it.
    """
    root = tmp_path_factory.mktemp("tiny")
    videos = root / "videos"
    videos.mkdir()
    for number in range(6):
        make_video(number, videos)
    library = Library(videos, root / "data")
    assert library.run("ingest", str(videos), "--model", "demo", "--quiet") == 0
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
