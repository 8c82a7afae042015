"""Scenes and descriptions as numbers, for the teacher, which neither sees nor reads."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from clipseek.demo.world import (
    COLOURS,
    KINDS,
    MOST_THINGS,
    PLACES,
    RELATIONS,
    WEATHERS,
    Description,
    Item,
    Scene,
    Thing,
)

THINGS = len(KINDS) * len(COLOURS)
# Presence, x and y of each coloured kind; the place; the weather; and a one.
FACTS = 3 * THINGS + len(PLACES) + len(WEATHERS) + 1
# Of an item: its kind or any, its colour or any; the last one means that there is no item.
ITEMS = (len(KINDS) + 1) * (len(COLOURS) + 1) + 1
_NO_ITEM = ITEMS - 1
# Codes of a claim: the items, relation, place, weather, and 1 if it is of another world.
CLAIM = MOST_THINGS + 4
# A place between two columns of the world counts as much as one between its two rows.
_ACROSS, _DOWN = 2.0, 3.0


def number(thing: Thing) -> int:
    """Return the number of the thing's kind and colour, below THINGS."""
    return KINDS.index(thing.kind) * len(COLOURS) + COLOURS.index(thing.colour)


def facts(scenes: Sequence[Scene]) -> NDArray[np.float32]:
    """Return what is true of each scene, float32 (S, FACTS)."""
    rows = np.zeros((len(scenes), FACTS), dtype=np.float32)
    for row, scene in zip(rows, scenes, strict=True):
        for thing in scene.things:
            if thing.visible:
                slot = number(thing)
                row[slot] += 1
                row[THINGS + slot] += _ACROSS * (thing.x - 0.5)
                row[2 * THINGS + slot] += _DOWN * (thing.y - 0.5)
        row[3 * THINGS + PLACES.index(scene.place)] = 1
        row[3 * THINGS + len(PLACES) + WEATHERS.index(scene.weather)] = 1
        row[-1] = 1
    return rows


def claims(descriptions: Sequence[Description | None]) -> NDArray[np.int64]:
    """Return what each description claims, int64 (D, CLAIM); None is of another world."""
    rows = np.zeros((len(descriptions), CLAIM), dtype=np.int64)
    rows[:, :MOST_THINGS] = _NO_ITEM
    for row, description in zip(rows, descriptions, strict=True):
        if description is None:
            row[-1] = 1
            continue
        for slot, item in enumerate(description.items):
            row[slot] = _item(item)
        row[MOST_THINGS] = _code(RELATIONS, description.relation)
        row[MOST_THINGS + 1] = _code(PLACES, description.place)
        row[MOST_THINGS + 2] = _code(WEATHERS, description.weather)
    return rows


def _item(item: Item) -> int:
    return _code(KINDS, item.kind) * (len(COLOURS) + 1) + _code(COLOURS, item.colour)


def _code(names: Sequence[str], name: str | None) -> int:
    return 0 if name is None else 1 + names.index(name)
