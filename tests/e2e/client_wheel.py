"""Build the wheel of the client, install it into an empty environment, and use it there.

`python -m tests.e2e.client_wheel` draws and ingests two demo videos, serves them from this
environment, and makes another one in a folder outside of the repository, which has only the client:
it searches, and the MCP server is asked over stdio by the SDK's own client. It ends with one JSON
line: the seconds of each step and the packages that were installed. It needs a package index.
Exit 1 if anything of clipseek is among them.
"""

import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.e2e.wheel import ROOT, Installed, environment, pip

CLIENT = ROOT / "client"
QUESTION = "a red car"
NEEDED = {"anyio", "clipseek-client", "httpx2", "pydantic", "typing-extensions"}
"""What the client installs, besides what these need themselves."""
SEARCH = f"""
from clipseek_client import Client

with Client() as client:
    best = client.search({QUESTION!r}).best
    assert client.thumbnail(best).startswith(b"\\xff\\xd8")
    print(best.play_url)
"""
LOOK = f"""
import asyncio
import os
import sys

from mcp import Client, StdioServerParameters

async def main() -> None:
    names = ("CLIPSEEK_URL", "CLIPSEEK_KEY")
    env = {{name: os.environ[name] for name in names if name in os.environ}}
    async with Client(StdioServerParameters(command=sys.argv[1], env=env)) as host:
        found = await host.call_tool("search", {{"query": {QUESTION!r}, "limit": 1}})
        moment = found.structured_content["moments"][0]
        where = {{"video_id": moment["video_id"], "time": moment["best_time"]}}
        seen = await host.call_tool("look", where)
        assert seen.content[1].mime_type == "image/jpeg", seen
        print(moment["play_url"])

asyncio.run(main())
"""


def build(folder: Path, *, isolated: bool) -> Path:
    """Build the wheel from a copy of the client, so that nothing built before gets in.

    `isolated` fetches the build's own requirements; otherwise those of this environment are used.
    """
    left_out = shutil.ignore_patterns("__pycache__", "*.egg-info", "build")
    shutil.copytree(CLIENT, folder / "source", ignore=left_out)
    offline = [] if isolated else ["--no-build-isolation", "--no-index"]
    pip("wheel", "--no-deps", *offline, "--wheel-dir", str(folder), str(folder / "source"))
    (found,) = folder.glob("*.whl")
    return found


def _packages(python: Path) -> set[str]:
    listed = subprocess.run(
        [python, "-m", "pip", "list", "--format", "json"], check=True, capture_output=True
    )
    return {each["name"].lower().replace("_", "-") for each in json.loads(listed.stdout)}


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
        python = binaries / "python"
        constraints = ("--constraint", str(ROOT / "constraints.txt"))
        pip("install", *constraints, str(wheel), python=str(python))
        alone = _packages(python)
        done("install")
        server = Installed([sys.executable, "-m", "clipseek"], folder, environment())
        server.run("demo", "--videos", "2", "--seed", "7", "--out", "videos")
        server.run("--data-dir", "data", "ingest", "videos", "--model", "demo", "--quiet")
        with server.serving("--data-dir", "data") as address:
            asking = Installed([str(python), "-c"], folder, environment(CLIPSEEK_URL=address))
            found = asking.run(SEARCH)
            done("client")
            pip("install", *constraints, f"{wheel}[mcp]", python=str(python))
            done("install mcp")
            seen = asking.run(LOOK, str(binaries / "clipseek-mcp"))
            done("mcp")
        assert found == seen, (found, seen)
        assert found.startswith(f"{address}v1/videos/"), found
        unwanted = sorted((alone | _packages(python)) & {"clipseek", "fastapi", "torch", "numpy"})
    print(json.dumps({"seconds": seconds, "packages": sorted(alone), "unwanted": unwanted}))
    return 1 if unwanted or not alone >= NEEDED else 0


if __name__ == "__main__":
    sys.exit(main())
