"""What the command prints where its outputs are full, closed or of another encoding."""

import errno
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from api.__main__ import main as serve
from clipseek.config import Settings
from clipseek.errors import ServiceUnavailable
from indexer.cli import main
from tests.e2e.conftest import Library

Capture = pytest.CaptureFixture[str]
ODD = "фильм\nline\x1b[31m.mp4"
FULL = "standard output cannot be written: No space left on device; make room"
CLOSED = "standard output is closed; leave it open, or send it to a file"


@pytest.fixture(scope="module")
def odd(shared_library: Library, tmp_path_factory: pytest.TempPathFactory) -> Library:
    """A library of one video whose name has letters of another script and control characters."""
    root = tmp_path_factory.mktemp("odd")
    path = root / "videos" / ODD
    path.parent.mkdir()
    shutil.copyfile(sorted(shared_library.videos.glob("*.mp4"))[0], path)
    library = Library(path.parent, root / "data")
    assert library.run("ingest", str(path), "--model", "demo", "--quiet", "--no-build") == 0
    return library


def _shell(library: Library, command: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a command line of a shell with `indexer` in it."""
    indexer = f"{sys.executable} -m indexer --data-dir {library.data_dir}"
    return subprocess.run(  # noqa: S602  redirections are what is tested
        command.replace("indexer", indexer),
        shell=True,
        capture_output=True,
        text=True,
        env={**os.environ, **env},
        check=False,
    )


@pytest.mark.parametrize(
    ("command", "said"),
    [
        pytest.param("indexer list > /dev/full", FULL, id="full"),
        pytest.param("PYTHONUNBUFFERED=1 indexer list --json > /dev/full", FULL, id="unbuffered"),
        pytest.param("indexer list --help > /dev/full", FULL, id="help"),
        pytest.param("indexer list >&-", CLOSED, id="closed"),
        pytest.param("indexer status --json <&- >&-", CLOSED, id="input closed too"),
    ],
)
def test_an_output_that_takes_nothing_is_one_sentence(
    odd: Library, command: str, said: str
) -> None:
    """Exit 1, no traceback, nothing at the interpreter's end."""
    done = _shell(odd, command)
    assert (done.returncode, done.stderr) == (1, f"indexer: {said}\n")


@pytest.mark.parametrize(
    ("command", "code"),
    [
        pytest.param("indexer list 2>&-", 0, id="closed"),
        pytest.param("indexer ingest nothing-here 2>/dev/full", 2, id="full"),
        pytest.param("indexer list > /dev/full 2>&-", 1, id="both"),
    ],
)
def test_standard_error_that_takes_nothing_changes_no_exit_code(
    odd: Library, command: str, code: int
) -> None:
    """There is nowhere to tell it; what was a result still is, and nothing else is printed."""
    done = _shell(odd, command)
    assert (done.returncode, done.stderr) == (code, "")
    assert len(done.stdout.splitlines()) == (2 if code == 0 else 0)


def test_a_closed_output_is_not_taken_by_a_database(odd: Library, tmp_path: Path) -> None:
    """The first file that is opened would get its number, and what is printed would damage it."""
    copy = Library(odd.videos, tmp_path / "data")
    shutil.copytree(odd.data_dir, copy.data_dir)
    assert _shell(copy, f"indexer ingest {odd.videos} --force --no-build >&- 2>&-").returncode == 1
    assert copy.run("verify") == 0


def test_names_are_escaped_and_a_video_is_one_row(odd: Library, capsys: Capture) -> None:
    """Control characters of a name reach no terminal."""
    assert odd.run("list") == 0
    rows = capsys.readouterr().out.splitlines()
    assert len(rows) == 2
    assert rows[1].endswith(r"фильм\nline\x1b[31m.mp4")


def test_names_that_an_encoding_lacks_are_escaped(odd: Library) -> None:
    """One row per video, in ASCII; JSON stays JSON."""
    done = _shell(odd, "indexer list; indexer list --json", PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "")
    *rows, record = done.stdout.splitlines()
    assert rows[1].endswith(r"\u0444\u0438\u043b\u044c\u043c\nline\x1b[31m.mp4")
    assert Path(json.loads(record)["uri"]).name == ODD


def test_the_progress_of_an_ingest_is_escaped(odd: Library, capsys: Capture) -> None:
    """A line per video, whatever its name."""
    assert odd.run("ingest", str(odd.videos), "--no-build") == 0
    lines = capsys.readouterr().err.splitlines()
    assert [line.split()[0] for line in lines] == ["unchanged"]
    assert r"\nline\x1b[31m" in lines[0]


def test_without_arguments_help_is_printed(capsys: Capture) -> None:
    """Exit 0: a new user sees what the command can do."""
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("usage: indexer")


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        pytest.param(["serach", "x"], "did you mean search?", id="verb"),
        pytest.param(["serv"], "did you mean `clipseek serve`?", id="serve"),
        pytest.param(["list", "--colection", "x"], "did you mean --collection?", id="option"),
        pytest.param(["ingest", "x", "--precision", "int"], "did you mean int8?", id="choice"),
    ],
)
def test_a_mistyped_word_is_guessed(capsys: Capture, arguments: list[str], meant: str) -> None:
    """Exit 2, and the nearest word that there is."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert meant in capsys.readouterr().err


def test_an_unknown_tag_is_told(
    empty: Library, clip: Callable[[str], Path], capsys: Capture
) -> None:
    """With the tags that there are, instead of an empty table; it is an answer, not a failure."""
    empty.run(
        "ingest", str(clip("a.mp4")), "--model", "demo", "--quiet", "--tag", "e\u0301te\u0301"
    )
    assert empty.run("search", "car", "--tag", "été", "--json") == 0
    assert capsys.readouterr().out
    assert empty.run("search", "car", "--tag", "eté") == 0
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == "no video has the tag 'eté'; tags are 'été'; did you mean 'été'?\n"


def test_tags_that_no_video_has_together_are_told(
    empty: Library, clip: Callable[[str], Path], capsys: Capture
) -> None:
    """Each is known."""
    paths = sorted(empty.videos.glob("*.mp4"))
    for tag, path in (("a", clip("a.mp4")), ("b", paths[1])):
        empty.run("ingest", str(path), "--model", "demo", "--quiet", "--no-build", "--tag", tag)
    assert empty.run("search", "car", "--tag", "a", "--tag", "b") == 0
    assert capsys.readouterr().err == "no video has all of the tags 'a', 'b'\n"


@pytest.fixture
def forbidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder below which this user may look at nothing."""
    closed = tmp_path / "closed"
    really = Path.stat

    def stat(path: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        if closed in path.parents:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return really(path, follow_symlinks=follow_symlinks)

    monkeypatch.setattr(Path, "stat", stat)
    return closed


@pytest.mark.parametrize("verb", [["list"], ["status"], ["verify"], ["search", "x"], ["models"]])
def test_a_data_folder_of_another_user_is_one_sentence(
    forbidden: Path, capsys: Capture, verb: list[str]
) -> None:
    """Exit 1 and what is forbidden."""
    assert main(["--data-dir", str(forbidden / "data"), *verb]) == 1
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 1
    assert "Permission denied" in said


def test_the_service_says_what_it_may_not_read(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    """Exit 1, whichever file it is."""

    def opened(settings: Settings) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), "/closed/catalog.db")

    monkeypatch.setattr("clipseek.assembly.open_service", opened)
    assert serve(["--port", "0"]) == 1
    assert "/closed/catalog.db: Permission denied" in capsys.readouterr().err


def test_a_data_folder_that_may_not_be_looked_at_is_not_taken_for_an_empty_one(
    forbidden: Path,
) -> None:
    """Else an ingest would begin a new library elsewhere, or say that nothing is indexed."""
    from clipseek.assembly import has_catalog

    with pytest.raises(ServiceUnavailable, match="cannot be read: Permission denied"):
        has_catalog(Settings.load(data_dir=forbidden / "data"))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        pytest.param(["search", "caf\udce9"], "not UTF-8", id="query"),
        pytest.param(["ingest", "VIDEOS", "--tag", "caf\udce9"], r"got 'caf\udce9'", id="tag"),
        pytest.param(["ingest", "VIDEOS", "--tag", "a\nb"], r"got 'a\nb'", id="tag of two lines"),
        pytest.param(["list", "--data-dir", "/data\udcff"], "UTF-8 text", id="data folder"),
    ],
)
def test_bytes_that_are_no_text_are_refused(
    odd: Library, capsys: Capture, arguments: list[str], expected: str
) -> None:
    """Exit 2 and one sentence: a command line may hold any bytes."""
    videos = str(odd.videos)
    assert odd.run(*[videos if each == "VIDEOS" else each for each in arguments]) == 2
    said = capsys.readouterr().err
    assert expected in said
    assert len(said.splitlines()) == 1


def test_verbose_prints_the_traceback_of_an_unexpected_error(
    empty: Library, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without it the reason names the option."""

    def strike(*_args: object, **_options: object) -> None:
        raise ValueError("odd")

    monkeypatch.setattr("clipseek.ingest.steps.identify", strike)
    video = str(sorted(empty.videos.glob("*.mp4"))[0])
    assert empty.run("ingest", video, "--model", "demo") == 1
    said = capsys.readouterr().err
    assert "unexpected ValueError: odd; --verbose prints the traceback" in said
    assert "Traceback" not in said
    assert empty.run("ingest", video, "--model", "demo", "--verbose") == 1
    assert "in strike" in capsys.readouterr().err
