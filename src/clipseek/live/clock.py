"""The time of frames of a camera: their timestamps, laid on the clock of this machine. Pure."""

from dataclasses import dataclass
from math import inf

EARLY_S = 1.0
"""A packet that comes so much before its time has a timestamp that has jumped forward."""
LATE_S = 10.0
"""A packet that comes so much after its time has a timestamp that has jumped back or wrapped."""


@dataclass(slots=True)
class StreamClock:
    """Lays timestamps on the wall clock; all times are in seconds.

    What arrives is late by a network that varies, so the packet that arrived soonest since the last
    `settle` says where the timestamps begin. A camera's clock runs at another speed than ours:
    `settle`, which is called where a chunk begins, corrects that.
    """

    _begins: float | None = None
    _soonest: float = inf
    _last: float | None = None

    def sees(self, stamp: float | None, arrived: float) -> bool:
        """Take note of a packet; say whether times go on from the one before.

        `stamp` is when it is decoded by its own clock, or None if it has none. If times do not go
        on, the clock begins again with this packet.
        """
        if stamp is None:
            before, self._last = self._last, arrived
            return before is None or before <= arrived + EARLY_S
        offset = arrived - stamp
        goes_on = self._begins is None or -EARLY_S <= offset - self._begins <= LATE_S
        if self._begins is None or not goes_on:
            self._begins = self._soonest = offset
        self._soonest = min(self._soonest, offset)
        return goes_on

    def time(self, stamp: float | None, arrived: float) -> float:
        """Return when what has a timestamp is shown, seconds since 1970."""
        if stamp is None or self._begins is None:
            return arrived
        return stamp + self._begins

    def ahead_s(self, stamp: float, now: float) -> float:
        """Return how many seconds remain until a timestamp is due; 0 or less if it is."""
        return 0.0 if self._begins is None else stamp + self._begins - now

    def settle(self) -> None:
        """Correct the clock by what arrived since the last call; times may go back by that."""
        if self._soonest < inf:
            self._begins, self._soonest = self._soonest, inf
