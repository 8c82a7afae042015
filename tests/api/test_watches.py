"""Watches over HTTP: made, listed, changed, removed and tried, each by those who may."""

import asyncio
import json
import re
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import Any

import httpx2 as httpx
import pytest
from fastapi.testclient import TestClient
from starlette.middleware import Middleware

from api import alert_streams
from api.app import create_app
from api.principal import Permission, Principal
from clipseek.catalog import SqlWatches
from clipseek.watches import Alert, Findings
from tests.api.library import Library
from tests.api.server import serving
from tests.api.test_permissions import As
from tests.chaos.program import wait_until
from tests.contracts.catalogs import sqlite_url

HOOK = {"url": "https://alarms.example/hook?token=abc"}
RED: dict[str, Any] = {"name": "red", "query": "red", "threshold": 0.5}


@pytest.fixture
def store(library: Library) -> Iterator[SqlWatches]:
    """Return the watches that the application over the library has, too."""
    url = sqlite_url(library.folder)
    with closing(SqlWatches.open(url)) as opened:
        yield opened


@contextmanager
def asking(
    library: Library, *scopes: Permission, collections: frozenset[str] | None = None
) -> Iterator[TestClient]:
    """Open a client whose requests come from a principal with some scopes."""
    app = create_app(library.service())
    principal = Principal("somebody", frozenset(scopes), collections)
    app.user_middleware.append(Middleware(As, principals=[principal]))
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def fire(store: SqlWatches, watch_id: str, *names: str, video: str = "sea") -> None:
    """Store alerts of a watch, past the API."""
    watch = store.watch(watch_id)
    turn = store.take("judge", "default", "e", 1e6)
    assert turn is not None
    alerts = [
        Alert(name, watch.id, watch.name, watch.collection, video, 2.0, 4.0, 2.5, 0.9)
        for name in names
    ]
    assert store.commit(turn, turn.version + 1, Findings(alerts), 1e6)


def test_a_watch_is_made_and_read(client: TestClient, store: SqlWatches) -> None:
    """The answer says where it is; nothing of a search's query is lost."""
    body = {
        "name": " Red, then blue ",
        "parts": [{"text": "red"}, {"text": "green", "weight": -1}],
        "then": {"query": "blue", "within": 4},
        "fields": ["picture"],
        "threshold": 0.7,
        "cameras": ["door"],
        "hours": {
            "days": ["sun", "sat"],
            "start": "22:00",
            "end": "06:30",
            "zone": "Europe/Vienna",
        },
        "cooldown": 60,
        "keeps": True,
    }
    answer = client.post("/v1/watches", json=body)
    assert answer.status_code == 201, answer.text
    said = answer.json()
    assert client.get(answer.headers["Location"]).json() == said
    assert client.get("/v1/watches").json() == {"watches": [said]}
    assert (said["name"], said["described"]) == ("Red, then blue", "red not green, then blue")
    assert [part["weight"] for part in said["parts"]] == [1.0, -1.0]
    assert (said["then"][0]["within"], said["fields"]) == (4.0, ["picture"])
    assert said["hours"]["days"] == ["sat", "sun"]
    assert (said["by"], said["on"], said["margin"]) == ("anonymous", True, 0.1)
    watch = store.watch(said["id"])
    assert (watch.cameras, watch.cooldown_s, watch.keeps) == (("door",), 60.0, True)
    assert watch.hours is not None
    assert (watch.hours.start, watch.hours.end) == (22 * 60, 6 * 60 + 30)


@pytest.mark.parametrize(
    ("change", "field", "said"),
    [
        ({"threshold": 0}, "threshold", "more than 0"),
        ({"query": ""}, "query", "1 to 1000"),
        ({"query": None}, "query", "is required"),
        ({"hours": {"start": "25:00"}}, "hours.start", "22:30"),
        ({"hours": {"start": "24:00"}}, "hours", "00:00 to 23:59"),
        ({"hours": {"zone": "Mars"}}, "hours", "Europe/Vienna"),
        ({"hours": {"start": "08:00", "end": "08:00"}}, "hours", "another time"),
        ({"cameras": []}, "cameras", "1 to 100"),
        ({"webhook": {"url": "https://a.example", "secret": "x"}}, "webhook.secret", "whsec_"),
        ({"filter": {"tags": ["x"]}}, "filter", ""),
    ],
)
def test_a_wrong_watch_is_refused(
    client: TestClient, store: SqlWatches, change: dict[str, Any], field: str, said: str
) -> None:
    """By the name of the field; nothing is stored."""
    answer = client.post("/v1/watches", json={**RED, **change})
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["field"] == field
    assert said in error["detail"]
    assert store.watches() == []


@pytest.mark.parametrize(
    "url", ["http://alarms.example/x", "https://ann:secret@alarms.example", "ftp://x.example"]
)
def test_a_webhook_has_an_address_that_may_be_used(client: TestClient, url: str) -> None:
    """HTTPS, and no password, which would be repeated."""
    answer = client.post("/v1/watches", json={**RED, "webhook": {"url": url}})
    assert answer.status_code == 422
    assert "secret" not in answer.text


def test_a_secret_is_told_once(client: TestClient, store: SqlWatches) -> None:
    """When it is made, and when another webhook gets one."""
    made = client.post("/v1/watches", json={**RED, "webhook": HOOK}).json()
    secret = made["webhook"]["secret"]
    assert secret == store.watch(made["id"]).secret
    assert secret.startswith("whsec_")
    path = f"/v1/watches/{made['id']}"
    assert client.get(path).json()["webhook"] == {**HOOK, "secret": None}
    same = client.patch(path, json={"webhook": HOOK})
    assert same.json()["webhook"]["secret"] is None
    assert store.watch(made["id"]).secret == secret
    other = client.patch(path, json={"webhook": {"url": "https://b.example/"}}).json()
    assert other["webhook"]["secret"] == store.watch(made["id"]).secret != secret
    assert client.patch(path, json={"webhook": None}).json()["webhook"] is None
    assert store.watch(made["id"]).secret == ""


def test_a_watch_is_changed_and_removed(client: TestClient, store: SqlWatches) -> None:
    """What is not named stays."""
    made = client.post("/v1/watches", json={**RED, "cooldown": 5}).json()
    path = f"/v1/watches/{made['id']}"
    changed = client.patch(path, json={"threshold": 0.9, "on": False}).json()
    assert changed == {**made, "threshold": 0.9, "on": False}
    for wrong in ({}, {"threshold": None}, {"query": "blue"}):
        assert client.patch(path, json=wrong).status_code == 422
    assert client.delete(path).status_code == 204
    for answer in (client.get(path), client.delete(path), client.patch(path, json={"on": True})):
        assert answer.status_code == 404
        assert answer.json()["type"].endswith("watch-not-found")


def test_who_may_search_reads_watches_and_who_may_write_makes_them(
    library: Library, store: SqlWatches
) -> None:
    """Of their collections; a webhook is shown to writers alone."""
    with asking(library, "write", "search") as writer:
        made = writer.post("/v1/watches", json={**RED, "webhook": HOOK}).json()
        assert writer.get("/v1/watches").json()["watches"][0]["webhook"] is not None
    fire(store, made["id"], "a1")
    path = f"/v1/watches/{made['id']}"
    with asking(library, "search") as reader:
        assert reader.get(path).json()["webhook"] is None
        assert reader.post("/v1/watches", json=RED).status_code == 403
        assert reader.patch(path, json={"on": False}).status_code == 403
        assert reader.delete(path).status_code == 403
        assert reader.get("/v1/alerts/a1").status_code == 200
    with asking(library, "search", "write", collections=frozenset({"other"})) as stranger:
        assert stranger.get("/v1/watches").json() == {"watches": []}
        assert stranger.get("/v1/alerts").json()["alerts"] == []
        for answer in (
            stranger.get(path),
            stranger.patch(path, json={"on": False}),
            stranger.delete(path),
            stranger.get("/v1/alerts/a1"),
            stranger.get("/v1/alerts/a1/thumbnail"),
            stranger.get("/v1/alerts", params={"collection": "default"}),
            stranger.get("/v1/alerts/stream", params={"collection": "default"}),
            stranger.post("/v1/watches", json={**RED, "collection": "default"}),
            stranger.post("/v1/watches/test", json={"query": "red", "collection": "default"}),
        ):
            assert answer.status_code == 404
    with asking(library, "write") as blind:
        assert blind.get("/v1/alerts").status_code == 403
        assert blind.get("/v1/alerts/stream").status_code == 403


def test_a_collection_that_is_not_there_is_not_watched(client: TestClient) -> None:
    """A slip in its name would never fire."""
    answer = client.post("/v1/watches", json={**RED, "collection": "nothing"})
    assert answer.status_code == 404


def test_alerts_are_paged(client: TestClient, store: SqlWatches) -> None:
    """The newest first; each has its picture and its moment."""
    made = client.post("/v1/watches", json=RED).json()
    fire(store, made["id"], "a1", "a2", "a3")
    first = client.get("/v1/alerts", params={"limit": 2}).json()
    assert [alert["id"] for alert in first["alerts"]] == ["a3", "a2"]
    last = client.get("/v1/alerts", params={"after": first["next"], "watch": made["id"]}).json()
    assert ([alert["id"] for alert in last["alerts"]], last["next"]) == (["a1"], None)
    (alert,) = last["alerts"]
    assert (alert["watch_name"], alert["camera"], alert["start_at"]) == ("red", None, None)
    assert alert["play_url"].endswith("/v1/videos/sea/file?collection=default#t=2,4")
    shown = client.get(alert["thumbnail_url"])
    assert (shown.status_code, shown.headers["content-type"]) == (200, "image/jpeg")
    assert client.get("/v1/alerts", params={"after": "nothing"}).status_code == 404


def test_the_picture_of_an_alert_goes_with_its_video(client: TestClient, store: SqlWatches) -> None:
    """The alert stays, and says that the picture is gone."""
    made = client.post("/v1/watches", json=RED).json()
    fire(store, made["id"], "a1", video="removed")
    assert client.get("/v1/alerts/a1").status_code == 200
    assert client.get("/v1/alerts/a1/thumbnail").status_code == 410


def test_a_watch_is_tried_over_the_past(client: TestClient) -> None:
    """Red is in two of the three videos; green is in two as well."""
    answer = client.post(
        "/v1/watches/test", json={"query": "red", "threshold": 0.5, "alerts_per_day": 48}
    )
    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert (said["alerts"], said["videos"]) == (2, 3)
    assert sorted(each["video_id"] for each in said["moments"]) == ["dusk", "traffic"]
    assert said["proposed"]["alerts"] == 2
    assert 0.01 < said["proposed"]["threshold"] < 0.99
    shown = client.get(said["moments"][0]["thumbnail_url"])
    assert shown.headers["content-type"] == "image/jpeg"
    none = client.post("/v1/watches/test", json={"query": "red", "cameras": ["door"]}).json()
    assert (none["alerts"], none["videos"], none["proposed"]) == (0, 0, None)


def test_one_watch_is_tried_at_a_time(client: TestClient) -> None:
    """Each reads many vectors."""
    trials = client.app.state.trials  # type: ignore[attr-defined]  # an ASGI application
    with trials._lock:
        answer = client.post("/v1/watches/test", json={"query": "red"})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")


def test_what_is_tried_is_not_audited_and_what_is_made_is(
    library: Library, store: SqlWatches
) -> None:
    """A trial changes nothing."""
    app = create_app(library.service())
    with TestClient(app) as client:
        client.post("/v1/watches/test", json={"query": "red"})
        made = client.post("/v1/watches", json=RED).json()
        client.delete(f"/v1/watches/{made['id']}")
        app.state.auditing._store()
        noted = [entry.what for entry in app.state.history.entries()]
    assert noted == ["POST /v1/watches", "DELETE /v1/watches/{watch_id}"]


def read_events(lines: Iterator[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the alerts of a stream with their ids, without heartbeats."""
    number = ""
    for line in lines:
        if line.startswith("id: "):
            number = line.removeprefix("id: ")
        if line.startswith("data: "):
            yield number, json.loads(line.removeprefix("data: "))


def test_alerts_are_followed_and_resumed(library: Library, store: SqlWatches) -> None:
    """Those that come; and behind the last id, those that were missed."""
    with serving(create_app(library.service())) as url:
        made = httpx.post(f"{url}/v1/watches", json=RED).json()
        other = httpx.post(f"{url}/v1/watches", json={**RED, "name": "other"}).json()
        fire(store, made["id"], "a1")
        stream_url = f"{url}/v1/alerts/stream"
        with httpx.stream("GET", stream_url, timeout=60) as stream:
            lines = stream.iter_lines()
            assert stream.headers["content-type"].startswith("text/event-stream")
            assert stream.headers["x-accel-buffering"] == "no"
            assert next(lines) == "retry: 2000"
            fire(store, made["id"], "a2")
            number, alert = next(read_events(lines))
            assert alert == httpx.get(f"{url}/v1/alerts/a2").json()
        fire(store, made["id"], "a3")
        fire(store, other["id"], "b1")
        headers = {"Last-Event-ID": number}
        with httpx.stream("GET", stream_url, timeout=60, headers=headers) as stream:
            seen = read_events(stream.iter_lines())
            assert [next(seen)[1]["id"] for _ in range(2)] == ["a3", "b1"]
        only = {"watch": other["id"]}
        headers = {"Last-Event-ID": "0"}
        with httpx.stream("GET", stream_url, timeout=60, headers=headers, params=only) as stream:
            assert next(read_events(stream.iter_lines()))[1]["id"] == "b1"
        with httpx.stream("GET", stream_url, timeout=60) as stream:
            lines = stream.iter_lines()
            number = next(line for line in lines if line.startswith("id: ")).removeprefix("id: ")
        fire(store, made["id"], "a4")
        headers = {"Last-Event-ID": number}
        with httpx.stream("GET", stream_url, timeout=60, headers=headers) as stream:
            assert next(read_events(stream.iter_lines()))[1]["id"] == "a4"
        wrong = httpx.get(stream_url, headers={"Last-Event-ID": "x"})
        assert wrong.status_code == 422


def test_a_stream_has_no_alerts_of_other_collections() -> None:
    """They are passed over, and so is another watch."""
    names = ("theirs", "red"), ("mine", "blue"), ("mine", "red")
    news = [
        Alert(f"a{number}", watch, watch, collection, "sea", 2.0, 4.0, 2.5, 0.9, number=number)
        for number, (collection, watch) in enumerate(names, 1)
    ]
    listener = alert_streams.Listener("ann", frozenset({"mine"}), "red", 0, "")
    listener.take(news[:2])
    assert (list(listener.waiting), listener.news.is_set(), listener.number) == ([], False, 2)
    listener.take(news)
    assert list(listener.waiting) == news[2:]


def test_a_client_that_reads_nothing_holds_no_other_back(
    client: TestClient, store: SqlWatches, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its stream is cut, and the others go on behind what it could not take."""
    monkeypatch.setattr(alert_streams, "PAGE", 2)
    monkeypatch.setattr(alert_streams, "MOST_WAITING", 2)
    monkeypatch.setattr(alert_streams, "POLL_S", 0.02)
    names = [f"a{number}" for number in range(8)]
    fire(store, client.post("/v1/watches", json=RED).json()["id"], *names)

    async def follow() -> list[str]:
        streams = alert_streams.AlertStreams(store, lambda: False)
        stuck, reading = [
            streams.open(name, None, None, 0, "")._listener for name in ("stuck", "reading")
        ]
        found: list[str] = []
        async with asyncio.timeout(10):
            async for event in alert_streams.events(reading):
                found += re.findall(r'"id":"(a\d)"', event)
                if len(found) == len(names):
                    break
        assert (stuck.is_cut, len(stuck.waiting)) == (True, 2)
        streams.close(stuck)
        streams.close(reading)
        return found

    assert asyncio.run(follow()) == names


def test_streams_of_alerts_are_bounded_and_end(
    library: Library, store: SqlWatches, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One too many is refused; one that was left is forgotten, and each ends after a while."""
    monkeypatch.setattr(alert_streams, "MAX_STREAMS_OF_ONE", 1)
    monkeypatch.setattr(alert_streams, "HEARTBEAT_S", 0.05)
    app = create_app(library.service())
    with serving(app) as url:
        with httpx.stream("GET", f"{url}/v1/alerts/stream", timeout=60) as stream:
            lines = stream.iter_lines()
            assert next(line for line in lines if line.startswith(":")) == ": no news"
            refused = httpx.get(f"{url}/v1/alerts/stream")
            assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
        wait_until(lambda: not app.state.alert_streams._listeners, "the stream to be forgotten")
        monkeypatch.setattr(alert_streams, "LONGEST_S", 0.1)
        assert httpx.get(f"{url}/v1/alerts/stream", timeout=60).text.startswith("retry: 2000")


def test_a_server_that_ends_ends_its_streams_of_alerts(library: Library) -> None:
    """Each is complete, so that clients connect to another server; none holds the end up."""
    with ExitStack() as opened:
        with serving(create_app(library.service())) as url:
            asked = httpx.stream("GET", f"{url}/v1/alerts/stream", timeout=60)
            lines = opened.enter_context(asked).iter_lines()
            assert next(lines) == "retry: 2000"
        assert list(read_events(lines)) == []  # a connection that was cut off raises


def test_the_metrics_say_how_far_watches_are_behind(library: Library, store: SqlWatches) -> None:
    """And how many alerts came and wait; a collection that is judged is not behind."""
    app = create_app(library.service())
    with TestClient(app) as client:
        made = client.post("/v1/watches", json={**RED, "webhook": HOOK}).json()
        counts = app.state.watch_counts
        counts._count()
        first = counts._lags["default"]
        counts._count()
        assert counts._lags["default"] > first >= 0
        version = library.catalog.collection("default").version
        fire(store, made["id"], "a1")
        fire(store, made["id"], "a2")
        turn = store.take("judge", "default", "e", 1e6)
        assert turn is not None
        assert store.commit(turn, version, Findings(), 1e6)
        counts._count()
        said = client.get("/metrics").text
    assert 'clipseek_watch_lag_seconds{collection="default"} 0.0' in said
    assert 'clipseek_alerts_total{collection="default"} 2.0' in said
    assert 'clipseek_alert_deliveries{state="waiting"} 2.0' in said
    assert 'clipseek_alert_deliveries{state="failed"} 0.0' in said
