"""Endless training batches: fresh scenes as the model will see them, sentences, and the truth."""

import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from random import Random

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from clipseek.demo.captions import Caption, full_caption, near_miss, partial_caption
from clipseek.demo.drawing import draw
from clipseek.demo.otherworld import estrange, stranger
from clipseek.demo.truth import truth
from clipseek.demo.world import (
    COLOURS,
    KINDS,
    PLACES,
    Description,
    Scene,
    Thing,
    sample_scene,
)

GRID = 4  # the image tower looks at GRID x GRID cells
NOTHING = 0  # in a cell; else 1 + the number of kind and colour
THINGS = 1 + len(KINDS) * len(COLOURS)
SENTENCES = 4  # a scene: full caption, partial caption, near miss, and one that varies
# A picture is used this often, each time with other sentences: drawing costs a quarter of a step.
_USES = 4
_NOUNS = frozenset((*KINDS, *PLACES, "woods", "town", "street", "rain", "snow", "night"))


@dataclass(frozen=True, slots=True)
class Batch:
    """Pictures and sentences that belong together.

    pixels: uint8 (B, S, S, 3). texts: SENTENCES * B sentences; the first B are the full captions
    of the B pictures in order, the next B partial ones, the rest false of their own picture.
    true: bool (SENTENCES * B, B), whether a sentence is true of a picture.
    cells: int64 (B, GRID, GRID), what has its centre in each cell: NOTHING, or below THINGS.
    """

    pixels: NDArray[np.uint8]
    texts: list[str]
    true: NDArray[np.bool_]
    cells: NDArray[np.int64]


def batches(seed: int, size: int, image_size: int) -> Iterator[Batch]:
    """Yield batches without end; the same seed yields the same ones."""
    rng = Random(seed)
    noise = np.random.default_rng(seed)
    pool: list[tuple[Scene, NDArray[np.uint8]]] = []
    while True:
        fresh = size if len(pool) < _USES * size else size // _USES
        rng.shuffle(pool)
        del pool[_USES * size - fresh :]
        for _ in range(fresh):
            scene = stir(sample_scene(rng), rng)
            pool.append((scene, worn(scene, image_size, rng, noise)))
        chosen = rng.sample(pool, size)
        scenes = [scene for scene, _ in chosen]
        texts, true = sentences(scenes, rng)
        cells = np.stack([whereabouts(scene) for scene in scenes])
        yield Batch(np.stack([pixels for _, pixels in chosen]), texts, true, cells)


def stir(scene: Scene, rng: Random) -> Scene:
    """Move some things as they are found in the middle of a film: between columns, half gone."""
    if rng.random() < 0.7:
        return scene
    moved = list(scene.things)
    slot = rng.randrange(len(moved))
    thing = replace(moved[slot], x=rng.uniform(-0.15, 1.15))
    others = moved[:slot] + moved[slot + 1 :]
    if any(_covers(thing, other) for other in others):
        return scene
    moved[slot] = thing
    return replace(scene, things=tuple(moved))


def _covers(thing: Thing, other: Thing) -> bool:
    return abs(thing.x - other.x) < 0.22 and abs(thing.y - other.y) < 0.3


def worn(
    scene: Scene, image_size: int, rng: Random, noise: np.random.Generator
) -> NDArray[np.uint8]:
    """Draw a scene at 16:9, wear it as video does, and squash it to (image_size, image_size, 3)."""
    width, height = rng.choice(((160, 90), (192, 108), (256, 144)))
    picture = Image.fromarray(draw(scene, width, height, oversampling=rng.choice((1, 1, 2))))
    chance = rng.random()
    if chance < 0.2:
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=rng.randint(35, 85))
        picture = Image.open(file)
    elif chance < 0.3:
        picture = picture.filter(ImageFilter.GaussianBlur(rng.uniform(0.4, 1.2)))
    picture = picture.resize((image_size, image_size), Image.Resampling.BICUBIC)
    pixels = np.asarray(picture)
    if rng.random() < 0.5:
        light = pixels.astype(np.float32) * rng.uniform(0.92, 1.08) + rng.uniform(-8, 8)
        if rng.random() < 0.4:
            light += noise.standard_normal(pixels.shape, dtype=np.float32) * rng.uniform(1, 5)
        pixels = light.clip(0, 255).astype(np.uint8)
    return pixels


def whereabouts(scene: Scene) -> NDArray[np.int64]:
    """Return which thing has its centre in each cell, int64 (GRID, GRID)."""
    cells = np.full((GRID, GRID), NOTHING, dtype=np.int64)
    for thing in scene.things:
        if thing.visible:
            row, column = (min(int(place * GRID), GRID - 1) for place in (thing.y, thing.x))
            number = KINDS.index(thing.kind) * len(COLOURS) + COLOURS.index(thing.colour)
            cells[row, column] = 1 + number
    return cells


def sentences(scenes: list[Scene], rng: Random) -> tuple[list[str], NDArray[np.bool_]]:
    """Write SENTENCES columns of sentences about the scenes, and say which is true of which."""
    full = [full_caption(scene, rng) for scene in scenes]
    partial = [partial_caption(scene, rng) for scene in scenes]
    missed = [_miss(made, scene, rng) for made, scene in zip(full, scenes, strict=True)]
    varied = [_vary(*each, rng) for each in zip(full, partial, scenes, strict=True)]
    columns = [*full, *partial, *missed, *varied]
    known = np.array([isinstance(each, Caption) for each in columns])
    claims = [each.description if isinstance(each, Caption) else Description() for each in columns]
    texts = [each.text if isinstance(each, Caption) else each for each in columns]
    return texts, truth(claims, scenes) & known[:, None]


def _miss(made: Caption, scene: Scene, rng: Random) -> Caption | str:
    return near_miss(made.description, scene, rng) or stranger(rng)


def _vary(full: Caption, partial: Caption, scene: Scene, rng: Random) -> Caption | str:
    chance = rng.random()
    if chance < 0.8:
        return _miss(partial, scene, rng)
    if chance < 0.93:
        return estrange(rng.choice((full, partial)).text, _NOUNS, rng) or stranger(rng)
    return stranger(rng)
