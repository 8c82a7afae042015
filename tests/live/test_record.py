"""`indexer record`, as it is typed: metrics while it runs, and a good end by a signal."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from urllib.request import urlopen

import pytest

from clipseek.assembly import open_writer
from clipseek.cameras import Camera, address_of
from clipseek.config import Settings
from clipseek.ledgers import open_cameras
from clipseek.live.sealing import Seal, new_key
from indexer.cli import main
from tests.cameras.fixtures import Film
from tests.cameras.rtsp import RtspCameras
from tests.contracts.postgres import free_port
from tests.live.recorders import PATIENCE_S, wait_for

COUNT = "clipseek_camera_embedded_total"


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Return the settings of a data folder, which the command has too."""
    monkeypatch.setenv("CLIPSEEK_CAMERA_KEY", new_key())
    monkeypatch.setenv("CLIPSEEK_MODEL", "demo")
    monkeypatch.setenv("CLIPSEEK_DATA_DIR", str(tmp_path))
    return Settings.load()


def add(settings: Settings, name: str, url: str) -> None:
    """Add a camera."""
    open_writer(settings, create=True).close()
    camera = Camera(name, "default", address_of(url), b"")
    sealed = Seal.of(settings).seal(url, epoch=camera.epoch)
    with closing(open_cameras(settings)) as cameras:
        cameras.add(replace(camera, sealed=sealed))


@pytest.fixture
def metrics_port() -> int:
    """Return a port for the metrics."""
    return free_port()


@pytest.fixture
def recorder(
    settings: Settings, metrics_port: int, rtsp: RtspCameras, film: Film
) -> Iterator["subprocess.Popen[str]"]:
    """Run the command over one camera."""
    add(settings, "door", rtsp.show("door", film()))
    command = [sys.executable, "-m", "indexer", "record", "--json"]
    process = subprocess.Popen(
        [*command, "--metrics", f"127.0.0.1:{metrics_port}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    yield process
    process.kill()
    process.communicate()


def embedded(port: int) -> float:
    """Return how many frames the metrics say were embedded; 0 before they are served."""
    try:
        with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            text = answer.read().decode()
    except OSError:
        return 0.0
    lines = [line for line in text.splitlines() if line.startswith(f'{COUNT}{{camera="door"}}')]
    return float(lines[0].split()[-1]) if lines else 0.0


def test_a_signal_ends_it_with_every_chunk_stored(
    settings: Settings, recorder: "subprocess.Popen[str]", metrics_port: int
) -> None:
    """With 0; the camera is free at once, and what it showed is searched."""
    wait_for("frames in the metrics", lambda: embedded(metrics_port) >= 3)
    recorder.send_signal(signal.SIGTERM)
    said, told = recorder.communicate(timeout=PATIENCE_S)
    assert (recorder.returncode, "Traceback" in told) == (0, False)
    states = [json.loads(line)["status"] for line in said.splitlines()]
    assert states[:2] == ["connecting", "live"]
    with open_writer(settings) as service, closing(open_cameras(settings)) as cameras:
        [video] = service.catalog.videos("default")
        assert len(service.catalog.frame_vectors("default", video.id)[0]) >= 3
        assert [camera.name for camera in cameras.take("next", 10.0, 9)] == ["door"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        pytest.param(["--metrics", "9100"], "--metrics must be HOST:PORT", id="no host"),
        pytest.param(["--metrics", "a:99999"], "--metrics must be HOST:PORT", id="no port"),
        pytest.param(["--most", "0"], "--most must be >= 1 and <= 1000, got 0", id="no camera"),
    ],
)
def test_wrong_options_are_refused(
    settings: Settings, capsys: pytest.CaptureFixture[str], options: list[str], said: str
) -> None:
    """With what is expected, before anything is connected."""
    assert main(["record", *options]) == 2
    assert said in capsys.readouterr().err
    assert not os.listdir(settings.data_dir)  # noqa: PTH208  names are enough


def test_without_a_key_it_says_how_to_make_one(
    settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No camera could be opened."""
    monkeypatch.delenv("CLIPSEEK_CAMERA_KEY")
    assert main(["record"]) == 2
    assert "indexer cameras key" in capsys.readouterr().err
