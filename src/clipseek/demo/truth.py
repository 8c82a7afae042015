"""`world.holds` of many pairs at once: training needs 65 000 per step, videos one per picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from clipseek.demo.world import (
    ABOVE,
    ASIDE,
    COLOURS,
    KINDS,
    MOST_THINGS,
    PLACES,
    RELATIONS,
    WEATHERS,
    Description,
    Scene,
)

_ANY = -1  # the description says nothing of it
_NO_ITEM = -2  # the description has no such item
_NO_THING = -3  # the scene has no such thing, or it is out of sight


def truth(
    descriptions: Sequence[Description], scenes: "Sequence[Scene] | Facts"
) -> NDArray[np.bool_]:
    """Return `holds` of every pair, bool (D, S).

    Raises:
        ValueError: a description has more items, or a scene more things, than MOST_THINGS.
    """
    claims = _Claims.of(descriptions)
    facts = scenes if isinstance(scenes, Facts) else Facts.of(scenes)
    fits = [[_fits(claims, item, facts, thing) for thing in _SLOTS] for item in _SLOTS]
    found = np.zeros((len(descriptions), len(facts.place)), dtype=np.bool_)
    for first, second, third in permutations(_SLOTS):
        related = _related(claims, facts, first, second)
        found |= related & fits[0][first] & fits[1][second] & fits[2][third]
    surroundings = _agree(claims.place, facts.place) & _agree(claims.weather, facts.weather)
    answer: NDArray[np.bool_] = found & surroundings
    return answer


_SLOTS = range(MOST_THINGS)
Codes = NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class _Claims:
    """Descriptions as codes: kind and colour (D, MOST_THINGS), the others (D,)."""

    kind: Codes
    colour: Codes
    relation: Codes
    place: Codes
    weather: Codes

    @classmethod
    def of(cls, descriptions: Sequence[Description]) -> "_Claims":
        kind = np.full((len(descriptions), MOST_THINGS), _NO_ITEM, dtype=np.int8)
        colour = np.full((len(descriptions), MOST_THINGS), _ANY, dtype=np.int8)
        for row, description in enumerate(descriptions):
            _check(len(description.items))
            for slot, item in enumerate(description.items):
                kind[row, slot] = _code(KINDS, item.kind)
                colour[row, slot] = _code(COLOURS, item.colour)
        relation = _codes([_code(RELATIONS, each.relation) for each in descriptions])
        place = _codes([_code(PLACES, each.place) for each in descriptions])
        weather = _codes([_code(WEATHERS, each.weather) for each in descriptions])
        return cls(kind, colour, relation, place, weather)


@dataclass(frozen=True, slots=True)
class Facts:
    """Scenes as codes: kind, colour, x and y (S, MOST_THINGS), the others (S,).

    Make it once if the same scenes are used repeatedly.
    """

    kind: Codes
    colour: Codes
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    place: Codes
    weather: Codes

    @classmethod
    def of(cls, scenes: Sequence[Scene]) -> "Facts":
        """Encode scenes; raise ValueError if one has more than MOST_THINGS things."""
        kind = np.full((len(scenes), MOST_THINGS), _NO_THING, dtype=np.int8)
        colour, x = kind.copy(), np.zeros(kind.shape)
        y = x.copy()
        for row, scene in enumerate(scenes):
            _check(len(scene.things))
            for slot, thing in enumerate(scene.things):
                x[row, slot], y[row, slot] = thing.x, thing.y
                if thing.visible:
                    kind[row, slot] = _code(KINDS, thing.kind)
                    colour[row, slot] = _code(COLOURS, thing.colour)
        place = _codes([_code(PLACES, scene.place) for scene in scenes])
        weather = _codes([_code(WEATHERS, scene.weather) for scene in scenes])
        return cls(kind, colour, x, y, place, weather)


def _check(count: int) -> None:
    if count > MOST_THINGS:
        raise ValueError(f"at most {MOST_THINGS} items or things are compared, got {count}")


def _code(names: Sequence[str], name: str | None) -> int:
    return _ANY if name is None else names.index(name)


def _codes(codes: list[int]) -> Codes:
    return np.array(codes, dtype=np.int8)


def _agree(claimed: Codes, fact: Codes) -> NDArray[np.bool_]:
    agree: NDArray[np.bool_] = (claimed[:, None] == _ANY) | (claimed[:, None] == fact[None, :])
    return agree


def _fits(claims: _Claims, item: int, facts: Facts, thing: int) -> NDArray[np.bool_]:
    """Whether the item fits the thing, (D, S); an item that is not there fits anything."""
    kind, colour = claims.kind[:, item], claims.colour[:, item]
    fits = _agree(kind, facts.kind[:, thing]) & _agree(colour, facts.colour[:, thing])
    fits &= facts.kind[None, :, thing] != _NO_THING
    fits |= kind[:, None] == _NO_ITEM
    return fits


def _related(claims: _Claims, facts: Facts, first: int, second: int) -> NDArray[np.bool_]:
    """Whether the two things stand in the relation claimed, (D, S); as `world.related`."""
    right = facts.x[:, second] - facts.x[:, first]
    down = facts.y[:, second] - facts.y[:, first]
    # In the order of RELATIONS, and last what is true if none is claimed: code -1.
    always = np.ones(len(right), dtype=np.bool_)
    each = np.stack([right > ASIDE, right < -ASIDE, down > ABOVE, down < -ABOVE, always])
    related: NDArray[np.bool_] = each[claims.relation]
    return related
