"""MLServer, a real server of the Open Inference Protocol, with towers of bundles as its models."""

import json
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest
import urllib3

from clipseek.embedding import models
from clipseek.embedding.bundle import TEXT, VISUAL, Bundle
from clipseek.embedding.towers.remote.exchange import Tensor, Wanted, wanted
from tests.contracts.polling import eventually
from tests.lacking import lacking

HERE = Path(__file__).parent
INSTALL = HERE / "install.sh"
THREADS = 2
"""Those of `runtime`, which cannot be imported here."""


@dataclass(frozen=True)
class Running:
    """The ports of a server that runs on the loopback address."""

    http: int
    grpc: int

    def url(self, scheme: str) -> str:
        """Return its address."""
        return f"{scheme}://127.0.0.1:{self.grpc if scheme == 'grpc' else self.http}"


def environment() -> Path:
    """Return the environment that MLServer is installed in, or skip."""
    found = subprocess.run(["sh", INSTALL, "path"], capture_output=True, text=True, check=False)
    if found.returncode:
        lacking("MLServer is not installed; `make servers` installs it")
    return Path(found.stdout.strip())


@contextmanager
def mlserver(bundle: Bundle, folder: Path) -> Iterator[Running]:
    """Run MLServer with both towers of a bundle, and end it."""
    program = environment() / "bin" / "mlserver"
    for file, any_length in ((VISUAL, False), (TEXT, True)):
        _write_model(folder, bundle, file, any_length=any_length)
    (folder / "runtime.py").write_bytes((HERE / "runtime.py").read_bytes())
    with socket.socket() as one, socket.socket() as two, socket.socket() as three:
        for each in (one, two, three):
            each.bind(("127.0.0.1", 0))
        http, grpc, metrics = (each.getsockname()[1] for each in (one, two, three))
    settings = {
        "host": "127.0.0.1",
        "http_port": http,
        "grpc_port": grpc,
        "metrics_port": metrics,
        "parallel_workers": 0,
        "grpc_max_message_length": 64 << 20,
        "logging_settings": None,
    }
    (folder / "settings.json").write_text(json.dumps(settings))
    running = Running(http, grpc)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([program, "start", folder], stdout=log, stderr=log, cwd=folder)
    try:
        eventually(lambda: _is_ready(process, running, folder), within_s=120)
        yield running
    finally:
        process.kill()
        process.wait()


def _is_ready(process: "subprocess.Popen[bytes]", running: Running, folder: Path) -> bool:
    assert process.poll() is None, (folder / "log").read_text()
    try:
        answer = urllib3.request(
            "GET", f"{running.url('http')}/v2/health/ready", retries=False, timeout=5
        )
    except urllib3.exceptions.HTTPError:
        return False
    if answer.status != 200:
        return False
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", running.grpc)) == 0


def _write_model(folder: Path, bundle: Bundle, file: str, *, any_length: bool) -> None:
    """Write the settings of one model."""
    tower = wanted(bundle, file)
    model = folder / tower.name
    model.mkdir(parents=True)
    said = {
        "name": tower.name,
        "implementation": "runtime.OnnxModel",
        "inputs": [_tensor(_taken(tower, any_length=any_length))],
        "outputs": [_tensor(tower.given)],
        "parameters": {"uri": str(bundle.path / file), "version": tower.version},
    }
    (model / "model-settings.json").write_text(json.dumps(said))


def _taken(tower: Wanted, *, any_length: bool) -> Tensor:
    return Tensor("tokens", "INT64", (-1, -1)) if any_length else tower.taken


def _tensor(tensor: Tensor) -> dict[str, object]:
    return {**asdict(tensor), "shape": list(tensor.shape)}


@pytest.fixture(scope="session")
def inference_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Run MLServer with the towers of the demo model."""
    demo = models.resolve("demo", tmp_path_factory.mktemp("demo"))
    with mlserver(demo, tmp_path_factory.mktemp("mlserver")) as running:
        yield running
