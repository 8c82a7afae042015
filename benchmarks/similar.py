"""At which cosine two pictures are near-identical, with the demo model.

    python -m benchmarks.similar [--scenes N]

Draws N scenes, and of each scene: `copy`, the same picture at half the size and saved as a JPEG of
quality 30; `later`, the scene a moment later, everything moved a little; `other colour`, the scene
with one thing in another colour; `other thing`, with another thing in its place. `apart` is the
scene and the next one. Prints for some cosines the share of the pairs of each kind that have this
cosine or more. A threshold is good that folds copies and what is a moment later, and leaves what
shows something else.
"""

import argparse
import io
import sys
from collections.abc import Callable
from dataclasses import replace
from random import Random

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from clipseek.demo.drawing import draw
from clipseek.demo.measure import MODEL
from clipseek.demo.videos import HEIGHT, WIDTH
from clipseek.demo.world import COLOURS, KINDS, Scene, Thing, sample_scene
from clipseek.embedding import bundle as bundles
from clipseek.embedding.towers import on_cpu
from clipseek.protocols import Embedder

SEED, STEP, JPEG_QUALITY = 7_100_001, 0.02, 30
COSINES = (0.8, 0.85, 0.9, 0.925, 0.95, 0.96, 0.97, 0.98, 0.99)

Picture = NDArray[np.uint8]


def main() -> int:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description="Cosines of near-identical pictures.")
    parser.add_argument("--scenes", type=int, default=300, help="how many (300)")
    shares = measure(parser.parse_args().scenes)
    sys.stdout.write(f"{'cosine':14}" + "".join(f"{cosine:>8}" for cosine in COSINES) + "\n")
    for kind, found in shares.items():
        sys.stdout.write(f"{kind:14}" + "".join(f"{share:8.3f}" for share in found) + "\n")
    return 0


def measure(scenes: int) -> dict[str, list[float]]:
    """Return for each kind of pair the share of pairs at or above each of `COSINES`."""
    rng = Random(SEED)
    drawn = [sample_scene(rng) for _ in range(scenes)]
    embedder = on_cpu(bundles.load(MODEL), threads=2)
    base = embed(embedder, [picture(scene) for scene in drawn])
    pairs: dict[str, Callable[[Scene], Picture]] = {
        "copy": lambda scene: _copied(picture(scene)),
        "later": lambda scene: picture(_later(scene, rng)),
        "other colour": lambda scene: picture(_changed(scene, rng, "colour")),
        "other thing": lambda scene: picture(_changed(scene, rng, "kind")),
    }
    cosines = {
        kind: (base * embed(embedder, [make(scene) for scene in drawn])).sum(axis=1)
        for kind, make in pairs.items()
    }
    cosines["apart"] = (base * np.roll(base, 1, axis=0)).sum(axis=1)
    return {
        kind: [float((found >= cosine).mean()) for cosine in COSINES]
        for kind, found in cosines.items()
    }


def picture(scene: Scene) -> Picture:
    """Draw a scene as the demo's videos show it."""
    return draw(scene, WIDTH, HEIGHT, oversampling=2)


def _copied(picture: Picture) -> Picture:
    file = io.BytesIO()
    small = Image.fromarray(picture).resize((WIDTH // 2, HEIGHT // 2))
    small.save(file, "JPEG", quality=JPEG_QUALITY)
    return np.asarray(Image.open(file).resize((WIDTH, HEIGHT)).convert("RGB"))


def _later(scene: Scene, rng: Random) -> Scene:
    things = tuple(
        replace(thing, x=thing.x + rng.uniform(-STEP, STEP), y=thing.y + rng.uniform(-STEP, STEP))
        for thing in scene.things
    )
    return replace(scene, things=things, clock=scene.clock + 1.0)


def _changed(scene: Scene, rng: Random, what: str) -> Scene:
    first, *others = scene.things
    return replace(scene, things=(_other(first, rng, what), *others))


def _other(thing: Thing, rng: Random, what: str) -> Thing:
    if what == "colour":
        return replace(thing, colour=rng.choice([c for c in COLOURS if c != thing.colour]))
    return replace(thing, kind=rng.choice([kind for kind in KINDS if kind != thing.kind]))


def embed(embedder: Embedder, pictures: list[Picture]) -> NDArray[np.float32]:
    """Return the vectors of pictures of one size."""
    some = [np.stack(pictures[start : start + 32]) for start in range(0, len(pictures), 32)]
    return np.concatenate([embedder.embed_images(each) for each in some])


if __name__ == "__main__":
    raise SystemExit(main())
