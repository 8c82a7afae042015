"""Ingests on a Ray that is started once, on this machine: as in threads, and whatever dies."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from numpy.typing import NDArray

from clipseek.config import Settings
from clipseek.errors import ConfigError, ServiceUnavailable
from clipseek.ingest import Options, Report, Run
from clipseek.ingest.passing import Gear
from clipseek.protocols import FrameSource
from clipseek.sources import LOCAL, LocalDisk, Places
from clipseek.testing import ToyEmbedder
from indexer import runners
from tests.contracts.polling import eventually
from tests.e2e.conftest import Library
from tests.e2e.kill_ray import contents, workers
from tests.ingest.test_threads import Videos, _file, _tools


@pytest.fixture(scope="module")
def ray() -> Iterator[ModuleType]:
    """Return the module of the runner, with a Ray of this machine that all tests here share."""
    module = runners.ray_of(Settings.load())
    with module.cluster.Cluster(None, cpus=4):
        yield module


def _gear(videos: Videos) -> Gear:
    return Gear(videos, ToyEmbedder(), Places({LOCAL: LocalDisk()}))


def _run(
    ray: ModuleType,
    root: Path,
    paths: list[Path],
    *,
    make: Callable[[], Gear] | None = None,
    embedder: Callable[[], object] = ToyEmbedder,
    stop: threading.Event | None = None,
    on_frames: Callable[[int], None] = lambda _count: None,
    workers: int = 2,
) -> dict[str, Report]:
    """Index toy videos on Ray; return the reports by the names of the files."""
    stop, options = stop or threading.Event(), Options(batch_size=4, workers=workers)
    equipment = ray.Equipment(make or _Made(Videos()), embedder)
    with ray.RayPasses(equipment, options, stop) as passes:
        run = Run(_tools(root), options, stop=stop, on_frames=on_frames, through=passes)
        reports = {Path(each.path).name: each for each in run.reports([*map(str, paths)])}
    # Nothing of any video, whatever its fate, waits in line at the actor.
    assert passes._busy == [0]
    return reports


class _Made:
    """Makes the gear of a worker there."""

    def __init__(self, videos: Videos) -> None:
        self._videos = videos

    def __call__(self) -> Gear:
        return _gear(self._videos)


class _Refusing(ToyEmbedder):
    """Cannot embed pictures."""

    def embed_images(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        raise ValueError("no picture is right")


class _Dying(Videos):
    """Kills its worker, each time or the first time, when a video named `dies.mp4` is opened."""

    def __init__(self, once: Path | None) -> None:
        super().__init__()
        self._once = once

    def __call__(self, path: str, /, *, descriptor: int | None = None) -> FrameSource:
        if path.endswith("dies.mp4") and (self._once is None or not self._once.exists()):
            if self._once is not None:
                self._once.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().__call__(path, descriptor=descriptor)


def _no_gear() -> Gear:
    raise ConfigError("the model demo is not on this worker")


def test_ray_makes_the_catalog_that_threads_make(
    ray: ModuleType, shared_library: Library, empty: Library
) -> None:
    """Every row and every picture, byte for byte, but for ids and times of day."""
    command = ["ingest", str(empty.videos), "--model", "demo", "--quiet", "--runner", "ray"]
    assert empty.run(*command) == 0
    assert contents(empty.data_dir) == contents(shared_library.data_dir)


@pytest.mark.long
def test_one_video_has_one_fate(ray: ModuleType, tmp_path: Path) -> None:
    """A bad one, one whose worker dies, a still one, a copy, and one that is gone."""
    paths = [
        _file(tmp_path, name, said)
        for name, said in {
            "good.mp4": "r3 g9 b2",
            "bad.mp4": "bad",
            "dies.mp4": "g1 r1",
            "copy.mp4": "r3 g9 b2",
            "still.mp4": "b40",
        }.items()
    ]
    made = _Made(_Dying(tmp_path / "died"))
    frames: list[int] = []
    found = _run(ray, tmp_path, [*paths, tmp_path / "gone.mp4"], make=made, on_frames=frames.append)
    assert (tmp_path / "died").exists()
    states = {name: report.state for name, report in found.items()}
    assert sorted([states.pop("good.mp4"), states.pop("copy.mp4")]) == ["indexed", "unchanged"]
    assert states == {
        "bad.mp4": "failed",
        "dies.mp4": "indexed",
        "still.mp4": "indexed",
        "gone.mp4": "failed",
    }
    assert found["bad.mp4"].reason == "not a video"
    assert (found["still.mp4"].frames, found["still.mp4"].embedded) == (40, 1)
    assert sum(frames) == sum(report.embedded for report in found.values())


def test_a_video_that_kills_its_workers_fails(
    ray: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is tried again a few times, and then the others are indexed without it."""
    monkeypatch.setattr(ray, "RETRIES", 1)
    paths = [_file(tmp_path, name, "r2") for name in ("dies.mp4", "fine.mp4")]
    paths[1].write_text("g2")
    found = _run(ray, tmp_path, paths, make=_Made(_Dying(None)))
    assert found["fine.mp4"].state == "indexed"
    assert found["dies.mp4"].state == "failed"
    assert found["dies.mp4"].reason.startswith("its workers of Ray died in 2 attempts")


@pytest.mark.long
@pytest.mark.parametrize("which", ["reads", "embeds"])
def test_a_worker_without_its_model_ends_the_run(
    ray: ModuleType, tmp_path: Path, which: str
) -> None:
    """No video is at fault, so none is reported as failed."""
    path = _file(tmp_path, "a.mp4", "r2")
    make, embedder = (_no_gear, ToyEmbedder) if which == "reads" else (None, _no_gear)
    with pytest.raises(ServiceUnavailable, match="worker of Ray cannot be used: the model demo"):
        _run(ray, tmp_path, [path], make=make, embedder=embedder)


@pytest.mark.long
def test_a_run_that_is_stopped_ends_soon(ray: ModuleType, tmp_path: Path) -> None:
    """Ctrl-C after the first batch: what is not committed is left, and its tasks are cancelled."""
    stop = threading.Event()
    paths = [
        _file(tmp_path, f"{i}.mp4", f"{' '.join(['r1', 'b1'] * 200)} g{i + 1}") for i in range(3)
    ]
    found = _run(ray, tmp_path, paths, stop=stop, on_frames=lambda _count: stop.set())
    assert len(found) < len(paths)
    assert all(report.state != "failed" for report in found.values())


def test_workers_that_are_killed_lose_and_double_nothing(
    ray: ModuleType,
    empty: Library,
    shared_library: Library,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """A task that reads and the actor that embeds, while videos are under way."""
    command = ["ingest", str(empty.videos), "--model", "demo", "--quiet", "--runner", "ray"]
    is_over = threading.Event()

    def kill() -> list[str]:
        killed = []
        for kind in ("_Embedding", "_read"):
            while not is_over.is_set() and kind not in killed:
                for process in workers(kind)[:1]:
                    os.kill(process, signal.SIGKILL)
                    killed.append(kind)
        return killed

    with ThreadPoolExecutor(1) as pool:
        killing = pool.submit(kill)
        assert empty.run(*command) == 0
        is_over.set()
        assert killing.result() == ["_Embedding", "_read"]
    assert contents(empty.data_dir) == contents(shared_library.data_dir)
    assert capfd.readouterr().out == ""


def test_ray_listens_on_loopback_alone_and_reports_nothing(ray: ModuleType) -> None:
    """From another machine, its port cannot be reached; its makers are sent no statistics."""
    core = sys.modules["ray"]
    host, _, port = core.get_runtime_context().gcs_address.rpartition(":")
    assert host == "127.0.0.1"
    assert {node["NodeManagerAddress"] for node in core.nodes()} == {"127.0.0.1"}
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as probe:
        probe.connect(("192.0.2.1", 9))
        own = probe.getsockname()[0]
    socket.create_connection((host, int(port)), 10).close()
    if own != host:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((own, int(port)), 10)
    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"


@pytest.mark.parametrize(
    ("embedders", "gpus", "said"),
    [
        pytest.param(3, 0.5, "3 embedders with 0.5 GPU each need 1.5, and Ray has 0", id="GPUs"),
        pytest.param(
            4, 0, "4 embedders and a task that reads need 5 CPUs, and Ray has 4", id="CPUs"
        ),
    ],
)
def test_more_than_there_is_is_refused(
    ray: ModuleType, embedders: int, gpus: float, said: str
) -> None:
    """Otherwise the actors would wait for ever, or the tasks that read."""
    equipment = ray.Equipment(_no_gear, ToyEmbedder)
    passes = ray.RayPasses(equipment, Options(), threading.Event(), embedders=embedders, gpus=gpus)
    with pytest.raises(ConfigError, match=said):
        passes.__enter__()


@pytest.mark.parametrize(
    ("machines", "embedders", "gpus", "room"),
    [
        pytest.param([{"CPU": 8.0, "GPU": 2.0}], 3, 0.6, 2, id="a card is not shared by 0.6 twice"),
        pytest.param([{"CPU": 8.0, "GPU": 1.0}] * 3, 2, 2.0, 0, id="cards of two machines"),
        pytest.param([{"CPU": 1.0, "GPU": 4.0}, {"CPU": 8.0}], 3, 1.0, 1, id="cards without CPUs"),
    ],
)
def test_each_embedder_has_room_on_one_machine(
    ray: ModuleType, machines: list[dict[str, float]], embedders: int, gpus: float, room: int
) -> None:
    """It cannot have GPUs of two, nor parts of two cards."""
    with pytest.raises(ConfigError, match=f"on machines with room for {room};"):
        ray.cluster.require_room(machines, embedders, gpus)
    if room:
        ray.cluster.require_room(machines, room, gpus)


@pytest.mark.long
def test_an_embedder_that_starts_again_finds_its_place(ray: ModuleType, tmp_path: Path) -> None:
    """Tasks that wait to be embedded do not take its CPU, although each of them wants one."""
    said = " ".join(["r1", "b1"] * 60)
    paths = [_file(tmp_path, f"{i}.mp4", f"{said} g{i + 1}") for i in range(12)]
    is_killed = threading.Event()

    def kill(_count: int) -> None:
        if not is_killed.is_set():
            is_killed.set()
            for process in workers("_Embedding"):
                os.kill(process, signal.SIGKILL)

    found = _run(ray, tmp_path, paths, workers=12, on_frames=kill)
    assert is_killed.is_set()
    assert {report.state for report in found.values()} == {"indexed"}


@pytest.mark.long
def test_what_cannot_be_embedded_leaves_the_line(ray: ModuleType, tmp_path: Path) -> None:
    """A video that fails while more of its batches wait counts no longer for its actor."""
    path = _file(tmp_path, "a.mp4", " ".join(["r1", "b1"] * 40))
    found = _run(ray, tmp_path, [path], embedder=_Refusing)
    assert found["a.mp4"].state == "failed"


def test_embedders_wait_for_a_place_until_the_run_stops(
    ray: ModuleType, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is said that other work has the CPUs."""
    monkeypatch.setattr(ray.cluster, "QUIET_S", 0.0)
    stop = threading.Event()
    held = ray.cluster.reserved(3, 0.0, stop)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(ray.cluster.reserved, 2, 0.0, stop)
        eventually(lambda: "other work has the CPUs" in caplog.text)
        stop.set()
        other = waiting.result()
    for group in (held, other):
        ray.remove_placement_group(group)


def test_a_ray_that_does_not_start_is_started_again(
    ray: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once: on a busy machine its own patience is too short."""
    core = sys.modules["ray"]
    calls: list[str] = []

    def start(**_options: object) -> None:
        calls.append("init")
        if calls.count("init") < fine_from:
            raise RuntimeError("Timed out waiting for file /tmp/ray/gcs_server_port")

    monkeypatch.setattr(core, "is_initialized", lambda: False)
    monkeypatch.setattr(core, "init", start)
    monkeypatch.setattr(core, "shutdown", lambda: calls.append("shutdown"))
    fine_from = 2
    with ray.cluster.Cluster(None, cpus=1):
        assert calls == ["init", "shutdown", "init"]
    calls.clear()
    fine_from = 3
    with pytest.raises(ServiceUnavailable, match="cannot start Ray on this machine: Timed out"):
        ray.cluster.Cluster(None, cpus=1).__enter__()
    assert calls == ["init", "shutdown", "init"]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        pytest.param(
            ["--runner", "ray", "--address", "nowhere"], 2, "HOST:PORT or auto", id="no port"
        ),
        pytest.param(
            ["--runner", "ray", "--address", "ray://a:1"], 2, "HOST:PORT or auto", id="client"
        ),
        pytest.param(
            ["--runner", "ray", "--address", "127.0.0.1:1"], 1, "no cluster of Ray at", id="none"
        ),
        pytest.param(["--address", "127.0.0.1:1"], 2, "add `--runner ray`", id="threads"),
        pytest.param(["--runner", "rai"], 2, "CLIPSEEK_RUNNER", id="another runner"),
    ],
)
def test_wrong_addresses_are_refused_at_once(
    ray: ModuleType,
    empty: Library,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
    said: str,
) -> None:
    """Before a model is loaded or a catalog made."""
    assert empty.run("ingest", str(empty.videos), "--model", "demo", *arguments) == code
    assert said in capsys.readouterr().err
    assert not empty.data_dir.exists()


def test_ray_is_an_extra(
    empty: Library, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the package, the command says what to install."""
    import clipseek.ingest

    monkeypatch.delattr(clipseek.ingest, "ray", raising=False)
    monkeypatch.delitem(sys.modules, "clipseek.ingest.ray", raising=False)
    monkeypatch.setitem(sys.modules, "ray", None)
    assert empty.run("ingest", str(empty.videos), "--runner", "ray") == 2
    assert "pip install 'clipseek[ray]'" in capsys.readouterr().err


def test_no_cluster_of_this_machine_is_found(
    ray: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`--address auto` in a process that is not connected: what Ray says, and what to do."""

    def find(**_options: object) -> None:
        raise ConnectionError("Could not find any running Ray instance.")

    monkeypatch.setattr(sys.modules["ray"], "is_initialized", lambda: False)
    monkeypatch.setattr(sys.modules["ray"], "init", find)
    with pytest.raises(ServiceUnavailable, match="no cluster of Ray on this machine: Could not"):
        ray.cluster.Cluster("auto", cpus=1).__enter__()


@pytest.mark.long
def test_another_process_joins_a_cluster(
    ray: ModuleType, empty: Library, shared_library: Library
) -> None:
    """By its address, as on a machine of a cluster. On stdout are results alone."""
    address = sys.modules["ray"].get_runtime_context().gcs_address
    command = [sys.executable, "-m", "indexer", "--data-dir", str(empty.data_dir), "ingest"]
    options = ["--model", "demo", "--json", "--runner", "ray", "--address", address]
    ended = subprocess.run(
        [*command, str(empty.videos), *options], check=False, timeout=300, stdout=subprocess.PIPE
    )
    assert ended.returncode == 0
    told = [json.loads(line) for line in ended.stdout.splitlines()]
    assert [each["state"] for each in told] == ["indexed"] * 6
    assert contents(empty.data_dir) == contents(shared_library.data_dir)
