"""The parts of a query: sentences, moments and pictures, each with a weight, and their limits."""

import math
import unicodedata
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Self

import numpy as np
from numpy.typing import NDArray

from clipseek.errors import InvalidQuery

MAX_QUERY_CHARACTERS = 1000
MAX_PARTS = 8
MIN_WEIGHT, MAX_WEIGHT = 0.01, 10.0
"""Of a part that is wanted; what is not wanted has such a weight below zero."""


@dataclass(frozen=True, slots=True)
class Text:
    """A part of a query that is a sentence."""

    text: str
    weight: float = 1.0

    def meaning(self) -> list[object]:
        """Return what JSON takes, the same for all that ask for the same."""
        return ["text", normalised(self.text), number(self.weight)]

    def problem(self) -> InvalidQuery | None:
        """Return what is wrong with the part, or None."""
        length = len(self.text.strip())
        if not 1 <= length <= MAX_QUERY_CHARACTERS:
            return InvalidQuery(
                f"query must have 1 to {MAX_QUERY_CHARACTERS} characters, got {length}"
            )
        if not is_unicode(self.text):
            return InvalidQuery("query must be Unicode text; it holds bytes that are not UTF-8")
        return None


@dataclass(frozen=True, slots=True)
class Like:
    """A part of a query that is a moment of the same collection: what looks like it is found.

    The moment is named by a video and a time in seconds, which stay the same when the video is
    indexed again, as ids of segments do not.
    """

    video_id: str
    time: float
    weight: float = 1.0

    def meaning(self) -> list[object]:
        """Return what JSON takes, the same for all that ask for the same."""
        return ["like", self.video_id, number(self.time), number(self.weight)]

    def problem(self) -> InvalidQuery | None:
        """Return what is wrong with the part, or None."""
        if not (math.isfinite(self.time) and self.time >= 0):
            return InvalidQuery(f"like.time must be a number of seconds >= 0, got {self.time}")
        return None


@dataclass(frozen=True, slots=True)
class Picture:
    """A part of a query that is a picture: what looks like it is found.

    digest: Stands for the pixels, uint8 (H, W, 3) RGB, wherever pictures are compared.
    """

    digest: str
    pixels: NDArray[np.uint8] = field(repr=False, compare=False)
    weight: float = 1.0

    @classmethod
    def of(cls, pixels: NDArray[np.uint8]) -> Self:
        """Return the part of some pixels."""
        hashed = blake2b(repr(pixels.shape).encode(), digest_size=32)
        hashed.update(np.ascontiguousarray(pixels).data)
        return cls(hashed.hexdigest(), pixels)

    def meaning(self) -> list[object]:
        """Return what JSON takes, the same for all that ask for the same."""
        return ["picture", self.digest, number(self.weight)]

    def problem(self) -> InvalidQuery | None:
        """Return what is wrong with the part, or None."""
        shape = self.pixels.shape
        if len(shape) != 3 or shape[2] != 3 or not self.pixels.size:
            return InvalidQuery(f"a picture must be uint8 (H, W, 3) RGB, got {shape}")
        return None


Part = Text | Like | Picture


def is_seen(parts: Sequence[Part]) -> bool:
    """Whether one of some parts is a picture or a moment."""
    return not all(isinstance(part, Text) for part in parts)


def problem_of(parts: Sequence[Part]) -> InvalidQuery | None:
    """Return what is wrong with the parts, or None."""
    if not 1 <= len(parts) <= MAX_PARTS:
        return InvalidQuery(f"parts must be 1 to {MAX_PARTS}, got {len(parts)}")
    for part in parts:
        if not MIN_WEIGHT <= abs(part.weight) <= MAX_WEIGHT:
            return InvalidQuery(
                f"weight must be {MIN_WEIGHT:g} to {MAX_WEIGHT:g}, or {-MAX_WEIGHT:g} to "
                f"{-MIN_WEIGHT:g} for what is not wanted, got {part.weight:g}"
            )
        if (wrong := part.problem()) is not None:
            return wrong
    if all(part.weight < 0 for part in parts):
        return InvalidQuery(
            "parts must have one that is wanted, of a weight above 0, got weights "
            f"{', '.join(f'{part.weight:g}' for part in parts)}; say what to search for"
        )
    return None


def normalised(text: str) -> str:
    """Return a sentence without the differences that no one means.

    White space at the ends goes, runs of it become one space, and letters are composed (NFC,
    Unicode Standard Annex 15). Case stays: some tokenizers tell it apart.
    """
    return " ".join(unicodedata.normalize("NFC", text).split())


def cut_at(text: str, length: int) -> int:
    """Return how many characters of a sentence make the first `length` of it when normalised."""
    longer = bisect_right(range(len(text) + 1), length, key=lambda end: len(normalised(text[:end])))
    return len(text[: longer - 1].rstrip())


def number(value: float) -> float:
    """Return the same number as one that JSON always writes alike: 0, 0.0 and -0.0 are equal."""
    return float(value) + 0.0


def is_unicode(text: str) -> bool:
    """Whether a text has no lone surrogates, which stand for other bytes of a command line."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
