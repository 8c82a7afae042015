"""How many searches per second the API answers, compared with a plain FastAPI handler.

    python -m benchmarks.serve [--seconds N] [--rounds N] [--connections N ...] [--json]

Starts both servers, one process each, and loads them in turn over loopback with wrk: the handler
with a constant, the API with one search that repeats (ready answers) and with searches that are
all different (each embedded and searched), over a library of the demo model with random vectors.
Each figure is the median of the rounds. The last line is one JSON object: `cached_ratio` and
`uncached_ratio` are requests per second divided by those of the handler, at 100 connections or the
highest number used, `p99_ms` is that of different searches there, and `errors` counts all runs.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks.library import make_library
from benchmarks.servers import serving

KINDS = ("constant", "cached", "different")
CONNECTIONS = (1, 10, 100, 500)
JUDGED = 100
"""Connections at which the summary compares."""
SCRIPT = Path(__file__).with_name("serve.lua")


@dataclass(frozen=True, slots=True)
class Load:
    """What one run of wrk measured."""

    rate: float
    p50_ms: float
    p99_ms: float
    errors: int


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print a table and one object, or with --json the latter alone."""
    options = _options(arguments)
    if shutil.which("wrk") is None:
        sys.stderr.write("wrk is missing; install it, for example: apt-get install wrk\n")
        return 1
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        make_library(Path(folder))
        plain = stack.enter_context(
            serving(["uvicorn", "benchmarks.constant:app", "--no-access-log"], "", {})
        )
        api = stack.enter_context(
            serving(["api", "--quiet"], "readyz", {"CLIPSEEK_DATA_DIR": folder})
        )
        search = f"{api.url}v1/search"
        urls = {"constant": plain.url, "cached": search, "different": search}
        found = _measured(urls, options)
    sys.stdout.write(("" if options.json else _table(found)) + _summary(found))
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Load the API and a constant handler in turn.")
    parser.add_argument("--seconds", type=int, default=4, help="length of each run (4)")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each kind (3)")
    parser.add_argument(
        "--connections", type=int, nargs="+", default=CONNECTIONS, help="kept open (1 10 100 500)"
    )
    parser.add_argument("--json", action="store_true", help="print one object")
    return parser.parse_args(arguments)


def _measured(urls: Mapping[str, str], options: argparse.Namespace) -> dict[tuple[int, str], Load]:
    """Return the median load by connections and kind; the kinds take turns in each round."""
    found: dict[tuple[int, str], Load] = {}
    for connections in options.connections:
        loads: dict[str, list[Load]] = {kind: [] for kind in KINDS}
        for number in range(options.rounds):
            for kind in KINDS:
                seed = f"{connections}-{number}"
                loads[kind].append(_loaded(urls[kind], connections, options.seconds, kind, seed))
        found |= {(connections, kind): _median(loads[kind]) for kind in KINDS}
    return found


def _loaded(url: str, connections: int, seconds: int, kind: str, seed: str) -> Load:
    """Run wrk once, in one thread."""
    command = [
        "wrk",
        "-t1",
        f"-c{connections}",
        f"-d{seconds}s",
        "-s",
        str(SCRIPT),
        url,
        kind,
        seed,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    said = json.loads(done.stdout.splitlines()[-1])
    rate = said["requests"] / said["seconds"]
    return Load(rate, said["p50_ms"], said["p99_ms"], said["errors"])


def _median(loads: list[Load]) -> Load:
    return Load(
        rate=statistics.median(load.rate for load in loads),
        p50_ms=statistics.median(load.p50_ms for load in loads),
        p99_ms=statistics.median(load.p99_ms for load in loads),
        errors=sum(load.errors for load in loads),
    )


def _table(found: Mapping[tuple[int, str], Load]) -> str:
    lines = [
        f"{'connections':>11}  {'kind':<9}  {'req/s':>7}  {'ratio':>6}  p50 ms  p99 ms  errors"
    ]
    for (connections, kind), load in found.items():
        ratio = load.rate / found[connections, "constant"].rate
        lines.append(
            f"{connections:>11}  {kind:<9}  {load.rate:>7.0f}  {ratio:>6.2f}  "
            f"{load.p50_ms:>6.2f}  {load.p99_ms:>6.2f}  {load.errors:>6}"
        )
    return "\n".join(lines) + "\n"


def _summary(found: Mapping[tuple[int, str], Load]) -> str:
    known = [connections for connections, _ in found]
    judged = JUDGED if JUDGED in known else max(known)
    plain, cached, different = (found[judged, kind] for kind in KINDS)
    said = {
        "name": "serve",
        "connections": judged,
        "cached_ratio": round(cached.rate / plain.rate, 3),
        "uncached_ratio": round(different.rate / plain.rate, 3),
        "p99_ms": round(different.p99_ms, 2),
        "errors": sum(load.errors for load in found.values()),
        "constant_per_s": round(plain.rate),
        "cached_per_s": round(cached.rate),
        "uncached_per_s": round(different.rate),
    }
    return json.dumps(said) + "\n"


if __name__ == "__main__":
    sys.exit(main())
