"""How much of the work on objects is done at once, and what may go first."""

from collections.abc import Callable
from dataclasses import dataclass

_MANY = 64


def _at_once() -> None:
    """Let nothing go first."""


@dataclass(frozen=True, slots=True)
class Turns:
    """How much is done at once.

    before: Called before each turn; it may wait, and an error that it raises ends the work.
    frames: That a detector looks at in a turn. pictures: Crops that a model embeds in one.
    """

    before: Callable[[], None] = _at_once
    frames: int = _MANY
    pictures: int = _MANY
