"""How often watches fire rightly, at the threshold proposed for the wanted number of alerts.

    python -m benchmarks.watches --seed 1

Draws 40 demo videos of a seed, which the demo model was not trained on, and indexes them as 40
streams. Watches ask for things with their colours, some with a place or a weather, as people would:
40 of those that have at least three events. Each is tried over the past of all streams, as by
`watches test`, with the true number of events as the wanted one, and gets the threshold that is
proposed. Then its alerts are compared with the events, one to one.

An event is a span in which the sentence is true of the drawn scene; spans at most 2 s apart are
one. An event shorter than 2 s may be found or not, because one frame a second is looked at. An
alert is right if it touches an event, by one sampling step at most, that no other alert has; a
second one for the same event is wrong.

`halves` proposes the threshold on the first 20 streams, and judges the alerts of the other 20.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random

from clipseek.assembly import open_existing
from clipseek.config import Settings
from clipseek.demo.captions import phrase
from clipseek.demo.labels import Truth
from clipseek.demo.shots import Plan, plan_video
from clipseek.demo.world import Description, Item
from clipseek.live.asking import query_of, said
from clipseek.live.events import Past, Rule, Signal, State, follow
from clipseek.live.judging import Question
from clipseek.live.moments import streams
from clipseek.query import Query
from clipseek.service import Service
from clipseek.timed import Span
from clipseek.watches import MARGIN
from indexer.cli import main as indexer

STREAMS, JOINED_S, SHORTEST_S, STEP_S = 40, 2.0, 2.0, 1.0


@dataclass(frozen=True, slots=True)
class Asked:
    """A watch: its sentence, and its events in each file; `short` are those that may be found."""

    text: str
    events: Mapping[str, Sequence[Span]]
    short: Mapping[str, Sequence[Span]]

    def count(self, files: Sequence[str]) -> int:
        """Return how many events are in some files."""
        return sum(len(self.events.get(file, ())) for file in files)


@dataclass(slots=True)
class Score:
    """Alerts that are right and wrong, and events that have none."""

    right: int = 0
    wrong: int = 0
    missed: int = 0

    @property
    def precision(self) -> float:
        """The share of alerts that are right."""
        return self.right / max(1, self.right + self.wrong)

    @property
    def recall(self) -> float:
        """The share of events that have an alert."""
        return self.right / max(1, self.right + self.missed)


def plans_of(seed: int) -> dict[str, Plan]:
    """Return the plans of the demo videos of a seed."""
    rng = Random(seed)
    return {f"video-{number:03}.mp4": plan_video(rng) for number in range(1, STREAMS + 1)}


def watches_of(seed: int, count: int) -> list[Asked]:
    """Return watches for things that are in the videos, chosen by another random number."""
    plans = plans_of(seed)
    truth, rng = Truth(plans), Random(f"watches {seed}")
    files, found = sorted(plans), dict[Description, Asked]()
    for _ in range(100_000):
        if len(found) == count:
            return list(found.values())
        scene = rng.choice(truth.scenes(rng.choice(files)))
        visible = [thing for thing in scene.things if thing.visible]
        if not visible:
            continue
        thing, kind = rng.choice(visible), rng.random()
        claim = Description(
            (Item(thing.kind, thing.colour),),
            None,
            scene.place if kind < 0.2 else None,
            scene.weather if 0.2 <= kind < 0.4 else None,
        )
        if claim in found:
            continue
        asked = _asked(truth, claim, phrase(claim, rng))
        if asked.count(files) >= 3:
            found[claim] = asked
    raise SystemExit(f"seed {seed} has no {count} watches with three events")


def _asked(truth: Truth, claim: Description, text: str) -> Asked:
    events: dict[str, list[Span]] = {}
    short: dict[str, list[Span]] = {}
    for file, spans in truth.spans(claim).items():
        joined: list[Span] = []
        for span in spans:
            if joined and span.start - joined[-1].end <= JOINED_S:
                joined[-1] = Span(joined[-1].start, span.end)
            else:
                joined.append(span)
        for span in joined:
            kind = events if span.end - span.start >= SHORTEST_S else short
            kind.setdefault(file, []).append(span)
    return Asked(text, events, short)


def score(fired: Mapping[str, Sequence[Span]], asked: Asked, files: Sequence[str]) -> Score:
    """Compare alerts with events, one to one."""
    found = Score()
    for file in files:
        open_events = list(asked.events.get(file, ()))
        for alert in fired.get(file, ()):
            touched = next((each for each in open_events if _touches(alert, each)), None)
            if touched is not None:
                open_events.remove(touched)
                found.right += 1
            elif not any(_touches(alert, each) for each in asked.short.get(file, ())):
                found.wrong += 1
        found.missed += len(open_events)
    return found


def _touches(one: Span, other: Span) -> bool:
    return one.start < other.end + STEP_S and other.start < one.end + STEP_S


def signals_of(service: Service, text: str) -> dict[str, Signal]:
    """Return how well a sentence fits each video over time, by the name of its file."""
    searcher, name = service.searcher, service.settings.collection
    collection = service.catalog.collection(name)
    model = searcher.collections.models.get(collection)
    query = query_of(said(Query.of(text)), name)
    question = Question.of(query, collection, model, searcher.texts, service.catalog)
    videos = service.catalog.videos(name, limit=1000)
    blocks = service.catalog.blocks(name)
    found = {}
    frames = partial(service.catalog.frame_vectors, name)
    for stream in streams(videos, blocks, collection.dim, frames):
        (video,) = stream.videos.values()
        fit = question.fit(stream.block, stream.times)
        found[Path(video.uri).name] = Signal(stream.times, fit)
    return found


def fired(signals: Mapping[str, Signal], rule: Rule) -> dict[str, list[Span]]:
    """Return the spans of the alerts in each file."""
    return {
        file: [
            Span(float(signal.spans[event.first, 0]), float(signal.spans[event.last, 1]))
            for event in follow(signal, rule, State())[0]
        ]
        for file, signal in signals.items()
    }


def measured(service: Service, watches: Sequence[Asked]) -> dict[str, object]:
    """Return the figures of all watches, and of each."""
    rows, same, halves = [], Score(), Score()
    for asked in watches:
        signals = signals_of(service, asked.text)
        files = sorted(signals)
        own = _at(signals, asked, files, files)
        other = _at(signals, asked, files[: STREAMS // 2], files[STREAMS // 2 :])
        for total, (each, _) in ((same, own), (halves, other)):
            total.right += each.right
            total.wrong += each.wrong
            total.missed += each.missed
        rows.append({"query": asked.text, "threshold": own[1], **_figures(own[0])})
    return {"same": _figures(same), "halves": _figures(halves), "watches": rows}


def _at(
    signals: Mapping[str, Signal], asked: Asked, past: Sequence[str], now: Sequence[str]
) -> tuple[Score, float]:
    """Propose a threshold by some files, and judge the alerts in others."""
    tried = Past([signals[file] for file in past])
    proposal = tried.proposed(asked.count(past), margin=MARGIN)
    rule = Rule(proposal.threshold, MARGIN)
    return score(fired(signals, rule), asked, now), proposal.threshold


def _figures(found: Score) -> dict[str, object]:
    return {
        "events": found.right + found.missed,
        "alerts": found.right + found.wrong,
        "right": found.right,
        "precision": round(found.precision, 3),
        "recall": round(found.recall, 3),
    }


def main() -> int:
    """Draw, index and measure; print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--watches", type=int, default=40)
    parser.add_argument("--folder", type=Path, help="keep videos and index there")
    parser.add_argument("--each", action="store_true", help="print each watch on stderr")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        videos, data = folder / f"v{options.seed}", folder / f"d{options.seed}"
        if not (data / "catalog.db").exists():
            drawn = ("demo", "--videos", str(STREAMS), "--seed", str(options.seed))
            for verb in (
                (*drawn, "--out", str(videos), "--json"),
                ("ingest", str(videos), "--model", "demo", "--quiet", "--no-build", "--json"),
            ):
                if code := _quietly(data, *verb):
                    return code
        with open_existing(Settings.load(data_dir=data)) as service:
            found = measured(service, watches_of(options.seed, options.watches))
    rows = found.pop("watches")
    if options.each:
        for row in rows:  # type: ignore[attr-defined]  # a list
            print(row, file=sys.stderr)
    print(json.dumps({"seed": options.seed, "watches": options.watches, **found}))
    return 0


def _quietly(data: Path, *arguments: str) -> int:
    """Run a verb with its results on stderr."""
    stdout, sys.stdout = sys.stdout, sys.stderr
    try:
        return indexer(["--data-dir", str(data), *arguments])
    finally:
        sys.stdout = stdout


if __name__ == "__main__":
    raise SystemExit(main())
