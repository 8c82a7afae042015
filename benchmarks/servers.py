"""Servers that a benchmark starts and ends, each a separate process on a free port."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
_STEP_S = 0.05
_PROBE_S = 5


@dataclass(frozen=True, slots=True)
class Server:
    """A server that answers: its address, its process, and how long it took to be ready."""

    url: str
    pid: int
    ready_s: float

    def memory(self, name: str = "VmRSS") -> int:
        """Return bytes of memory as Linux counts it (proc(5)).

        `VmRSS`: now; `VmHWM`: the most so far; `RssAnon`: of which no file has a copy.
        """
        lines = Path(f"/proc/{self.pid}/status").read_text("utf-8").splitlines()
        found = next(line for line in lines if line.startswith(f"{name}:"))
        return 1024 * int(found.split()[1])

    def searched_ms(self, number: int, *, tag: str = "") -> float:
        """Ask a search, another one for each number; return its time in milliseconds."""
        asked: dict[str, object] = {"query": f"a red car at night {number}"}
        if tag:
            asked["filter"] = {"tags": [tag]}
        kind = {"Content-Type": "application/json"}
        question = json.dumps(asked).encode()
        request = urllib.request.Request(f"{self.url}v1/search", question, kind)  # noqa: S310
        started = time.perf_counter()
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            found = json.load(answer)["hits"]
        if not found:
            raise RuntimeError("a search over a full library found nothing")
        return 1000 * (time.perf_counter() - started)

    def cpu_s(self) -> float:
        """Return the seconds of CPU that the process has used so far (proc(5), utime and stime)."""
        said = Path(f"/proc/{self.pid}/stat").read_text("utf-8").rpartition(")")[2].split()
        return (int(said[11]) + int(said[12])) / os.sysconf("SC_CLK_TCK")

    def descriptors(self) -> int:
        """Return how many files and sockets the process has open."""
        return len(list(Path(f"/proc/{self.pid}/fd").iterdir()))


@contextmanager
def serving(
    module: Sequence[str], probe: str, settings: Mapping[str, str], *, into: Path | None = None
) -> Iterator[Server]:
    """Start `python -m MODULE` on a free port; yield it once it answers the probe.

    `into` is the group of processes that it belongs to, as from `limited`.

    Raises:
        RuntimeError: it ended before it answered.
    """
    enter = [] if into is None else entering(into)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    path = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
    started = time.monotonic()
    with subprocess.Popen(
        [*enter, sys.executable, "-m", *module, "--port", port],
        env={**os.environ, "PYTHONPATH": path, **settings},
        stdout=subprocess.DEVNULL,
    ) as process:
        try:
            url = f"http://127.0.0.1:{port}/"
            while not _answers(url + probe):
                if process.poll() is not None:
                    raise RuntimeError(f"{' '.join(module)} ended with {process.returncode}")
                time.sleep(_STEP_S)
            yield Server(url, process.pid, time.monotonic() - started)
        finally:
            process.terminate()


@contextmanager
def limited(memory: int) -> Iterator[Path]:
    """Yield a new group of processes that have so many bytes together, pages of files included.

    Needs root, and the memory controller of Linux's control groups, of version 1 or 2.
    """
    root = Path("/sys/fs/cgroup")
    is_second = (root / "cgroup.controllers").exists()
    group = (root if is_second else root / "memory") / f"clipseek-{os.getpid()}"
    group.mkdir()
    try:
        name = "memory.max" if is_second else "memory.limit_in_bytes"
        (group / name).write_text(str(memory), "ascii")
        yield group
    finally:
        while _members(group):
            time.sleep(_STEP_S)
        group.rmdir()


def entering(group: Path) -> list[str]:
    """Return what a command line begins with whose process belongs to a group from its start."""
    return ["sh", "-c", f'echo $$ > "{group}/cgroup.procs" && exec "$@"', "-"]


def _members(group: Path) -> str:
    return (group / "cgroup.procs").read_text("ascii")


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=_PROBE_S):  # noqa: S310
            return True
    except (urllib.error.URLError, OSError):
        return False
