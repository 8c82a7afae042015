"""Sentences about the world: true ones, near misses, and sentences of another world.

Every sentence, except those of another world, has the `Description` of what it claims, so that
`world.holds` can say for which scenes it is true.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

from clipseek.demo.world import (
    COLOURS,
    KINDS,
    OPPOSITE,
    PLACES,
    RELATIONS,
    WEATHERS,
    Description,
    Item,
    Kind,
    Place,
    Relation,
    Scene,
    Thing,
    Weather,
    holds,
    related,
)

_AT: dict[Place, tuple[str, ...]] = {
    "beach": ("on the beach", "at the beach", "on a beach"),
    "city": ("in the city", "in a city", "in town"),
    "desert": ("in the desert", "in a desert"),
    "forest": ("in the forest", "in a forest", "in the woods"),
    "lake": ("on the lake", "at the lake", "by a lake"),
    "meadow": ("in the meadow", "on a meadow", "in a green meadow"),
    "mountains": ("in the mountains", "in front of mountains", "near the mountains"),
    "road": ("on the road", "on a road", "on the street"),
}
_WHERE: dict[Place, tuple[str, ...]] = {
    "beach": ("the beach", "a beach"),
    "city": ("the city", "a city", "the town"),
    "desert": ("the desert", "a desert"),
    "forest": ("the forest", "a forest", "the woods"),
    "lake": ("the lake", "a lake"),
    "meadow": ("the meadow", "a meadow"),
    "mountains": ("the mountains", "mountains"),
    "road": ("the road", "a road", "the street"),
}
_WHEN: dict[Weather, tuple[str, ...]] = {
    "day": ("on a sunny day", "by day", "in the sunshine", "in the daytime", "during the day"),
    "night": ("at night", "by night", "in the dark", "under the stars", "in the moonlight"),
    "rain": ("in the rain", "on a rainy day", "while it rains", "in rainy weather"),
    "snow": ("in the snow", "on a snowy day", "while it snows", "in snowy weather"),
}
_RELATED: dict[Relation, tuple[str, ...]] = {
    "left of": ("left of", "to the left of", "on the left of"),
    "right of": ("right of", "to the right of", "on the right of"),
    "above": ("above", "over", "on top of"),
    "below": ("below", "under", "beneath"),
}
_DOES: dict[Kind, tuple[str, ...]] = {
    "ball": ("rolling", "bouncing", "lying"),
    "balloon": ("floating", "flying"),
    "bird": ("flying", "sitting"),
    "boat": ("sailing", "floating"),
    "car": ("driving", "parked", "standing"),
    "cat": ("sitting", "walking"),
    "fish": ("swimming", "jumping"),
    "flower": ("growing", "blooming"),
    "house": ("standing",),
    "robot": ("standing", "walking"),
    "tree": ("growing", "standing"),
    "umbrella": ("standing", "lying"),
}
_PLURAL: dict[Kind, str] = {"cat": "cats", "fish": "fish", "house": "houses"}
_OPENINGS = ("there is ", "a picture of ", "a scene with ", "we see ", "a video of ")
_ADJECTIVE: dict[Weather, str] = {
    "day": "sunny",
    "night": "dark",
    "rain": "rainy",
    "snow": "snowy",
}
_NOUN: dict[Weather, tuple[str, ...]] = {
    "day": ("sunshine", "daytime"),
    "night": ("night", "moonlight"),
    "rain": ("rain", "rainy weather"),
    "snow": ("snow", "snowy weather"),
}


@dataclass(frozen=True, slots=True)
class Caption:
    """A sentence and what it claims."""

    text: str
    description: Description


def caption(scene: Scene, rng: Random) -> Caption:
    """Return a sentence that is true of the scene: a full description or a part of one."""
    if rng.random() < 0.5:
        return full_caption(scene, rng)
    return partial_caption(scene, rng)


def full_caption(scene: Scene, rng: Random) -> Caption:
    """Return a sentence that names every visible thing with its colour, the place, the weather."""
    things = [thing for thing in scene.things if thing.visible]
    rng.shuffle(things)
    return _put(
        Description(
            tuple(Item(thing.kind, thing.colour) for thing in things),
            _relation(things, rng) if rng.random() < 0.5 else None,
            scene.place,
            scene.weather,
        ),
        rng,
    )


def partial_caption(scene: Scene, rng: Random) -> Caption:
    """Return a sentence that leaves out some of what the scene has."""
    things = [thing for thing in scene.things if thing.visible]
    rng.shuffle(things)
    makers: list[Callable[[Scene, list[Thing], Random], Description]] = [_place_and_weather]
    if things:
        makers += [_one_thing] * 4
    if len(things) > 1:
        makers += [_two_things] * 4
    return _put(rng.choice(makers)(scene, things, rng), rng)


def _place_and_weather(scene: Scene, _things: list[Thing], rng: Random) -> Description:
    kept = rng.choice(("place", "weather", "both", "both"))
    return Description(
        place=None if kept == "weather" else scene.place,
        weather=None if kept == "place" else scene.weather,
    )


def _one_thing(scene: Scene, things: list[Thing], rng: Random) -> Description:
    kind, colour = rng.choice(((True, True), (True, True), (True, False), (False, True)))
    thing = things[0]
    item = Item(thing.kind if kind else None, thing.colour if colour else None)
    return Description((item,), None, *_surroundings(scene, rng))


def _two_things(scene: Scene, things: list[Thing], rng: Random) -> Description:
    things = things[:2]
    coloured = rng.random() < 0.7
    items = tuple(Item(thing.kind, thing.colour if coloured else None) for thing in things)
    relation = _relation(things, rng) if rng.random() < 0.65 else None
    return Description(items, relation, *_surroundings(scene, rng))


def _surroundings(scene: Scene, rng: Random) -> tuple[Place | None, Weather | None]:
    kept = rng.randrange(4)
    return scene.place if kept & 1 else None, scene.weather if kept & 2 else None


def _relation(things: list[Thing], rng: Random) -> Relation | None:
    if len(things) < 2:
        return None
    true = [relation for relation in RELATIONS if related(things[0], relation, things[1])]
    return rng.choice(true) if true else None


def _put(description: Description, rng: Random) -> Caption:
    return Caption(phrase(description, rng), description)


def phrase(description: Description, rng: Random) -> str:
    """Say a description in one of many ways."""
    if not description.items:
        return _view(description, rng)
    where = rng.choice(_AT[description.place]) if description.place else ""
    when = rng.choice(_WHEN[description.weather]) if description.weather else ""
    what = _things(description, rng)
    if when and rng.random() < 0.15:
        return " ".join(part for part in (f"{when},", what, where) if part)
    after = [part for part in (where, when) if part]
    if rng.random() < 0.3:
        after.reverse()
    opening = rng.choice(_OPENINGS) if rng.random() < 0.15 else ""
    return opening + " ".join([what, *after])


def _view(description: Description, rng: Random) -> str:
    place, weather = description.place, description.weather
    if place and weather:
        where = rng.choice(_WHERE[place])
        ways = [
            f"{where} {rng.choice(_WHEN[weather])}",
            f"{rng.choice(_NOUN[weather])} {rng.choice(_AT[place])}",
        ]
        bare = where.removeprefix("the ").removeprefix("a ")
        ways.append(f"{'' if bare == 'mountains' else 'a '}{_ADJECTIVE[weather]} {bare}")
        return rng.choice(ways)
    if place:
        return rng.choice(_WHERE[place])
    if weather:
        return rng.choice((*_NOUN[weather], f"a {_ADJECTIVE[weather]} scene"))
    return "a scene"


def _things(description: Description, rng: Random) -> str:
    items = description.items
    if len(items) > 1 and items[0] == items[1] and items[0].kind and not description.relation:
        pair = _pair(items[0])
        return " and ".join([pair, *(_noun(item, rng) for item in items[2:])])
    if description.relation:
        relation = rng.choice(_RELATED[description.relation])
        said = f"{_noun(items[0], rng)} {relation} {_noun(items[1], rng)}"
        rest = [_noun(item, rng) for item in items[2:]]
        return " and ".join([said, *rest])
    if len(items) == 1:
        item = items[0]
        verb = f" {rng.choice(_DOES[item.kind])}" if item.kind and rng.random() < 0.25 else ""
        return _noun(item, rng) + verb
    nouns = [_noun(item, rng) for item in items]
    if len(nouns) == 2:
        return rng.choice((" and ", " and ", " with ", " next to ")).join(nouns)
    return ", ".join(nouns[:-1]) + " and " + nouns[-1]


def _noun(item: Item, rng: Random) -> str:
    if item.kind is None:
        return rng.choice((f"something {item.colour}", _a(f"{item.colour} thing")))
    return _a(f"{item.colour} {item.kind}" if item.colour else item.kind)


def _a(words: str) -> str:
    return f"an {words}" if words[0] in "aeiou" else f"a {words}"


def _pair(item: Item) -> str:
    kind = item.kind or "ball"
    plural = _PLURAL.get(kind, f"{kind}s")
    return f"two {item.colour} {plural}" if item.colour else f"two {plural}"


def near_miss(description: Description, scene: Scene, rng: Random) -> Caption | None:
    """Change one thing that the description says so that it is false of the scene.

    Returns:
        A sentence, or None if ten tries found no false one (a bare "a scene").
    """
    for _ in range(10):
        changed = _changed(description, rng)
        if changed != description and not holds(changed, scene):
            return _put(changed, rng)
    return None


def _changed(description: Description, rng: Random) -> Description:
    parts = [slot for slot in range(len(description.items)) for _ in range(2)]
    choices: list[int | str] = list(parts)
    if description.relation:
        choices += ["relation"] * 3
    if len(description.items) > 1:
        choices += ["swap"] * 2
    if description.place:
        choices += ["place"]
    if description.weather:
        choices += ["weather"]
    if not choices:
        return description
    choice = rng.choice(choices)
    if isinstance(choice, int):
        return _other_item(description, choice, rng)
    if choice == "relation" and description.relation:
        return replace(description, relation=OPPOSITE[description.relation])
    if choice == "swap":
        return _swapped(description, rng)
    if choice == "place":
        return replace(description, place=rng.choice(PLACES))
    return replace(description, weather=rng.choice(WEATHERS))


def _other_item(description: Description, slot: int, rng: Random) -> Description:
    item = description.items[slot]
    if item.colour and (item.kind is None or rng.random() < 0.5):
        item = replace(item, colour=rng.choice(COLOURS))
    else:
        item = replace(item, kind=rng.choice(KINDS))
    items = (*description.items[:slot], item, *description.items[slot + 1 :])
    return replace(description, items=items)


def _swapped(description: Description, rng: Random) -> Description:
    """Let the first two items change their colours, or their kinds."""
    first, second, *rest = description.items
    if first.colour and second.colour and rng.random() < 0.8:
        first, second = (
            replace(first, colour=second.colour),
            replace(second, colour=first.colour),
        )
    elif description.relation:
        first, second = second, first
    return replace(description, items=(first, second, *rest))
