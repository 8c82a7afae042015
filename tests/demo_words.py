"""Quick videos with words whose answers are known: their pictures hardly change."""

from fractions import Fraction
from functools import cache

from clipseek.demo.shots import Actor, Plan, Shot
from clipseek.demo.voice import Voice, find_voice
from clipseek.demo.world import Thing
from tests.lacking import lacking


@cache
def still_plan() -> Plan:
    """Return two shots of three seconds in which nothing moves: a forest, then a beach at night."""
    tree = Actor(Thing("tree", "green", 0.2, 0.6), ((0.0, 0.2),))
    boat = Actor(Thing("boat", "white", 0.8, 0.6), ((0.0, 0.8),))
    forest = Shot("forest", "day", 1, (tree,), 0, 75)
    return Plan(Fraction(25), (forest, Shot("beach", "night", 2, (boat,), 75, 75)))


def voice() -> Voice:
    """Return the synthesiser, or skip the test."""
    found = find_voice()
    if found is None:
        lacking("espeak-ng is missing: apt-get install espeak-ng")
    return found
