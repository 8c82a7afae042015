"""The life of a video as api/README.md tells it: its commands run against a real server."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.chaos.program import Program, environment, listens, wait_until
from tests.contracts.postgres import free_port
from tests.e2e.conftest import Library
from tests.lacking import lacking

ROOT = Path(__file__).parents[2]
README = (ROOT / "api" / "README.md").read_text("utf-8")
LIFE = README.split("## The life of a video\n")[1].split("\n## ")[0]
COMMANDS = re.findall(r"```sh\n(.*?)```", LIFE, re.DOTALL)


@pytest.fixture
def settings(tmp_path: Path, shared_library: Library) -> dict[str, str]:
    """Return the settings of a new server, and put a video beside it."""
    shutil.copy(min(shared_library.videos.glob("*.mp4")), tmp_path / "sea.mp4")
    return {
        "CLIPSEEK_DATA_DIR": str(tmp_path / "data"),
        "CLIPSEEK_API_PORT": str(free_port()),
        "CLIPSEEK_MODEL": "demo",
        "CLIPSEEK_UPLOAD_RESERVE_BYTES": "0",
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }


@pytest.fixture
def running(tmp_path: Path, settings: dict[str, str]) -> Iterator[int]:
    """Run a worker and the API, and return the port of the API."""
    port = int(settings["CLIPSEEK_API_PORT"])
    with ExitStack() as stack:
        for name, command in (("worker", ["indexer", "work"]), ("api", ["api", "--quiet"])):
            log = tmp_path / f"{name}.log"
            program = Program(name, [sys.executable, "-m", *command], log, environment(settings))
            stack.callback(program.end)
            program.start()
            catalog = tmp_path / "data" / "catalog.db"
            wait_until(catalog.exists, f"the catalog: {program.said()}")
        wait_until(lambda: listens(port), f"the API: {program.said()}")
        yield port


def test_the_commands_work(tmp_path: Path, settings: dict[str, str], running: int) -> None:
    """From the key to the end of the video, of which nothing is left."""
    for program in ("curl", "jq"):
        if shutil.which(program) is None:
            lacking(f"no {program} on PATH; `make servers` installs it")
    (commands,) = COMMANDS
    script = commands.replace("http://127.0.0.1:8000", f"http://127.0.0.1:{running}")
    assert script != commands
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=tmp_path,
        env=environment(settings),
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert '"fate":"indexed"' in done.stdout.replace(" ", "")
    assert '"fate":"edited"' in done.stdout.replace(" ", "")
    assert '"fate":"removed"' in done.stdout.replace(" ", "")
    assert "A day at the sea" in done.stdout
    left = [path.name for path in (tmp_path / "data" / "uploads").rglob("*") if path.is_file()]
    assert left == [".lock"]
