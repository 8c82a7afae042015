"""Queries of several parts, of steps and of pictures, with their true moments in demo videos.

They are in a captions file of their own, because every line of it asks with more than a sentence.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

from PIL import Image

from clipseek.demo.captions import full_caption, phrase
from clipseek.demo.drawing import draw
from clipseek.demo.labels import SHORTEST_S, Truth
from clipseek.demo.meetings import Words, meetings
from clipseek.demo.shots import Plan
from clipseek.demo.world import Description, Item, Scene
from clipseek.types import Span

FILE, PICTURES = "composed.jsonl", "pictures"
SLACK_S = 2.0
"""What is true only within so many seconds of a limit is not asked for: frames are sampled."""
SIZE, QUALITY = (160, 90), 60
"""Of the pictures that are asked with: smaller than the videos, and as JPEG."""
_TRIES = 60
_SEED = 7_400_000

Line = dict[str, object]
Spans = dict[str, list[Span]]


def write_composed(plans: dict[str, Plan], folder: Path, seed: int, words: Words) -> None:
    """Write the queries of videos and their pictures into the folder of these videos.

    words: The passages of each file; without any, nothing is asked that is shown and said.
    """
    rng = Random(_SEED + seed)
    known = Truth(plans)
    lines = [*_negatives(known, plans, rng), *_sequences(known, plans, rng)]
    (folder / PICTURES).mkdir(exist_ok=True)
    for file, plan in plans.items():
        time, scene = _moment(known, file, rng)
        shot = next(s for s in reversed(plan.shots) if plan.seconds(s.first) <= time)
        name = f"{PICTURES}/{Path(file).stem}.jpg"
        picture = Image.fromarray(draw(scene, 384, 216, oversampling=2)).resize(SIZE)
        picture.save(folder / name, "JPEG", quality=QUALITY)
        span = Span(plan.seconds(shot.first), plan.seconds(shot.first + shot.frames))
        lines.append(
            {"kind": "image", "query": f"{file} at {time:.1f} s", "image": name, "file": file}
            | _placed([span])
        )
    for each in meetings(known, plans, words, Random(f"pictures and words, seed {seed}")):
        line: Line = {"kind": "both", "query": each.shown, "and": [each.word]}
        lines.append(line | (_answer(each.right) if each.right else {"absent": True}))
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    (folder / FILE).write_text(text, encoding="utf-8")


def _moment(known: Truth, file: str, rng: Random) -> tuple[float, Scene]:
    """Choose a picture of a video, with its time.

    It shows a thing: a place without things looks the same in several videos.
    """
    scenes = known.scenes(file)
    shown = [at for at, scene in enumerate(scenes) if any(thing.visible for thing in scene.things)]
    picture = rng.choice(shown or range(len(scenes)))
    return known.time(file, picture), scenes[picture]


def _negatives(known: Truth, plans: dict[str, Plan], rng: Random) -> Iterator[Line]:
    """Ask for what is shown both with and without something; every third is shown only with it."""
    for number, file in enumerate(plans):
        is_absent = number % 3 == 2
        for _ in range(_TRIES):
            if (made := _negative(known, file, rng, is_absent=is_absent)) is not None:
                yield made
                break


def _negative(known: Truth, file: str, rng: Random, *, is_absent: bool) -> Line | None:
    scene = rng.choice(known.scenes(file))
    things = [thing for thing in scene.things if thing.visible]
    if not things:
        return None
    thing = rng.choice(things)
    wanted = Description((Item(thing.kind, thing.colour if is_absent else None),))
    others = [other.kind for other in things if other.kind != thing.kind]
    choices = [Description(place=scene.place), Description(weather=scene.weather)]
    choices += [Description((Item(kind),)) for kind in others]
    unwanted = rng.choice(choices)
    shown, with_it = known.spans(wanted), known.spans(unwanted)
    apart = {f: _without(spans, with_it.get(f, [])) for f, spans in shown.items()}
    apart = {f: spans for f, spans in apart.items() if spans}
    line: Line = {
        "kind": "negative",
        "query": phrase(wanted, rng),
        "not": [phrase(unwanted, rng)],
    }
    if is_absent:
        return None if apart else line | {"absent": True}
    right = {f: [s for s in spans if s.length >= SHORTEST_S] for f, spans in apart.items()}
    right = {f: spans for f, spans in right.items() if spans}
    both = {f: s for f, spans in with_it.items() if (s := [[x.start, x.end] for x in spans])}
    if not right or not set(shown) & set(both):
        return None
    return line | _answer(right) | {"unwanted": both}


def _sequences(known: Truth, plans: dict[str, Plan], rng: Random) -> Iterator[Line]:
    """Ask for two moments in their order, and in the other one, which is nowhere."""
    for file in plans:
        for _ in range(_TRIES):
            if (made := _sequence(known, file, rng)) is not None:
                yield from made
                break


def _sequence(known: Truth, file: str, rng: Random) -> list[Line] | None:
    scenes = known.scenes(file)
    first, second = sorted(rng.sample(range(len(scenes)), 2))
    asked = [_caption(scenes[at], rng) for at in (first, second)]
    if asked[0] is None or asked[1] is None:
        return None
    (one, one_text), (two, two_text) = asked[0], asked[1]
    before, after = known.spans(one), known.spans(two)
    times = known.time(file, first), known.time(file, second)
    here = [_around(each[file], time) for each, time in zip((before, after), times, strict=True)]
    gap = here[1].start - here[0].end
    if min(span.length for span in here) < SHORTEST_S or not gap >= 0:
        return None
    within = float(int(gap + 2 * SLACK_S) + 1)
    right = _following(before, after, within - SLACK_S)
    if len(right) > 2 or right != _following(before, after, within + SLACK_S):
        return None
    lines: list[Line] = [
        {"kind": "sequence", "query": one_text, "then": [{"query": two_text, "within": within}]}
        | _answer(right)
    ]
    if not _following(after, before, within + SLACK_S, slack_s=SLACK_S):
        lines.append(
            {
                "kind": "sequence",
                "query": two_text,
                "then": [{"query": one_text, "within": within}],
                "absent": True,
            }
        )
    return lines


def _caption(scene: Scene, rng: Random) -> tuple[Description, str] | None:
    if not any(thing.visible for thing in scene.things):
        return None
    made = full_caption(scene, rng)
    return made.description, made.text


def _around(spans: Sequence[Span], time: float) -> Span:
    return next(span for span in spans if span.start <= time < span.end)


def _following(before: Spans, after: Spans, within_s: float, *, slack_s: float = 0.0) -> Spans:
    """Return the spans of two moments of which the second follows the first."""
    found: Spans = {}
    for file, firsts in before.items():
        spans = [
            Span(one.start, max(one.end, two.end))
            for one in firsts
            for two in after.get(file, ())
            if one.start - slack_s < two.start <= one.end + within_s
        ]
        if spans:
            found[file] = spans
    return found


def _without(spans: Sequence[Span], others: Sequence[Span]) -> list[Span]:
    """Return what is left of spans outside the others, which are ascending."""
    left: list[Span] = []
    for span in spans:
        start = span.start
        for other in others:
            if other.overlap(span):
                if other.start > start:
                    left.append(Span(start, other.start))
                start = max(start, other.end)
        if start < span.end:
            left.append(Span(start, span.end))
    return left


def _answer(right: Spans) -> Line:
    """Return the right moments of the first file, and the names of the others."""
    file, *also = right
    return {"file": file} | _placed(right[file]) | ({"also": also} if also else {})


def _placed(spans: Sequence[Span]) -> Line:
    first, *others = [[round(span.start, 3), round(span.end, 3)] for span in spans]
    return {"start": first[0], "end": first[1]} | ({"alt_spans": others} if others else {})
