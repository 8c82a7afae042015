"""Watches and alerts in memory."""

import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from clipseek.watches import (
    Alert,
    AlertNotFound,
    Delivery,
    DeliveryCounts,
    DeliveryState,
    Findings,
    StreamState,
    Turn,
    Watch,
    WatchNotFound,
)

_WHEN = "2026-01-01T00:00:00Z"
"""The time of everything: no time passes in the texts of this store."""


@dataclass(slots=True)
class _Lease:
    owner: str = ""
    due: float = 0.0


class MemoryWatches:
    """A `WatchStore` in dictionaries, for one thread."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._watches: dict[str, Watch] = {}
        self._alerts: dict[str, Alert] = {}
        self._made: dict[str, float] = {}
        self._states: dict[tuple[str, str], StreamState] = {}
        self._turns: dict[str, tuple[Turn, _Lease]] = {}
        self._deliveries: dict[str, _Lease] = {}
        self._numbers = itertools.count(1)

    def watch(self, watch_id: str) -> Watch:
        """Return a watch; raise WatchNotFound."""
        if watch_id not in self._watches:
            raise WatchNotFound(watch_id)
        return self._watches[watch_id]

    def watches(self, *, collections: Sequence[str] | None = None) -> list[Watch]:
        """Return the watches by name and id: all, or those of some names of collections."""
        found = [
            watch
            for watch in self._watches.values()
            if collections is None or watch.collection in collections
        ]
        return sorted(found, key=lambda watch: (watch.name, watch.id))

    def alert(self, alert_id: str) -> Alert:
        """Return an alert; raise AlertNotFound."""
        if alert_id not in self._alerts:
            raise AlertNotFound(alert_id)
        return self._alerts[alert_id]

    def alerts(
        self,
        *,
        collections: Sequence[str] | None = None,
        watch: str | None = None,
        after: str = "",
        limit: int = 100,
    ) -> list[Alert]:
        """Return alerts, the newest first, those that are older than the alert `after`."""
        before = self.alert(after).number if after else float("inf")
        found = [
            alert
            for alert in reversed(self._alerts.values())
            if alert.number < before
            and (collections is None or alert.collection in collections)
            and (watch is None or alert.watch == watch)
        ]
        return found[:limit]

    def alerts_of(self, watch: str, video_ids: Sequence[str]) -> list[Alert]:
        """Return the alerts of a watch in some videos, oldest first."""
        return [
            alert
            for alert in self._alerts.values()
            if alert.watch == watch and alert.video_id in video_ids
        ]

    def news(self, number: int, *, limit: int = 1000) -> list[Alert]:
        """Return alerts with higher numbers, ascending."""
        return [alert for alert in self._alerts.values() if alert.number > number][:limit]

    def latest(self) -> int:
        """Return the number of the newest alert; 0 if there is none."""
        return max((alert.number for alert in self._alerts.values()), default=0)

    def states(self, watches: Sequence[str]) -> dict[tuple[str, str], StreamState]:
        """Return what is known of the streams of some watches, by watch and stream."""
        return {key: state for key, state in self._states.items() if key[0] in watches}

    def judged(self) -> dict[str, int]:
        """Return up to which version each collection was judged, by its key."""
        return {key: turn.version for key, (turn, _) in self._turns.items()}

    def delivery_counts(self) -> DeliveryCounts:
        """Count the deliveries by state."""
        counts: dict[DeliveryState, int] = {}
        for alert in self._alerts.values():
            if alert.delivery != "none":
                counts[alert.delivery] = counts.get(alert.delivery, 0) + 1
        ages = [self._now() - self._made[alert.id] for alert in self._waiting()]
        return DeliveryCounts(counts, max(ages, default=0.0))

    def close(self) -> None:
        """Do nothing."""

    def add(self, watch: Watch) -> Watch:
        """Store a watch; return it with `created_at` and `since`, which are now."""
        _require_storable(watch)
        self._watches[watch.id] = replace(watch, created_at=_WHEN, since=self._now())
        return self._watches[watch.id]

    def change(self, watch: Watch) -> Watch:
        """Store what a watch is from now on, by its id; one that is switched on begins now."""
        _require_storable(watch)
        before = self.watch(watch.id)
        since = before.since
        if watch.is_on and not before.is_on:
            since = self._now()
            self._states = {key: each for key, each in self._states.items() if key[0] != watch.id}
        if watch.webhook is None:
            self._give_up(watch.id, "the watch has no webhook any more")
        self._watches[watch.id] = replace(watch, created_at=before.created_at, since=since)
        return self._watches[watch.id]

    def remove(self, watch_id: str) -> None:
        """Remove a watch; alerts stay, and those that wait to be sent are not sent."""
        self.watch(watch_id)
        del self._watches[watch_id]
        self._states = {key: each for key, each in self._states.items() if key[0] != watch_id}
        self._give_up(watch_id, "the watch was removed")

    def take(self, owner: str, key: str, epoch: str, lease_s: float) -> Turn | None:
        """Take or renew the turn of a collection for `lease_s` seconds; None if another has it."""
        now = self._now()
        turn, lease = self._turns.get(key, (Turn(key, epoch, -1, now, ""), _Lease()))
        if lease.owner not in (owner, "") and lease.due > now:
            return None
        if turn.epoch != epoch:
            turn = Turn(key, epoch, -1, now, "")
        turn = replace(turn, owner=owner)
        self._turns[key] = turn, _Lease(owner, now + lease_s)
        return turn

    def commit(self, turn: Turn, version: int, findings: Findings, lease_s: float) -> bool:
        """Store what was found up to a version, and renew; False, and no change, if lost."""
        now = self._now()
        known, lease = self._turns[turn.key]
        if (known.epoch, known.version, lease.owner) != (turn.epoch, turn.version, turn.owner):
            return False
        self._turns[turn.key] = (
            replace(turn, version=version, at=now),
            _Lease(turn.owner, now + lease_s),
        )
        on = {watch.id: watch for watch in self._watches.values() if watch.is_on}
        for alert in findings.alerts:
            if alert.watch in on:
                self._add(alert, is_sent=on[alert.watch].webhook is not None)
        for longer in findings.longer:
            if longer.alert in self._alerts:
                self._alerts[longer.alert] = replace(
                    self._alerts[longer.alert],
                    end=longer.end,
                    best_time=longer.best_time,
                    relevance=longer.relevance,
                    end_at=longer.end_at,
                )
        self._states |= {key: each for key, each in findings.states.items() if key[0] in on}
        return True

    def release(self, owner: str) -> None:
        """Give up all turns, and what was taken to be delivered."""
        for _, lease in self._turns.values():
            if lease.owner == owner:
                lease.owner, lease.due = "", 0.0
        for lease in self._deliveries.values():
            if lease.owner == owner:
                lease.owner, lease.due = "", 0.0

    def due(
        self, owner: str, lease_s: float, most: int, *, besides: Sequence[str] = ()
    ) -> list[Delivery]:
        """Take deliveries that are due, for `lease_s` seconds, the oldest first."""
        now, found = self._now(), list[Delivery]()
        waiting = sorted(self._waiting(), key=lambda alert: self._deliveries[alert.id].due)
        for alert in [each for each in waiting if self._deliveries[each.id].due <= now]:
            watch = self._watches[alert.watch]
            named = (watch.webhook or "").split("/")[2]
            if len(found) == most or named in besides:
                continue
            self._deliveries[alert.id] = _Lease(owner, now + lease_s)
            found.append(Delivery(alert, watch.webhook or "", watch.secret, alert.attempts, owner))
        return found

    def delivered(self, delivery: Delivery) -> bool:
        """Note that an alert has arrived; False if the lease was lost."""
        return self._ended(delivery, "delivered", "", 0.0)

    def undelivered(self, delivery: Delivery, reason: str, after_s: float | None) -> bool:
        """Note that an attempt failed, to be tried again or, with None, never; False if lost."""
        state: Literal["failed", "waiting"] = "failed" if after_s is None else "waiting"
        return self._ended(delivery, state, reason, self._now() + (after_s or 0.0))

    def prune(self, older_than_s: float) -> int:
        """Delete alerts that were made longer ago, unless they are to be sent; return how many."""
        limit = self._now() - older_than_s
        old = [
            alert.id
            for alert in self._alerts.values()
            if self._made[alert.id] < limit and alert.delivery != "waiting"
        ]
        for alert_id in old:
            del self._alerts[alert_id]
            self._deliveries.pop(alert_id, None)
        return len(old)

    def _add(self, alert: Alert, *, is_sent: bool) -> None:
        self._alerts[alert.id] = replace(
            alert,
            number=next(self._numbers),
            created_at=_WHEN,
            delivery="waiting" if is_sent else "none",
        )
        self._made[alert.id] = self._now()
        if is_sent:
            self._deliveries[alert.id] = _Lease()

    def _waiting(self) -> list[Alert]:
        return [alert for alert in self._alerts.values() if alert.delivery == "waiting"]

    def _give_up(self, watch_id: str, reason: str) -> None:
        for alert in self._waiting():
            if alert.watch == watch_id:
                self._alerts[alert.id] = replace(alert, delivery="failed", reason=reason)

    def _ended(self, delivery: Delivery, state: DeliveryState, reason: str, due: float) -> bool:
        alert = self._alerts[delivery.alert.id]
        is_mine = self._deliveries[alert.id].owner == delivery.owner
        if not is_mine or (alert.delivery, alert.attempts) != ("waiting", delivery.attempts):
            return False
        attempts = alert.attempts + 1
        self._alerts[alert.id] = replace(alert, delivery=state, attempts=attempts, reason=reason)
        self._deliveries[alert.id] = _Lease("", due)
        return True


def _require_storable(watch: Watch) -> None:
    for text in (watch.name, watch.collection, watch.webhook or "", *(watch.cameras or ())):
        if "\0" in text or any(0xD800 <= ord(letter) <= 0xDFFF for letter in text):
            raise ValueError(f"a text must be Unicode without NUL, got {text!r}")
