"""Kill recorders, the API and PostgreSQL while cameras run, and look what is lost or there twice.

    python -m tests.live.chaos [--kills N] [--cameras N] [--seed S]

Two recorders share RTSP cameras. Each program is ended by SIGKILL at a random moment and started
again. At the end the catalog is read: a camera must be covered but for the last 5 seconds before
its recorder was killed and the time until another one has it, no moment may be covered twice, and
each recording must have what the catalog says. Prints one JSON object; exit 1 if something is
wrong. A hundred kills take about 25 minutes.
"""

import argparse
import itertools
import json
import logging
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from random import Random

import av
import psycopg
import pytest

from tests.cameras.films import Shape, make_film
from tests.cameras.rtsp import RtspCameras, rtsp_cameras
from tests.chaos.client import Client
from tests.chaos.cluster import DATABASE, Postgres
from tests.chaos.program import Program, wait_until
from tests.contracts import postgres
from tests.live.site import Recording, Site
from tests.live.timeline import Spell, gaps, overlaps, unexplained

LOST_S = 5.0
"""What a crash may lose."""
TWICE_S = 0.5
"""So much may chunks overlap: a clock is corrected where a chunk begins."""
TAKEOVER_S = 15.0
CHUNK_S = 20
"""Short chunks, so that kills hit their borders."""
SETTLE_S = 90.0
CALM_S = (0.5, 4.0)
"""Seconds between two kills, once all is well again."""
SHAPES = (
    Shape(seconds=20, fps=10, keyframe_s=1),
    Shape(seconds=20, fps=10, keyframe_s=2, seed=2),
)
WEIGHTS = {"recorder": 4, "api": 3, "postgres": 3}
SEARCH = {"query": "a red car at night", "limit": 100}

log = logging.getLogger("tests.live.chaos")


@dataclass
class Outcome:
    """What an experiment ends with.

    lost, twice: Spans of a camera. short: Recordings that lack what the catalog has of them.
    wrong: Answers of the API. takeovers_s: From each kill of a recorder until another one had all
    its cameras. blind_s: The longest time that a camera was not covered after a kill.
    """

    kills: dict[str, int] = field(default_factory=lambda: dict.fromkeys(WEIGHTS, 0))
    lost: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    short: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    takeovers_s: list[float] = field(default_factory=list)
    blind_s: float = 0.0
    covered_s: float = 0.0
    chunks: int = 0

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong."""
        wrong = self.lost or self.twice or self.short or self.wrong
        return not wrong and max(self.takeovers_s, default=0.0) <= TAKEOVER_S


class Experiment:
    """PostgreSQL, the API, two recorders and their cameras, in one folder."""

    def __init__(self, root: Path, server: RtspCameras, seed: int) -> None:
        self.postgres = Postgres(root / "postgres")
        url = f"postgresql://{postgres.USER}@127.0.0.1:{self.postgres.port}/{DATABASE}"
        self._url = url
        self.site = Site(root, CLIPSEEK_DATABASE_URL=url, CLIPSEEK_LIVE_CHUNK_S=str(CHUNK_S))
        self.server = server
        self.outcome = Outcome()
        self.names: list[str] = []
        self._chance = Random(seed)
        self._outages: dict[str, list[Spell]] = {}
        self._api_port = postgres.free_port()
        self.api = self.site.program("api", "-m", "api", "--quiet", "--port", str(self._api_port))
        self.recorders = [self.site.recorder(f"recorder-{number}") for number in range(2)]

    def start(self, cameras: int) -> None:
        """Start everything, and wait until every camera is covered."""
        self.postgres.start()
        self.postgres.make_database()
        self.site.prepare()
        films = [make_film(self.site.root / f"film-{s.seed}.mp4", s) for s in SHAPES]
        for number in range(cameras):
            name = f"camera-{number}"
            url = self.server.show(name, films[number % len(films)])
            self.site.add(name, url, fps=2.0, records=True)
            self.names.append(name)
            self._outages[name] = []
        for recorder in self.recorders:
            recorder.program.start()
        self._wait_covered(time.time(), self.names)
        self.api.start()
        self._wait_api()

    def end(self) -> None:
        """End everything; recorders first, so that their chunks are stored."""
        for recorder in self.recorders:
            recorder.program.end()
        self.api.end()
        self.postgres.end()

    def disturb(self, kills: int) -> None:
        """Kill one program after another."""
        kinds, weights = list(WEIGHTS), list(WEIGHTS.values())
        kill: dict[str, Callable[[], None]] = {
            "recorder": self._kill_recorder,
            "api": self._kill_api,
            "postgres": self._kill_postgres,
        }
        for number in range(1, kills + 1):
            (kind,) = self._chance.choices(kinds, weights)
            time.sleep(self._chance.uniform(*CALM_S))
            began = time.monotonic()
            kill[kind]()
            self.outcome.kills[kind] += 1
            took = time.monotonic() - began
            log.info("%3d %s, %.1f s, %s", number, kind, took, self.outcome.takeovers_s[-1:])

    # What is killed.

    def _kill_recorder(self) -> None:
        chosen = self._chance.choice(self.recorders)
        other = next(each for each in self.recorders if each is not chosen)
        had = self._held(chosen)
        killed_at, began = time.time(), time.monotonic()
        chosen.program.kill()
        if had:
            wait_until(lambda: had <= self._held(other), "the takeover", deadline_s=SETTLE_S)
            self.outcome.takeovers_s.append(round(time.monotonic() - began, 2))
        back_s = self._wait_covered(killed_at, had) - killed_at
        self.outcome.blind_s = max(self.outcome.blind_s, round(back_s, 2))
        for name in had:
            self._outages[name].append(Spell(killed_at, killed_at + back_s))
        self._bring_back(chosen)

    def _bring_back(self, recorder: Recording) -> None:
        """Start a recorder, and wait until it has its share, which the other one hands over."""
        began = time.time()
        recorder.program.start()
        share = len(self.names) // 2
        wait_until(lambda: len(self._held(recorder)) >= share, "a share", deadline_s=SETTLE_S)
        handed = self._held(recorder)
        self._wait_covered(time.time(), handed)
        for name in handed:
            self._outages[name].append(Spell(began, time.time()))

    def _kill_api(self) -> None:
        self.api.kill()
        self.api.start()
        self._wait_api()

    def _kill_postgres(self) -> None:
        self.postgres.crash()
        time.sleep(self._chance.uniform(0, 2))
        self.postgres.start()
        self._wait_covered(time.time(), self.names)
        self._search()

    # What is looked at.

    def _held(self, recorder: Recording) -> set[str]:
        """Return the cameras that a recorder runs."""
        try:
            found = recorder.metrics()
        except OSError:
            return set()
        return {camera for name, camera, _ in found if name == "clipseek_camera_live"}

    def _wait_api(self) -> None:
        client = Client(self._api_port)
        ready = "the API to be ready"
        wait_until(lambda: client.ask("GET", "/readyz").status == 200, ready, deadline_s=SETTLE_S)
        client.close()
        self._search()

    def _search(self) -> None:
        """Search, and see that no moment is found twice."""
        client = Client(self._api_port)
        deadline = time.monotonic() + SETTLE_S
        answer = client.ask("POST", "/v1/search", SEARCH)
        while answer.failed and time.monotonic() < deadline:
            time.sleep(0.2)
            answer = client.ask("POST", "/v1/search", SEARCH)
        client.close()
        if answer.status != 200:
            self.outcome.wrong.append(f"status {answer.status}: {answer.body}")
            return
        found = [(hit["video"]["id"], hit["start"], hit["end"]) for hit in answer.body["hits"]]
        for one, other in zip(sorted(found), sorted(found)[1:], strict=False):
            if one[0] == other[0] and other[1] < one[2] - 1e-6:
                self.outcome.wrong.append(f"found twice: {one} and {other}")

    def _wait_covered(self, after: float, names: Sequence[str] | set[str]) -> float:
        """Wait until each camera is covered after a time; return when the last one was so first."""
        first: dict[str, float] = {}

        def all_covered() -> bool:
            try:
                covered = self._covered()
            except psycopg.OperationalError:
                return False
            for name in names:
                newer = [max(each.start, after) for each in covered[name] if each.end > after + 0.5]
                if newer:
                    first[name] = min(newer)
            return set(first) >= set(names)

        wait_until(
            all_covered, f"cameras to be covered after {after}", deadline_s=SETTLE_S, step_s=0.2
        )
        return max(first.values(), default=after)

    def _covered(self) -> dict[str, list[Spell]]:
        return {
            name: [Spell(at, at + duration) for _, at, duration in chunks]
            for name, chunks in self._chunks().items()
        }

    def _chunks(self) -> dict[str, list[tuple[str, float, float]]]:
        """Return the chunks of each camera: uri, begin and duration."""
        found: dict[str, list[tuple[str, float, float]]] = {name: [] for name in self.names}
        with psycopg.connect(self._url, connect_timeout=5) as connection:
            rows = connection.execute("SELECT stream, uri, recorded_at, duration FROM videos")
            for stream, uri, recorded_at, duration in rows:
                at = datetime.fromisoformat(recorded_at).timestamp()
                found[stream].append((uri, at, duration))
        return found

    def judge(self) -> Outcome:
        """Read the catalog and the recordings when all recorders have ended."""
        outcome = self.outcome
        for name, chunks in self._chunks().items():
            covered = sorted(Spell(at, at + duration) for _, at, duration in chunks)
            missing = gaps(covered, covered[0].start, covered[-1].end)
            for gap in unexplained(missing, self._outages[name], LOST_S):
                outcome.lost.append(f"{name}: {_said(gap)}")
            for both in overlaps(covered, TWICE_S):
                outcome.twice.append(f"{name}: {_said(both)}")
            outcome.covered_s += sum(each.end - each.start for each in covered)
            outcome.chunks += len(chunks)
            for uri, _, duration in chunks:
                has_s = recorded_s(Path(uri))
                if has_s < duration - LOST_S:
                    outcome.short.append(f"{uri}: {has_s:.1f} s of {duration:.1f} s")
        outcome.twice += self._twice_in_chunks()
        outcome.covered_s = round(outcome.covered_s)
        return outcome

    def _twice_in_chunks(self) -> list[str]:
        """Return segments of one chunk that overlap."""
        query = (
            'SELECT video_id, start, "end" FROM segments WHERE field = %s ORDER BY video_id, start'
        )
        with psycopg.connect(self._url) as connection:
            rows = connection.execute(query, ("picture",)).fetchall()
        return [
            f"segments of {one[0]} at {other[1]}"
            for one, other in itertools.pairwise(rows)
            if one[0] == other[0] and other[1] < one[2] - 1e-6
        ]


def recorded_s(path: Path) -> float:
    """Return how many seconds of a recording can be read; 0 if there is none."""
    try:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            stamps = [each.pts for each in container.demux(stream) if each.pts is not None]
            return float(max(stamps, default=0) * (stream.time_base or 0))
    except (OSError, av.error.FFmpegError, IndexError):
        return 0.0


def _said(spell: Spell) -> str:
    start = datetime.fromtimestamp(spell.start).isoformat(timespec="milliseconds")
    return f"{spell.end - spell.start:.2f} s from {start}"


@contextmanager
def running(cameras: int, seed: int) -> Iterator[Experiment]:
    """Run an experiment in a temporary folder; everything ends with it."""
    with tempfile.TemporaryDirectory(prefix="clipseek-live-") as folder, rtsp_cameras() as server:
        root = Path(folder)
        root.chmod(0o755)  # the user of PostgreSQL has to enter it
        experiment = Experiment(root, server, seed)
        try:
            experiment.start(cameras)
            yield experiment
        finally:
            experiment.end()


def experimented(kills: int, cameras: int, seed: int) -> Outcome:
    """Kill so often, and return what came of it."""
    with running(cameras, seed) as experiment:
        experiment.disturb(kills)
        for recorder in experiment.recorders:
            _end(recorder.program, experiment.outcome)
        return experiment.judge()


def _end(program: Program, outcome: Outcome) -> None:
    """Ask a recorder to end, which it does in its grace period."""
    program.end()
    if "Traceback" in program.said():
        outcome.wrong.append(f"{program.name} said: {program.said()}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line: one JSON line at the end, exit 1 when something is wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.live.chaos", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--kills", type=int, default=100, help="programs to kill (100)")
    parser.add_argument("--cameras", type=int, default=4, help="RTSP cameras (4)")
    parser.add_argument("--seed", type=int, default=1, help="chooses the kills (1)")
    options = parser.parse_args(arguments)
    logging.basicConfig(format="%(message)s", level=logging.INFO, stream=sys.stderr)
    try:
        outcome = experimented(options.kills, options.cameras, options.seed)
    except pytest.skip.Exception as error:
        parser.error(str(error.msg))
    for kind in ("lost", "twice", "short", "wrong"):
        for each in getattr(outcome, kind)[:20]:
            log.info("%s: %s", kind, each)
    found = asdict(outcome)
    for kind in ("lost", "twice", "short", "wrong"):
        found[kind] = len(found[kind])
    found["takeover_max_s"] = max(found.pop("takeovers_s"), default=0.0)
    print(json.dumps(found))
    return 0 if outcome.sound else 1


if __name__ == "__main__":
    sys.exit(main())
