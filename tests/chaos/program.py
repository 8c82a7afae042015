"""One program of the cluster: started, killed, stopped, continued, and ended."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
PATIENCE_S = 60.0
"""Seconds that a part gets to come up; a busy machine takes long to import a model's runtime."""


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of our own programs: no settings but these."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CLIPSEEK_")}
    path = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
    return {**kept, "PYTHONPATH": path, "PYTHONFAULTHANDLER": "1", **settings}


class Late(Exception):
    """Something that should have happened did not; the message says what."""


def wait_until(
    condition: Callable[[], bool],
    what: str,
    *,
    deadline_s: float = PATIENCE_S,
    step_s: float = 0.02,
) -> None:
    """Return when the condition holds; raise Late when it does not within the deadline."""
    end = time.monotonic() + deadline_s
    while not condition():
        if time.monotonic() > end:
            raise Late(f"waited {deadline_s:.0f} s for {what}")
        time.sleep(step_s)


def listens(port: int) -> bool:
    """Whether somebody accepts connections on a port of the loopback address."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


class Program:
    """A process that may be started again; what it says goes to a file."""

    def __init__(
        self, name: str, command: Sequence[str | Path], log: Path, env: Mapping[str, str]
    ) -> None:
        self.name = name
        self._command, self._log, self._env = command, log, env
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def runs(self) -> bool:
        """Whether the process is there; a stopped one is."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start the process, unless it runs."""
        if not self.runs:
            with self._log.open("ab") as log:
                self._process = subprocess.Popen(
                    self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self._env
                )

    def signal(self, number: int) -> None:
        """Send a signal."""
        if self._process is not None:
            self._process.send_signal(number)

    def kill(self) -> None:
        """Kill the process and wait until it is gone."""
        self.signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait()

    def end(self) -> None:
        """Ask the process to end, and kill it when it does not within 10 seconds."""
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        if self._process is not None:
            try:
                self._process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self.kill()

    def said(self) -> str:
        """Return the end of what the program has said."""
        return self._log.read_text("utf-8", "replace")[-4000:] if self._log.exists() else ""


def children(parent: int) -> list[int]:
    """Return the processes that a process has started and that run now (Linux)."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            # pid (name) state parent ...; the name may hold anything but ends with the last ")".
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if entry.name.isdigit() and int(fields[1]) == parent:
            found.append(int(entry.name))
    return found


def is_gone(process: int) -> bool:
    """Whether a process has ended, also if nobody has asked how (Linux)."""
    try:
        return (Path("/proc") / str(process) / "stat").read_text().rpartition(")")[2].split()[
            0
        ] == "Z"
    except OSError:
        return True


def signal_all(processes: Sequence[int], number: int) -> None:
    """Send a signal to each process that is still there."""
    for process in processes:
        try:
            os.kill(process, number)
        except ProcessLookupError:
            continue
