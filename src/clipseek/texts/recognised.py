"""What a recogniser of speech or of writing has understood. Pure."""

from typing import NamedTuple


class Recognised(NamedTuple):
    """A text of the stretch `[start, end)` of a video, in seconds.

    `language` is a code of ISO 639 in small letters, empty if not known; `confidence` is in [0, 1].
    """

    start: float
    end: float
    text: str
    language: str
    confidence: float
