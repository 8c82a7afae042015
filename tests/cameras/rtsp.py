"""RTSP cameras: GStreamer's server in a process of its own, at a free port of loopback."""

import json
import queue
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

import pytest

from tests.cameras.units import split
from tests.contracts.postgres import free_port
from tests.lacking import lacking

_PYTHON = "/usr/bin/python3"
"""Debian's Python, for which Debian packages GStreamer."""
_PROGRAM = Path(__file__).with_name("rtsp_server.py")
_PATIENCE_S = 60.0
Method = Literal["basic", "digest"]


class RtspCameras:
    """A server of many cameras. With a user, every camera asks for the user and the password."""

    def __init__(
        self, folder: Path, *, user: str = "", password: str = "", method: Method = "basic"
    ) -> None:
        self.port = free_port()
        self._folder, self._user, self._password = folder, user, password
        self._begun: dict[str, float] = {}
        self._durations: dict[str, float] = {}
        self._answers: queue.Queue[dict[str, Any]] = queue.Queue()
        self._log = folder / "log"
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [_PYTHON, "-I", str(_PROGRAM)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        threading.Thread(target=self._read, daemon=True).start()
        self._tell(port=self.port, user=user, password=password, method=method)

    @property
    def pid(self) -> int:
        """The process of the server."""
        return self._process.pid

    def show(
        self,
        name: str,
        videos: Path | Sequence[Path],
        *,
        udp: bool = False,
        timestamp_offset: int | None = None,
    ) -> str:
        """Show videos one after another in a loop, without encoding them; return the URL.

        Args:
            name: The path without its first slash.
            videos: All of one codec; sizes may differ.
            udp: Whether RTP over UDP is offered too.
            timestamp_offset: The RTP timestamp of the first packet, 90 000 a second; a random one
                by default. One just below 2^32 wraps soon.
        """
        films = [videos] if isinstance(videos, Path) else videos
        parts = [
            split(each, self._folder / f"{name.replace('/', '-')}-{number}.units")
            for number, each in enumerate(films)
        ]
        self._durations[f"/{name}"] = sum(each.duration_ns for each in parts) / 1e9
        self._tell(
            do="mount",
            mount=f"/{name}",
            films=[each.packed() for each in parts],
            codec=parts[0].codec,
            udp=udp,
            timestamp_offset=timestamp_offset,
        )
        return self.url(name)

    def url(self, name: str, *, port: int | None = None) -> str:
        """Return a camera's URL with user and password, through a proxy's port if given."""
        pair = ":".join(quote(each, safe="") for each in (self._user, self._password))
        who = f"{pair}@" if self._user else ""
        return f"rtsp://{who}127.0.0.1:{port or self.port}/{name}"

    def shown_at(self, name: str, position_s: float, before: float) -> float:
        """Return the time (wall clock) at which a position was last shown before another time."""
        first = self._begun[f"/{name}"] + position_s
        return before - (before - first) % self._durations[f"/{name}"]

    def begun(self, name: str) -> bool:
        """Whether the camera has ever been played."""
        return f"/{name}" in self._begun

    def take_away(self, name: str) -> None:
        """Remove a camera: clients that come then are told that it is not there."""
        self._tell(do="unmount", mount=f"/{name}")

    def hang_up(self) -> None:
        """Close the connection of every client; they may come again."""
        self._tell(do="hang_up")

    def freeze(self) -> None:
        """Stop the server: connections stay open, and nothing comes."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """End the server at once, as when the power fails."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                pipe.close()

    def _tell(self, **what: object) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(what) + "\n")
            self._process.stdin.flush()
            self._answers.get(timeout=_PATIENCE_S)
        except (OSError, queue.Empty) as error:
            pytest.fail(f"the RTSP server has failed ({error!r}): {self._log.read_text()[-2000:]}")

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            said = json.loads(line)
            if said.get("event") == "begins":
                self._begun[said["mount"]] = said["wall_s"]
            else:
                self._answers.put(said)


@contextmanager
def rtsp_cameras(
    *, user: str = "", password: str = "", method: Method = "basic"
) -> Iterator[RtspCameras]:
    """Run a server of cameras; skip without GStreamer, or fail where CI is "true"."""
    _need_gstreamer()
    with tempfile.TemporaryDirectory(prefix="clipseek-cameras-") as folder:
        cameras = RtspCameras(Path(folder), user=user, password=password, method=method)
        try:
            yield cameras
        finally:
            cameras.kill()


def _need_gstreamer() -> None:
    if shutil.which(_PYTHON) is None:
        lacking(f"no {_PYTHON}, for which Debian packages GStreamer")
    done = subprocess.run(
        [_PYTHON, "-I", str(_PROGRAM), "--check"], capture_output=True, check=False
    )
    if done.returncode:
        lacking("no RTSP server of GStreamer for the system's Python; `make servers` installs it")
