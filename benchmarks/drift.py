"""How soon a changed camera is found, and how often one that has not changed is taken for one.

    python -m benchmarks.drift [--cameras N] [--tests N] [--seed S] [--json]

Draws N cameras of the cartoon world: each looks at one place, at which the weather, the things and
where they are change from minute to minute. Two frames of a minute are alike, so they are one block
(`clipseek.curation.drift`). Then something happens to the camera: it is `turned` a sixth of the
picture aside, `moved` to another place, out of focus (`blurred`: a radius of 1 % of the height),
`darkened` to 60 %, or sees other things (`cars`: nothing but cars). As `indexer drift` does, each
test compares three things: the vectors of the frames (`content`), where pictures have edges
(`view`), and how sharp they are (`sharpness`). Prints, for 50, 100 and 200 frames after the
change against 400 of before, in which share of the trials one of them gives an alarm, and for 200
frames, each of them alone.

`false_alarms` are those of N tests of a camera to which nothing happened, all three together: 200
frames against 400 others, of minutes that are drawn again for each test from 1000 minutes of the
camera. `upper` is the end of the interval of 95 % for their rate (Clopper and Pearson).
`of_frames` says what comes of it if frames are divided as if they were independent. The seed is not
one that the demo model has seen.
"""

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from random import Random

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from scipy.stats import beta

from clipseek.curation import drift, quality
from clipseek.demo.drawing import draw
from clipseek.demo.lessons import stir
from clipseek.demo.measure import MODEL
from clipseek.demo.videos import HEIGHT, WIDTH
from clipseek.demo.world import PLACES, WEATHERS, Scene, sample_scene
from clipseek.embedding import bundle as bundles
from clipseek.embedding.towers import on_cpu
from clipseek.protocols import Embedder

SEED = 9_300_001
PER_BLOCK, BEFORE, MINUTES, TRIALS = 2, 400, 1000, 5
AFTER = (50, 100, 200)
_SIDE = 6  # a turned camera looks a sixth of the picture aside

Picture = NDArray[np.uint8]
Pool = Mapping[str, NDArray[np.float32]]
"""What is tested of minutes: float32 (minutes, PER_BLOCK, components) each."""


class Camera:
    """One camera: where it looks, and what happens there."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._place, self._look = rng.choice(PLACES), rng.randrange(10**6)
        self._other = rng.choice([place for place in PLACES if place != self._place])

    def minute(self, kind: str) -> list[Picture]:
        """Return the frames of one minute, after something of this kind has happened."""
        scene = replace(
            sample_scene(self._rng),
            place=self._other if kind == "moved" else self._place,
            look=self._look,
            weather=self._rng.choice(WEATHERS),
        )
        if kind == "cars":
            things = tuple(replace(thing, kind="car") for thing in scene.things)
            scene = replace(scene, things=things)
        return [CHANGES[kind](stir(scene, self._rng)) for _ in range(PER_BLOCK)]


def _plain(scene: Scene) -> Picture:
    return _window(scene, 0)


def _turned(scene: Scene) -> Picture:
    return _window(scene, WIDTH // _SIDE)


def _blurred(scene: Scene) -> Picture:
    picture = Image.fromarray(_plain(scene))
    return np.asarray(picture.filter(ImageFilter.GaussianBlur(0.01 * HEIGHT)))


def _darkened(scene: Scene) -> Picture:
    return (0.6 * _plain(scene)).astype(np.uint8)


def _window(scene: Scene, left: int) -> Picture:
    """Return what a camera sees of a scene that is wider than its picture."""
    return np.ascontiguousarray(draw(scene, WIDTH + WIDTH // _SIDE, HEIGHT)[:, left : left + WIDTH])


CHANGES: dict[str, Callable[[Scene], Picture]] = {
    "none": _plain,
    "turned": _turned,
    "moved": _plain,
    "blurred": _blurred,
    "darkened": _darkened,
    "cars": _plain,
}


def pools(embedder: Embedder, camera: Camera, minutes: int) -> dict[str, Pool]:
    """Return what is tested of minutes of each kind: `minutes` without a change, some after."""
    counts = {kind: minutes if kind == "none" else AFTER[-1] for kind in CHANGES}
    return {
        kind: _measured(embedder, [camera.minute(kind) for _ in range(count)])
        for kind, count in counts.items()
    }


def _measured(embedder: Embedder, minutes: list[list[Picture]]) -> Pool:
    looks = [[quality.look(Image.fromarray(frame)) for frame in minute] for minute in minutes]
    return {
        "content": np.stack([embedder.embed_images(np.stack(minute)) for minute in minutes]),
        "view": np.stack([[each.grid for each in minute] for minute in looks]),
        "sharpness": np.array([[[each.sharpness] for each in minute] for minute in looks], "f4"),
    }


def sample(
    pool: NDArray[np.float32], minutes: NDArray[np.int64], *, frames: bool = False
) -> drift.Sample:
    """Return the frames of some minutes: a block is a minute, or one frame."""
    vectors = pool[minutes].reshape(-1, pool.shape[-1])
    blocks = np.arange(len(vectors)) if frames else np.repeat(minutes, PER_BLOCK)
    return drift.Sample(vectors, blocks.astype(np.int64))


def found(before: Pool, now: Pool, after: int, rng: np.random.Generator) -> set[str]:
    """Return by what a change is found, by so many frames after it."""
    old = rng.permutation(len(before["content"]))[: BEFORE // PER_BLOCK]
    new = rng.permutation(len(now["content"]))[: after // PER_BLOCK]
    return {
        name
        for name in before
        if drift.compare(sample(before[name], old), sample(now[name], new), rng).is_alarm
    }


def false_alarms(pool: Pool, tests: int, rng: np.random.Generator, *, frames: bool = False) -> int:
    """Return how many tests of a camera that has not changed give an alarm."""
    per = 1 if frames else PER_BLOCK
    minutes = np.arange(len(pool["content"]))
    blocks = [drift.Blocks.of(sample(each, minutes, frames=frames)) for each in pool.values()]
    alarms = 0
    for _ in range(tests):
        drawn = rng.permutation(minutes)[: (BEFORE + AFTER[-1]) // PER_BLOCK]
        # All frames of a minute are before, or all are after, whatever a block is.
        each_frame = drawn[:, None] * PER_BLOCK + np.arange(PER_BLOCK)
        rows = each_frame.ravel() if frames else drawn
        alarms += any(
            drift.divide(each.some(rows), BEFORE // per, rng, least=100).is_alarm for each in blocks
        )
    return alarms


def measure(cameras: int, tests: int, seed: int, minutes: int = MINUTES) -> dict[str, object]:
    """Return the figures."""
    embedder = on_cpu(bundles.load(MODEL), threads=1)
    chance, rng = Random(seed), np.random.default_rng(seed)
    by: dict[str, dict[str, list[float]]] = {kind: {} for kind in CHANGES if kind != "none"}
    alarms = of_frames = 0
    each = -(-tests // cameras)
    for _ in range(cameras):
        seen = pools(embedder, Camera(chance), minutes)
        for kind, shares in by.items():
            for after in AFTER:
                ways = [found(seen["none"], seen[kind], after, rng) for _ in range(TRIALS)]
                shares.setdefault(str(after), []).extend(bool(way) for way in ways)
            for name in seen["none"]:  # of the last, the most frames
                shares.setdefault(name, []).extend(name in way for way in ways)
        alarms += false_alarms(seen["none"], each, rng)
        of_frames += false_alarms(seen["none"], each // 200, rng, frames=True)
    done = each * cameras
    return {
        "found": {
            kind: {name: round(float(np.mean(all_)), 4) for name, all_ in shares.items()}
            for kind, shares in by.items()
        },
        "tests": done,
        "false_alarms": alarms,
        "upper": round(float(beta.ppf(0.975, alarms + 1, done - alarms)), 6),
        "of_frames": {"tests": each // 200 * cameras, "false_alarms": of_frames},
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Changed cameras, found and not.")
    parser.add_argument("--cameras", type=int, default=4, help="how many (4)")
    parser.add_argument("--tests", type=int, default=30_000, help="without a change (30 000)")
    parser.add_argument("--seed", type=int, default=SEED, help=f"of the world ({SEED})")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    options = parser.parse_args(arguments)
    figures = measure(options.cameras, options.tests, options.seed)
    if options.json:
        sys.stdout.write(json.dumps({"name": "drift", **figures}) + "\n")
        return 0
    shares = figures.pop("found")
    assert isinstance(shares, dict)
    for i, (kind, by) in enumerate(shares.items()):
        if not i:
            sys.stdout.write(f"{'found':12}" + "".join(f"{name:>11}" for name in by) + "\n")
        sys.stdout.write(f"{kind:12}" + "".join(f"{share:11.3f}" for share in by.values()) + "\n")
    for name, value in figures.items():
        sys.stdout.write(f"{name:12}  {value}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
