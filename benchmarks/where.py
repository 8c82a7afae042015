"""Whether `explain` points at what was asked for: the pointing game on the videos of the demo.

    python -m benchmarks.where [--videos N] [--seed S] [--data DIR] [--json]

Draws and indexes N videos (or takes those that `indexer demo` and `indexer ingest` made in DIR with
this N and S), and asks for each thing that is alone of its kind and colour at the `best_time` of a
segment, by a search in that video. A hit that is that segment is explained from its stored
thumbnail, as the API does. The thing is hit if the middle of the hottest part is in its true box
(Zhang et al., "Top-down neural attention by excitation backprop", ECCV 2016, without a tolerance).

`pointing`: the share that is hit. `several`: that of pictures that show several things, where
looking at anything that stands out is not enough. `centre`: what the middle of the picture
hits, and `largest`: the middle of the largest thing. `iou`: the mean overlap of the box with
the true one. `ms`: the median time of an explanation. `as_drawn`: `pointing` for pictures as
they were drawn, not through video and JPEG.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from statistics import mean, median

import numpy as np

from benchmarks.similar import picture
from clipseek.assembly import open_existing
from clipseek.config import Settings
from clipseek.demo.captions import phrase
from clipseek.demo.shots import Plan, plan_video
from clipseek.demo.videos import HEIGHT, WIDTH, make_videos
from clipseek.demo.world import Description, Item, Scene, Thing
from clipseek.explaining import Explainer, Matched
from clipseek.heat import Heat, heat_of
from clipseek.patches import Box
from clipseek.query import Query
from clipseek.service import Service
from clipseek.types import SearchResult
from indexer.cli import main as indexer

SEED, VIDEOS, EDGE = 4242, 40, 0.05


@dataclass(frozen=True, slots=True)
class Shot:
    """One answer: what was asked for, what was found, and how long that took."""

    thing: Thing
    scene: Scene
    heat: Heat
    drawn: Heat
    seconds: float


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Whether hits say where something is.")
    parser.add_argument("--videos", type=int, default=VIDEOS, help=f"how many ({VIDEOS})")
    parser.add_argument("--seed", type=int, default=SEED, help=f"of the videos ({SEED})")
    parser.add_argument("--data", type=Path, help="a data folder that is ready")
    parser.add_argument("--json", action="store_true", help="as one JSON object")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data = options.data or _indexed(Path(folder), options.videos, options.seed)
        with open_existing(Settings.load(data_dir=data)) as service:
            shots = list(_shots(service, options.videos, options.seed))
    result = judged(shots)
    lines = [f"{name:9} {value:.3f}" for name, value in result.items()]
    sys.stdout.write((json.dumps(result) if options.json else "\n".join(lines)) + "\n")
    return 0


def _indexed(folder: Path, videos: int, seed: int) -> Path:
    data = folder / "data"
    make_videos(videos, seed, folder / "videos")
    indexer(
        ["--data-dir", str(data), "ingest", "--model", "demo", "--quiet", str(folder / "videos")]
    )
    return data


def plans(videos: int, seed: int) -> dict[str, Plan]:
    """Return what `make_videos` draws, by the title of the video."""
    rng = Random(seed)
    return {f"video-{number:03}": plan_video(rng) for number in range(1, videos + 1)}


def _shots(service: Service, videos: int, seed: int) -> Iterator[Shot]:
    collection = service.settings.collection
    explainer = Explainer(service.collections, service.searcher.texts, service.thumbnails)
    embedder = service.collections.models.get(service.catalog.collection(collection)).embedder
    rng, known = Random(seed), plans(videos, seed)
    for video in service.catalog.videos(collection, limit=videos):
        for segment in service.catalog.segments(collection, video.id):
            scene = shown(known[video.title], segment.best_time)
            for thing in alone(scene):
                said = phrase(Description((Item(thing.kind, thing.colour),)), rng)
                query = Query.of(said, 10, collection=collection, video_ids=[video.id])
                (answer,) = service.searcher.search([query])
                assert isinstance(answer, SearchResult), answer
                hits = [
                    Matched(hit.video.id, hit.segment_id, hit.span)
                    for hit in answer.hits
                    if hit.segment_id == segment.id
                ]
                started = time.perf_counter()
                for why in explainer.explain(query, hits, limit_s=60):
                    seconds = time.perf_counter() - started
                    patches = embedder.patches(picture(scene))
                    assert patches is not None
                    drawn = heat_of(patches, embedder.embed_texts([said])[0])
                    assert why.heat is not None, why.reason
                    assert drawn is not None
                    yield Shot(thing, scene, why.heat, drawn, seconds)


def shown(plan: Plan, at: float) -> Scene:
    """Return the scene of the picture that a plan shows at a time in seconds."""
    drawn = plan.drawn()
    firsts = [plan.seconds(frame) for frame, _ in drawn]
    return drawn[max(0, int(np.searchsorted(firsts, at + 1e-3, side="right")) - 1)][1]


def alone(scene: Scene) -> list[Thing]:
    """Return the things in sight that are alone of their kind and colour."""
    seen = [thing for thing in scene.things if EDGE < thing.x < 1 - EDGE]
    names = [(thing.kind, thing.colour) for thing in scene.things if thing.visible]
    return [thing for thing in seen if names.count((thing.kind, thing.colour)) == 1]


def box_of(thing: Thing) -> Box:
    """Return the true box of a thing, as far as it is in the picture."""
    high, wide = thing.size / 2, thing.size / 2 * HEIGHT / WIDTH
    return Box(
        max(0.0, thing.x - wide),
        max(0.0, thing.y - high),
        min(1.0, thing.x + wide),
        min(1.0, thing.y + high),
    )


def judged(shots: list[Shot]) -> dict[str, float]:
    """Return the figures that are explained at the top."""
    several = [shot for shot in shots if len([t for t in shot.scene.things if t.visible]) > 1]
    largest = [max(shot.scene.things, key=lambda thing: thing.size) for shot in shots]
    return {
        "questions": len(shots),
        "pointing": mean(_is_in(box_of(shot.thing), *hottest(shot.heat)) for shot in shots),
        "several": mean(_is_in(box_of(shot.thing), *hottest(shot.heat)) for shot in several),
        "as_drawn": mean(_is_in(box_of(shot.thing), *hottest(shot.drawn)) for shot in shots),
        "centre": mean(_is_in(box_of(shot.thing), 0.5, 0.5) for shot in shots),
        "largest": mean(
            _is_in(box_of(shot.thing), thing.x, thing.y)
            for shot, thing in zip(shots, largest, strict=True)
        ),
        "iou": mean(iou(shot.heat.box, box_of(shot.thing)) for shot in shots),
        "ms": 1000 * median(shot.seconds for shot in shots),
    }


def hottest(heat: Heat) -> tuple[float, float]:
    """Return the middle of the hottest part, as fractions of the picture."""
    rows, columns = heat.grid.shape
    y, x = np.unravel_index(int(heat.grid.argmax()), heat.grid.shape)
    across, down = heat.area.right - heat.area.left, heat.area.bottom - heat.area.top
    return (
        heat.area.left + (int(x) + 0.5) / columns * across,
        heat.area.top + (int(y) + 0.5) / rows * down,
    )


def iou(one: Box, other: Box) -> float:
    """Return the share of two boxes together that both have."""
    across = max(0.0, min(one.right, other.right) - max(one.left, other.left))
    down = max(0.0, min(one.bottom, other.bottom) - max(one.top, other.top))
    both = across * down
    return both / (_size(one) + _size(other) - both)


def _size(box: Box) -> float:
    return (box.right - box.left) * (box.bottom - box.top)


def _is_in(box: Box, x: float, y: float) -> bool:
    return box.left <= x <= box.right and box.top <= y <= box.bottom


if __name__ == "__main__":
    raise SystemExit(main())
