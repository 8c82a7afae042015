"""`verify` looks at chunks as far as there is something to look at."""

from dataclasses import replace
from pathlib import Path

from clipseek.protocols import FrameSource
from clipseek.sources import LOCAL, LocalDisk, Places
from clipseek.testing import MemoryCatalog
from clipseek.thumbnails import Thumbnails
from indexer.originals import Originals
from tests.contracts.catalogs import DIM, Given, a_video


def no_reader(_path: str, /, *, descriptor: int | None = None) -> FrameSource:
    """Fail: nothing is decoded here."""
    raise AssertionError(descriptor)


def problems(folder: Path, given: Given) -> list[str]:
    """Return what `verify` says of one chunk."""
    catalog = MemoryCatalog()
    catalog.ensure_collection("default", "toy", DIM, "f1")
    given.put_into(catalog)
    places = Places({LOCAL: LocalDisk()})
    originals = Originals(catalog, Thumbnails(folder), "default", places, no_reader, no_reader)
    return list(originals.problems(seed=0))


def chunk(uri: str, stamp: str = "") -> Given:
    """Return a chunk of a camera at a uri."""
    made = a_video("abc", uri=uri)
    return replace(made, video=replace(made.video, stream="door", stamp=stamp, size_bytes=0))


def test_a_chunk_that_grows_is_not_compared(tmp_path: Path) -> None:
    """Its file is longer by now than the row says."""
    path = tmp_path / "a.mp4"
    path.write_bytes(b"more")
    assert problems(tmp_path, chunk(str(path))) == []


def test_a_chunk_without_a_file_is_not_missing(tmp_path: Path) -> None:
    """A camera that is not recorded has thumbnails and vectors only."""
    assert problems(tmp_path, chunk("camera://door/2026-11-29T10-00-00-000Z")) == []


def test_a_file_that_is_gone_is_said(tmp_path: Path) -> None:
    """Whether its chunk is complete or not."""
    [problem] = problems(tmp_path, chunk(str(tmp_path / "a.mp4")))
    assert "is missing" in problem


def test_a_file_that_has_changed_is_said(tmp_path: Path) -> None:
    """A chunk is named by its time, so its stamp says it, and not its content."""
    path = tmp_path / "a.mp4"
    path.write_bytes(b"")
    [problem] = problems(tmp_path, chunk(str(path), stamp="another"))
    assert "has other content" in problem
