"""Queries for what is shown while something is said or written: no field alone answers them.

One word is asked for that several passages have, and one thing that several videos show.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from clipseek.demo.captions import phrase
from clipseek.demo.labels import SHORTEST_S, Truth
from clipseek.demo.sentences import answers
from clipseek.demo.shots import Plan
from clipseek.demo.utterances import Passage
from clipseek.demo.world import Description, Item, Scene
from clipseek.types import Span

_TRIES = 30
Words = Mapping[str, Sequence[Passage]]
Spans = dict[str, list[Span]]


@dataclass(frozen=True, slots=True)
class Meeting:
    """What is shown, the word that is said or written with it, and where both are, if anywhere."""

    shown: str
    word: str
    right: Spans


def meetings(known: Truth, plans: Mapping[str, Plan], words: Words, rng: Random) -> list[Meeting]:
    """Return a query for each passage if one can be made; every third is answered nowhere."""
    found = []
    passages = [(file, each) for file, said in words.items() for each in said]
    for number, (file, passage) in enumerate(passages):
        is_absent = number % 3 == 2
        scenes = known.scenes(file)
        for _ in range(_TRIES):
            made = _meeting(known, plans, words, passage, rng.choice(scenes), rng)
            if made is not None and is_absent != bool(made.right):
                found.append(made)
                break
    return found


def _meeting(
    known: Truth,
    plans: Mapping[str, Plan],
    words: Words,
    passage: Passage,
    scene: Scene,
    rng: Random,
) -> Meeting | None:
    """Return a query for the word of a passage and something of a scene of its video, or None.

    It is None if only one passage has the word, if the thing is shown nowhere else, or if it is
    doubtful whether both meet: for less than SHORTEST_S, or in one shot but at different times.
    """
    word = _word(passage)
    said = {
        file: [Span(one.start, one.end) for one in some if answers(one.text, word)]
        for file, some in words.items()
    }
    if sum(map(len, said.values())) < 2 or not (thing := _thing(scene, rng)):
        return None
    shown = known.spans(thing)
    right = {file: list(_both(spans, said.get(file, ()))) for file, spans in shown.items()}
    right = {file: spans for file, spans in right.items() if spans}
    near = {
        file
        for file, spans in said.items()
        if any(_both(shown.get(file, ()), _shots(plans[file], spans)))
    }
    if near != set(right) or not set(shown) - near:
        return None
    if any(span.length < SHORTEST_S for spans in right.values() for span in spans):
        return None
    return Meeting(phrase(thing, rng), word, right)


def _word(passage: Passage) -> str:
    """Return the name that a sentence begins with, or the place that a sign names."""
    words = passage.text.lower().split()
    return words[-1] if passage.kind == "sign" else words[0]


def _thing(scene: Scene, rng: Random) -> Description | None:
    things = [thing for thing in scene.things if thing.visible]
    if not things:
        return None
    thing = rng.choice(things)
    return Description((Item(thing.kind, thing.colour),))


def _both(spans: Sequence[Span], others: Sequence[Span]) -> Iterator[Span]:
    """Yield what the spans share with the others."""
    for span in spans:
        for other in others:
            if span.overlap(other) > 0:
                yield Span(max(span.start, other.start), min(span.end, other.end))


def _shots(plan: Plan, spans: Sequence[Span]) -> list[Span]:
    """Return the shots that spans are in."""
    shots = [
        Span(plan.seconds(shot.first), plan.seconds(shot.first + shot.frames))
        for shot in plan.shots
    ]
    return [shot for shot in shots if any(shot.overlap(span) > 0 for span in spans)]
