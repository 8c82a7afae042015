"""The cartoon world: what a scene contains, what a sentence claims, and whether that is true.

A scene is structure, not pixels: `drawing.draw` makes the picture and `captions` the sentences.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations
from random import Random
from typing import Literal, get_args

Kind = Literal[
    "ball",
    "balloon",
    "bird",
    "boat",
    "car",
    "cat",
    "fish",
    "flower",
    "house",
    "robot",
    "tree",
    "umbrella",
]
Colour = Literal[
    "red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "black", "white"
]
Place = Literal["beach", "city", "desert", "forest", "lake", "meadow", "mountains", "road"]
Weather = Literal["day", "night", "rain", "snow"]
Relation = Literal["left of", "right of", "above", "below"]

KINDS: tuple[Kind, ...] = get_args(Kind)
COLOURS: tuple[Colour, ...] = get_args(Colour)
PLACES: tuple[Place, ...] = get_args(Place)
WEATHERS: tuple[Weather, ...] = get_args(Weather)
RELATIONS: tuple[Relation, ...] = get_args(Relation)
OPPOSITE: dict[Relation, Relation] = {
    "left of": "right of",
    "right of": "left of",
    "above": "below",
    "below": "above",
}

MOST_THINGS = 3
COLUMNS = (0.19, 0.5, 0.81)
ROWS = (0.27, 0.71)
JITTER = 0.05
# A relation is claimed from this far on. Things in one column differ by at most 2 * JITTER,
# things in two columns by at least 0.21: no still scene comes near the border.
ASIDE = 0.15
ABOVE = 0.2
_AIRBORNE = frozenset({"balloon", "bird"})


@dataclass(frozen=True, slots=True)
class Thing:
    """One object of a scene.

    `x`, `y` are its centre as fractions of width and height, from the top left; `size` is the
    side of its box as a fraction of the height; `mirrored` turns it to look left.
    """

    kind: Kind
    colour: Colour
    x: float
    y: float
    size: float = 0.4
    mirrored: bool = False

    @property
    def visible(self) -> bool:
        """Whether the centre is inside the picture: only then a sentence may speak of it."""
        return 0 <= self.x <= 1 and 0 <= self.y <= 1


@dataclass(frozen=True, slots=True)
class Scene:
    """One moment of the world. `look` seeds the details of the place; `clock` is in seconds."""

    place: Place
    weather: Weather
    things: tuple[Thing, ...]
    look: int = 0
    clock: float = 0.0


@dataclass(frozen=True, slots=True)
class Item:
    """What a sentence says about one object; None if it says nothing."""

    kind: Kind | None = None
    colour: Colour | None = None

    def fits(self, thing: Thing) -> bool:
        """Whether the thing is visible and is as this item says."""
        return (
            thing.visible
            and self.kind in (None, thing.kind)
            and self.colour in (None, thing.colour)
        )


@dataclass(frozen=True, slots=True)
class Description:
    """What a sentence claims; the relation is between the first two items.

    A description is partial: it is true of every scene that has at least what it claims.
    """

    items: tuple[Item, ...] = ()
    relation: Relation | None = None
    place: Place | None = None
    weather: Weather | None = None

    def __post_init__(self) -> None:
        if self.relation is not None and len(self.items) < 2:
            raise ValueError(f"a relation needs two items, got {len(self.items)}")


def related(first: Thing, relation: Relation, second: Thing) -> bool:
    """Whether the first thing stands in the relation to the second."""
    if relation == "left of":
        return second.x - first.x > ASIDE
    if relation == "right of":
        return first.x - second.x > ASIDE
    if relation == "above":
        return second.y - first.y > ABOVE
    return first.y - second.y > ABOVE


def holds(description: Description, scene: Scene) -> bool:
    """Whether the description is true of the scene; each item needs its own thing."""
    if description.place not in (None, scene.place):
        return False
    if description.weather not in (None, scene.weather):
        return False
    return any(
        _assigned(description, things)
        for things in permutations(scene.things, len(description.items))
    )


def _assigned(description: Description, things: Sequence[Thing]) -> bool:
    fitting = all(item.fits(thing) for item, thing in zip(description.items, things, strict=True))
    if not fitting or description.relation is None:
        return fitting
    return related(things[0], description.relation, things[1])


def sample_scene(rng: Random) -> Scene:
    """Draw a random scene: one to three things, each in its own cell of a 3 x 2 grid."""
    count = rng.choices((1, 2, 3), weights=(3, 5, 3))[0]
    free = [(column, row) for column in range(len(COLUMNS)) for row in range(len(ROWS))]
    things: list[Thing] = []
    for _ in range(count):
        kind, colour = rng.choice(KINDS), rng.choice(COLOURS)
        if things and rng.random() < 0.12:
            kind = things[0].kind
            colour = rng.choice((colour, things[0].colour))
        high = [cell for cell in free if cell[1] == 0]
        airborne = kind in _AIRBORNE and high and rng.random() < 0.7
        column, row = rng.choice(high if airborne else free)
        free.remove((column, row))
        things.append(sample_thing(rng, kind, colour, column, row))
    return Scene(
        rng.choice(PLACES), rng.choice(WEATHERS), tuple(things), rng.getrandbits(30), rng.random()
    )


def sample_thing(rng: Random, kind: Kind, colour: Colour, column: int, row: int) -> Thing:
    """Put a thing of this kind and colour into a cell of the grid, slightly off its centre."""
    return Thing(
        kind,
        colour,
        COLUMNS[column] + rng.uniform(-JITTER, JITTER),
        ROWS[row] + rng.uniform(-JITTER, JITTER),
        rng.uniform(0.37, 0.47),
        rng.random() < 0.5,
    )
