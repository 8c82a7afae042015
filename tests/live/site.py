"""A place with cameras: its data, their key, and recorders as processes of their own."""

import sys
import urllib.request
from dataclasses import replace
from pathlib import Path

from clipseek.assembly import migrate
from clipseek.cameras import Camera, address_of
from clipseek.config import Settings
from clipseek.ledgers import open_cameras
from clipseek.live.sealing import Seal, new_key
from tests.chaos.program import Program, children, environment
from tests.contracts.postgres import free_port


class Site:
    """The settings of every program of a place, and its cameras."""

    def __init__(self, root: Path, **settings: str) -> None:
        self.root = root
        key = root / "key"
        key.write_text(new_key())
        key.chmod(0o600)
        self.named = {
            "CLIPSEEK_DATA_DIR": str(root / "data"),
            "CLIPSEEK_CAMERA_KEY_FILE": str(key),
            "CLIPSEEK_THREADS": "1",
            **settings,
        }
        self.env = environment(self.named)

    @property
    def settings(self) -> Settings:
        """The same settings for this process."""
        plain = {
            name.removeprefix("CLIPSEEK_").lower(): value for name, value in self.named.items()
        }
        return Settings.load(**plain)

    def prepare(self) -> None:
        """Make the catalog."""
        migrate(self.settings)

    def add(self, name: str, url: str, *, fps: float | None = None, records: bool = False) -> None:
        """Add a camera."""
        settings = self.settings
        plain = Camera(name, settings.collection, address_of(url), b"", fps=fps, records=records)
        sealed = Seal.of(settings).seal(url, epoch=plain.epoch)
        cameras = open_cameras(settings)
        try:
            cameras.add(replace(plain, sealed=sealed))
        finally:
            cameras.close()

    def recorder(self, name: str = "recorder", *options: str) -> "Recording":
        """Return a recorder that is not started."""
        return Recording(self, name, *options)

    def program(self, name: str, *arguments: str) -> Program:
        """Return a program of Python that is not started."""
        return Program(name, [sys.executable, *arguments], self.root / f"{name}.log", self.env)


class Recording:
    """A recorder as a process, with what it says of itself."""

    def __init__(self, site: Site, name: str, *options: str) -> None:
        self.port = free_port()
        listen = ["--metrics", f"127.0.0.1:{self.port}"]
        verb = ["-m", "indexer", "record", "--model", "demo", *listen, *options]
        self.program = site.program(name, *verb)

    @property
    def pid(self) -> int:
        """Its process."""
        assert self.program._process is not None
        return self.program._process.pid

    def processes(self) -> list[int]:
        """Return its process and those of its cameras."""
        return [self.pid, *children(self.pid)]

    def metrics(self) -> dict[tuple[str, str, str], float]:
        """Return its metrics: (name, camera, quantile) and value."""
        url = f"http://127.0.0.1:{self.port}/metrics"
        with urllib.request.urlopen(url, timeout=20) as answer:
            lines = answer.read().decode().splitlines()
        return dict(_sample(line) for line in lines if line.startswith("clipseek_camera_"))

    def figure(self, name: str, camera: str, quantile: str = "") -> float | None:
        """Return one metric of a camera, or None while there is none."""
        try:
            return self.metrics().get((f"clipseek_camera_{name}", camera, quantile))
        except OSError:
            return None


def _sample(line: str) -> tuple[tuple[str, str, str], float]:
    """Read one line of Prometheus's text format, with the labels that cameras have."""
    name, _, rest = line.partition("{")
    labels, _, value = rest.partition("}")
    found = dict(each.split("=", 1) for each in labels.split(",") if each)
    plain = {key: text.strip('"') for key, text in found.items()}
    return (name, plain.get("camera", ""), plain.get("quantile", "")), float(value)
