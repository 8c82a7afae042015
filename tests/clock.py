"""A clock that tests turn by hand."""

from dataclasses import dataclass


@dataclass
class Clock:
    """Seconds that pass when the test says so."""

    now: float = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now
