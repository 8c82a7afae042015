"""Plans videos of the cartoon world: shots with things that stay, enter, leave, cross and move."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import sin
from random import Random

import numpy as np

from clipseek.demo.world import (
    COLOURS,
    COLUMNS,
    KINDS,
    PLACES,
    ROWS,
    WEATHERS,
    Colour,
    Kind,
    Place,
    Scene,
    Thing,
    Weather,
    sample_thing,
)

FRAME_RATES = (Fraction(25), Fraction(24), Fraction(30000, 1001))
SHOTS = (3, 8)
SHOT_S = (2.0, 8.0)
# The place at which the largest thing is completely outside the picture, in widths.
OUTSIDE = (-0.16, 1.16)
_STEP_S = 1.3  # how long a thing takes to walk in or out


@dataclass(frozen=True, slots=True)
class Actor:
    """A thing of one shot and its way: `keys` are (second of the shot, x), ascending."""

    thing: Thing
    keys: tuple[tuple[float, float], ...]

    def at(self, second: float) -> Thing:
        """Return the thing at its place at this second of the shot."""
        times, places = zip(*self.keys, strict=True)
        x = float(np.interp(second, times, places))
        moving = len(self.keys) > 1
        y = self.thing.y + (0.008 * sin(5 * second) if moving else 0.0)
        look = self.thing
        return Thing(look.kind, look.colour, x, y, look.size, look.mirrored)


@dataclass(frozen=True, slots=True)
class Shot:
    """One shot: `frames` frames from frame number `first` of its video on."""

    place: Place
    weather: Weather
    look: int
    actors: tuple[Actor, ...]
    first: int
    frames: int

    def scene(self, second: float) -> Scene:
        """Return the scene at this second of the shot."""
        things = tuple(actor.at(second) for actor in self.actors)
        return Scene(self.place, self.weather, things, self.look, second)


@dataclass(frozen=True, slots=True)
class Plan:
    """A video before it is drawn."""

    frame_rate: Fraction
    shots: tuple[Shot, ...]

    @property
    def frames(self) -> int:
        """Number of frames."""
        return self.shots[-1].first + self.shots[-1].frames

    def seconds(self, frame: int) -> float:
        """Return the time at which a frame is shown."""
        return float(frame / self.frame_rate)

    def drawn(self) -> list[tuple[int, Scene]]:
        """Return the first frame and the scene of each picture.

        Cartoons are drawn on twos: a picture is held for two frames. A cut begins a new picture.
        """
        return [
            (shot.first + frame, shot.scene(self.seconds(frame)))
            for shot in self.shots
            for frame in range(0, shot.frames, 2)
        ]


def plan_video(rng: Random) -> Plan:
    """Plan a video of several shots; consecutive shots have different places."""
    frame_rate = rng.choice(FRAME_RATES)
    shots: list[Shot] = []
    first = 0
    for _ in range(rng.randint(*SHOTS)):
        frames = round(rng.uniform(*SHOT_S) * frame_rate)
        places = [place for place in PLACES if not shots or place != shots[-1].place]
        actors = _cast(rng, float(frames / frame_rate))
        look = rng.getrandbits(30)
        shot = Shot(rng.choice(places), rng.choice(WEATHERS), look, actors, first, frames)
        shots.append(shot)
        first += frames
    return Plan(frame_rate, tuple(shots))


def _cast(rng: Random, length: float) -> tuple[Actor, ...]:
    """Put one to three actors on the stage so that no way leads through another actor."""
    count = rng.choices((1, 2, 3), weights=(3, 4, 2))[0]
    free = {row: list(range(len(COLUMNS))) for row in range(len(ROWS))}
    actors: list[Actor] = []
    for _ in range(count):
        rows = [row for row, columns in free.items() if columns]
        if not rows:
            break  # two things cross the stage, one in each row
        kind, colour, row = rng.choice(KINDS), rng.choice(COLOURS), rng.choice(rows)
        if kind in ("balloon", "bird") and free[0]:
            row = 0
        actors.append(_actor(rng, kind, colour, row, free[row], length))
    return tuple(actors)


def _actor(
    rng: Random, kind: Kind, colour: Colour, row: int, free: list[int], length: float
) -> Actor:
    """Choose a way in this row and take the columns that it needs from `free`."""
    whole = len(free) == len(COLUMNS)
    manner = rng.choices(("stay", "enter", "leave", "cross"), weights=(5, 3, 3, 2))[0]
    if manner == "cross" and whole and length > 3:
        free.clear()
        return _crossing(rng, sample_thing(rng, kind, colour, 0, row), length)
    column = rng.choice([0, 2]) if manner != "stay" and whole else rng.choice(free)
    thing = sample_thing(rng, kind, colour, column, row)
    free.remove(column)
    if manner in ("enter", "leave") and column != 1 and length > 3.5:
        return _visiting(rng, thing, length, entering=manner == "enter")
    return _staying(rng, thing, length)


def _crossing(rng: Random, thing: Thing, length: float) -> Actor:
    ways = [OUTSIDE, OUTSIDE[::-1]]
    way = rng.choice(ways)
    start = rng.uniform(0.0, 0.4)
    keys = ((start, way[0]), (min(length, start + rng.uniform(3.0, 5.0)), way[1]))
    return Actor(_facing(thing, way), keys)


def _visiting(rng: Random, thing: Thing, length: float, *, entering: bool) -> Actor:
    outside = OUTSIDE[thing.x > 0.5]
    if entering:
        start = rng.uniform(0.8, length - 2.6)
        way = (outside, thing.x)
    else:
        start = rng.uniform(1.5, length - _STEP_S - 0.5)
        way = (thing.x, outside)
    return Actor(_facing(thing, way), ((start, way[0]), (start + _STEP_S, way[1])))


def _staying(rng: Random, thing: Thing, length: float) -> Actor:
    if rng.random() < 0.5:
        return Actor(thing, ((0.0, thing.x),))
    ahead = thing.x + rng.uniform(-0.03, 0.03)
    return Actor(_facing(thing, (thing.x, ahead)), ((0.0, thing.x), (length, ahead)))


def _facing(thing: Thing, way: Sequence[float]) -> Thing:
    return Thing(thing.kind, thing.colour, thing.x, thing.y, thing.size, way[1] < way[0])
