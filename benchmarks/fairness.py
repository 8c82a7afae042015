"""How much work of one collection delays searches of another one.

    python -m benchmarks.fairness [--seconds N] [--rounds N] [--connections N] [--beside KIND …]

Starts the API, one process, over collections of the demo model. A quiet client asks one of them
different searches, over one connection, and pauses for 40 ms after each answer: first alone, and
then beside work of another one:

- storm: wrk asks the other collection different searches without a pause.
- ingest: `indexer ingest` indexes demo videos into it, again and again, and publishes its snapshot.
- publish: a video of a collection of 100 000 segments is changed, and `indexer build` publishes its
  snapshot, again and again; the API reads each change and opens each snapshot.

All run on the machine of the API. Prints one JSON object for each kind: `alone_p99_ms`,
`beside_p99_ms` and their ratio `p99_ratio`, and the same for p50; medians of the rounds. `done`
says how often the work was done: searches answered, videos indexed or snapshots published.
"""

import argparse
import http.client
import json
import multiprocessing
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Event
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np

from benchmarks.library import make_library
from benchmarks.servers import ROOT, serving
from clipseek.assembly import open_writer
from clipseek.config import Settings
from clipseek.demo.videos import make_videos

PAUSE_S = 0.04
LARGE_VIDEOS, LARGE_SEGMENTS = 1000, 100
INGESTED = 24
SCRIPT = Path(__file__).with_name("serve.lua")

Done = list[int]
"""How often some work was done, one number."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print a line for each kind of work."""
    options = _options(arguments)
    if shutil.which("wrk") is None:
        sys.stderr.write("wrk is missing; install it, for example: apt-get install wrk\n")
        return 1
    kinds: dict[str, Callable[[], AbstractContextManager[Done]]]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        make_library(folder)
        make_library(folder, collection="quiet")
        if "publish" in options.beside:
            make_library(folder, collection="large", videos=LARGE_VIDEOS, segments=LARGE_SEGMENTS)
        if "ingest" in options.beside:
            make_videos(INGESTED, 7, folder / "videos")
        settings = {"CLIPSEEK_DATA_DIR": str(folder)}
        api = stack.enter_context(serving(["api", "--quiet"], "readyz", settings))
        search = f"{api.url}v1/search"
        kinds = {
            "storm": lambda: _storm(search, options.connections),
            "ingest": lambda: _ingest(folder),
            "publish": lambda: _publish(folder),
        }
        for kind in options.beside:
            said = _measured(api.url, options, kinds[kind])
            sys.stdout.write(json.dumps({"name": f"fairness beside {kind}", **said}) + "\n")
            sys.stdout.flush()
    return 0


def _measured(
    url: str, options: argparse.Namespace, work: Callable[[], AbstractContextManager[Done]]
) -> dict[str, float | int]:
    """Ask the quiet collection alone and beside some work, in turn."""
    rounds, done = [], 0
    for number in range(options.rounds):
        alone = _asked(url, options.seconds, f"alone {number}")
        with work() as count:
            beside = _asked(url, options.seconds, f"beside {number}")
        done += count[0]
        rounds.append((alone, beside))
    found: dict[str, float | int] = {}
    for share in (50, 99):
        alone_ms, beside_ms = (
            statistics.median(float(np.percentile(each[kind], share)) for each in rounds)
            for kind in (0, 1)
        )
        found |= {
            f"alone_p{share}_ms": round(alone_ms, 2),
            f"beside_p{share}_ms": round(beside_ms, 2),
            f"p{share}_ratio": round(beside_ms / alone_ms, 2),
        }
    return {**found, "beside_max_ms": round(max(max(b) for _, b in rounds), 1), "done": done}


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Search one collection beside work of another.")
    parser.add_argument("--seconds", type=int, default=10, help="length of each run (10)")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each kind (3)")
    parser.add_argument("--connections", type=int, default=100, help="of the storm (100)")
    parser.add_argument(
        "--beside",
        nargs="+",
        default=["storm", "ingest", "publish"],
        choices=["storm", "ingest", "publish"],
        help="kinds of work (all)",
    )
    return parser.parse_args(arguments)


@contextmanager
def _storm(url: str, connections: int) -> Iterator[Done]:
    """Let wrk ask the default collection until it is ended."""
    done: Done = [0]
    shape = ["-t1", f"-c{connections}", "-d600s"]
    command = ["wrk", *shape, "-s", str(SCRIPT), url, "different", f"storm {time.time_ns()}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as storm:
        time.sleep(0.5)
        yield done
        storm.send_signal(signal.SIGINT)
        said = storm.communicate()[0].strip().splitlines()
    done[0] = int(json.loads(said[-1])["requests"])


@contextmanager
def _ingest(folder: Path) -> Iterator[Done]:
    """Index the demo videos again and again, until it is ended."""
    done, ending = [0], threading.Event()
    command = [sys.executable, "-m", "indexer", "--data-dir", str(folder), "ingest"]
    command += [str(folder / "videos"), "--collection", "busy", "--model", "demo", "--force"]

    def index() -> None:
        while not ending.is_set():
            subprocess.run(command, check=True, cwd=ROOT, capture_output=True)
            done[0] += INGESTED

    thread = threading.Thread(target=index)
    thread.start()
    try:
        time.sleep(2.0)  # the imports of Python are not what is measured
        yield done
    finally:
        ending.set()
        thread.join()


@contextmanager
def _publish(folder: Path) -> Iterator[Done]:
    """Change and publish the large collection again and again, in a process of its own."""
    done: Done = [0]
    spawning = multiprocessing.get_context("spawn")
    count, ending = spawning.Value("i", 0), spawning.Event()
    process = spawning.Process(target=_published, args=(folder, count, ending))
    process.start()
    try:
        while count.value == 0 and process.is_alive():
            time.sleep(0.1)
        count.value = 0
        yield done
    finally:
        done[0] = count.value
        ending.set()
        process.join()


def _published(folder: Path, count: "Synchronized[int]", ending: "Event") -> None:
    """Change and publish the large collection until it is ended; count how often."""
    command = [sys.executable, "-m", "indexer", "--data-dir", str(folder), "build"]
    service = open_writer(Settings.load(data_dir=folder))
    (rows,) = service.catalog.stored("large", limit=1)
    while not ending.is_set():
        rows = replace(rows, video=replace(rows.video, title=f"{time.time_ns()}"))
        service.catalog.restore("large", [rows])
        subprocess.run(
            [*command, "--collection", "large"], check=True, cwd=ROOT, stdout=subprocess.DEVNULL
        )
        count.value += 1
    service.close()


def _asked(url: str, seconds: int, seed: str) -> list[float]:
    """Ask the quiet collection; return how long each answer took, in milliseconds."""
    host = urlsplit(url).netloc
    connection = http.client.HTTPConnection(host)
    took: list[float] = []
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        query = f"a boat {seed} {len(took)} {time.time_ns()}"
        body = json.dumps({"query": query, "collection": "quiet"})
        began = time.perf_counter()
        connection.request("POST", "/v1/search", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        took.append(1000 * (time.perf_counter() - began))
        if answer.status != 200:
            raise RuntimeError(f"the quiet client was answered with {answer.status}")
        time.sleep(PAUSE_S)
    connection.close()
    return took


if __name__ == "__main__":
    sys.exit(main())
