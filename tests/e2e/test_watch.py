"""`indexer watch`: what comes, moves and goes in a folder is followed, until a signal comes."""

import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from clipseek.config import Settings
from clipseek.ledgers import open_audit
from tests.e2e.conftest import Library

Capture = pytest.CaptureFixture[str]
Said = dict[str, str]


class Watching:
    """A running `indexer watch`, and what it prints."""

    def __init__(self, library: Library, *options: str) -> None:
        command = [sys.executable, "-m", "indexer", "--data-dir", str(library.data_dir), "watch"]
        settings = ["--model", "demo", "--json", "--settle", "0.3", *options]
        self.program = subprocess.Popen(
            [*command, str(library.videos), *settings],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        self._said: queue.Queue[Said] = queue.Queue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.program.stdout is not None
        for line in self.program.stdout:
            self._said.put(json.loads(line))

    def hears(self, state: str, path: Path) -> Said:
        """Return what is said next of a file in this state; fail if it is not said in a minute."""
        while True:
            said = self._said.get(timeout=60)
            if (said["state"], said.get("path", said.get("uri"))) == (state, str(path)):
                return said

    def ends(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        """Send a signal; return the exit code and what was said on stderr."""
        self.program.send_signal(number)
        assert self.program.stderr is not None
        error = self.program.stderr.read()
        self._reader.join(60)
        return self.program.wait(60), error


@contextmanager
def watching(library: Library, *options: str) -> Iterator[Watching]:
    """Run `indexer watch` and end it."""
    watch = Watching(library, *options)
    try:
        yield watch
    finally:
        watch.program.kill()
        watch.program.communicate()


@pytest.fixture
def few(shared_library: Library, tmp_path: Path) -> Library:
    """A folder with one video, and no library yet."""
    folder = tmp_path / "videos"
    folder.mkdir()
    shutil.copyfile(_one(shared_library), folder / "first.mp4")
    return Library(folder, tmp_path / "data")


def _one(library: Library, number: int = 0) -> Path:
    return sorted(library.videos.glob("*.mp4"))[number]


def _listed(library: Library, capsys: Capture) -> set[str]:
    capsys.readouterr()
    assert library.run("list", "--json") == 0
    return {Path(json.loads(line)["uri"]).name for line in capsys.readouterr().out.splitlines()}


def test_what_is_there_and_what_comes_is_indexed(
    few: Library, shared_library: Library, capsys: Capture
) -> None:
    """In a folder that is new, too; a signal ends it well, with a snapshot of everything."""
    with watching(few) as watch:
        watch.hears("indexed", few.videos / "first.mp4")
        (few.videos / "new").mkdir()
        shutil.copyfile(_one(shared_library, 1), few.videos / "new" / "second.mp4")
        watch.hears("indexed", few.videos / "new" / "second.mp4")
        code, _ = watch.ends()
    assert code == 0
    assert _listed(few, capsys) == {"first.mp4", "second.mp4"}
    with closing(open_audit(Settings(data_dir=few.data_dir), read_only=True)) as audit:
        works = [(told.what, told.work) for _, told in audit.history()]
    # Each time that it has indexed something is in the history, and not only its end.
    assert [(what, work and work.indexed) for what, work in works] == [("indexer watch", 1)] * 2
    assert few.run("verify") == 0
    assert few.run("status", "--json") == 0
    (state,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert state["snapshot"]["version"] == state["version"]


@pytest.mark.long
def test_a_renamed_video_is_followed(few: Library, capsys: Capture) -> None:
    """It is not read again, and not removed under its old name."""
    with watching(few, "--on-delete", "remove") as watch:
        watch.hears("indexed", few.videos / "first.mp4")
        (few.videos / "first.mp4").rename(few.videos / "other.mp4")
        said = watch.hears("unchanged", few.videos / "other.mp4")
        assert said["reason"] == f"moved from {few.videos / 'first.mp4'}"
        watch.ends()
    assert _listed(few, capsys) == {"other.mp4"}


@pytest.mark.long
def test_a_copy_takes_the_place_of_a_deleted_video(few: Library, capsys: Capture) -> None:
    """Its content is still in the folder, so it is still found."""
    with watching(few, "--on-delete", "remove") as watch:
        watch.hears("indexed", few.videos / "first.mp4")  # of two, either may be read first
        shutil.copyfile(few.videos / "first.mp4", few.videos / "second.mp4")
        watch.hears("unchanged", few.videos / "second.mp4")
        (few.videos / "first.mp4").unlink()
        said = watch.hears("unchanged", few.videos / "second.mp4")
        assert said["reason"] == f"moved from {few.videos / 'first.mp4'}"
        watch.ends()
    assert _listed(few, capsys) == {"second.mp4"}


@pytest.mark.parametrize("what", ["remove", pytest.param("keep", marks=pytest.mark.long)])
def test_a_deleted_video_is_kept_or_removed(
    what: str, few: Library, shared_library: Library, capsys: Capture
) -> None:
    """As the user says; kept by default."""
    with watching(few, "--on-delete", what) as watch:
        watch.hears("indexed", few.videos / "first.mp4")
        (few.videos / "first.mp4").unlink()
        if what == "remove":
            watch.hears("removed", few.videos / "first.mp4")
        shutil.copyfile(_one(shared_library, 1), few.videos / "second.mp4")
        watch.hears("indexed", few.videos / "second.mp4")
        watch.ends()
    kept = {"first.mp4"} if what == "keep" else set()
    assert _listed(few, capsys) == {"second.mp4", *kept}


def test_a_video_that_went_while_nobody_watched_is_removed(few: Library, capsys: Capture) -> None:
    """The first look compares the catalog with the folder."""
    assert few.run("ingest", str(few.videos), "--model", "demo", "--quiet") == 0
    (few.videos / "first.mp4").unlink()
    with watching(few, "--on-delete", "remove") as watch:
        watch.hears("removed", few.videos / "first.mp4")
        watch.ends()
    assert _listed(few, capsys) == set()


def test_what_cannot_be_read_is_said_once(few: Library) -> None:
    """On stderr, however often the folders are looked at; the others are indexed."""
    (few.videos / "loop.mp4").symlink_to("loop.mp4")
    with watching(few, "--rescan", "0.5") as watch:
        watch.hears("indexed", few.videos / "first.mp4")
        shutil.copyfile(few.videos / "first.mp4", few.videos / "second.mp4")
        watch.hears("unchanged", few.videos / "second.mp4")
        _code, error = watch.ends()
    assert error.count("loop.mp4 cannot be read") == 1


@pytest.mark.long
def test_a_folder_that_is_gone_is_an_unmounted_disk(
    few: Library, shared_library: Library, capsys: Capture
) -> None:
    """Its videos are kept, and it is watched again once it is back."""
    away = few.videos.with_name("away")
    with watching(few, "--on-delete", "remove", "--rescan", "1") as watch:
        watch.hears("indexed", few.videos / "first.mp4")
        few.videos.rename(away)
        shutil.copyfile(_one(shared_library, 1), away / "second.mp4")
        assert watch.program.stderr is not None
        while "is not there; its videos are kept" not in watch.program.stderr.readline():
            pass
        away.rename(few.videos)
        watch.hears("indexed", few.videos / "second.mp4")
        watch.ends()
    assert _listed(few, capsys) == {"first.mp4", "second.mp4"}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        pytest.param(["missing"], "watch takes folders that exist", id="no folder"),
        pytest.param([".", "--settle", "0"], "--settle must be > 0 and <= 604800", id="settle"),
        pytest.param([".", "--rescan", "-1"], "--rescan must be > 0 and <= 604800", id="rescan"),
        pytest.param([".", "--rescan", "inf"], "604800 seconds, got inf", id="endless"),
    ],
)
def test_what_cannot_be_watched_is_an_error(
    options: list[str], said: str, few: Library, capsys: Capture
) -> None:
    """In words, before anything else."""
    assert few.run("watch", *options) == 2
    assert said in capsys.readouterr().err


@pytest.mark.long
def test_a_collection_begins_with_the_first_video(
    few: Library, shared_library: Library, capsys: Capture
) -> None:
    """Also beside another one, if files that go are removed, and if the first file fails."""
    assert few.run("ingest", str(few.videos), "--model", "demo") == 0
    second, odd = few.videos / "second.mp4", few.videos / "odd.mp4"
    (few.videos / "first.mp4").unlink()
    options = ("--collection", "new", "--on-delete", "remove", "--rescan", "0.5")
    with watching(few, *options) as watch:
        odd.write_text("not a video")
        watch.hears("failed", odd)
        odd.unlink()
        shutil.copyfile(_one(shared_library, 1), second)
        watch.hears("indexed", second)
        code, _ = watch.ends()
    assert code == 0
    capsys.readouterr()
    assert few.run("list", "--collection", "new", "--json") == 0
    assert json.loads(capsys.readouterr().out)["uri"] == str(second)
