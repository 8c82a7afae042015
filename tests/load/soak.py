"""Use one server for a while in every way there is, and see whether it grows.

    python -m tests.load.soak [--minutes 10] [--users 4]

Users search (sentences that repeat, sentences that are new, batches), play parts of videos, look at
pictures and lists, while videos are ingested and removed. The cache is kept small, so that it is
full soon. Memory and open files of the server are read every second; the first third of the time
is for warming up. Ends with one JSON line; exit 1 when a request failed.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random

import numpy as np

from benchmarks.servers import Server, serving
from tests.chaos.client import Answer, Client
from tests.chaos.program import environment
from tests.chaos.videos import QUERIES, make_video, video_id

SETTINGS = {"CLIPSEEK_THREADS": "1", "CLIPSEEK_WORKERS": "1", "CLIPSEEK_CACHE_ENTRIES": "500"}
VIDEOS = 6
WARM_UP = 1 / 3
STEP_S = 1.0
GONE = (404, 409, 410)
"""What may be said of a video that is being removed."""
_PAUSE_S = 0.02


@dataclass(frozen=True, slots=True)
class Soaked:
    """What came of it. Sizes in bytes, from the end of the warming up; slope in bytes a minute."""

    name: str
    minutes: float
    requests: int
    errors: int
    changes: int
    rss_start: int
    rss_end: int
    rss_slope: float
    fds_start: int
    fds_end: int


class Library:
    """Videos that come and go, by the commands of the indexer."""

    def __init__(self, root: Path) -> None:
        self.data_dir, self._videos = root / "data", root / "videos"
        self._videos.mkdir()
        self._env = environment({**SETTINGS, "CLIPSEEK_DATA_DIR": str(self.data_dir)})
        self._number = 0
        self.present: list[str] = []
        self.changes = 0

    def grow(self, count: int) -> None:
        """Ingest new videos."""
        paths = [make_video(self._number + i, self._videos) for i in range(count)]
        self._number += count
        self._run("ingest", *paths, "--model", "demo")
        self.present = [*self.present, *map(video_id, paths)]

    def change(self) -> None:
        """Ingest a new video, and remove the oldest one."""
        self.grow(1)
        oldest, self.present = self.present[0], self.present[1:]
        self._run("remove", oldest)
        self.changes += 2

    def _run(self, *arguments: str | Path) -> None:
        command = [sys.executable, "-m", "indexer", *map(str, arguments)]
        subprocess.run(command, env=self._env, check=True, capture_output=True)


class User:
    """Asks one thing after the other over one connection."""

    def __init__(self, port: int, library: Library, seed: int) -> None:
        self._client, self._library = Client(port), library
        self._chance = Random(seed)
        self._asks: list[Callable[[], Answer]] = [
            self._search_again,
            self._search_anew,
            self._search_many,
            self._play,
            self._look,
            self._list,
        ]

    def ask(self) -> str:
        """Send one request; return what failed, or the empty string."""
        ask = self._chance.choice(self._asks)
        answer = ask()
        if 0 < answer.status < 400 or answer.status in GONE:
            return ""
        return f"{ask.__name__}: {answer.status} {answer.body}"

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def _search_again(self) -> Answer:
        return self._client.search(self._chance.choice(QUERIES))

    def _search_anew(self) -> Answer:
        return self._client.search(f"a red car {self._chance.random()}", limit=10)

    def _search_many(self) -> Answer:
        asked = [{"query": f"{query} {self._chance.random()}"} for query in QUERIES]
        return self._client.ask("POST", "/v1/search/batch", {"searches": asked})

    def _play(self) -> Answer:
        video = self._chance.choice(self._library.present)
        return self._client.ask("GET", f"/v1/videos/{video}/file", headers={"Range": "bytes=9-99"})

    def _look(self) -> Answer:
        found = self._search_again()
        if found.status != 200:
            return found
        picture = self._chance.choice(found.body["hits"])["thumbnail_url"]
        return self._client.ask("GET", picture)

    def _list(self) -> Answer:
        paths = ("/v1/videos", "/v1/collections", "/metrics", "/readyz", "/openapi.json")
        return self._client.ask("GET", self._chance.choice(paths))


class Soak:
    """Users, a writer and a watcher around one server."""

    def __init__(self, server: Server, library: Library) -> None:
        self._server, self._library = server, library
        self._stop = threading.Event()
        self._samples: list[tuple[float, int, int]] = []
        self.requests = 0
        self.errors: Counter[str] = Counter()
        self._lock = threading.Lock()

    def run(self, seconds: float, users: int) -> None:
        """Use the server for so long; an error of the writer is raised at the end."""
        port = int(self._server.url.rstrip("/").rpartition(":")[2])
        with ThreadPoolExecutor(users + 1) as pool:
            asking = [pool.submit(self._use, User(port, self._library, n)) for n in range(users)]
            writing = pool.submit(self._write)
            started = time.monotonic()
            while (now := time.monotonic() - started) < seconds and not writing.done():
                self._samples.append((now, self._server.memory(), self._server.descriptors()))
                self._stop.wait(STEP_S)
            self._stop.set()
        for one in (writing, *asking):
            one.result()

    def _use(self, user: User) -> None:
        while not self._stop.wait(_PAUSE_S):
            failed = user.ask()
            with self._lock:
                self.requests += 1
                if failed:
                    self.errors[failed] += 1
        user.close()

    def _write(self) -> None:
        while not self._stop.is_set():
            self._library.change()

    def outcome(self, seconds: float) -> Soaked:
        """Say what came of it."""
        steady = self._samples[int(len(self._samples) * WARM_UP) :]
        times, sizes, files = (np.array(column, float) for column in zip(*steady, strict=True))
        slope = np.polyfit(times / 60, sizes, 1)[0]
        return Soaked(
            name="soak",
            minutes=round(seconds / 60, 2),
            requests=self.requests,
            errors=sum(self.errors.values()),
            changes=self._library.changes,
            rss_start=int(sizes[0]),
            rss_end=int(sizes[-1]),
            rss_slope=round(float(slope)),
            fds_start=int(files[0]),
            fds_end=int(files[-1]),
        )


def soak(seconds: float, users: int) -> tuple[Soaked, Counter[str]]:
    """Make a library, serve it, use it for so long; return what came of it and what failed."""
    with tempfile.TemporaryDirectory() as folder:
        library = Library(Path(folder))
        library.grow(VIDEOS)
        settings = {**SETTINGS, "CLIPSEEK_DATA_DIR": str(library.data_dir)}
        with serving(["api", "--quiet"], "readyz", settings) as server:
            run = Soak(server, library)
            run.run(seconds, users)
            return run.outcome(seconds), run.errors


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.load.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10, help="how long (10)")
    parser.add_argument("--users", type=int, default=4, help="connections (4)")
    options = parser.parse_args(arguments)
    found, errors = soak(60 * options.minutes, options.users)
    for reason, count in errors.most_common(20):
        sys.stderr.write(f"{count} failed: {reason}\n")
    sys.stdout.write(json.dumps(asdict(found)) + "\n")
    return 1 if found.errors else 0


if __name__ == "__main__":
    sys.exit(main())
