"""One video, one fate: whatever goes wrong with it, the others are indexed, its copies included."""

import logging
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from clipseek.errors import UnreadableVideo, VideoNotFound
from clipseek.frames import FrameBatch
from clipseek.ingest import Options, Report, Run, Tools
from clipseek.model import Model
from clipseek.protocols import FrameSource
from clipseek.sources import LOCAL, LocalDisk, Places
from clipseek.testing import MemoryCatalog, SyntheticFrames, ToyEmbedder
from clipseek.thumbnails import Thumbnails
from clipseek.types import Put, Relevance

RED, BLUE = (255, 0, 0), (0, 0, 255)
ERRORS = [
    ValueError("odd"),
    KeyError("k"),
    MemoryError(),
    RecursionError("deep"),
    OSError(5, "Input/output error"),
]
BY_NAME = pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
Trouble = Callable[[Path], None]


def _none(_path: Path) -> None:
    """Open the file."""


class Colours:
    """Opens files whose content names one colour; `trouble` strikes while a file is opened."""

    def __init__(self, trouble: Trouble = _none) -> None:
        self._trouble = trouble
        self.opened: list[str] = []

    def __call__(self, path: str, /, *, descriptor: int | None = None) -> FrameSource:
        """Open a file."""
        assert descriptor is not None
        colour = RED if os.pread(descriptor, 3, 0) == b"red" else BLUE
        self.opened.append(Path(path).name)
        self._trouble(Path(path))
        return SyntheticFrames([(2, colour)])


class BlueIsTrouble(ToyEmbedder):
    """A model that fails where a picture is blue."""

    def __init__(self, error: Exception | None) -> None:
        super().__init__()
        self._error = error

    def embed_images(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Embed, or fail; without an error, blue is not a number."""
        vectors = super().embed_images(pixels)
        is_blue = pixels[..., 2].mean(axis=(1, 2)) > 200
        if is_blue.any() and self._error is not None:
            raise self._error
        vectors[is_blue] = np.nan
        return vectors


def _tools(
    root: Path,
    *,
    opener: Colours | None = None,
    embedder: ToyEmbedder | None = None,
    catalog: MemoryCatalog | None = None,
) -> Tools:
    embedder = embedder or ToyEmbedder()
    catalog = catalog or MemoryCatalog()
    catalog.ensure_collection("default", "toy", embedder.dim, embedder.fingerprint)
    bank = ToyEmbedder().embed_texts(["red", "green", "nothing"])
    model = Model("toy", embedder, 100.0, 0.9, Relevance(1, 0, fitted=False), bank)
    return Tools(
        "default",
        catalog,
        Thumbnails(root / "thumbs"),
        model,
        opener or Colours(),
        Places({LOCAL: LocalDisk()}),
    )


def _run(tools: Tools, paths: Sequence[Path], **options: Any) -> dict[str, Report]:
    run = Run(tools, Options(**options), stop=threading.Event())
    reports = list(run.reports([*map(str, paths)]))
    assert sorted(report.path for report in reports) == sorted(map(str, paths))
    return {Path(report.path).name: report for report in reports}


def _files(folder: Path, **contents: str) -> list[Path]:
    for name, content in contents.items():
        (folder / name).write_text(content)
    return [folder / name for name in contents]


def _states(reports: dict[str, Report]) -> dict[str, str]:
    return {name: report.state for name, report in reports.items()}


def _strikes(name: str, error: Exception) -> Trouble:
    def strike(path: Path) -> None:
        if path.name == name:
            raise error

    return strike


@BY_NAME
def test_an_unexpected_error_of_a_reader(error: Exception, tmp_path: Path) -> None:
    """It is the video's fate, with its reason."""
    paths = _files(tmp_path, a="red 1", b="red 2", c="blue")
    reports = _run(_tools(tmp_path, opener=Colours(_strikes("b", error))), paths)
    assert _states(reports) == {"a": "indexed", "b": "failed", "c": "indexed"}
    named = error.strerror if isinstance(error, OSError) else f"unexpected {type(error).__name__}"
    assert reports["b"].reason.startswith(str(named))


@pytest.mark.parametrize("claimed", [True, False], ids=["claimed", "not claimed"])
def test_a_longer_video_than_allowed(claimed: bool, tmp_path: Path) -> None:
    """Nothing of it is decoded if its container says so, else nothing after the limit."""
    read: list[float] = []

    class Claiming(SyntheticFrames):
        def read(self, *given: Any, **named: Any) -> Iterator[FrameBatch]:
            for batch in super().read(*given, **named):
                read.extend(batch.times)
                yield batch

    class Long(Colours):
        def __call__(self, path: str, /, *, descriptor: int | None = None) -> FrameSource:
            assert descriptor is not None
            found = Claiming([(3 if os.pread(descriptor, 3, 0) == b"red" else 1000, RED)])
            found.duration = found.duration if claimed else None
            return found

    paths = _files(tmp_path, a="red 1", b="blue", c="red 2")
    reports = _run(_tools(tmp_path, opener=Long()), paths, longest_s=10.0)
    assert _states(reports) == {"a": "indexed", "b": "failed", "c": "indexed"}
    assert "CLIPSEEK_MAX_VIDEO_S allows 10 s" in reports["b"].reason
    assert max(read) < (3 if claimed else 200)


@BY_NAME
@pytest.mark.parametrize("batch_size", [1, 64])
def test_an_error_of_the_model_spares_the_videos_of_its_batch(
    error: Exception, batch_size: int, tmp_path: Path
) -> None:
    """Batches span videos; each video's part is embedded again."""
    paths = _files(tmp_path, a="red 1", b="blue", c="red 2")
    tools = _tools(tmp_path, embedder=BlueIsTrouble(error))
    reports = _run(tools, paths, batch_size=batch_size, workers=1)
    assert _states(reports) == {"a": "indexed", "b": "failed", "c": "indexed"}
    assert tools.catalog.counts("default")[0] == 2


def test_vectors_that_are_no_numbers_fail_their_video(tmp_path: Path) -> None:
    """They would make every score of a search not a number."""
    paths = _files(tmp_path, a="red 1", b="blue", c="red 2")
    reports = _run(_tools(tmp_path, embedder=BlueIsTrouble(None)), paths, workers=1)
    assert _states(reports) == {"a": "indexed", "b": "failed", "c": "indexed"}


@BY_NAME
def test_an_unexpected_error_of_the_catalog(error: Exception, tmp_path: Path) -> None:
    """One video that cannot be stored is one video."""

    class Picky(MemoryCatalog):
        def put(self, collection: str, put: Put, *, by: str = "") -> int:
            if put.video.title == "b":
                raise error
            return super().put(collection, put, by=by)

    paths = _files(tmp_path, a="red 1", b="red 2", c="blue")
    reports = _run(_tools(tmp_path, catalog=Picky()), paths)
    assert _states(reports) == {"a": "indexed", "b": "failed", "c": "indexed"}


@BY_NAME
def test_an_unexpected_error_of_a_thumbnail(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of anything else that is made of one video."""
    store, failures = Thumbnails.store, [error]

    def strike(self: Thumbnails, *args: Any) -> None:
        if failures:
            raise failures.pop()
        store(self, *args)

    monkeypatch.setattr(Thumbnails, "store", strike)
    paths = _files(tmp_path, a="red 1", b="red 2", c="blue")
    states = _states(_run(_tools(tmp_path), paths, workers=1))
    assert sorted(states.values()) == ["failed", "indexed", "indexed"]


def test_a_video_removed_while_it_is_recognised_is_indexed(tmp_path: Path) -> None:
    """Another process removed it between the look and the change."""

    class Racing(MemoryCatalog):
        def relocate(self, collection: str, video_id: str, *args: Any) -> int:
            self.remove(collection, video_id)
            raise VideoNotFound(video_id, collection)

    (path,) = _files(tmp_path, a="red")
    tools = _tools(tmp_path, catalog=Racing())
    _run(tools, [path])
    path.rename(tmp_path / "b")
    assert _states(_run(tools, [tmp_path / "b"])) == {"b": "indexed"}


def test_the_traceback_goes_to_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """And not into the reason, which names the option that prints it."""
    caplog.set_level(logging.DEBUG, "clipseek.ingest")
    (path,) = _files(tmp_path, a="red")
    tools = _tools(tmp_path, opener=Colours(_strikes("a", ValueError("odd\nvalue"))))
    reason = _run(tools, [path])["a"].reason
    assert reason == "unexpected ValueError: odd value; --verbose prints the traceback"
    assert "Traceback" in caplog.text
    assert "in strike" in caplog.text


# Copies.


WORKERS = pytest.mark.parametrize("workers", [1, 4])


@WORKERS
@pytest.mark.parametrize("bad", ["abc", "ab", "a", ""])
def test_a_copy_of_a_video_that_failed_is_read(bad: str, workers: int, tmp_path: Path) -> None:
    """Three copies, of which the files in `bad` fail: one of the others is indexed."""

    def strike(path: Path) -> None:
        if path.name in bad:
            raise UnreadableVideo(str(path), "the disk is worn")

    paths = _files(tmp_path, a="red", b="red", c="red")
    tools = _tools(tmp_path, opener=Colours(strike))
    states = list(_states(_run(tools, paths, workers=workers)).values())
    assert states.count("indexed") == (len(bad) < 3)
    assert states.count("failed") <= len(bad)
    assert tools.catalog.counts("default")[0] == (len(bad) < 3)
    if len(bad) == 3:
        assert states == ["failed"] * 3


@WORKERS
def test_a_copy_is_read_where_the_model_failed(workers: int, tmp_path: Path) -> None:
    """The first copy was read to its end by then, and is judged in the model's thread."""

    class Once(ToyEmbedder):
        failed = False

        def embed_images(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
            if not self.failed:
                self.failed = True
                raise ValueError("once")
            return super().embed_images(pixels)

    paths = _files(tmp_path, a="red", b="red", c="red")
    states = _states(_run(_tools(tmp_path, embedder=Once()), paths, workers=workers))
    assert sorted(states.values()) == ["failed", "indexed", "unchanged"]


@WORKERS
def test_a_copy_is_read_where_the_first_was_removed(workers: int, tmp_path: Path) -> None:
    """Removed while it was read; the copy is the video then."""

    def strike(path: Path) -> None:
        if not (tmp_path / "gone").exists():
            path.rename(tmp_path / "gone")

    paths = _files(tmp_path, a="red", b="red")
    states = _states(_run(_tools(tmp_path, opener=Colours(strike)), paths, workers=workers))
    assert sorted(states.values()) == ["failed", "indexed"]


def test_a_copy_that_changed_while_it_waited_is_a_video_of_its_own(tmp_path: Path) -> None:
    """And the third copy is read in its place."""
    paths = _files(tmp_path, a="red", b="red", c="red")

    def strike(path: Path) -> None:
        if path.name == "a":
            (tmp_path / "b").write_text("blue")
            raise UnreadableVideo(str(path), "the disk is worn")

    states = _states(_run(_tools(tmp_path, opener=Colours(strike)), paths, workers=1))
    assert states == {"a": "failed", "b": "indexed", "c": "indexed"}


def test_many_copies_that_all_fail_are_each_tried_once(tmp_path: Path) -> None:
    """And the run ends."""
    paths = _files(tmp_path, **{f"{number:02d}": "red" for number in range(30)})

    def strike(path: Path) -> None:
        raise UnreadableVideo(str(path), "not a video")

    opener = Colours(strike)
    states = _states(_run(_tools(tmp_path, opener=opener), paths, workers=3))
    assert set(states.values()) == {"failed"}
    assert sorted(opener.opened) == sorted(states)


def test_copies_are_unchanged_once_the_first_is_indexed(tmp_path: Path) -> None:
    """They name the file that was indexed."""
    paths = _files(tmp_path, a="red", b="red", c="red")
    reports = _run(_tools(tmp_path), paths, workers=1)
    assert _states(reports) == {"a": "indexed", "b": "unchanged", "c": "unchanged"}
    assert reports["c"].reason == f"same content as {tmp_path / 'a'}"


def test_a_video_of_a_place_that_is_not_known_here_stays_there(tmp_path: Path) -> None:
    """Another installation reads it; a copy on this disk does not take its place."""
    tools = _tools(tmp_path)
    (path,) = _files(tmp_path, a="red")
    indexed = _run(tools, [path])["a"]
    tools.catalog.relocate("default", indexed.id, "s3://bucket/a", 3, "one")
    again = _run(tools, [path])["a"]
    assert (again.state, again.reason) == ("unchanged", "same content as s3://bucket/a")
    assert tools.catalog.video("default", indexed.id).uri == "s3://bucket/a"


# The file that was hashed is the one that is read.


def test_a_file_put_in_its_place_is_not_stored_under_the_hash(tmp_path: Path) -> None:
    """Same size, same time, other content."""
    (path,) = _files(tmp_path, a="red 1")

    def strike(path: Path) -> None:
        before = path.stat()
        (tmp_path / "other").write_text("blue1")
        os.utime(tmp_path / "other", ns=(before.st_atime_ns, before.st_mtime_ns))
        (tmp_path / "other").replace(path)

    tools = _tools(tmp_path, opener=Colours(strike))
    report = _run(tools, [path])["a"]
    assert (report.state, report.reason) == ("failed", "it changed while it was read; run again")
    assert tools.catalog.counts("default")[0] == 0


@pytest.mark.parametrize("force", [False, True])
def test_pipes_and_devices_fail_at_once(force: bool, tmp_path: Path) -> None:
    """Whatever else a name leads to is refused before it is waited for."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zero").symlink_to("/dev/zero")
    (tmp_path / "folder").mkdir()
    paths = [tmp_path / "pipe", tmp_path / "zero", tmp_path / "folder"]
    reports = _run(_tools(tmp_path), [*paths, *_files(tmp_path, a="red")], force=force)
    assert reports["a"].state == "indexed"
    assert {reports[path.name].reason for path in paths} == {"not a regular file"}


def test_a_run_that_stops_hashes_no_further(tmp_path: Path) -> None:
    """A file of many gigabytes must not hold Ctrl-C back."""
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    stop = threading.Event()
    threading.Timer(0.2, stop.set).start()
    run = Run(_tools(tmp_path), Options(), stop=stop)
    assert list(run.reports([str(path)])) == []
