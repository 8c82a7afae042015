"""What a container says when it cannot start: one sentence and a code, and no traceback."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.deploy.locked_postgres import LockedPostgres, locked_postgres

ROOT = Path(__file__).parents[2]
API = ("api", "--quiet")
INGEST = ("indexer", "ingest", "videos", "--model", "demo", "--quiet")
PROGRAMS = [pytest.param(API, id="api"), pytest.param(INGEST, id="indexer")]
PATIENCE_S = 60


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory, demo_videos: Path) -> Path:
    """Return a folder in which a folder `videos` has one video."""
    folder = tmp_path_factory.mktemp("videos")
    (folder / "videos").mkdir()
    shutil.copy(demo_videos / "video-001.mp4", folder / "videos")
    return folder


@pytest.fixture(scope="module")
def postgres() -> Iterator[LockedPostgres]:
    """Return a server with a password, running or not: each test sees to that."""
    with locked_postgres() as server:
        yield server


@contextmanager
def started(
    program: Sequence[str], folder: Path, *, before: Sequence[str] = (), **settings: str
) -> Iterator["subprocess.Popen[str]"]:
    """Start a program in a folder with these settings and no others."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CLIPSEEK_")}
    path = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
    # Threads of the model are few, since tests run side by side.
    own = {"PYTHONPATH": path, "CLIPSEEK_API_PORT": "0", "CLIPSEEK_THREADS": "1"}
    with subprocess.Popen(
        [*before, sys.executable, "-m", *program],
        env={**kept, **own, **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def failure(
    program: Sequence[str], folder: Path, *, before: Sequence[str] = (), **settings: str
) -> tuple[int, str]:
    """Run a program that cannot start; return its code and the one line it said."""
    with started(program, folder, before=before, **settings) as process:
        shown, said = process.communicate(timeout=PATIENCE_S)
    assert shown == ""
    assert said.startswith(f"{program[0]}: ")
    assert len(said.splitlines()) == 1, said
    return process.returncode, said


def without_privileges() -> list[str]:
    """Return what runs a program so that rights of files hold for it: root has none of its own."""
    if os.getuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        pytest.skip("rights of files do not hold for root, and there is no setpriv to drop that")
    return ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("setting", ["CLIPSEEK_DATABASE_URL_FILE", "CLIPSEEK_REDIS_URL_FILE"])
def test_a_missing_secret(
    videos: Path, tmp_path: Path, program: Sequence[str], setting: str
) -> None:
    """The setting and the file are named; wrong configuration is code 2."""
    file = str(tmp_path / "secret")
    code, said = failure(program, videos, **{setting: file, "CLIPSEEK_DATA_DIR": str(tmp_path)})
    assert code == 2
    assert setting in said
    assert file in said


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_wrong_database_password(
    videos: Path, tmp_path: Path, program: Sequence[str], postgres: LockedPostgres
) -> None:
    """It is not waited on, and no password is repeated."""
    postgres.start()
    settings = {
        "CLIPSEEK_DATABASE_URL": postgres.url("guessed"),
        "CLIPSEEK_DATABASE_WAIT_S": "3600",
        "CLIPSEEK_DATA_DIR": str(tmp_path),
    }
    code, said = failure(program, videos, **settings)
    assert code == 1
    assert "password authentication failed" in said
    assert "guessed" not in said


def test_a_port_in_use(tmp_path: Path) -> None:
    """The port is named, before the store is opened."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        settings = {"CLIPSEEK_API_PORT": port, "CLIPSEEK_DATA_DIR": str(tmp_path / "data")}
        code, said = failure(API, tmp_path, **settings)
    assert code == 1
    assert f"port {port}: Address already in use" in said
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        pytest.param("", "cannot be written", id="volume"),
        pytest.param("below", "cannot be made: Permission denied", id="folder below"),
    ],
)
def test_an_unwritable_volume(videos: Path, tmp_path: Path, name: str, said: str) -> None:
    """The folder is named, and the setting that names another."""
    volume = tmp_path / "volume"
    volume.mkdir(mode=0o555)
    settings = {"CLIPSEEK_DATA_DIR": str(volume / name)}
    code, sentence = failure(INGEST, videos, before=without_privileges(), **settings)
    assert code == 1
    assert f"the data folder {volume / name} {said}; set CLIPSEEK_DATA_DIR" in sentence


def test_an_unwritable_volume_beside_a_server(
    videos: Path, tmp_path: Path, postgres: LockedPostgres
) -> None:
    """The catalog is elsewhere, but thumbnails and snapshots need the volume."""
    postgres.start()
    volume = tmp_path / "volume"
    volume.mkdir(mode=0o555)
    settings = {"CLIPSEEK_DATABASE_URL": postgres.url(), "CLIPSEEK_DATA_DIR": str(volume)}
    code, said = failure(INGEST, videos, before=without_privileges(), **settings)
    assert code == 1
    assert str(volume) in said


@pytest.mark.parametrize("name", ["", "below"], ids=["volume", "folder below"])
@pytest.mark.parametrize("beside", [True, False], ids=["beside a server", "alone"])
def test_the_api_only_reads_its_volume(
    tmp_path: Path, postgres: LockedPostgres, name: str, beside: bool
) -> None:
    """Replicas may mount it read-only, also before anything is in it."""
    postgres.start()
    volume = tmp_path / "volume"
    volume.mkdir(mode=0o555)
    settings = {"CLIPSEEK_DATA_DIR": str(volume / name)}
    if beside:
        settings["CLIPSEEK_DATABASE_URL"] = postgres.url()
    with started(API, tmp_path, before=without_privileges(), **settings) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("clipseek answers at ")


def test_a_database_that_does_not_come(videos: Path, tmp_path: Path) -> None:
    """It is waited for no longer than the setting says."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        nobody = taken.getsockname()[1]
    settings = {
        "CLIPSEEK_DATABASE_URL": f"postgresql://me:hush@127.0.0.1:{nobody}/x",
        "CLIPSEEK_DATABASE_WAIT_S": "0.3",
        "CLIPSEEK_DATA_DIR": str(tmp_path),
    }
    with started(INGEST, videos, **settings) as process:
        _, said = process.communicate(timeout=PATIENCE_S)
    waiting, end = said.splitlines()
    assert process.returncode == 1
    assert waiting.startswith("waiting up to 0.3 s for postgresql")
    assert "Connection refused" in end
    assert "hush" not in said


@pytest.mark.parametrize(
    ("program", "done"),
    [
        pytest.param(API, "clipseek answers at ", id="api"),
        pytest.param(INGEST[:-1], "1 video: 1 indexed", id="indexer"),
    ],
)
def test_a_database_that_comes_late(
    videos: Path, tmp_path: Path, postgres: LockedPostgres, program: Sequence[str], done: str
) -> None:
    """The program waits for it, and goes on when it is there."""
    postgres.stop()
    settings = {
        "CLIPSEEK_DATABASE_URL": postgres.url(),
        "CLIPSEEK_DATABASE_WAIT_S": "3600",
        "CLIPSEEK_DATA_DIR": str(tmp_path / "data"),
    }
    with started(program, videos, **settings) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert "waiting up to 3600 s for " in process.stderr.readline()
        postgres.start()
        assert process.stdout.readline().startswith(done)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_stop_while_it_waits(tmp_path: Path, number: signal.Signals) -> None:
    """A container that is told to end does, without a word."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        nobody = taken.getsockname()[1]
    settings = {
        "CLIPSEEK_DATABASE_URL": f"postgresql://127.0.0.1:{nobody}/x",
        "CLIPSEEK_DATABASE_WAIT_S": "3600",
        "CLIPSEEK_DATA_DIR": str(tmp_path),
    }
    with started(API, tmp_path, **settings) as process:
        assert process.stderr is not None
        process.stderr.readline()
        process.send_signal(number)
        _, said = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, said) == (130, "")
