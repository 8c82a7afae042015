"""Watches and alerts: what the server says of them, and what it takes."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any, TypeVar, Unpack
from urllib.parse import quote

from typing_extensions import TypedDict

from clipseek_client.asked import Field, LikeMoment, SearchPart, Then, sent
from clipseek_client.errors import InvalidValue
from clipseek_client.steps import Flow, Request, Server
from clipseek_client.values import Answer, Url

T = TypeVar("T")


class Hours(TypedDict, total=False):
    """When a watch fires: days such as `mon`, times such as `22:00`, and a time zone."""

    days: Sequence[str]
    start: str
    end: str
    zone: str


class Webhook(TypedDict, total=False):
    """Where alerts are sent; without a secret, the server makes one and tells it once."""

    url: str
    secret: str


class WatchQuery(TypedDict, total=False):
    """What a watch asks for in place of a sentence, or besides, as a search does."""

    like: LikeMoment
    image: Any
    image_url: str
    parts: Sequence[SearchPart]
    then: Then
    fields: Sequence[Field]
    collection: str
    margin: float
    cameras: Sequence[str]
    hours: Hours
    cooldown: float


class NewWatch(WatchQuery, total=False):
    """The other options of a watch."""

    keeps: bool
    webhook: Webhook
    on: bool


class WatchEdit(TypedDict, total=False):
    """What to change of a watch; None takes cameras, hours or the webhook away."""

    name: str
    threshold: float
    margin: float
    cameras: Sequence[str] | None
    hours: Hours | None
    cooldown: float
    keeps: bool
    webhook: Webhook | None
    on: bool


class WatchedLike(Answer):
    """A moment whose like is watched for."""

    video_id: str
    time: float


class WatchedPart(Answer):
    """A part of what a watch asks for."""

    weight: float
    text: str | None = None
    like: WatchedLike | None = None
    picture: bool


class WatchedStep(Answer):
    """What must follow."""

    within: float
    parts: list[WatchedPart]


class WatchHours(Answer):
    """When a watch fires."""

    days: list[str] = []  # noqa: RUF012  pydantic copies it
    start: str = "00:00"
    end: str = "24:00"
    zone: str = "UTC"


class WatchWebhook(Answer):
    """Where alerts are sent; the secret is told once, when it was made."""

    url: str
    secret: str | None = None


class Watch(Answer):
    """A query that keeps watching. `webhook` is None without the scope `write`."""

    id: str
    name: str
    collection: str
    described: str
    parts: list[WatchedPart]
    then: list[WatchedStep]
    fields: list[str]
    threshold: float
    margin: float
    cameras: list[str] | None
    hours: WatchHours | None
    cooldown: float
    keeps: bool
    webhook: WatchWebhook | None
    on: bool
    by: str
    created_at: str


class Watches(Answer):
    """Watches, by name."""

    watches: list[Watch]


class AlertMoment(Answer):
    """The moment that a watch fires for: seconds of a video, and times if they are known."""

    collection: str
    video_id: str
    camera: str | None
    start: float
    end: float
    best_time: float
    start_at: str | None
    end_at: str | None
    relevance: float
    thumbnail_url: Url
    play_url: Url


class Alert(AlertMoment):
    """One event that a watch has fired for. `delivery` is that of its webhook."""

    id: str
    watch: str
    watch_name: str
    keeps: bool
    created_at: str
    delivery: str
    attempts: int
    reason: str


class Alerts(Answer):
    """A page of alerts."""

    alerts: list[Alert]
    next: str | None = None


class Proposal(Answer):
    """A threshold, and how often it would have fired."""

    threshold: float
    alerts: int
    alerts_per_day: float


class Trial(Answer):
    """What a watch would have done; `moments` are the last times."""

    days: float
    videos: int
    alerts: int
    alerts_per_day: float
    moments: list[AlertMoment]
    proposed: Proposal | None


def listed(server: Server, collection: str | None) -> Flow[Watches]:
    """List the watches."""
    params = {} if collection is None else {"collection": collection}
    return server.read(Watches, Request("GET", "/v1/watches", params=params))


def one(server: Server, watch_id: str) -> Flow[Watch]:
    """Describe a watch."""
    return server.read(Watch, Request("GET", _path("watches", watch_id)))


def add(server: Server, asked: Mapping[str, Any]) -> Flow[Watch]:
    """Make a watch; it is sent once, because two would both fire."""
    return server.read(Watch, Request("POST", "/v1/watches", json=sent(asked), safe=False))


def change(server: Server, watch_id: str, changes: Mapping[str, Any]) -> Flow[Watch]:
    """Change a watch; None takes cameras, hours or the webhook away."""
    return server.read(Watch, Request("PATCH", _path("watches", watch_id), json=dict(changes)))


def remove(server: Server, watch_id: str) -> Flow[None]:
    """Remove a watch."""
    yield from server.answered(Request("DELETE", _path("watches", watch_id), safe=False))


def tried(server: Server, asked: Mapping[str, Any]) -> Flow[Trial]:
    """Try a watch over the past; this changes nothing."""
    return server.read(Trial, Request("POST", "/v1/watches/test", json=sent(asked)))


def alerts(server: Server, only: Mapping[str, Any], after: str | None, limit: int) -> Flow[Alerts]:
    """List a page of alerts, the newest first."""
    asked = {**only, "after": after, "limit": limit}
    params = {name: value for name, value in asked.items() if value is not None}
    return server.read(Alerts, Request("GET", "/v1/alerts", params=params))


def alert(server: Server, alert_id: str) -> Flow[Alert]:
    """Describe an alert."""
    return server.read(Alert, Request("GET", _path("alerts", alert_id)))


def _path(kind: str, value: str) -> str:
    if value in ("", ".", "..") or "/" in value:
        raise InvalidValue(f"the id must not be {value!r}; give that of an answer")
    return f"/v1/{kind}/{quote(value, safe='')}"


class WatchMethods:
    """What `Client` does with watches and alerts."""

    _server: Server

    def _run(self, flow: Flow[T]) -> T:
        raise NotImplementedError

    def watches(self, *, collection: str | None = None) -> list[Watch]:
        """Return the watches, by name."""
        return self._run(listed(self._server, collection)).watches

    def watch(self, watch_id: str) -> Watch:
        """Return a watch."""
        return self._run(one(self._server, watch_id))

    def add_watch(
        self,
        name: str,
        query: str | None = None,
        *,
        threshold: float,
        **options: Unpack[NewWatch],
    ) -> Watch:
        """Watch for what a query describes from now on; the secret of a webhook is told now."""
        asked = {"name": name, "query": query, "threshold": threshold, **options}
        return self._run(add(self._server, asked))

    def change_watch(self, watch_id: str, **changes: Unpack[WatchEdit]) -> Watch:
        """Change a watch, such as `on`; None takes cameras, hours or the webhook away."""
        return self._run(change(self._server, watch_id, changes))

    def remove_watch(self, watch_id: str) -> None:
        """Remove a watch; its alerts stay."""
        self._run(remove(self._server, watch_id))

    def try_watch(
        self,
        query: str | None = None,
        *,
        threshold: float | None = None,
        days: float | None = None,
        alerts_per_day: float | None = None,
        **options: Unpack[WatchQuery],
    ) -> Trial:
        """Return how often a watch would have fired, and a threshold for a number of alerts."""
        wanted = {"threshold": threshold, "days": days, "alerts_per_day": alerts_per_day}
        return self._run(tried(self._server, {"query": query, **wanted, **options}))

    def alert(self, alert_id: str) -> Alert:
        """Return an alert."""
        return self._run(alert(self._server, alert_id))

    def alerts(
        self, *, collection: str | None = None, watch: str | None = None, page: int = 100
    ) -> Iterator[Alert]:
        """Yield the alerts, the newest one first, asking for a page of them at a time."""
        only, after = {"collection": collection, "watch": watch}, None
        while True:
            found = self._run(alerts(self._server, only, after, page))
            yield from found.alerts
            if (after := found.next) is None:
                return


class AsyncWatchMethods:
    """What `AsyncClient` does with watches and alerts."""

    _server: Server

    async def _run(self, flow: Flow[T]) -> T:
        raise NotImplementedError

    async def watches(self, *, collection: str | None = None) -> list[Watch]:
        """Return the watches, by name."""
        return (await self._run(listed(self._server, collection))).watches

    async def watch(self, watch_id: str) -> Watch:
        """Return a watch."""
        return await self._run(one(self._server, watch_id))

    async def add_watch(
        self,
        name: str,
        query: str | None = None,
        *,
        threshold: float,
        **options: Unpack[NewWatch],
    ) -> Watch:
        """Watch for what a query describes from now on; the secret of a webhook is told now."""
        asked = {"name": name, "query": query, "threshold": threshold, **options}
        return await self._run(add(self._server, asked))

    async def change_watch(self, watch_id: str, **changes: Unpack[WatchEdit]) -> Watch:
        """Change a watch, such as `on`; None takes cameras, hours or the webhook away."""
        return await self._run(change(self._server, watch_id, changes))

    async def remove_watch(self, watch_id: str) -> None:
        """Remove a watch; its alerts stay."""
        await self._run(remove(self._server, watch_id))

    async def try_watch(
        self,
        query: str | None = None,
        *,
        threshold: float | None = None,
        days: float | None = None,
        alerts_per_day: float | None = None,
        **options: Unpack[WatchQuery],
    ) -> Trial:
        """Return how often a watch would have fired, and a threshold for a number of alerts."""
        wanted = {"threshold": threshold, "days": days, "alerts_per_day": alerts_per_day}
        return await self._run(tried(self._server, {"query": query, **wanted, **options}))

    async def alert(self, alert_id: str) -> Alert:
        """Return an alert."""
        return await self._run(alert(self._server, alert_id))

    async def alerts(
        self, *, collection: str | None = None, watch: str | None = None, page: int = 100
    ) -> AsyncIterator[Alert]:
        """Yield the alerts, the newest one first, asking for a page of them at a time."""
        only, after = {"collection": collection, "watch": watch}, None
        while True:
            found = await self._run(alerts(self._server, only, after, page))
            for each in found.alerts:
                yield each
            if (after := found.next) is None:
                return
