"""`python -m api`: what it prints, and how it ends."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@contextmanager
def command(folder: Path, *options: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """Start the command with its own data folder; end it when the test is done."""
    path = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
    with subprocess.Popen(
        [sys.executable, "-m", "api", *options],
        env={**os.environ, "PYTHONPATH": path, "CLIPSEEK_DATA_DIR": str(folder), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def test_help_fits_a_screen_and_ends_with_examples(tmp_path: Path) -> None:
    """The README has the same text."""
    with command(tmp_path, "--help", COLUMNS="100") as process:
        shown, _ = process.communicate()
    assert process.returncode == 0
    assert len(shown.splitlines()) <= 24
    assert shown.rstrip().splitlines()[-3] == "examples:"
    assert shown in (ROOT / "api" / "README.md").read_text()


def test_nobody_waits_for_a_server_that_starts(tmp_path: Path) -> None:
    """Until it can answer, it refuses connections, so that a proxy asks another one at once."""
    with socket.create_server(("127.0.0.1", 0)) as database, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = free.getsockname()
        free.close()
        url = f"postgresql://u@127.0.0.1:{database.getsockname()[1]}/d"
        options = ("--port", str(address[1]))
        with command(tmp_path, *options, CLIPSEEK_DATABASE_URL=url) as process:
            database.settimeout(30)
            waiting, _ = database.accept()  # it has its port, and waits for the database
            with waiting, pytest.raises(ConnectionRefusedError):
                socket.create_connection(address)
            assert process.poll() is None


def test_it_serves_and_stops_at_a_signal(tmp_path: Path) -> None:
    """A folder that may be mistyped is said; the address answers; an interrupt ends it with 130."""
    with command(tmp_path, "--port", "0", "--quiet") as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        address = line.split()[3]
        with urllib.request.urlopen(f"{address}readyz", timeout=20) as answer:  # noqa: S310
            ready = json.load(answer)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
    assert ready == {"status": "ok"}
    assert process.returncode == 130
    assert errors == (
        f"api: {tmp_path} contains no catalog yet, so the library is empty; if it should not be, "
        "check CLIPSEEK_DATA_DIR (--data-dir)\n"
    )


@pytest.mark.parametrize(
    ("options", "environment", "said"),
    [
        pytest.param([], {"CLIPSEEK_API_PORT": "many"}, "CLIPSEEK_API_PORT", id="variable"),
        pytest.param(["--port", "70000"], {}, "CLIPSEEK_API_PORT", id="option"),
        pytest.param(
            ["--port", "0"], {"CLIPSEEK_DATABASE_URL": "mysql://x/y"}, "postgresql", id="database"
        ),
    ],
)
def test_a_wrong_setting_is_one_sentence(
    tmp_path: Path, options: list[str], environment: dict[str, str], said: str
) -> None:
    """It is named on stderr, without a traceback."""
    with command(tmp_path, *options, **environment) as process:
        shown, errors = process.communicate(timeout=20)
    assert (process.returncode, shown) == (2, "")
    assert said in errors
    assert len(errors.splitlines()) == 1


def test_a_port_in_use_is_one_sentence(tmp_path: Path) -> None:
    """It says which, and what to do."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with command(tmp_path, "--port", port) as process:
            _, errors = process.communicate(timeout=20)
    assert process.returncode == 1
    assert errors == (
        f"api: cannot listen on 127.0.0.1 port {port}: Address already in use; "
        "choose another --port (CLIPSEEK_API_PORT)\n"
    )


def test_a_data_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    """A file lies where the folder should be."""
    (tmp_path / "file").write_text("")
    with command(tmp_path, "--port", "0", CLIPSEEK_DATA_DIR=str(tmp_path / "file")) as process:
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 1
    assert len(errors.splitlines()) == 1


def test_the_factory_says_a_wrong_setting_in_one_sentence(tmp_path: Path) -> None:
    """Another server that makes the application ends as the command does."""
    path = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
    done = subprocess.run(
        [sys.executable, "-m", "uvicorn", "api.app:create_app", "--factory", "--port", "0"],
        env={**os.environ, "PYTHONPATH": path, "CLIPSEEK_REFRESH_S": "never"},
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=20,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("api: CLIPSEEK_REFRESH_S: ")
    assert len(done.stderr.splitlines()) == 1
