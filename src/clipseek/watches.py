"""Watches and alerts: queries that keep watching a collection, and what they have found. Pure.

A watch *fires* once for each event: when its query fits at least as well as the threshold. The
event lasts until the fit falls below the threshold by the margin. One process at a time, which has
the *turn* of a collection, judges what is new there; it stores the alerts, what it knows of each
stream and how far it has come in one transaction, so that no alert is lost or repeated.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from clipseek.errors import InvalidQuery, RequestError
from clipseek.parts import is_unicode

DeliveryState = Literal["none", "waiting", "delivered", "failed"]
DELIVERY_STATES: tuple[DeliveryState, ...] = get_args(DeliveryState)
Asked = Mapping[str, object]
"""A query as JSON: what `live.asking` writes and reads."""

MAX_NAME_CHARACTERS = 200
MAX_CAMERAS = 100
MAX_COOLDOWN_S = 7 * 86400.0
MARGIN = 0.1
"""How far below the threshold the relevance falls before an event is over, unless a watch says."""
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = get_args(Day)


class WatchNotFound(RequestError):
    """No watch with this id exists."""

    def __init__(self, watch_id: str) -> None:
        self.watch_id = watch_id
        super().__init__(
            f"no watch {watch_id!r}; it may have been removed, so look for it in the list of "
            "watches"
        )


class AlertNotFound(RequestError):
    """No alert with this id exists, or it was deleted."""

    def __init__(self, alert_id: str) -> None:
        self.alert_id = alert_id
        super().__init__(
            f"no alert {alert_id!r}; alerts are deleted after a while, so look for it in the list "
            "of alerts"
        )


@dataclass(frozen=True, slots=True)
class Hours:
    """When a watch fires: on some days, from one minute of the day to another, in a time zone.

    start, end: Minutes since midnight, [start, end). If `end` is not after `start`, the hours run
    over midnight and belong to the day on which they begin.
    """

    days: tuple[Day, ...] = DAYS
    start: int = 0
    end: int = 24 * 60
    zone: str = "UTC"

    def problem(self) -> str | None:
        """Return what is wrong, or None."""
        if not self.days or not set(self.days) <= set(DAYS):
            return f"hours.days must be some of {', '.join(DAYS)}, got {', '.join(self.days)}"
        if not (0 <= self.start < 24 * 60 and 0 <= self.end <= 24 * 60):
            return (
                "hours.start must be 00:00 to 23:59 and hours.end 00:00 to 24:00, got minutes "
                f"{self.start} and {self.end}"
            )
        if self.start == self.end:
            return "hours.end must be another time than hours.start; leave hours out for all day"
        try:
            ZoneInfo(self.zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            return f"hours.zone must be a time zone such as Europe/Vienna or UTC, got {self.zone!r}"
        return None


@dataclass(frozen=True, slots=True)
class Watch:
    """One standing query.

    collection: The name that was asked for, which may be an alias. asked: The query as JSON.
    threshold: Relevance in (0, 1] from which on it fires. cameras: Only these, or None for all
    videos. cooldown_s: Seconds after an alert in which one camera, or one video, causes no other.
    keeps: Whether retention keeps the footage of its alerts. webhook: Where alerts are sent, or
    None. secret: Signs what is sent. since: Seconds since 1970, by the clock of the database: what
    was indexed or recorded before is not judged.
    """

    id: str
    name: str
    collection: str
    asked: Asked
    threshold: float
    margin: float = MARGIN
    cameras: tuple[str, ...] | None = None
    hours: Hours | None = None
    cooldown_s: float = 0.0
    keeps: bool = False
    webhook: str | None = field(default=None, repr=False)
    secret: str = field(default="", repr=False)
    is_on: bool = True
    by: str = ""
    created_at: str = ""
    since: float = 0.0

    def problem(self) -> InvalidQuery | None:
        """Return what is wrong, apart from the query and the webhook, or None."""
        found = self._problem()
        return None if found is None else InvalidQuery(found)

    def _problem(self) -> str | None:
        length = len(self.name.strip())
        if not 1 <= length <= MAX_NAME_CHARACTERS or not is_unicode(self.name):
            return f"name must have 1 to {MAX_NAME_CHARACTERS} characters, got {length}"
        if not (math.isfinite(self.threshold) and 0 < self.threshold <= 1):
            return f"threshold must be more than 0 and at most 1, got {self.threshold:g}"
        if not (math.isfinite(self.margin) and 0 <= self.margin <= 1):
            return f"margin must be 0 to 1, got {self.margin:g}"
        if not 0 <= self.cooldown_s <= MAX_COOLDOWN_S:
            return f"cooldown must be 0 to {MAX_COOLDOWN_S:g} seconds, got {self.cooldown_s:g}"
        if self.cameras is not None and not 1 <= len(self.cameras) <= MAX_CAMERAS:
            return (
                f"cameras must name 1 to {MAX_CAMERAS}, got {len(self.cameras)}; leave them out "
                "to watch all videos of the collection"
            )
        return None if self.hours is None else self.hours.problem()


@dataclass(frozen=True, slots=True)
class Alert:
    """One event that a watch has fired for.

    number: Ascends in the order in which alerts became visible. video_id, start, end, best_time:
    The moment, in seconds of the video. stream: The camera, or empty. start_at, end_at: RFC 3339 in
    UTC, empty if it is not known when the video was recorded. `end_at` may be in a later video.
    delivery, attempts, reason: Of the webhook; `reason` says why the last attempt failed.
    """

    id: str
    watch: str
    watch_name: str
    collection: str
    video_id: str
    start: float
    end: float
    best_time: float
    relevance: float
    stream: str = ""
    start_at: str = ""
    end_at: str = ""
    keeps: bool = False
    created_at: str = ""
    number: int = 0
    delivery: DeliveryState = "none"
    attempts: int = 0
    reason: str = ""


def moment_json(alert: Alert) -> dict[str, object]:
    """Return the moment of an alert as JSON; what is not known is null."""
    return {
        "collection": alert.collection,
        "video_id": alert.video_id,
        "camera": alert.stream or None,
        "start": alert.start,
        "end": alert.end,
        "best_time": alert.best_time,
        "start_at": alert.start_at or None,
        "end_at": alert.end_at or None,
        "relevance": alert.relevance,
    }


def alert_json(alert: Alert) -> dict[str, object]:
    """Return an alert as JSON: as webhooks, the API and the command say it."""
    return {
        "id": alert.id,
        "watch": alert.watch,
        "watch_name": alert.watch_name,
        **moment_json(alert),
        "keeps": alert.keeps,
        "created_at": alert.created_at or None,
    }


def delivery_json(alert: Alert) -> dict[str, object]:
    """Return as JSON whether an alert was sent; its receiver needs none of it."""
    return {"delivery": alert.delivery, "attempts": alert.attempts, "reason": alert.reason}


@dataclass(frozen=True, slots=True)
class StreamState:
    """What is known of one stream of a watch after the last judged segment.

    until: The end of that segment, seconds since 1970. alert: The id of the alert of the event that
    goes on, or empty. is_up: Whether an event goes on, with an alert or, in the cool-down, without.
    fired_at: When the last alert began, or minus infinity.
    """

    until: float = -math.inf
    is_up: bool = False
    alert: str = ""
    fired_at: float = -math.inf


@dataclass(frozen=True, slots=True)
class Turn:
    """The right to judge what is new in a collection, and how far that is done.

    key, epoch: The collection's; another epoch is another collection. version: The last one that
    was judged, or -1 if none was. at: When that was stored, seconds since 1970 by the clock of the
    database. owner: Who has the turn.
    """

    key: str
    epoch: str
    version: int
    at: float
    owner: str


@dataclass(frozen=True, slots=True)
class Longer:
    """An alert whose event went on: its new end, and its best frame and relevance by now."""

    alert: str
    end: float
    best_time: float
    relevance: float
    end_at: str = ""


@dataclass(frozen=True, slots=True)
class Findings:
    """What judging has found: all of it is stored, or nothing.

    states: By watch and stream.
    """

    alerts: Sequence[Alert] = ()
    longer: Sequence[Longer] = ()
    states: Mapping[tuple[str, str], StreamState] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Delivery:
    """An alert that is to be sent now. attempts: How often it was tried before."""

    alert: Alert
    url: str = field(repr=False)
    secret: str = field(repr=False)
    attempts: int
    owner: str


@dataclass(frozen=True, slots=True)
class DeliveryCounts:
    """Deliveries by state, and since when the oldest one waits, in seconds; 0 if none does."""

    of: Mapping[DeliveryState, int]
    oldest_s: float = 0.0


class WatchReader(Protocol):
    """The watches and the alerts, to read. A catalog that is not there yet has none.

    Every method may raise ServiceUnavailable (database gone).
    """

    def watch(self, watch_id: str) -> Watch:
        """Return a watch; raise WatchNotFound."""
        ...

    def watches(self, *, collections: Sequence[str] | None = None) -> list[Watch]:
        """Return the watches by name and id: all, or those of some names of collections."""
        ...

    def alert(self, alert_id: str) -> Alert:
        """Return an alert; raise AlertNotFound."""
        ...

    def alerts(
        self,
        *,
        collections: Sequence[str] | None = None,
        watch: str | None = None,
        after: str = "",
        limit: int = 100,
    ) -> list[Alert]:
        """Return alerts, the newest first, those that are older than the alert `after`.

        Raises:
            AlertNotFound: there is no alert `after`.
        """
        ...

    def alerts_of(self, watch: str, video_ids: Sequence[str]) -> list[Alert]:
        """Return the alerts of a watch in some videos, oldest first."""
        ...

    def news(self, number: int, *, limit: int = 1000) -> list[Alert]:
        """Return alerts with higher numbers, ascending; no lower one can appear later."""
        ...

    def latest(self) -> int:
        """Return the number of the newest alert; 0 if there is none."""
        ...

    def states(self, watches: Sequence[str]) -> dict[tuple[str, str], StreamState]:
        """Return what is known of the streams of some watches, by watch and stream."""
        ...

    def judged(self) -> dict[str, int]:
        """Return up to which version each collection was judged, by its key."""
        ...

    def delivery_counts(self) -> DeliveryCounts:
        """Count the deliveries by state."""
        ...

    def close(self) -> None:
        """Give back connections."""
        ...


class WatchStore(WatchReader, Protocol):
    """The watches, to change, to run and to deliver. Every change is one transaction."""

    def add(self, watch: Watch) -> Watch:
        """Store a watch; return it with `created_at` and `since`, which are now.

        Raises:
            ValueError: a text cannot be stored.
        """
        ...

    def change(self, watch: Watch) -> Watch:
        """Store what a watch is from now on, by its id; one that is switched on begins now.

        Without a webhook, what waits to be sent fails.

        Raises:
            WatchNotFound: it was removed.
            ValueError: a text cannot be stored.
        """
        ...

    def remove(self, watch_id: str) -> None:
        """Remove a watch; alerts stay, those that wait to be sent fail. Raise WatchNotFound."""
        ...

    def take(self, owner: str, key: str, epoch: str, lease_s: float) -> Turn | None:
        """Take or renew the turn of a collection for `lease_s` seconds; None if another has it."""
        ...

    def commit(self, turn: Turn, version: int, findings: Findings, lease_s: float) -> bool:
        """Store what was found up to a version, and renew; False, and no change, if lost.

        Alerts of watches that were removed or switched off meanwhile are left out. An alert is to
        be delivered if its watch has a webhook.
        """
        ...

    def release(self, owner: str) -> None:
        """Give up all turns, and what was taken to be delivered."""
        ...

    def due(
        self, owner: str, lease_s: float, most: int, *, besides: Sequence[str] = ()
    ) -> list[Delivery]:
        """Take deliveries that are due, for `lease_s` seconds, the oldest first.

        besides: Hosts as `urls.host_of` names them, to which nothing is taken.
        """
        ...

    def delivered(self, delivery: Delivery) -> bool:
        """Note that an alert has arrived; False if the lease was lost."""
        ...

    def undelivered(self, delivery: Delivery, reason: str, after_s: float | None) -> bool:
        """Note that an attempt failed, to be tried again or, with None, never; False if lost."""
        ...

    def prune(self, older_than_s: float) -> int:
        """Delete alerts that were made longer ago, unless they are to be sent; return how many."""
        ...
