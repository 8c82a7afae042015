"""Build the wheel, install it into an empty environment without torch, and use it there.

`python -m tests.e2e.wheel` makes the environment in a folder outside of the repository, draws and
ingests demo videos, searches them, and asks the server for the page and for an answer. It ends with
one JSON line: the seconds of each step and the packages that were installed. It needs a package
index. Exit 1 if anything is missing.
"""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = {"clipseek": ROOT / "src" / "clipseek", "indexer": ROOT / "indexer", "api": ROOT / "api"}
"""What belongs in the wheel, and where it is in the repository."""
BESIDE = ("tests", "benchmarks", "client", "docker", "docs")
"""Folders of the repository that do not belong in the wheel."""
QUESTION = "a red car"


@dataclass(frozen=True)
class Installed:
    """clipseek as it is installed somewhere: how its command is run, and in which folder."""

    command: Sequence[str]
    folder: Path
    environment: Mapping[str, str]

    def run(self, *arguments: str) -> str:
        """Run a verb and return what it prints.

        Raises:
            AssertionError: it failed; the message is what it said.
        """
        done = subprocess.run(
            [*self.command, *arguments],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"{arguments}: exit {done.returncode}: {done.stderr}"
        return done.stdout

    @contextlib.contextmanager
    def serving(self, *options: str) -> Iterator[str]:
        """Serve on a free port; yield the address, which ends in a slash."""
        with subprocess.Popen(
            [*self.command, "serve", "--port", "0", "--quiet", *options],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                assert process.stdout is not None
                said = process.stdout.readline()
                assert said, "the server ended before it answered"
                yield said.split()[3]
            finally:
                process.terminate()


def build(folder: Path, *, isolated: bool) -> Path:
    """Build the wheel from a copy of the repository, so that nothing built before gets in.

    `isolated` fetches the build's own requirements; otherwise those of this environment are used.
    """
    source = folder / "source"
    left_out = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in ("src", *sorted(PACKAGES.keys() - {"clipseek"}), *BESIDE):
        shutil.copytree(ROOT / name, source / name, ignore=left_out)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    offline = [] if isolated else ["--no-build-isolation", "--no-index"]
    pip("wheel", "--no-deps", *offline, "--wheel-dir", str(folder / "wheel"), str(source))
    (found,) = (folder / "wheel").glob("*.whl")
    return found


def use(installed: Installed) -> None:
    """Draw demo videos, ingest, search by the command, ask the server for all that it serves.

    Raises:
        AssertionError: something is missing or wrong.
    """
    data = ("--data-dir", "data")
    installed.run("demo", "--videos", "2", "--seed", "7", "--out", "videos")
    installed.run(*data, "ingest", "videos", "--model", "demo", "--quiet")
    found = installed.run(*data, "search", QUESTION, "--limit", "3", "--json").splitlines()
    assert len(found) == 3, found
    installed.run(*data, "migrate", "--check")
    with installed.serving(*data) as address:
        assert b"app.js" in _asked(address)
        for name in (
            "app.js",
            "components/app.js",
            "styles/base.css",
            "vendor/preact.js",
            "docs.js",
        ):
            assert _asked(f"{address}static/{name}"), name
        hits = json.loads(_asked(f"{address}v1/search", {"query": QUESTION, "limit": 3}))["hits"]
    first = json.loads(found[0])
    assert [hits[0]["video"]["id"], len(hits)] == [first["video"]["id"], 3], (hits[0], first)


def _asked(url: str, body: object = None) -> bytes:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})  # noqa: S310  ours
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310  ours
        content: bytes = answer.read()
        return content


def environment(**more: str) -> dict[str, str]:
    """Return the variables of a shell that knows nothing of the repository."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "CLIPSEEK_", "VIRTUAL_ENV"))
    }
    return {**kept, **more}


def pip(*arguments: str, python: str = sys.executable) -> None:
    """Run pip with an environment that knows nothing of the repository."""
    command = [python, "-m", "pip", *arguments, "--quiet", "--disable-pip-version-check"]
    subprocess.run(command, check=True, env=environment())


def main() -> int:
    """Do all of it and print the seconds; return the exit code."""
    started = time.monotonic()
    seconds: dict[str, float] = {}

    def done(step: str) -> None:
        seconds[step] = round(time.monotonic() - started - sum(seconds.values()), 1)

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        wheel = build(folder, isolated=True)
        done("build")
        subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
        binaries = folder / "venv" / "bin"
        constraints = ("--constraint", str(ROOT / "constraints.txt"))
        pip("install", *constraints, str(wheel), python=str(binaries / "python"))
        done("install")
        (folder / "work").mkdir()
        installed = Installed([str(binaries / "clipseek")], folder / "work", environment())
        use(installed)
        done("use")
        listed = subprocess.run(
            [binaries / "python", "-m", "pip", "list", "--format", "json"],
            check=True,
            capture_output=True,
        )
        packages = {each["name"].lower().replace("_", "-") for each in json.loads(listed.stdout)}
    unwanted = sorted(packages & {"torch", "torchvision", "open-clip-torch", "onnx"})
    print(json.dumps({"seconds": seconds, "packages": len(packages), "unwanted": unwanted}))
    return 1 if unwanted else 0


if __name__ == "__main__":
    sys.exit(main())
