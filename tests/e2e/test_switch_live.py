"""A switch of a collection in use: replicas that answer, an ingest that runs, a disk that fills."""

import json
import os
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from clipseek.catalog import SqlCatalog
from clipseek.catalog.switches import SqlSwitches
from clipseek.config import Settings
from clipseek.demo.videos import make_videos
from clipseek.errors import ServiceUnavailable
from clipseek.types import Put
from tests.chaos.client import Client
from tests.chaos.program import Program, environment, listens, wait_until
from tests.contracts.postgres import free_port
from tests.e2e import forked
from tests.e2e.conftest import Library
from tests.e2e.other_model import other_model
from tests.e2e.test_full_disk import _fill, small_disk
from tests.load.switch import User

__all__ = ["small_disk"]
Capture = pytest.CaptureFixture[str]
REPLICAS = 2
SEEN_WITHIN_S = 2.0


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the model to change to."""
    return str(other_model(tmp_path_factory.mktemp("model")))


@pytest.fixture(params=[pytest.param("sqlite", marks=pytest.mark.long), "postgres"])
def kept(
    request: pytest.FixtureRequest,
    empty: Library,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Library:
    """Three videos in `default`, in each kind of database, as files that a test may change."""
    if request.param == "postgres":
        monkeypatch.setenv("CLIPSEEK_DATABASE_URL", request.getfixturevalue("postgres_url"))
    (tmp_path / "own").mkdir()
    for path in sorted(empty.videos.glob("*.mp4"))[:3]:
        shutil.copy(path, tmp_path / "own")
    library = Library(tmp_path / "own", empty.data_dir)
    assert library.run("ingest", str(library.videos), "--quiet", "--model", "demo") == 0
    return library


def given(library: Library, **settings: str) -> dict[str, str]:
    """Return the environment of programs that use a library."""
    kept = {name: value for name, value in os.environ.items() if name == "CLIPSEEK_DATABASE_URL"}
    mine = {"CLIPSEEK_DATA_DIR": str(library.data_dir), "CLIPSEEK_THREADS": "1", **settings}
    return environment(kept | mine)


def catalog_of(library: Library) -> SqlCatalog:
    """Open the catalog of a library, which soon says that somebody else writes."""
    return SqlCatalog.open(Settings.load(data_dir=library.data_dir).catalog_url, wait_s=0.3)


def names(library: Library) -> set[str]:
    """Return the names of the files of all videos that `default` has."""
    with closing(catalog_of(library)) as catalog:
        return {Path(video.uri).name for video in catalog.videos("default", limit=100)}


def shown(library: Library, capsys: Capture) -> dict[str, Any]:
    """Return what `indexer collections` says of `default`."""
    capsys.readouterr()
    assert library.run("collections", "--json") == 0
    listed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (found,) = (each for each in listed if each["name"] == "default")
    return dict(found)


@contextmanager
def replicas(library: Library, folder: Path) -> Iterator[list[int]]:
    """Start API processes over one library; yield their ports."""
    env = given(library, CLIPSEEK_REFRESH_S="0.2")
    with ExitStack() as stack:
        ports = [free_port() for _ in range(REPLICAS)]
        for port in ports:
            command = [sys.executable, "-m", "api", "--quiet", "--port", str(port)]
            program = Program("api", command, folder / f"{port}.log", env)
            stack.callback(program.end)
            program.start()
        for port in ports:
            wait_until(lambda port=port: listens(port), "an API")  # type: ignore[misc]  # mypy does not infer the default
        yield ports


def test_every_replica_answers_from_one_model_at_a_time(
    kept: Library, model: str, tmp_path: Path
) -> None:
    """The new one within 2 s of the cut, the old one again within 2 s of a rollback."""
    ending = threading.Event()
    with replicas(kept, tmp_path) as ports, ThreadPoolExecutor(REPLICAS) as pool:
        users = [User(port, number, ending) for number, port in enumerate(ports)]
        asking = [pool.submit(user.ask) for user in users]

        def all_see(wanted: str) -> Callable[[], bool]:
            return lambda: all(user.models[-1:] == [wanted] for user in users)

        try:
            wait_until(all_see("demo"), "answers of the old model")
            command = ("switch", "default", "--quiet")
            assert kept.run(*command, "--model", model, "--lead", "3") == 0
            wait_until(all_see(model), "the new model", deadline_s=SEEN_WITHIN_S)
            with closing(Client(ports[0])) as client:
                listed = client.ask("GET", "/v1/collections").body
            assert kept.run(*command, "--rollback") == 0
            wait_until(all_see("demo"), "the old model again", deadline_s=SEEN_WITHIN_S)
        finally:
            ending.set()
        for each in asking:
            each.result()
    assert [each["name"] for each in listed["collections"]] == ["default"]
    assert [user.failed for user in users] == [0, 0]
    assert [user.models for user in users] == [["demo", model, "demo"]] * REPLICAS


def stopped(library: Library, process: ForkServerProcess) -> None:
    """Stop an ingest that has indexed something, between two of its transactions."""
    number = process.pid
    assert number is not None
    with closing(catalog_of(library)) as catalog:
        first = catalog.videos("default", limit=1)[0]

        def is_between() -> bool:
            os.kill(number, signal.SIGSTOP)
            try:
                catalog.edit("default", first.id, title=first.title, tags=["seen"])
            except ServiceUnavailable:
                os.kill(number, signal.SIGCONT)
                return False
            return True

        wait_until(is_between, "the ingest to be between two transactions")


@pytest.mark.long
def test_what_runs_across_the_cut_is_in_both(
    kept: Library, model: str, capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An ingest that began before the cut and ends after it, and removals on both sides of it."""
    make_videos(10, 77, tmp_path / "later")  # enough that it can be stopped before its end
    own, later = sorted(kept.videos.glob("*.mp4")), sorted((tmp_path / "later").glob("*.mp4"))
    later = [path.rename(path.with_name(f"later-{path.name}")) for path in later]
    running = list[ForkServerProcess]()
    cuts = list[bool]()
    cut = SqlSwitches.cut

    def lead(_seconds: float) -> None:
        words = ("ingest", str(tmp_path / "later"), "--quiet", "--workers", "1", "--no-build")
        running.append(forked.start(given(kept), *words))
        wait_until(lambda: len(names(kept)) > len(own), "a video of the ingest")
        stopped(kept, running[0])

    def late(switches: SqlSwitches, name: str, version: int, *, to: str) -> bool:
        if not cuts:
            assert kept.run("remove", str(own[0])) == 0
        cuts.append(cut(switches, name, version, to=to))
        return cuts[-1]

    monkeypatch.setattr("indexer.verbs.switch.time", SimpleNamespace(sleep=lead))
    monkeypatch.setattr(SqlSwitches, "cut", late)
    try:
        assert kept.run("switch", "default", "--quiet", "--model", model) == 0
        assert cuts == [False, True]
        assert running[0].exitcode is None
        assert len(names(kept)) < len(own) + len(later) - 1
        assert kept.run("remove", str(own[1])) == 0
    finally:
        os.kill(running[0].pid or 0, signal.SIGCONT)
        running[0].join(60)
    assert running[0].exitcode == 0

    everything = {path.name for path in (*own[2:], *later)}
    assert (names(kept), shown(kept, capsys)["model"]) == (everything, model)
    assert kept.run("switch", "default", "--quiet", "--rollback") == 0
    assert (names(kept), shown(kept, capsys)["model"]) == (everything, "demo")
    assert kept.run("verify") == 0


def test_a_full_disk_stops_a_switch_that_continues_later(
    empty: Library,
    model: str,
    small_disk: Path,
    capsys: Capture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is full after the first of two videos: what answers stays, and the second one follows."""
    # A lease that a full disk does not let go expires soon.
    monkeypatch.setenv("CLIPSEEK_JOB_LEASE_S", "1")
    library = Library(empty.videos, small_disk / "data")
    paths = [str(path) for path in sorted(empty.videos.glob("*.mp4"))[:2]]
    assert library.run("ingest", *paths, "--model", "demo", "--quiet") == 0
    put = SqlCatalog.put

    def filling(catalog: SqlCatalog, collection: str, video: Put, **given: Any) -> int:
        version = put(catalog, collection, video, **given)
        _fill(small_disk)
        return version

    monkeypatch.setattr(SqlCatalog, "put", filling)
    assert library.run("switch", "default", "--model", model, "--lead", "0") == 1
    assert "is full" in capsys.readouterr().err
    monkeypatch.setattr(SqlCatalog, "put", put)
    (small_disk / "other").unlink()
    assert shown(library, capsys)["model"] == "demo"

    assert library.run("switch", "default", "--model", model, "--lead", "0", "--json") == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    # A video of the second in which the switch began is embedded again.
    assert told["embedded"] in (1, 2)
    assert (told["state"], told["left_out"]) == ("switched", [])
    found = shown(library, capsys)
    assert (found["model"], found["videos"]) == (model, 2)
    assert library.run("verify") == 0
