"""Break the service again and again while it is used, and count what it got wrong."""

import argparse
import json
import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from random import Random

from tests.chaos.checker import Checker, Findings, Prober, SameAnswers, Visitor, audit, use
from tests.chaos.cluster import Cluster, missing_programs, running
from tests.chaos.faults import Disturbances, Faults
from tests.chaos.judge import Fault
from tests.chaos.ledger import Ledger
from tests.chaos.writer import Writer

VISITORS = 2
SHOWN = 20
SPARE = 0.25
"""How many faults that kill nothing come with each kill."""

log = logging.getLogger("tests.chaos")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an experiment ends with.

    lost, duplicates, wrong: Answers. failed_share: Of the requests through nginx. stale: Searches
    that were answered without the database, and said so. freshness_p99_s:
    From an acknowledged change to the first answer of a replica that shows it, where nothing was
    done to the replica or the database meanwhile.
    """

    kills: int
    lost: int
    duplicates: int
    wrong: int
    failed_share: float
    stale: int
    freshness_p99_s: float

    @property
    def sound(self) -> bool:
        """Whether no answer was wrong."""
        return not (self.lost or self.duplicates or self.wrong)


class Experiment:
    """A cluster in use: an indexer that never rests, visitors, and a prober for each replica."""

    def __init__(self, cluster: Cluster, seed: int) -> None:
        self.cluster, self.seed = cluster, seed
        self.ledger, self.findings = Ledger(), Findings()
        self.disturbances = Disturbances()
        self.checker = Checker(self.ledger, self.findings)
        self.writer = Writer(cluster, self.ledger, seed)
        self.faults = Faults(cluster, self.writer, self.disturbances, seed)

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Use the service inside; an error of any user is raised at the end."""
        stop, same = threading.Event(), SameAnswers()
        self._clear()
        with ThreadPoolExecutor(VISITORS + len(self.cluster.ports) + 1) as pool:
            users: list[Future[None]] = [pool.submit(self.writer.run)]
            for number in range(VISITORS):
                seed = self.seed * VISITORS + number
                visitor = Visitor(self.checker, self.ledger, self.cluster.port, seed)
                users.append(pool.submit(use, visitor.client, visitor.visit, stop))
            for number, port in enumerate(self.cluster.ports):
                prober = Prober(self.checker, self.ledger, port, same)
                look = partial(prober.look, partial(self.disturbances.touch, number))
                users.append(pool.submit(use, prober.client, look, stop))
            try:
                yield
                self.cluster.mend()
            finally:
                self.writer.stop()
                users[0].exception()
                stop.set()
        for user in users:
            user.result()
        audit(self.checker, [self.cluster.port, *self.cluster.ports])

    def _clear(self) -> None:
        """Begin with a video or two, so that the collection exists, and none of an earlier run."""
        before = self.writer.listed() or {}
        for video in before:
            self.ledger.begin(video, "put", time.monotonic()).acked = time.monotonic()
        if before:
            self.writer.remove(list(before))
        self.writer.step()

    def outcome(self, kills: int) -> Outcome:
        """Say what came of it."""
        findings = self.findings
        findings.add([Fault("wrong", fault) for fault in self.writer.faults], "indexer")
        self.writer.faults.clear()
        return Outcome(
            kills=kills,
            lost=findings.number("lost"),
            duplicates=findings.number("duplicate"),
            wrong=findings.number("wrong"),
            failed_share=round(findings.failed / max(1, findings.requests), 4),
            stale=findings.stale,
            freshness_p99_s=round(findings.p99_s(), 3),
        )


def break_things(experiment: Experiment, kills: int) -> Outcome:
    """Do faults in random order until so many programs were killed."""
    chance, done, started = Random(experiment.seed), 0, time.monotonic()
    with experiment.in_use():
        while done < kills:
            for fault in _chosen(experiment.faults, chance):
                done += fault()
                log.info(
                    "%4d kills, %4.0f s, %d requests, %d failed, %d faults: %s",
                    done,
                    time.monotonic() - started,
                    experiment.findings.requests,
                    experiment.findings.failed,
                    len(experiment.findings.faults),
                    fault.__name__,
                )
    # The last fault may have been a spoiled snapshot, which only the next build mends.
    with experiment.cluster.indexer("build") as building:
        building.communicate()
    with experiment.cluster.indexer("verify") as verification:
        said, _ = verification.communicate()
    if verification.returncode:
        experiment.findings.add([Fault("wrong", said)], "indexer verify")
    return experiment.outcome(done)


def _chosen(faults: Faults, chance: Random) -> Iterator[Callable[[], int]]:
    """Choose a fault that kills, and at times one before it that does not."""
    if chance.random() < SPARE:
        yield _one_of(faults.others(), chance)
    yield _one_of(faults.kills(), chance)


def _one_of(weighted: list[tuple[Callable[[], int], int]], chance: Random) -> Callable[[], int]:
    return chance.choices([each for each, _ in weighted], [weight for _, weight in weighted])[0]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line: one JSON line at the end, exit 1 when an answer was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=300, help="programs to kill (300)")
    parser.add_argument("--seed", type=int, default=1, help="chooses the faults (1)")
    parser.add_argument("--model", default="demo", help="model of the collection (demo)")
    options = parser.parse_args(arguments)
    if missing := missing_programs():
        parser.error(f"not installed: {', '.join(missing)}; `make servers` installs them")
    logging.basicConfig(format="%(message)s", level=logging.INFO, stream=sys.stderr)
    with running(options.model) as cluster:
        experiment = Experiment(cluster, options.seed)
        outcome = break_things(experiment, options.kills)
    for reason, count in experiment.findings.failures.most_common(SHOWN):
        log.info("%d failed: %s", count, reason)
    for fault in experiment.findings.faults[:SHOWN]:
        log.info("%s: %s", fault.kind, fault.what)
    print(json.dumps(asdict(outcome)))
    return 0 if outcome.sound else 1
