"""How well a query fits over time, as events: an alert for each, however long it lasts. Pure.

An event begins when the fit reaches the threshold, and ends when it falls below it by the margin
(a Schmitt trigger): a fit that trembles about the threshold is one event. A threshold for a wanted
number of alerts is found from how many events there would be at each threshold, and not from single
frames, because one event has as many good frames as it is long.
"""

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

GAP_S = 10.0
"""Seconds without any frame after which an event is over: a camera was away for longer."""
_LOGITS = np.linspace(-7.0, 7.0, 281)
"""Thresholds that are compared: relevance 0.001 to 0.999, evenly in its logit."""

Allowed = Callable[[float], bool]
"""Says whether an event that begins at a time causes an alert."""


@dataclass(frozen=True, slots=True)
class Rule:
    """When an event begins and ends. threshold: In (0, 1]. margin, cooldown_s: See `Watch`."""

    threshold: float
    margin: float
    cooldown_s: float = 0.0

    @property
    def low(self) -> float:
        """Below this an event is over: half of a threshold that is less than twice the margin."""
        return low_of(self.threshold, self.margin)


def low_of(threshold: float, margin: float) -> float:
    """Return the fit below which an event is over."""
    return max(threshold - margin, threshold / 2)


@dataclass(frozen=True, slots=True)
class Signal:
    """How well the frames of a stream fit. spans: float64 (S, 2) seconds, by time. fit: (S,)."""

    spans: Floats
    fit: Floats

    def __post_init__(self) -> None:
        if self.spans.shape != (len(self.fit), 2):
            raise ValueError(f"{len(self.fit)} fits, but spans {self.spans.shape}")

    @property
    def begins(self) -> NDArray[np.bool_]:
        """Which frames come after a gap, bool (S,); the first does."""
        found = np.ones(len(self.fit), np.bool_)
        if len(found) > 1:
            ends = np.maximum.accumulate(self.spans[:-1, 1])
            found[1:] = self.spans[1:, 0] - ends > GAP_S
        return found


@dataclass(frozen=True, slots=True)
class State:
    """Where the last signal of a stream ended, in seconds. fired_at: Begin of the last alert."""

    until: float = -math.inf
    is_up: bool = False
    fired_at: float = -math.inf


@dataclass(slots=True)
class Event:
    """A run of frames of one event, as rows. is_new: Whether it begins here.

    fires: Whether it causes an alert, if it is new.
    """

    first: int
    last: int
    best: int
    is_new: bool
    fires: bool = False


def follow(
    signal: Signal, rule: Rule, state: State, allowed: Allowed = lambda _: True
) -> tuple[list[Event], State]:
    """Return the events of a signal that goes on from a state, and the state after it."""
    is_up, until, fired_at = state.is_up, state.until, state.fired_at
    events: list[Event] = []
    current: Event | None = None
    fits: list[float] = signal.fit.tolist()
    for row, ((start, end), fit) in enumerate(zip(signal.spans.tolist(), fits, strict=True)):
        if is_up and (start - until > GAP_S or fit < rule.low):
            is_up, current = False, None
        if is_up:
            if current is None:
                current = Event(row, row, row, is_new=False)
                events.append(current)
            current.last = row
            if fit > fits[current.best]:
                current.best = row
        elif fit >= rule.threshold:
            fires = start - fired_at >= rule.cooldown_s and allowed(start)
            is_up, fired_at = True, start if fires else fired_at
            current = Event(row, row, row, is_new=True, fires=fires)
            events.append(current)
        until = max(until, end)
    return events, State(until, is_up, fired_at)


def rises(fit: Floats, begins: NDArray[np.bool_], rule: Rule) -> NDArray[np.int64]:
    """Return the rows at which events begin, as `follow` finds them from the beginning.

    begins: Which frames come after a gap, or first in a stream; see `Signal.begins`.
    """
    mark = np.where(fit >= rule.threshold, 1, np.where(fit < rule.low, -1, 0))
    mark[begins & (mark == 0)] = -1
    if not len(mark):
        return np.empty(0, np.int64)
    last = np.maximum.accumulate(np.where(mark != 0, np.arange(len(mark)), 0))
    is_up = mark[last] == 1
    was_up = np.concatenate([[False], is_up[:-1]])
    return np.flatnonzero(is_up & (~was_up | begins))


@dataclass(frozen=True, slots=True)
class Proposal:
    """A threshold, and how many alerts it would have caused."""

    threshold: float
    alerts: int


@dataclass(frozen=True, slots=True)
class Past:
    """What a watch would have seen. allowed: For each signal, when its events cause alerts."""

    signals: Sequence[Signal]
    allowed: Sequence[Allowed] = field(default_factory=tuple)

    def alerts(self, rule: Rule) -> int:
        """Return how many alerts it would have caused by a rule."""
        return self._counts([rule])[0]

    def _counts(self, rules: Sequence[Rule]) -> list[int]:
        """Count the alerts by each rule, over all signals at once."""
        filled = [place for place, signal in enumerate(self.signals) if len(signal.fit)]
        if not filled:
            return [0] * len(rules)
        some = [self.signals[place] for place in filled]
        fit = np.concatenate([signal.fit for signal in some])
        begins = np.concatenate([signal.begins for signal in some])
        starts = np.concatenate([signal.spans[:, 0] for signal in some])
        owners = np.repeat(filled, [len(signal.fit) for signal in some])
        found = []
        for rule in rules:
            rows = rises(fit, begins, rule)
            if not self.allowed and not rule.cooldown_s:
                found.append(len(rows))
            else:
                found.append(self._fired(owners[rows], starts[rows], rule.cooldown_s))
        return found

    def _fired(self, owners: NDArray[np.int64], starts: Floats, cooldown_s: float) -> int:
        """Return how many events cause an alert; they are in the order of time in each signal."""
        count, owner, fired_at = 0, -1, -math.inf
        for mine, start in zip(owners.tolist(), starts.tolist(), strict=True):
            if mine != owner:
                owner, fired_at = mine, -math.inf
            is_allowed = not self.allowed or self.allowed[mine](start)
            if start - fired_at >= cooldown_s and is_allowed:
                count, fired_at = count + 1, start
        return count

    def proposed(self, wanted: float, *, margin: float, cooldown_s: float = 0.0) -> Proposal:
        """Return the threshold that would have caused the wanted number of alerts, or nearly so.

        It is in the middle of the longest run of thresholds that have this number, because there
        the best event that is left out and the worst one that is not are furthest apart. If none
        has it, it is the nearest number, and of two the lower one. A run of another number, even if
        it is longer, loses events: with a quarter of slack, recall on demo videos fell from 0.96 to
        0.90, while segments were judged (`python -m benchmarks.watches --seed 931`).
        """
        thresholds = 1 / (1 + np.exp(-_LOGITS))
        rules = [Rule(float(each), margin, cooldown_s) for each in thresholds]
        counts = np.array(self._counts(rules))
        runs = _runs(counts)
        # Below the threshold of most events, they flow together: few, because they never end.
        most = max(place for place, run in enumerate(runs) if counts[run[0]] == counts.max())
        chosen = min(
            runs[most:],
            key=lambda run: (abs(counts[run[0]] - wanted), counts[run[0]], run[0] - run[1]),
        )
        middle = (chosen[0] + chosen[1] - 1) / 2
        logit = float(np.interp(middle, np.arange(len(_LOGITS)), _LOGITS))
        threshold = round(1 / (1 + math.exp(-logit)), 4)
        return Proposal(threshold, self.alerts(Rule(threshold, margin, cooldown_s)))


def _runs(counts: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Return where equal counts are beside each other, as [first, end)."""
    edges = [0, *(np.flatnonzero(np.diff(counts)) + 1).tolist(), len(counts)]
    return list(itertools.pairwise(edges))
