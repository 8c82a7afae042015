"""How much a storm of searches of one collection delays searches of another one.

    python -m benchmarks.fairness [--seconds N] [--rounds N] [--connections N] [--json]

Starts the API, one process, over two collections of the demo model with random vectors. A quiet
client asks one of them ten different searches a second, over one connection: first alone, then
beside wrk, which asks the other collection different searches without a pause. The last line is one
JSON object: `alone_p99_ms`, `beside_p99_ms` and their ratio `p99_ratio`, medians of the rounds.
"""

import argparse
import http.client
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np

from benchmarks.library import make_library
from benchmarks.servers import serving

PAUSE_S = 0.1
SCRIPT = Path(__file__).with_name("serve.lua")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print a table and one object, or with --json the latter alone."""
    options = _options(arguments)
    if shutil.which("wrk") is None:
        sys.stderr.write("wrk is missing; install it, for example: apt-get install wrk\n")
        return 1
    rounds = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        make_library(folder)
        make_library(folder, collection="quiet")
        settings = {"CLIPSEEK_DATA_DIR": str(folder)}
        api = stack.enter_context(serving(["api", "--quiet"], "readyz", settings))
        for number in range(options.rounds):
            alone = _asked(api.url, options.seconds, f"alone {number}")
            storm = _storm(f"{api.url}v1/search", options, str(number))
            try:
                beside = _asked(api.url, options.seconds, f"beside {number}")
            finally:
                storm.wait()
            rounds.append((alone, beside))
    alone_ms, beside_ms = (
        statistics.median(float(np.percentile(each[kind], 99)) for each in rounds)
        for kind in (0, 1)
    )
    said = {
        "name": "fairness",
        "connections": options.connections,
        "alone_p99_ms": round(alone_ms, 2),
        "beside_p99_ms": round(beside_ms, 2),
        "p99_ratio": round(beside_ms / alone_ms, 2),
        "alone_p50_ms": round(statistics.median(float(np.median(a)) for a, _ in rounds), 2),
        "beside_p50_ms": round(statistics.median(float(np.median(b)) for _, b in rounds), 2),
    }
    sys.stdout.write(json.dumps(said) + "\n")
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Search one collection beside a storm on another.")
    parser.add_argument("--seconds", type=int, default=10, help="length of each run (10)")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each kind (3)")
    parser.add_argument("--connections", type=int, default=100, help="of the storm (100)")
    parser.add_argument("--json", action="store_true", help="print one object")
    return parser.parse_args(arguments)


def _storm(url: str, options: argparse.Namespace, seed: str) -> "subprocess.Popen[bytes]":
    """Start wrk for a little longer than the quiet client asks."""
    shape = ["-t1", f"-c{options.connections}", f"-d{options.seconds + 1}s"]
    command = ["wrk", *shape, "-s", str(SCRIPT), url, "different", f"storm {seed}"]
    started = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    time.sleep(0.5)
    return started


def _asked(url: str, seconds: int, seed: str) -> list[float]:
    """Ask the quiet collection; return how long each answer took, in milliseconds."""
    host = urlsplit(url).netloc
    connection = http.client.HTTPConnection(host)
    took: list[float] = []
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        body = json.dumps({"query": f"a boat {seed} {len(took)}", "collection": "quiet"})
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
