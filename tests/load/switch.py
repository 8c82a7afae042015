"""Search one server while its collection is switched to another model, and compare the times.

    python -m tests.load.switch [--videos 12] [--users 2] [--seconds 20]

Users send sentences that are new each time. First nothing else happens; then the collection is
switched to the demo model in int8, and back. Ends with one JSON line: requests, those that failed,
the 99th percentile in milliseconds before and during the switches, their ratio, and the models in
the order in which they answered one user. Exit 1 if a request failed.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np

from benchmarks.servers import serving
from tests.chaos.client import Client

SETTINGS = {"CLIPSEEK_THREADS": "1", "CLIPSEEK_WORKERS": "1"}


@dataclass
class User:
    """One user, who asks again and again."""

    port: int
    number: int
    ending: threading.Event
    times: list[tuple[float, float]] = field(default_factory=list)
    failed: int = 0
    models: list[str] = field(default_factory=list)

    def ask(self) -> None:
        """Ask until the end; note when, how long it took and which model answered."""
        asked = 0
        with closing(Client(self.port)) as client:
            while not self.ending.is_set():
                asked += 1
                answer = client.search(f"a red car {self.number} {asked}", limit=10)
                self.times.append((answer.sent, answer.received - answer.sent))
                self.failed += answer.status != 200
                model = str(answer.body.get("model")) if isinstance(answer.body, dict) else "none"
                if self.models[-1:] != [model]:
                    self.models.append(model)


def indexer(data_dir: Path, *words: str) -> None:
    """Run a command of the indexer."""
    command = [sys.executable, "-m", "indexer", "--data-dir", str(data_dir), *words]
    subprocess.run(command, check=True, stdout=sys.stderr)


def run(videos: int, users: int, seconds: float) -> dict[str, object]:
    """Do the experiment."""
    with tempfile.TemporaryDirectory() as folder:
        data_dir, shown = Path(folder) / "data", Path(folder) / "videos"
        indexer(data_dir, "demo", "--videos", str(videos), "--out", str(shown))
        indexer(data_dir, "ingest", str(shown), "--model", "demo", "--quiet")
        settings = SETTINGS | {"CLIPSEEK_DATA_DIR": str(data_dir)}
        with serving(["api"], "readyz", settings) as server:
            port = urlsplit(server.url).port or 0
            return _measured(data_dir, port, users, seconds)


def _measured(data_dir: Path, port: int, users: int, seconds: float) -> dict[str, object]:
    ending = threading.Event()
    asking = [User(port, number, ending) for number in range(users)]
    with ThreadPoolExecutor(users) as pool:
        running = [pool.submit(user.ask) for user in asking]
        try:
            time.sleep(seconds)
            began = time.monotonic()
            switch: Callable[..., None] = lambda *words: indexer(  # noqa: E731
                data_dir, "switch", "default", "--quiet", *words
            )
            switch("--model", "demo", "--precision", "int8", "--lead", "5")
            time.sleep(3)
            switch("--rollback")
            time.sleep(3)
        finally:
            ending.set()
        for each in running:
            each.result()
    before = [took for user in asking for at, took in user.times if at < began]
    during = [took for user in asking for at, took in user.times if at >= began]
    p99 = [float(np.percentile(each, 99)) * 1000 for each in (before, during)]
    return {
        "requests": len(before) + len(during),
        "failed": sum(user.failed for user in asking),
        "p99_ms_before": round(p99[0], 1),
        "p99_ms_during": round(p99[1], 1),
        "ratio": round(p99[1] / p99[0], 2),
        "longest_ms_during": round(max(during) * 1000, 1),
        "models": asking[0].models,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--videos", type=int, default=12)
    parser.add_argument("--users", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=20.0)
    options = parser.parse_args(arguments)
    result = run(options.videos, options.users, options.seconds)
    print(json.dumps(result))
    return int(bool(result["failed"]))


if __name__ == "__main__":
    sys.exit(main())
