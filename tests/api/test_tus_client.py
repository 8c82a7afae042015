"""tus-js-client against the real server: cut connections, and kills of the server inside a part."""

import filecmp
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from clipseek.uploads import PARTS
from tests.chaos.link import Link
from tests.chaos.program import Program, environment, listens, wait_until
from tests.contracts.postgres import free_port
from tests.lacking import lacking

CLIENT = Path(__file__).parents[1] / "tus"
KILLS = int(os.environ.get("CLIPSEEK_TEST_KILLS", "4"))
SIZE = (16 + 2 * KILLS) << 20
"""So large that it is not whole after the last kill: 1 MiB and more is written between two."""


@pytest.fixture(scope="module")
def node() -> str:
    """Return node, if the client is installed for it."""
    found = shutil.which("node")
    if found is None or not (CLIENT / "node_modules" / "tus-js-client").is_dir():
        reason = "no node on PATH, or no tus-js-client: run `make servers`"
        lacking(reason)
    return found


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file to upload, no part of which is like another."""
    path = tmp_path_factory.mktemp("file") / "sea.mp4"
    with path.open("wb") as file:
        for _ in range(SIZE >> 20):
            file.write(os.urandom(1 << 20))
    return path


@dataclass
class Uploading:
    """A running upload: what the client has said so far."""

    process: subprocess.Popen[str]
    accepted: int = 0
    said: list[str] = field(default_factory=list)

    def read(self) -> None:
        """Read what the client says, until it ends."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.append(line.strip())
            if line.startswith("accepted "):
                self.accepted = int(line.split()[1])


@dataclass
class Bench:
    """A server with its uploads, and a link before it that can be cut."""

    server: Program
    link: Link
    port: int
    folder: Path

    def up(self) -> None:
        """Start the server and wait until it listens."""
        self.server.start()
        wait_until(lambda: listens(self.port), f"the server: {self.server.said()}")

    def stored(self) -> int:
        """Return how many bytes of the upload are in its file."""
        return sum(path.stat().st_size for path in (self.folder / PARTS).glob("*.part"))

    def file(self) -> Path:
        """Return the file of the upload."""
        (path,) = (self.folder / PARTS).glob("*.part")
        return path


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """Return a running server that only takes uploads."""
    port, folder = free_port(), tmp_path / "uploads"
    settings = {
        "CLIPSEEK_DATA_DIR": str(tmp_path / "data"),
        "CLIPSEEK_UPLOAD_DIR": str(folder),
        "CLIPSEEK_UPLOAD_RESERVE_BYTES": "0",
        "CLIPSEEK_API_PORT": str(port),
    }
    command = [sys.executable, "-m", "api", "--quiet"]
    made = Bench(
        Program("api", command, tmp_path / "log", environment(settings)), Link(port), port, folder
    )
    with ExitStack() as stack:
        stack.callback(made.server.end)
        stack.callback(made.link.close)
        made.up()
        yield made


def start(
    node: str, bench: Bench, video: Path, chunk_bytes: str
) -> tuple[Uploading, threading.Thread]:
    """Start an upload, and a thread that reads what the client says."""
    endpoint = f"http://127.0.0.1:{bench.link.port}/v1/uploads"
    process = subprocess.Popen(
        [node, str(CLIENT / "upload.js"), endpoint, str(video), chunk_bytes],
        stdout=subprocess.PIPE,
        text=True,
    )
    uploading = Uploading(process)
    reading = threading.Thread(target=uploading.read)
    reading.start()
    return uploading, reading


def finish(uploading: Uploading, reading: threading.Thread, bench: Bench, video: Path) -> None:
    """Wait for the end of an upload, which must be whole."""
    try:
        uploading.process.wait(timeout=120)
    finally:
        uploading.process.kill()
        reading.join()
        assert uploading.process.stdout is not None
        uploading.process.stdout.close()
    assert uploading.said[-1].startswith("done "), uploading.said[-3:]
    assert filecmp.cmp(bench.file(), video, shallow=False)


@pytest.mark.parametrize("chunk_bytes", ["Infinity", "1000000"], ids=["one part", "parts"])
def test_an_upload_is_whole(node: str, bench: Bench, video: Path, chunk_bytes: str) -> None:
    """Without trouble."""
    uploading, reading = start(node, bench, video, chunk_bytes)
    finish(uploading, reading, bench, video)


@pytest.mark.parametrize("chunk_bytes", ["Infinity", "1000000"], ids=["one part", "parts"])
def test_an_upload_continues_after_cut_connections(
    node: str, bench: Bench, video: Path, chunk_bytes: str
) -> None:
    """The client asks how much is stored, and sends the rest."""
    bench.link.delay_s = 0.001
    uploading, reading = start(node, bench, video, chunk_bytes)
    for cut in range(KILLS):
        goal = (cut + 1) * SIZE // (KILLS + 2)
        wait_until(lambda goal=goal: bench.stored() >= goal, "the upload to grow")  # type: ignore[misc]  # mypy does not see that the lambda takes nothing
        bench.link.cut()
    finish(uploading, reading, bench, video)


@pytest.mark.parametrize(
    "chunk_bytes",
    [
        pytest.param("Infinity", marks=pytest.mark.long, id="one part"),
        pytest.param("1000000", id="parts"),
    ],
)
def test_an_upload_continues_after_kills_of_the_server(
    node: str, bench: Bench, video: Path, chunk_bytes: str
) -> None:
    """No byte that was acknowledged is lost, and the file is equal at the end."""
    bench.link.delay_s = 0.001
    uploading, reading = start(node, bench, video, chunk_bytes)
    for kill in range(KILLS):
        goal = (kill + 1) * SIZE // (KILLS + 2)
        wait_until(lambda goal=goal: bench.stored() >= goal, "the upload to grow")  # type: ignore[misc]  # mypy does not see that the lambda takes nothing
        bench.server.kill()
        assert uploading.accepted <= bench.stored() < SIZE
        bench.up()
    finish(uploading, reading, bench, video)
