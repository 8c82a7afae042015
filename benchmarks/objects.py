"""Whether small things are found by the field `object`, where pictures do not find them.

    python -m benchmarks.objects [--videos N] [--seed S] [--json]

Draws N videos of the demo whose things all cover less than 3 % of the frame, indexes them with the
demo model and the demo detector, and asks for each kind and colour that is in sight somewhere for
1.5 s or longer, such as "a red ball", in one field at a time.

`r1`: the share of sentences whose best hit is of the right video, with its best frame in a span in
which that thing is in sight. `relevant`: the share of those whose relevance is 0.5 or more.
`absent`: the share of sentences about what no video has that have no hit of relevance 0.5. `where`:
how many right hits of the field object have a box whose overlap with the true one, intersection
over union, is 0.5 or more. `one_crop`: `r1` if an object is cut out once, in the middle of a crop.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from unittest.mock import patch

from benchmarks.where import box_of, iou, shown
from clipseek.assembly import open_existing
from clipseek.config import Settings
from clipseek.demo.captions import phrase
from clipseek.demo.labels import SHORTEST_S, Truth
from clipseek.demo.shots import Plan, plan_video
from clipseek.demo.videos import write_video
from clipseek.demo.world import COLOURS, KINDS, Description, Item
from clipseek.objects import crops
from clipseek.patches import Box
from clipseek.query import Query
from clipseek.service import Service
from clipseek.timed import OBJECT, PICTURE, Field
from clipseek.types import Hit, SearchResult
from indexer.cli import main as indexer

SEED, VIDEOS = 7878, 30
SIZES = 0.11, 0.22
"""Sides of things in heights: 0.22 * 0.22 * 9 / 16 is 2.7 % of the frame."""
ABSENT = 40


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Whether small things are found.")
    parser.add_argument("--videos", type=int, default=VIDEOS, help=f"how many ({VIDEOS})")
    parser.add_argument("--seed", type=int, default=SEED, help=f"of the videos ({SEED})")
    parser.add_argument("--json", action="store_true", help="as one JSON object")
    options = parser.parse_args()
    result = measured(options.videos, options.seed)
    lines = [f"{name:18} {value:.3f}" for name, value in result.items()]
    sys.stdout.write((json.dumps(result) if options.json else "\n".join(lines)) + "\n")
    return 0


def measured(videos: int, seed: int) -> dict[str, float]:
    """Return the figures that are explained at the top."""
    with tempfile.TemporaryDirectory() as folder:
        plans = drawn(Path(folder) / "videos", videos, seed)
        data = Path(folder) / "data"
        started = time.perf_counter()
        _index(data, Path(folder) / "videos")
        seconds = time.perf_counter() - started
        with open_existing(Settings.load(data_dir=data)) as service:
            result = judged(service, plans, seed)
        with (
            patch.object(crops, "HEIGHTS", (0.5,)),
            patch("clipseek.objects.finding.HEIGHTS", (0.5,)),
        ):
            _index(Path(folder) / "one", Path(folder) / "videos")
        with open_existing(Settings.load(data_dir=Path(folder) / "one")) as service:
            result["one_crop"] = judged(service, plans, seed)["object r1"]
    return {**result, "ingest s": seconds}


def drawn(folder: Path, videos: int, seed: int) -> dict[str, Plan]:
    """Draw videos of small things; return their plans by file."""
    rng = Random(seed)
    folder.mkdir(parents=True)
    plans = {}
    for number in range(1, videos + 1):
        file = f"video-{number:03}.mp4"
        plans[file] = small(plan_video(rng), rng)
        write_video(plans[file], folder / file)
    return plans


def small(plan: Plan, rng: Random) -> Plan:
    """Return the plan with smaller things, in the same places."""
    shots = []
    for shot in plan.shots:
        actors = tuple(
            replace(actor, thing=replace(actor.thing, size=rng.uniform(*SIZES)))
            for actor in shot.actors
        )
        shots.append(replace(shot, actors=actors))
    return replace(plan, shots=tuple(shots))


def _index(data: Path, folder: Path) -> None:
    code = indexer(
        [
            *("--data-dir", str(data), "ingest", "--model", "demo", "--detector", "demo"),
            *("--quiet", str(folder)),
        ]
    )
    assert code == 0, code


def asked(plans: dict[str, Plan]) -> Iterator[tuple[Description, bool]]:
    """Yield what is asked for, and whether it is there."""
    known = Truth(plans)
    for kind in KINDS:
        for colour in COLOURS:
            one = Description((Item(kind, colour),))
            spans = [span for some in known.spans(one).values() for span in some]
            if not spans:
                yield one, False
            elif max(span.length for span in spans) >= SHORTEST_S:
                yield one, True


def judged(service: Service, plans: dict[str, Plan], seed: int) -> dict[str, float]:
    """Return the figures of each field."""
    rng, known = Random(seed), Truth(plans)
    every = list(asked(plans))
    present = [one for one, is_there in every if is_there]
    absent = [one for one, is_there in every if not is_there]
    absent = rng.sample(absent, min(ABSENT, len(absent)))
    result: dict[str, float] = {"questions": len(present), "absent": len(absent)}
    fields: dict[str, tuple[Field, ...]] = {
        "object": (OBJECT,),
        "picture": (PICTURE,),
        "both": (PICTURE, OBJECT),
    }
    for name, some in fields.items():
        best = [_best(service, one, some) for one in present]
        pairs = list(zip(present, best, strict=True))
        right = [hit for one, hit in pairs if hit and _is_right(known, one, hit)]
        result[f"{name} r1"] = len(right) / len(present)
        result[f"{name} relevant"] = sum(hit.relevance >= 0.5 for hit in right) / len(present)
        others = [_best(service, one, some) for one in absent]
        result[f"{name} absent"] = sum(not hit or hit.relevance < 0.5 for hit in others) / len(
            others
        )
        if name == "object":
            result["where"] = _placed(plans, pairs, right)
    return result


def _best(service: Service, one: Description, fields: Sequence[Field]) -> Hit | None:
    query = Query.of(phrase(one, Random(1)), 1, collection="default", fields=fields)
    (answer,) = service.searcher.search([query])
    assert isinstance(answer, SearchResult), answer
    return answer.hits[0] if answer.hits else None


def _is_right(known: Truth, one: Description, hit: Hit) -> bool:
    spans = known.spans(one).get(f"{hit.video.title}.mp4", [])
    return any(span.start <= hit.best_time < span.end for span in spans)


def _placed(
    plans: dict[str, Plan], pairs: Sequence[tuple[Description, Hit | None]], right: Sequence[Hit]
) -> float:
    """Return the share of right hits whose box is where the thing is."""
    good = 0
    for one, hit in pairs:
        if hit is None or hit not in right:
            continue
        where = next(each.where for each in hit.fields if each.field == OBJECT)
        assert where is not None
        scene = shown(plans[f"{hit.video.title}.mp4"], where.time)
        box = Box(where.left, where.top, where.right, where.bottom)
        boxes = [box_of(thing) for thing in scene.things if one.items[0].fits(thing)]
        good += any(iou(box, true) >= 0.5 for true in boxes)
    return good / max(1, len(right))


if __name__ == "__main__":
    raise SystemExit(main())
