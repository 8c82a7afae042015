"""What decoding one video may take, and the sentences that say which limit it exceeded."""

from dataclasses import dataclass

# The same as `clipseek.config.PREFIX`; importing that would import pydantic, and a child must start
# fast.
_PREFIX = "CLIPSEEK_"
PATIENCE_S = 0.1
"""How often a wait checks the limits, and whether the run was stopped."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of the work on one video.

    frame_pixels: Pixels of a frame. frame_rate: Decoded frames per second of video.
    frame_s: Seconds from one decoded frame to the next. decode_s: Seconds of decoding in all.
    memory_bytes: Of all decoders together.
    """

    frame_pixels: int
    frame_rate: float
    frame_s: float
    decode_s: float
    memory_bytes: int


def exceeds(what: str, setting: str) -> str:
    """Say which limit a video exceeds, and how to move it."""
    return f"exceeds {what}; {_PREFIX}{setting.upper()} sets this limit"
