"""The limits of decoding one video, and the sentence that says which limit it exceeded."""

from dataclasses import dataclass

# The same as `clipseek.config.PREFIX`; importing that would import pydantic, and a child must start
# fast.
_PREFIX = "CLIPSEEK_"
PATIENCE_S = 0.1
"""How often a wait checks the limits, and whether the run was stopped."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that one video may take.

    `frame_pixels` is for a frame, `frame_rate` for decoded frames per second of video, `frame_s`
    for the seconds from one decoded frame to the next, `decode_s` for all seconds of decoding, and
    `memory_bytes` for all decoders together.
    """

    frame_pixels: int
    frame_rate: float
    frame_s: float
    decode_s: float
    memory_bytes: int


def exceeds(what: str, setting: str) -> str:
    """Say which limit a video exceeds, and which setting changes it."""
    return f"exceeds {what}; {_PREFIX}{setting.upper()} sets this limit"
