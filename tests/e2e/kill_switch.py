"""Kill `indexer switch` at random moments, continue it, and look whether anything was lost.

`python -m tests.e2e.kill_switch --kills 50` ends with one JSON line: kills, switched (switches that
were completed), lost (videos that one of the collections lacked), mixed (a kill left a collection
without an answer, or with that of neither model), unclean (times that `indexer verify` found a
problem). Exit 1 unless the last three are 0.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from clipseek.assembly import open_service
from clipseek.config import Settings
from clipseek.demo.videos import make_videos
from clipseek.query import Query
from clipseek.types import SearchResult

MODELS = ("demo", "demo@int8")
# A switch that was killed is continued as soon as its lease has expired.
ENV = os.environ | {"CLIPSEEK_JOB_LEASE_S": "1"}


def command(data_dir: Path, *words: str) -> list[str]:
    """Return a command of the indexer over a data folder."""
    return [sys.executable, "-m", "indexer", "--data-dir", str(data_dir), *words]


def succeeds(data_dir: Path, *words: str) -> bool:
    """Run a command of the indexer; return whether it ended well."""
    done = subprocess.run(command(data_dir, *words), check=False, stdout=sys.stderr, env=ENV)
    return done.returncode == 0


def run(kills: int, videos: int, seed: int) -> dict[str, int]:
    """Do the experiment and count what went wrong."""
    chance = random.Random(seed)
    counts = {"kills": 0, "switched": 0, "lost": 0, "mixed": 0, "unclean": 0}
    with tempfile.TemporaryDirectory() as folder:
        data_dir, shown = Path(folder) / "data", Path(folder) / "videos"
        make_videos(videos, seed, shown)
        if not succeeds(data_dir, "ingest", str(shown), "--model", "demo", "--quiet"):
            raise SystemExit("the ingest failed")
        # The first switch makes the model in int8, and says how long one lasts.
        lasts_s = 5.0
        while counts["kills"] < kills:
            model = MODELS[counts["switched"] % 2 == 0]
            words = ["switch", "default", "--model", "demo", "--lead", "0", "--quiet"]
            words += ["--precision", "int8" if model == MODELS[1] else "fp32"]
            if counts["switched"]:
                for _ in range(min(chance.choice((1, 1, 2)), kills - counts["kills"])):
                    counts["kills"] += _kill(data_dir, words, chance.uniform(0, lasts_s))
                    counts["mixed"] += _answers(data_dir) not in MODELS
            began = time.monotonic()
            # A kill may have come after the cut.
            done = _answers(data_dir) == model or succeeds(data_dir, *words)
            if not counts["switched"]:
                lasts_s = time.monotonic() - began
            counts["unclean"] += not done
            counts["lost"] += _lost(data_dir, videos)
            counts["unclean"] += not succeeds(data_dir, "verify")
            counts["unclean"] += not succeeds(data_dir, "switch", "default", "--finish")
            counts["mixed"] += _answers(data_dir) != model
            counts["switched"] += 1
            print(json.dumps(counts), file=sys.stderr, flush=True)
    return counts


def _kill(data_dir: Path, words: Sequence[str], after_s: float) -> int:
    """Start a switch and kill it after a while; 1 if it was still running then."""
    process = subprocess.Popen(command(data_dir, *words), env=ENV)
    try:
        process.wait(timeout=after_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return 1
    return 0


def _answers(data_dir: Path) -> str:
    """Return the model that a search is answered with, or what came instead."""
    with open_service(Settings.load(data_dir=data_dir)) as service:
        (answer,) = service.search([Query.of("a red car", 3)])
    return answer.model if isinstance(answer, SearchResult) and answer.hits else str(answer)


def _lost(data_dir: Path, videos: int) -> int:
    """Return how many videos the collections of a switch lack."""
    with open_service(Settings.load(data_dir=data_dir)) as service:
        found = service.catalog.collections()
        return sum(abs(videos - service.catalog.counts(each.name)[0]) for each in found)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--videos", type=int, default=6)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    counts = run(options.kills, options.videos, options.seed)
    print(json.dumps(counts))
    return int(bool(counts["lost"] or counts["mixed"] or counts["unclean"]))


if __name__ == "__main__":
    sys.exit(main())
