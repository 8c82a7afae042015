"""Kill the worker, the API and PostgreSQL while jobs run, and look what became of each job.

`python -m tests.e2e.kill_jobs --kills 200 --database postgres` ends with one JSON line: kills,
jobs, unfinished, failed, twice (jobs that ended or videos that were indexed more than once),
different (videos that are not as they were asked for) and unclean (times that `indexer verify`
found a problem). Exit 1 unless all but the first two are 0.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from clipseek.assembly import open_uploads
from clipseek.catalog import SqlReader
from clipseek.config import Settings
from clipseek.demo.videos import make_videos
from clipseek.errors import ServiceUnavailable
from clipseek.jobs import Job
from clipseek.ledgers import open_jobs
from tests.chaos.client import Client
from tests.chaos.cluster import DATABASE, Postgres
from tests.chaos.program import Program, environment, listens, wait_until
from tests.contracts import postgres

LEASE_S = 1.0
KILLS_IN_ROUND = 4
"""Fewer than the failures after which a job is given up, so that every job must be done."""
VIDEOS = 3
SETTLED_S = 300.0
T = TypeVar("T")


@dataclass
class Bench:
    """The programs of one installation, and what was asked of it."""

    root: Path
    is_postgres: bool
    seed: int
    ready: list[Path] = field(default_factory=list)
    """Videos that are used before others are drawn."""
    contents: dict[str, bytes] = field(default_factory=dict)
    edits: Counter[str] = field(default_factory=Counter)
    tags: dict[str, tuple[str, ...]] = field(default_factory=dict)
    asked: dict[str, str] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        given = {
            "data_dir": str(self.root / "data"),
            "model": "demo",
            "job_lease_s": str(LEASE_S),
            "threads": "1",
            "upload_reserve_bytes": "0",
        }
        self.postgres = Postgres(self.root / "postgres") if self.is_postgres else None
        if self.postgres is not None:
            address = f"127.0.0.1:{self.postgres.port}"
            given["database_url"] = f"postgresql://{postgres.USER}@{address}/{DATABASE}"
        self.settings = Settings.load(**given)
        self.queue, self.uploads = open_jobs(self.settings), open_uploads(self.settings)
        self.env = environment({f"CLIPSEEK_{name.upper()}": value for name, value in given.items()})
        self.port = postgres.free_port()
        python = [sys.executable, "-m"]
        self.worker = self._program("worker", [*python, "indexer", "work", "--json"])
        self.api = self._program("api", [*python, "api", "--quiet", "--port", str(self.port)])

    def _program(self, name: str, command: Sequence[str | Path]) -> Program:
        return Program(name, command, self.root / f"{name}.log", self.env)

    def start(self) -> None:
        """Start everything; the worker makes the catalog."""
        if self.postgres is not None:
            self.postgres.start()
            self.postgres.make_database()
        self.worker.start()
        self.api.start()
        wait_until(lambda: listens(self.port), f"the API: {self.api.said()}")

    def end(self) -> None:
        """End everything."""
        for program in (self.worker, self.api):
            program.end()
        self.queue.close()
        if self.postgres is not None:
            self.postgres.end()

    # What users do, again and again until it is acknowledged.

    def upload(self, key: str, content: bytes) -> str:
        """Upload a video and ask for it to be indexed; return the id of the job."""
        upload = self.uploads.create("ann", "default", len(content), {})
        with closing(self.uploads.append(upload.id, "ann", 0)) as part:
            part.write(content)
            part.sync()

        def ask() -> str:
            payload = {"upload": upload.id, "name": f"{key}.mp4", "tags": ["new"]}
            return self.queue.add(
                "ingest", "default", payload, by="ann", request_id=key, idempotency_key=key
            ).id

        job = _until_done(ask)
        self.uploads.claim(upload.id, "ann", job)
        self.contents[job] = content
        return job

    def change(self, key: str, method: str, video: str, body: object = None) -> str:
        """Ask the API for a change of a video, and return the id of the job."""

        def ask() -> str:
            with closing(Client(self.port)) as client:
                answer = client.ask(method, f"/v1/videos/{video}", body, {"Idempotency-Key": key})
            if answer.status == 0 or answer.status >= 500:
                raise ServiceUnavailable("the API is away")
            assert answer.status == 202, answer
            return str(answer.body["id"])

        return _until_done(ask)

    # One round.

    def round(self, number: int, kills: int) -> None:
        """Ask for jobs, kill programs meanwhile, and compare what became of the jobs."""
        contents = self._new_videos(number)
        before = sorted(self.videos())
        with ThreadPoolExecutor(1) as pool:
            asking = pool.submit(self._ask, number, contents, before)
            for kill in range(kills):
                time.sleep(self.chance.uniform(0.2, 3.0))
                self._kill(database=kill == kills - 1)
            asking.result()
        jobs = list(self.asked.values())
        wait_until(
            lambda: all(job.is_over for job in _until_done(lambda: self.queue.some(jobs)).values()),
            f"the end of all jobs; the worker said: {self.worker.said()}",
            deadline_s=SETTLED_S,
            step_s=0.2,
        )
        self._compare()

    def _new_videos(self, number: int) -> list[bytes]:
        videos, self.ready = self.ready[:VIDEOS], self.ready[VIDEOS:]
        if not videos:
            folder = self.root / f"videos-{number}"
            make_videos(VIDEOS, self.seed * 1000 + number, folder)
            videos = sorted(folder.glob("*.mp4"))
        return [path.read_bytes() for path in videos]

    def _ask(self, number: int, contents: Sequence[bytes], before: Sequence[str]) -> None:
        for i, content in enumerate(contents):
            self.asked[f"{number}-ingest-{i}"] = self.upload(f"{number}-ingest-{i}", content)
        for i, video in enumerate(before[:3]):
            key = f"{number}-change-{i}"
            if i == 0:
                self.asked[key] = self.change(key, "DELETE", video)
                self.tags.pop(video)
            else:
                tags = (f"round {number}",)
                self.asked[key] = self.change(key, "PATCH", video, {"tags": list(tags)})
                self.tags[video] = tags
                self.edits[video] += 1

    def _kill(self, *, database: bool) -> None:
        """Kill a program and start it again; the database only once, as each job waits then."""
        if database and self.postgres is not None:
            self.postgres.crash()
            self.postgres.start()
        else:
            program = self.chance.choice((self.worker, self.worker, self.worker, self.api))
            program.kill()
        self.worker.start()
        self.api.start()
        self.counts["kills"] += 1

    def videos(self) -> dict[str, Any]:
        """Return all videos by id; none before there is a collection."""
        with closing(SqlReader.open(self.settings.catalog_url)) as catalog:
            return {video.id: video for video in catalog.videos("default", limit=100_000)}

    def _compare(self) -> None:
        """Count what is not as it should be after all jobs have ended."""
        jobs = self.queue.some(list(self.asked.values()))
        self.counts["jobs"] = len(self.asked)
        self.counts["unfinished"] += len(set(self.asked.values()) - jobs.keys())
        self.counts["failed"] += sum(job.state != "done" for job in jobs.values())
        for job in jobs.values():
            if job.kind == "ingest" and job.outcome is not None:
                self._expect(job)
        found = self.videos()
        self.counts["different"] += len(found.keys() ^ self.tags.keys())
        for video_id, video in found.items():
            self.counts["different"] += video.tags != self.tags.get(video_id)
        self.counts["different"] += self._stray_files(found)
        self.counts["twice"] += self._twice(found)

    def _expect(self, job: Job) -> None:
        """Note the video of an ingest that has ended, once."""
        assert job.outcome is not None
        outcome: dict[str, Any] = dict(job.outcome)
        (video,) = outcome["videos"]
        content = self.contents.pop(job.id, None)
        if content is not None:
            self.tags.setdefault(video, ("new",))
            stored = self.videos().get(video)
            is_same = stored is not None and Path(stored.uri).read_bytes() == content
            self.counts["different"] += not is_same

    def _stray_files(self, found: dict[str, Any]) -> int:
        """Count uploaded files that no video is played from."""
        folder = self.settings.upload_root / "default"
        there = {str(path) for path in folder.rglob("*") if path.is_file()}
        return len(there - {video.uri for video in found.values()})

    def _twice(self, found: dict[str, Any]) -> int:
        """Count jobs that have said twice that they ended, and videos that were put too often."""
        log = (self.root / "worker.log").read_text("utf-8", "replace")
        ended = [json.loads(line)["id"] for line in log.splitlines() if _is_whole(line)]
        often = sum(count > 1 for count in Counter(ended).values())
        with closing(SqlReader.open(self.settings.catalog_url)) as catalog:
            changes = catalog.changes("default", 0)
        puts = Counter(change.video_id for change in changes if change.kind == "put")
        return often + sum(puts[video] > 1 + self.edits[video] for video in found)


def _until_done(call: Callable[[], T]) -> T:
    """Call until the database and the API are there."""
    end = time.monotonic() + SETTLED_S
    while True:
        try:
            return call()
        except ServiceUnavailable:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


def _is_whole(line: str) -> bool:
    """Whether a line of the log is a job, and not cut off by a kill."""
    return line.startswith('{"id"') and line.endswith("}")


def run(kills: int, *, is_postgres: bool, seed: int, ready: Sequence[Path] = ()) -> dict[str, int]:
    """Do the experiment and count what went wrong; the first videos may be ready."""
    # Not pytest's own folder: the user of PostgreSQL may not enter it.
    with tempfile.TemporaryDirectory(prefix="clipseek-jobs-") as folder:
        root = Path(folder)
        root.chmod(0o755)
        bench = Bench(root, is_postgres, seed, list(ready))
        try:
            bench.start()
            number = 0
            while bench.counts["kills"] < kills:
                left = kills - bench.counts["kills"]
                bench.round(number, min(KILLS_IN_ROUND, left) if number else 0)
                number += 1
                print(json.dumps(bench.counts), file=sys.stderr, flush=True)
            command = [sys.executable, "-m", "indexer", "verify"]
            bench.worker.end()
            done = subprocess.run(command, check=False, stdout=sys.stderr, env=bench.env)
            bench.counts["unclean"] += done.returncode != 0
        finally:
            bench.end()
    names = ("kills", "jobs", "unfinished", "failed", "twice", "different", "unclean")
    return {name: bench.counts[name] for name in names}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--database", choices=("sqlite", "postgres"), default="postgres")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    counts = run(options.kills, is_postgres=options.database == "postgres", seed=options.seed)
    print(json.dumps(counts))
    return int(any(count for name, count in counts.items() if name not in ("kills", "jobs")))


if __name__ == "__main__":
    sys.exit(main())
