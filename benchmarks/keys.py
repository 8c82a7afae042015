"""What keys cost a cached search.

    python -m benchmarks.keys [--seconds N] [--rounds N] [--connections N] [--keys N] [--json]

Starts two servers over the same library: one asks for no key, the other for one of many. wrk
repeats one search whose answer is cached, in turn against each, over loopback. The last line is one
JSON object: `keys_ratio` is the rate with a key divided by the rate without, where the rate is that
of searches per second of the server's CPU, so that other programs of the machine matter less;
`header_ratio` is the same for the server that asks for no key and is sent one, so what only reading
a longer request costs; `limited_ratio` for a key with a rate that is never reached, counted in the
process.
Ratios are medians over the rounds, each of runs that followed each other. `…_per_s` are searches
per second of the clock, with everything that ran on the machine beside.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

from benchmarks.library import make_library
from benchmarks.serve import SCRIPT
from benchmarks.servers import Server, serving
from clipseek.assembly import open_keys
from clipseek.config import Settings
from clipseek.keys import Key, Rate, digest_of, new_secret

MADE = "2026-11-28T00:00:00Z"


@dataclass(frozen=True, slots=True)
class Run:
    """Searches per second of the clock, and per second of the server's CPU."""

    per_s: float
    per_cpu_s: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print one object."""
    options = _options(arguments)
    if shutil.which("wrk") is None:
        sys.stderr.write("wrk is missing; install it, for example: apt-get install wrk\n")
        return 1
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        make_library(folder)
        secrets = _keys(folder, options.keys)
        settings = {"CLIPSEEK_DATA_DIR": str(folder)}
        servers = [
            stack.enter_context(serving(["api", "--quiet"], "readyz", settings | extra))
            for extra in ({}, {"CLIPSEEK_ACCESS": "keys"})
        ]
        places = [
            (servers[0], None),
            (servers[0], secrets[0]),
            *((servers[1], secret) for secret in secrets),
        ]
        rounds = [
            [_run(server, secret, options) for server, secret in places]
            for _ in range(options.rounds)
        ]
    plain, headed, keyed, limited = zip(*rounds, strict=True)
    said = {
        "name": "keys",
        "connections": options.connections,
        "keys": options.keys,
        "keys_ratio": _ratio(keyed, plain),
        "header_ratio": _ratio(headed, plain),
        "limited_ratio": _ratio(limited, plain),
        "open_per_s": _per_s(plain),
        "keys_per_s": _per_s(keyed),
        "limited_per_s": _per_s(limited),
    }
    sys.stdout.write(json.dumps(said) + "\n")
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Compare cached searches with keys and without.")
    parser.add_argument("--seconds", type=int, default=4, help="length of each run (4)")
    parser.add_argument("--rounds", type=int, default=7, help="runs of each kind (7)")
    parser.add_argument("--connections", type=int, default=100, help="kept open (100)")
    parser.add_argument("--keys", type=int, default=1000, help="keys that there are (1000)")
    parser.add_argument("--json", action="store_true", help="print one object")
    return parser.parse_args(arguments)


def _keys(folder: Path, count: int) -> tuple[str, str]:
    """Make keys; return the secrets of one without a rate and of one with a rate."""
    secrets = [new_secret() for _ in range(count)]
    with closing(open_keys(Settings.load(data_dir=folder))) as keys:
        for number, secret in enumerate(secrets):
            keys.add(
                Key(
                    name=f"key-{number}",
                    digest=digest_of(secret.encode()),
                    scopes=frozenset({"search"}),
                    collections=frozenset({"default"}),
                    created_at=MADE,
                    rate=Rate.of("9999999/s") if number else None,
                )
            )
    return secrets[0], secrets[1]


def _run(server: Server, secret: str | None, options: argparse.Namespace) -> Run:
    """Run wrk once, after a moment that warms the server up."""
    _asked(server.url, secret, options.connections, 1)
    before_s = server.cpu_s()
    count, seconds = _asked(server.url, secret, options.connections, options.seconds)
    return Run(count / seconds, count / (server.cpu_s() - before_s))


def _asked(url: str, secret: str | None, connections: int, seconds: int) -> tuple[int, float]:
    """Return how many searches were answered, and in how many seconds."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s"]
    if secret is not None:
        command += ["-H", f"Authorization: Bearer {secret}"]
    command += ["-s", str(SCRIPT), f"{url}v1/search", "cached", ""]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    said = json.loads(done.stdout.splitlines()[-1])
    return said["requests"] - said["errors"], said["seconds"]


def _ratio(runs: Sequence[Run], others: Sequence[Run]) -> float:
    pairs = zip(runs, others, strict=True)
    return round(statistics.median(run.per_cpu_s / other.per_cpu_s for run, other in pairs), 3)


def _per_s(runs: Sequence[Run]) -> int:
    return round(statistics.median(run.per_s for run in runs))


if __name__ == "__main__":
    sys.exit(main())
