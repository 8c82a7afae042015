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
from clipseek.demo.symbols import number
from clipseek.demo.truth import truth
from clipseek.demo.world import (
    KINDS,
    PLACES,
    Description,
    Scene,
    Thing,
    sample_scene,
)

GRID = 4  # the image tower looks at GRID x GRID cells
NOTHING = 0  # in a cell; else 1 + the number of kind and colour
SENTENCES = 4  # a scene: full caption, partial caption, near miss, and one that varies
# A picture is used this often: drawing 128 of them costs as much as learning from them.
_USES = 4
_NOUNS = frozenset((*KINDS, *PLACES, "woods", "town", "street", "rain", "snow", "night"))
# Some people type sentences without articles.
_TERSE = 0.15
_ARTICLES = frozenset(("a", "an", "the"))


@dataclass(frozen=True, slots=True)
class Sentences:
    """SENTENCES sentences for each of S scenes.

    texts: the first S are full captions of the scenes in order, the next S partial ones, the rest
    false for their own scene. claims: what each says, None if it is of another world.
    true: bool (SENTENCES * S, S), whether a sentence is true of a scene.
    """

    texts: list[str]
    claims: list[Description | None]
    true: NDArray[np.bool_]


def discussions(seed: int, size: int) -> Iterator[tuple[list[Scene], Sentences]]:
    """Yield scenes and sentences about them without end; the same seed yields the same ones."""
    rng = Random(seed)
    while True:
        scenes = [stir(sample_scene(rng), rng) for _ in range(size)]
        yield scenes, sentences(scenes, rng)


def pictures(
    seed: int, size: int, image_size: int
) -> Iterator[tuple[list[Scene], NDArray[np.uint8]]]:
    """Yield scenes and their pictures, uint8 (size, image_size, image_size, 3), without end."""
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
        yield [scene for scene, _ in chosen], np.stack([pixels for _, pixels in chosen])


def stir(scene: Scene, rng: Random) -> Scene:
    """Move some things as in the middle of a video: between columns, half outside."""
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
    pixels = draw(scene, width, height, oversampling=rng.choice((1, 1, 2)))
    return worn_at(pixels, (image_size, image_size), rng, noise)


def worn_at(
    pixels: NDArray[np.uint8], size: tuple[int, int], rng: Random, noise: np.random.Generator
) -> NDArray[np.uint8]:
    """Wear a picture as video does, and bring it to a width and a height."""
    picture = Image.fromarray(pixels)
    chance = rng.random()
    if chance < 0.2:
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=rng.randint(35, 85))
        picture = Image.open(file)
    elif chance < 0.3:
        picture = picture.filter(ImageFilter.GaussianBlur(rng.uniform(0.4, 1.2)))
    picture = picture.resize(size, Image.Resampling.BICUBIC)
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
            cells[row, column] = 1 + number(thing)
    return cells


def sentences(scenes: list[Scene], rng: Random) -> Sentences:
    """Write SENTENCES columns of sentences about the scenes, and say which is true of which."""
    full = [full_caption(scene, rng) for scene in scenes]
    partial = [partial_caption(scene, rng) for scene in scenes]
    missed = [_miss(made, scene, rng) for made, scene in zip(full, scenes, strict=True)]
    varied = [_vary(*each, rng) for each in zip(full, partial, scenes, strict=True)]
    columns = [*full, *partial, *missed, *varied]
    claims = [each.description if isinstance(each, Caption) else None for each in columns]
    texts = [_said(each.text if isinstance(each, Caption) else each, rng) for each in columns]
    true = truth([claim or Description() for claim in claims], scenes)
    true &= np.array([claim is not None for claim in claims])[:, None]
    return Sentences(texts, claims, true)


def _said(text: str, rng: Random) -> str:
    if rng.random() >= _TERSE:
        return text
    return " ".join(word for word in text.split() if word not in _ARTICLES)


def _miss(made: Caption, scene: Scene, rng: Random) -> Caption | str:
    return near_miss(made.description, scene, rng) or stranger(rng)


def _vary(full: Caption, partial: Caption, scene: Scene, rng: Random) -> Caption | str:
    chance = rng.random()
    if chance < 0.8:
        return _miss(partial, scene, rng)
    if chance < 0.93:
        return estrange(rng.choice((full, partial)).text, _NOUNS, rng) or stranger(rng)
    return stranger(rng)
