"""Queries with their true moments for videos whose plans are known, and queries true of none."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import numpy as np
from numpy.typing import NDArray

from clipseek.demo.captions import Caption, full_caption, near_miss, phrase
from clipseek.demo.otherworld import HELD_OUT
from clipseek.demo.shots import Plan
from clipseek.demo.truth import Facts, truth
from clipseek.demo.world import Description, Item, Scene
from clipseek.types import Span

QUERIES = (2, 4)  # per video
SHORTEST_S = 1.5  # a moment shorter than this is not asked for: one sampled frame a second sees it
_TRIES = 40


@dataclass(frozen=True, slots=True)
class Labelled:
    """A query, or an absent one: then `file` and `span` are None.

    `claim` is what the query says, None if it is about another world; `others` are further
    right spans of the same file, `also` the other files that have it.
    """

    query: str
    claim: Description | None = None
    file: str | None = None
    span: Span | None = None
    others: tuple[Span, ...] = ()
    also: tuple[str, ...] = ()

    def line(self) -> dict[str, object]:
        """Return the line of captions.jsonl as a JSON object; times in seconds."""
        if self.span is None:
            return {"query": self.query, "absent": True}
        line: dict[str, object] = {
            "file": self.file,
            "query": self.query,
            "start": round(self.span.start, 3),
            "end": round(self.span.end, 3),
        }
        if self.others:
            line["alt_spans"] = [[round(s.start, 3), round(s.end, 3)] for s in self.others]
        if self.also:
            line["also"] = list(self.also)
        return line


class Truth:
    """The moments of a set of videos for which a description is true."""

    def __init__(self, videos: dict[str, Plan]) -> None:
        self._videos = videos
        self._scenes = {file: [scene for _, scene in plan.drawn()] for file, plan in videos.items()}
        self._facts = {file: Facts.of(scenes) for file, scenes in self._scenes.items()}
        self._edges = {file: _edges(plan) for file, plan in videos.items()}

    def scenes(self, file: str) -> list[Scene]:
        """Return the scene of each picture of the video, in the order of time."""
        return self._scenes[file]

    def spans(self, description: Description) -> dict[str, list[Span]]:
        """Return, for each file that has it at all, the longest spans throughout which it holds."""
        found = {file: self._spans(file, description) for file in self._videos}
        return {file: spans for file, spans in found.items() if spans}

    def _spans(self, file: str, description: Description) -> list[Span]:
        true = truth([description], self._facts[file])[0].astype(np.int8)
        change = np.flatnonzero(np.diff(true, prepend=0, append=0))
        edges = self._edges[file]
        return [Span(float(edges[a]), float(edges[b])) for a, b in change.reshape(-1, 2)]

    def time(self, file: str, picture: int) -> float:
        """Return when a picture is shown first, in seconds."""
        return float(self._edges[file][picture])


def _edges(plan: Plan) -> NDArray[np.float64]:
    """Return when each picture begins, and when the video ends: float64 (pictures + 1,) s."""
    firsts = [frame for frame, _ in plan.drawn()]
    return np.array([plan.seconds(frame) for frame in (*firsts, plan.frames)])


def label(
    videos: dict[str, Plan], rng: Random, *, strangers: Sequence[str] = HELD_OUT
) -> list[Labelled]:
    """Write two to four queries per video, and one absent query for every three of those.

    Half of the absent ones are near misses that are true nowhere in these videos. The others are
    about things that the world does not have, and come from `strangers` while these last.
    """
    known = Truth(videos)
    present: list[Labelled] = []
    claims: list[tuple[Description, Scene]] = []
    for file in videos:
        wanted = rng.randint(*QUERIES)
        asked: set[Description] = set()
        for _ in range(_TRIES):
            picture = rng.randrange(len(known.scenes(file)))
            scene = known.scenes(file)[picture]
            made = _query(scene, rng)
            if made is None or made.description in asked:
                continue
            labelled = _locate(known, file, picture, made)
            if labelled is None:
                continue
            asked.add(made.description)
            present.append(labelled)
            claims.append((made.description, scene))
            if len(asked) == wanted:
                break
    absent = round(len(present) / 3)
    misses = _near_misses(known, claims, absent - absent // 2, rng)
    strange = rng.sample(strangers, min(absent // 2, len(strangers)))
    return [*present, *misses, *(Labelled(query) for query in strange)]


def _query(scene: Scene, rng: Random) -> Caption | None:
    """Return an informative sentence: everything, or one thing with its colour and the place."""
    things = [thing for thing in scene.things if thing.visible]
    if not things:
        return None
    if rng.random() < 0.6:
        return full_caption(scene, rng)
    thing = rng.choice(things)
    weather = scene.weather if rng.random() < 0.4 else None
    claim = Description((Item(thing.kind, thing.colour),), None, scene.place, weather)
    return Caption(phrase(claim, rng), claim)


def _locate(known: Truth, file: str, picture: int, made: Caption) -> Labelled | None:
    spans = known.spans(made.description)
    time = known.time(file, picture)
    here = next(span for span in spans[file] if span.start <= time < span.end)
    if here.length < SHORTEST_S or len(spans) > 2:
        return None
    others = tuple(span for span in spans[file] if span != here)
    also = tuple(other for other in spans if other != file)
    return Labelled(made.text, made.description, file, here, others, also)


def _near_misses(
    known: Truth, claims: list[tuple[Description, Scene]], count: int, rng: Random
) -> list[Labelled]:
    """Change one thing in the queries of the videos until they are true nowhere in the videos."""
    found: list[Labelled] = []
    while claims and len(found) < count:
        missed = near_miss(*rng.choice(claims), rng)
        if missed is not None and not known.spans(missed.description):
            found.append(Labelled(missed.text, missed.description))
    return found
