"""An ingest that finds nothing new looks at each file once and leaves the library alone."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from clipseek.embedding import models
from clipseek.embedding.bundle import BANK, TEXT, TOKENIZER, VISUAL
from tests.e2e.conftest import Library


def _stray(library: Library) -> Path:
    """Make a picture of long ago that no row names."""
    path = library.data_dir / "thumbnails" / "default" / "00" / "gone" / "000000000-abc.jpg"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\xff\xd8\xff\xd9")
    os.utime(path, (1.0, 1.0))
    return path


def test_pictures_are_swept_with_a_new_snapshot_or_by_build(library: Library) -> None:
    """Going through all pictures takes long, so an ingest with nothing new does not."""
    stray = _stray(library)
    videos = str(library.videos)
    assert library.run("ingest", videos, "--quiet") == 0
    assert stray.exists()
    assert library.run("build", "--quiet") == 0
    assert not stray.exists()
    stray = _stray(library)
    first = sorted(library.videos.glob("*.mp4"))[0]
    assert library.run("remove", str(first)) == 0
    assert library.run("ingest", str(sorted(library.videos.glob("*.mp4"))[1]), "--quiet") == 0
    assert not stray.exists()


@pytest.fixture(scope="session")
def shared_library(tiny_library: Library) -> Library:
    """Use tiny videos, because most tests index some again."""
    return tiny_library


@pytest.fixture
def own_model(clip: Callable[[str], Path], tmp_path: Path) -> tuple[Library, Path]:
    """One video, indexed with a copy of the demo model that a test may damage."""
    model = tmp_path / "model"
    shutil.copytree(models.resolve("demo", tmp_path).path, model)
    library = Library(clip("a.mp4").parent, tmp_path / "own")
    assert library.run("ingest", str(library.videos), "--model", str(model), "--quiet") == 0
    return library, model


def _damage(model: Path, *names: str) -> None:
    for name in names:
        (model / name).write_bytes(b"damaged")


def test_an_ingest_with_nothing_new_reads_no_model(own_model: tuple[Library, Path]) -> None:
    """Towers and tokenizer that cannot be read do not matter to it."""
    library, model = own_model
    _damage(model, TEXT, TOKENIZER, VISUAL)
    assert library.run("ingest", str(library.videos), "--quiet") == 0


def test_a_damaged_tower_is_told_once_it_is_needed(
    own_model: tuple[Library, Path],
    clip: Callable[[str], Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The run ends with what is wrong, and it is not the fault of the video."""
    library, model = own_model
    _damage(model, VISUAL)
    new = clip("b.mp4")
    with new.open("ab") as file:
        file.write(b"\0" * 16)
    assert library.run("ingest", str(new)) == 2
    assert "visual.onnx is not the file" in capsys.readouterr().err


def test_a_search_reads_what_the_sentence_needs(
    own_model: tuple[Library, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """It does not look at the pictures' tower, and it does check the sentences' own."""
    library, model = own_model
    _damage(model, VISUAL)
    assert library.run("search", "a red car") == 0
    for name in (BANK, TOKENIZER, TEXT):
        kept = (model / name).read_bytes()
        _damage(model, name)
        capsys.readouterr()
        assert library.run("search", "a red car") == 2
        assert name in capsys.readouterr().err
        (model / name).write_bytes(kept)


def test_verify_reads_every_file_of_a_model(
    own_model: tuple[Library, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """Damage that nobody has stumbled on yet is found."""
    library, model = own_model
    assert library.run("verify") == 0
    _damage(model, VISUAL)
    capsys.readouterr()
    assert library.run("verify") == 1
    assert "visual.onnx is not the file" in capsys.readouterr().out
