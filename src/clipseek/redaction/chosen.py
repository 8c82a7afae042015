"""Chosen: the detector of the user's that says what is blurred beside faces."""

from collections.abc import Sequence
from typing import NamedTuple, Self

DETECTED = "detector"
"""What the kind of such regions begins with; the print of the detector and its classes follows."""


class Chosen(NamedTuple):
    """A detector of the user's. As a tuple of plain values it goes to child processes as JSON.

    path: Its ONNX file; a JSON file of the same name is beside it. classes: The names of those that
    are blurred; none are all.
    """

    path: str
    classes: tuple[str, ...] = ()

    @classmethod
    def sent(cls, values: tuple[str, Sequence[str]] | None) -> Self | None:
        """Return what another process has sent as JSON."""
        return None if values is None else cls(values[0], tuple(values[1]))
