"""What a server has answered in the last minutes: requests and how long searches took, by steps.

Prometheus stores such figures for long; these are for a person who looks now.
"""

import secrets
import time
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

STEP_S = 5
STEPS = 60
API = "/v1/"
"""What routes of the API begin with; probes and the files of the page do not count."""
WATCHING = frozenset(
    {
        "/v1/traffic",
        "/v1/history",
        "/v1/jobs",
        "/v1/models",
        "/v1/collections",
        "/v1/collections/{collection}/switch",
    }
)
"""Routes that the status view asks again and again: the chart would show who looks at it."""
SEARCHES = frozenset({"/v1/search", "/v1/search/batch"})
_RATIO = 1.2
_BOUNDS = tuple(0.0005 * _RATIO**slot for slot in range(64))
"""Upper bounds of the slots, 0.5 ms to 49 s: a percentile is off by less than 20 %."""


@dataclass(frozen=True, slots=True)
class Step:
    """What was answered in `STEP_S` seconds.

    at: When it began, seconds since 1970. failures: Requests answered by 500 or more. searches:
    Those that were answered. p50_s, p95_s: Seconds within which half of them were answered, and 95
    of 100; None if there were none.
    """

    at: int
    requests: int
    failures: int
    searches: int
    p50_s: float | None
    p95_s: float | None


@dataclass(slots=True)
class _Counted:
    at: int
    requests: int = 0
    failures: int = 0
    slots: list[int] = field(default_factory=lambda: [0] * (len(_BOUNDS) + 1))


class Traffic:
    """Counts answered requests for `STEPS` steps; used by one thread, the event loop.

    replica: A name of this server that nobody else has, because an address may be that of several.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.replica = secrets.token_hex(4)
        self._clock = clock
        self._counted: deque[_Counted] = deque(maxlen=STEPS + 1)
        self._began = self._step()

    def count(self, route: str, status: int, seconds: float) -> None:
        """Count a request of the API by its route's template, unless it watches the server."""
        if not route.startswith(API) or route in WATCHING:
            return
        at = self._step()
        if not self._counted or self._counted[-1].at != at:
            self._counted.append(_Counted(at))
        now = self._counted[-1]
        now.requests += 1
        if status >= 500:
            now.failures += 1
        elif route in SEARCHES and status < 400:
            now.slots[bisect_left(_BOUNDS, seconds)] += 1

    def steps(self) -> list[Step]:
        """Return the last steps that are over, at most `STEPS`; those without a request too."""
        end = self._step()
        known = {counted.at: counted for counted in self._counted}
        begin = max(self._began, end - STEPS * STEP_S)
        return [_told(known.get(at) or _Counted(at)) for at in range(begin, end, STEP_S)]

    def _step(self) -> int:
        now = int(self._clock())
        return now - now % STEP_S


def _told(counted: _Counted) -> Step:
    return Step(
        counted.at,
        counted.requests,
        counted.failures,
        sum(counted.slots),
        percentile(counted.slots, 0.5),
        percentile(counted.slots, 0.95),
    )


def percentile(slots: Sequence[int], share: float) -> float | None:
    """Return the seconds within which a share of the counted searches was answered; None if none.

    It is interpolated within a slot, as if those in it were evenly spread.
    """
    total = sum(slots)
    if not total:
        return None
    wanted = share * total
    sums = list(accumulate(slots))
    slot = bisect_left(sums, wanted)
    below = sums[slot - 1] if slot else 0
    if slot == len(_BOUNDS):
        return _BOUNDS[-1]
    low = _BOUNDS[slot - 1] if slot else 0.0
    return low + (_BOUNDS[slot] - low) * (wanted - below) / slots[slot]
