"""Kill `indexer switch`, or PostgreSQL under it, at random moments, and look what is lost.

`python -m tests.e2e.kill_switch --kills 50 --database postgres` ends with one JSON line: kills,
switched (switches that were completed), lost (videos that one of the collections lacked), twice
(videos that a collection got more than once), mixed (a kill left a collection without an answer, or
with that of neither model), unclean (times that a switch could not be continued, or `indexer
verify` found a problem). Exit 1 unless the last four are 0.
"""

import argparse
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from clipseek.assembly import open_service
from clipseek.catalog import SqlReader
from clipseek.config import Settings
from clipseek.demo.videos import make_videos
from clipseek.query import Query
from clipseek.types import SearchResult
from tests.chaos.cluster import DATABASE, Postgres
from tests.chaos.program import environment
from tests.contracts import postgres
from tests.e2e.forked import start
from tests.e2e.other_model import other_model

# A switch that was killed is continued as soon as its lease has expired.
LEASE_S = 1.0
PATIENCE_S = 120.0


class Bench:
    """A library, the models that it is switched between, and what went wrong."""

    def __init__(self, root: Path, videos: Path, seed: int, *, is_postgres: bool) -> None:
        self.chance = random.Random(seed)
        self.counts = Counter[str]()
        self.videos = len(list(videos.glob("*.mp4")))
        self.lasts_s = 0.0
        given = {"data_dir": str(root / "data"), "job_lease_s": str(LEASE_S), "threads": "1"}
        self.postgres = Postgres(root / "postgres") if is_postgres else None
        if self.postgres is not None:
            self.postgres.start()
            self.postgres.make_database()
            address = f"127.0.0.1:{self.postgres.port}"
            given["database_url"] = f"postgresql://{postgres.USER}@{address}/{DATABASE}"
        self.settings = Settings.load(**given)
        self.env = environment({f"CLIPSEEK_{name.upper()}": value for name, value in given.items()})
        self.models = ("demo", str(other_model(root / "models")))
        self._must("ingest", str(videos), "--model", "demo", "--quiet")

    def switch(self, kills: int) -> None:
        """Switch to the other model, and kill that so many times before it may end."""
        model = self.models[self.counts["switched"] % 2 == 0]
        words = ["switch", "default", "--model", model, "--lead", "0", "--quiet"]
        for _ in range(kills):
            self._kill(words)
            self.counts["mixed"] += self._answers() not in self.models
        began = time.monotonic()
        # A kill may have come after the cut.
        if self._answers() != model:
            self._must(*words)
            self.lasts_s = self.lasts_s or time.monotonic() - began
        self._compare()
        self._must("verify")
        self._must("switch", "default", "--finish")
        self.counts["mixed"] += self._answers() != model
        self.counts["switched"] += 1

    def _kill(self, words: Sequence[str]) -> None:
        """Start a switch, and after a while kill it, or the database."""
        process = start(self.env, *words)
        process.join(self.chance.uniform(0, self.lasts_s))
        if process.exitcode is not None:
            return
        if self.postgres is not None and self.chance.random() < 0.5:
            self.postgres.crash()
            self.postgres.start()
            process.join(PATIENCE_S)
            # It has ended with a sentence, or has gone on with a new connection.
            self.counts["unclean"] += process.exitcode not in (0, 1)
            self.counts["databases"] += 1
        else:
            process.kill()
            process.join()
        self.counts["kills"] += 1

    def _must(self, *words: str) -> None:
        process = start(self.env, *words)
        process.join(PATIENCE_S)
        self.counts["unclean"] += process.exitcode != 0

    def _answers(self) -> str:
        """Return the model that a search is answered with, or what came instead."""
        with open_service(self.settings) as service:
            (answer,) = service.search([Query.of("a red car", 3)])
        return answer.model if isinstance(answer, SearchResult) and answer.hits else str(answer)

    def _compare(self) -> None:
        """Count what the collections of a switch lack, and what they got twice."""
        with closing(SqlReader.open(self.settings.catalog_url)) as catalog:
            for each in catalog.collections():
                self.counts["lost"] += abs(self.videos - catalog.counts(each.name)[0])
                changes = catalog.changes(each.name, 0)
                puts = Counter(change.video_id for change in changes if change.kind == "put")
                self.counts["twice"] += sum(count > 1 for count in puts.values())


def run(kills: int, videos: Path, seed: int, *, is_postgres: bool) -> dict[str, int]:
    """Do the experiment with the videos of a folder and count what went wrong."""
    # Not pytest's own folder: the user of PostgreSQL may not enter it.
    with tempfile.TemporaryDirectory(prefix="clipseek-switch-") as folder:
        Path(folder).chmod(0o755)
        bench = Bench(Path(folder), videos, seed, is_postgres=is_postgres)
        try:
            # The first switch is not killed: it says how long one lasts.
            bench.switch(0)
            while (left := kills - bench.counts["kills"]) > 0:
                bench.switch(min(bench.chance.choice((1, 1, 2)), left))
                print(json.dumps(bench.counts), file=sys.stderr, flush=True)
        finally:
            if bench.postgres is not None:
                bench.postgres.end()
    names = ("kills", "switched", "lost", "twice", "mixed", "unclean")
    return {name: bench.counts[name] for name in names}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--videos", type=int, default=6)
    parser.add_argument("--database", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    is_postgres = options.database == "postgres"
    with tempfile.TemporaryDirectory() as folder:
        make_videos(options.videos, options.seed, Path(folder))
        counts = run(options.kills, Path(folder), options.seed, is_postgres=is_postgres)
    print(json.dumps(counts))
    return int(any(count for name, count in counts.items() if name not in ("kills", "switched")))


if __name__ == "__main__":
    sys.exit(main())
