"""What went wrong while a video was decoded, in words for its owner."""

from dataclasses import dataclass
from fractions import Fraction

# A video that ends earlier than stated by more than both of these is cut off. Less is normal,
# because containers round, and sound is often a little longer than the picture.
_SHORT_BY_S = 1
_SHORT_BY_SHARE = Fraction(1, 20)


@dataclass(slots=True)
class Damage:
    """Counts of damage. `stopped` says why decoding ended before the video did, or is empty."""

    packets: int = 0
    frames: int = 0
    stopped: str = ""

    def describe(self, *, claimed: Fraction | None, reached: Fraction) -> str:
        """Return a sentence about everything that is missing, or ""; times in seconds."""
        found = []
        if self.packets:
            found.append(f"{_counted(self.packets, 'packet')} could not be decoded")
        if self.frames:
            found.append(f"{_counted(self.frames, 'frame')} decoded with errors")
        if self.stopped:
            found.append(self.stopped)
        if claimed is not None and _is_short(claimed, reached):
            found.append(f"claims {float(claimed):.1f} s, decoded up to {float(reached):.1f} s")
        return "; ".join(found)


def _is_short(claimed: Fraction, reached: Fraction) -> bool:
    missing = claimed - reached
    return missing > _SHORT_BY_S and missing > claimed * _SHORT_BY_SHARE


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
