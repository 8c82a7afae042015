"""Cameras over HTTP: who may see and change them, and that no answer has a password."""

import time
from contextlib import closing
from threading import Semaphore
from typing import Any

import pytest
from fastapi.testclient import TestClient

from clipseek.catalog import SqlCatalog
from clipseek.keys import Scope
from clipseek.ledgers import open_cameras, open_retaining
from clipseek.live.sealing import Seal, new_key
from tests.api.library import Library
from tests.api.test_permissions import asking
from tests.cameras.http import http_cameras
from tests.contracts.catalogs import sqlite_url

URL = "rtsp://ann:hunter2@192.168.7.20/live?token=hunter3"


@pytest.fixture
def cameras(library: Library, monkeypatch: pytest.MonkeyPatch) -> Library:
    """Return a library on a server that may have cameras of one network."""
    sqlite_url(library.folder)
    monkeypatch.setenv("CLIPSEEK_CAMERA_KEY", new_key())
    monkeypatch.setenv("CLIPSEEK_CAMERA_HOSTS", "192.168.7.0/24")
    return library


def add(client: TestClient, name: str = "yard", **fields: Any) -> dict[str, Any]:
    """Add a camera; it must succeed."""
    answer = client.post("/v1/cameras", json={"name": name, "url": URL} | fields)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_camera_is_added_changed_and_removed(cameras: Library) -> None:
    """What a change does not name stays; null lifts a limit."""
    with asking(cameras, "search", "admin") as client:
        made = add(client, fps=2.0, records=True, retain_s=3600.0, retain_bytes=10**9)
        assert (made["state"], made["address"]) == ("waiting", "rtsp://192.168.7.20/live")
        assert client.get("/v1/cameras").json() == {"cameras": [made]}
        assert client.get("/v1/cameras/yard").json() == made
        edit = {"retain_bytes": None, "paused": True, "records": None}
        changed = client.patch("/v1/cameras/yard", json=edit).json()
        assert (changed["retain_bytes"], changed["retain_s"]) == (None, 3600.0)
        assert (changed["state"], changed["records"]) == ("paused", True)
        moved = client.patch("/v1/cameras/yard", json={"url": "http://192.168.7.21/m"}).json()
        assert moved["address"] == "http://192.168.7.21/m"
        assert client.delete("/v1/cameras/yard").status_code == 204
        assert client.get("/v1/cameras").json() == {"cameras": []}
        for method in ("GET", "DELETE"):
            gone = client.request(method, "/v1/cameras/yard")
            assert (gone.status_code, gone.json()["type"]) == (404, "/problems/camera-not-found")


def test_a_camera_that_is_removed_with_its_recordings_leaves_a_rule(cameras: Library) -> None:
    """By it, retention removes all that began before, as soon as nothing keeps it."""
    with closing(SqlCatalog.open(f"sqlite:///{cameras.folder / 'catalog.db'}")) as catalog:
        catalog.ensure_collection("default", "toy", 3, "f1")
    began = time.time()
    with asking(cameras, "search", "admin") as client:
        for name, asked in (("shed", ""), ("yard", "?recordings=true")):
            add(client, name)
            assert client.delete(f"/v1/cameras/{name}{asked}").status_code == 204
    with closing(open_retaining(cameras.service().settings)) as rows:
        (rule,) = rows.rules()
    assert (rule.collection, rule.camera) == ("default", "yard")
    assert began <= (rule.before or 0.0) <= time.time()


def test_no_answer_has_a_password(cameras: Library, caplog: pytest.LogCaptureFixture) -> None:
    """Nor a log; the recorder reads the URL from the catalog, with the key."""
    with asking(cameras, "search", "admin") as client:
        said = str(add(client)) + client.get("/v1/cameras").text
        for url in (f"{URL} ", "ftp://ann:hunter2@a/", "rtsp://ann:hunter2@10.0.0.1/"):
            said += client.post("/v1/cameras", json={"name": "b", "url": url}).text
        said += client.post("/v1/cameras", json={"name": "yard", "url": URL}).text
        settings = cameras.service().settings
    assert "hunter" not in said + caplog.text
    with closing(open_cameras(settings)) as store:
        camera = store.get("yard")
    assert Seal.of(settings).unseal(camera.sealed, camera="yard", epoch=camera.epoch) == URL


@pytest.mark.parametrize("scope", ["search", "write"])
def test_only_administrators_change_cameras(cameras: Library, scope: Scope) -> None:
    """Who may search sees them, without the address."""
    with asking(cameras, "admin") as client:
        add(client)
    with asking(cameras, scope) as client:
        body = {"name": "door", "url": URL}
        assert client.post("/v1/cameras", json=body).status_code == 403
        assert client.patch("/v1/cameras/yard", json={"fps": 1}).status_code == 403
        assert client.delete("/v1/cameras/yard").status_code == 403
        seen = client.get("/v1/cameras/yard")
    if scope == "search":
        assert (seen.json()["name"], seen.json()["address"]) == ("yard", None)
        assert "indexer" not in seen.text
    else:
        assert seen.status_code == 403


def test_cameras_of_other_collections_do_not_exist(cameras: Library) -> None:
    """For somebody who may not use them."""
    with asking(cameras, "admin") as client:
        add(client)
        add(client, "door", collection="other")
    with asking(cameras, "search", "admin", collections=frozenset({"other"})) as client:
        assert [each["name"] for each in client.get("/v1/cameras").json()["cameras"]] == ["door"]
        for method in ("GET", "DELETE"):
            assert client.request(method, "/v1/cameras/yard").status_code == 404
        assert client.patch("/v1/cameras/yard", json={}).status_code == 404


def test_a_name_that_others_have_is_not_told_as_taken(cameras: Library) -> None:
    """Who may use some collections adds no camera: of theirs, or of another one."""
    with asking(cameras, "admin") as client:
        add(client)
    with asking(cameras, "admin", collections=frozenset({"other"})) as client:
        for name in ("yard", "hall"):
            for collection in ("other", "default"):
                body = {"name": name, "url": URL, "collection": collection}
                refused = client.post("/v1/cameras", json=body)
                assert (refused.status_code, "all collections" in refused.text) == (403, True)


def test_a_hold_on_a_camera_that_is_gone_is_not_told_to_the_next(
    cameras: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of another collection that got the same name: its administrators do not know of it."""
    span = {"start_at": "2026-11-28T12:00:00Z", "end_at": "2026-11-28T12:30:00Z"}
    body = {**span, "camera": "yard", "reason": "case 17"}
    with asking(cameras, "admin") as client:
        add(client)
        hold = client.post("/v1/holds", json=body).json()
        client.delete("/v1/cameras/yard")
        monkeypatch.setattr("clipseek.catalog.cameras.now", lambda: "2999-01-01T00:00:00Z")
        monkeypatch.setattr("clipseek.catalog.retaining.now", lambda: "2999-01-01T00:00:00Z")
        add(client, collection="other")
    with asking(cameras, "admin", collections=frozenset({"other"})) as client:
        assert client.get("/v1/holds").json() == {"holds": []}
        assert client.delete(f"/v1/holds/{hold['id']}").status_code == 404
        own = client.post("/v1/holds", json=body).json()
        assert client.get("/v1/holds").json() == {"holds": [own]}
    with asking(cameras, "admin") as client:
        assert client.get("/v1/holds").json() == {"holds": [hold, own]}


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"name": "Yard"}, 422, "name must have 1 to 64 of a-z"),
        ({"url": "file:///etc/passwd"}, 422, "begins with rtsp://"),
        ({"url": "/dev/video0"}, 422, "begins with rtsp://"),
        ({"url": "rtsp://10.0.0.7/live"}, 422, "CLIPSEEK_CAMERA_HOSTS"),
        ({"fps": 0}, 422, "fps must be a number > 0 and <= 30"),
        ({"retain_s": 1}, 422, "retain_s must be a number of seconds from 60"),
        ({"speed": 1}, 422, "speed"),
    ],
    ids=["name", "file", "device", "host", "fps", "retain", "unknown"],
)
def test_a_wrong_camera_is_refused(
    cameras: Library, body: dict[str, Any], status: int, said: str
) -> None:
    """The sentence names the value and its limits."""
    with asking(cameras, "admin") as client:
        answer = client.post("/v1/cameras", json={"name": "yard", "url": URL, **body})
    assert (answer.status_code, said in answer.json()["detail"]) == (status, True), answer.text


def test_a_name_is_given_once(cameras: Library) -> None:
    """The other camera stays as it is."""
    with asking(cameras, "admin") as client:
        add(client)
        again = client.post("/v1/cameras", json={"name": "yard", "url": URL})
    assert (again.status_code, again.json()["type"]) == (409, "/problems/camera-exists")


def test_a_server_without_a_key_adds_no_camera(
    cameras: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The operator finds in the log what to do; others are not told of settings."""
    monkeypatch.delenv("CLIPSEEK_CAMERA_KEY")
    with asking(cameras, "admin") as client:
        answer = client.post("/v1/cameras", json={"name": "yard", "url": URL})
    assert (answer.status_code, answer.json()["type"]) == (500, "/problems/configuration")
    assert "indexer" not in answer.text


@pytest.mark.parametrize("recorded", ["", "2026-13-45T99:99:99Z", "9999-12-31T23:59:59Z"])
def test_a_row_with_a_time_that_there_is_not_stops_no_search(
    library: Library, recorded: str
) -> None:
    """Of its moments it is not known when they were."""
    library.add("chunk.mp4", ["red"], stream="yard", recorded_at=recorded)
    with asking(library, "search") as client:
        answer = client.post("/v1/search", json={"query": "red", "filter": {"cameras": ["yard"]}})
        assert answer.status_code == 200, answer.text
        (hit,) = answer.json()["hits"]
        assert (hit["camera"], hit["end_at"]) == ("yard", None)
        assert client.get("/v1/videos/chunk").status_code == 200


def test_a_hit_of_a_camera_says_when_it_was(library: Library) -> None:
    """Its moments are found by camera and by their own time; other videos have neither."""
    chunk = {"stream": "yard", "recorded_at": "2026-11-28T12:00:00.500Z"}
    library.add("chunk.mp4", ["red", "blue", "red"], **chunk)  # type: ignore[arg-type]  # texts
    with asking(library, "search") as client:

        def hits(**filters: object) -> list[dict[str, Any]]:
            body = {"query": "red", "filter": filters, "min_relevance": 0.5}
            answer = client.post("/v1/search", json=body)
            assert answer.status_code == 200, answer.text
            return sorted(answer.json()["hits"], key=lambda hit: hit["start"])

        first, last = hits(cameras=["yard"])
        assert (first["camera"], last["camera"]) == ("yard", "yard")
        assert first["start_at"] == "2026-11-28T12:00:00.500Z"
        assert (last["start_at"], last["end_at"]) == (
            "2026-11-28T12:00:04.500Z",
            "2026-11-28T12:00:06.500Z",
        )
        assert hits(cameras=["yard"], recorded_from="2026-11-28T12:00:04Z") == [last]
        assert hits(cameras=["door"]) == []
        others = [hit for hit in hits() if hit["video"]["id"] != "chunk"]
        assert others
        assert {hit["camera"] for hit in others} == {hit["start_at"] for hit in others} == {None}
        assert client.get("/v1/videos/chunk").json()["camera"] == "yard"
        wrong = client.post("/v1/search", json={"query": "red", "filter": {"cameras": ["Ä"]}})
        assert "filter.cameras.0 must have 1 to 64 of" in wrong.json()["detail"]


def test_a_span_is_held_until_the_hold_is_removed(cameras: Library) -> None:
    """By administrators of the camera's collection; others do not know of it."""
    body = {
        "camera": "yard",
        "start_at": "2026-11-28T13:00:00+01:00",
        "end_at": "2026-11-28T12:30:00Z",
        "reason": "case 17",
    }
    with asking(cameras, "admin") as client:
        add(client)
        made = client.post("/v1/holds", json=body)
        assert made.status_code == 201, made.text
        hold = made.json()
        assert (hold["start_at"], hold["by"]) == ("2026-11-28T12:00:00.000Z", "somebody")
        assert client.get("/v1/holds").json() == {"holds": [hold]}
        empty = client.post("/v1/holds", json={**body, "end_at": body["start_at"]})
        assert (empty.status_code, "must end after" in empty.text) == (422, True)
    with asking(cameras, "admin", collections=frozenset({"other"})) as client:
        assert client.get("/v1/holds").json() == {"holds": []}
        assert client.post("/v1/holds", json=body).status_code == 404
        assert client.delete(f"/v1/holds/{hold['id']}").status_code == 404
    with asking(cameras, "search", "write") as client:
        assert client.get("/v1/holds").status_code == 403
        assert client.post("/v1/holds", json=body).status_code == 403
        assert client.delete(f"/v1/holds/{hold['id']}").status_code == 403
    with asking(cameras, "admin") as client:
        assert client.delete(f"/v1/holds/{hold['id']}").status_code == 204
        assert client.delete(f"/v1/holds/{hold['id']}").status_code == 404


def test_no_shared_cache_keeps_a_picture_of_a_camera(library: Library) -> None:
    """It would show what was removed; a picture of another video is kept for ever."""
    chunk = {"stream": "yard", "recorded_at": "2026-11-28T12:00:00.500Z"}
    library.add("chunk.mp4", ["red"], **chunk)  # type: ignore[arg-type]  # texts
    with asking(library, "search") as client:
        caching = {
            name: client.get(
                client.get(f"/v1/videos/{name}/segments").json()["segments"][0]["thumbnail_url"]
            ).headers["cache-control"]
            for name in ("chunk", "sea")
        }
    assert caching == {
        "chunk": "private, max-age=60",
        "sea": "public, max-age=31536000, immutable",
    }


def test_a_camera_is_tested(cameras: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """By administrators: one that is there, by its sealed URL; two at a time."""
    monkeypatch.setenv("CLIPSEEK_CAMERA_HOSTS", "127.0.0.0/8")
    with http_cameras(user="ann", password="hunter2") as sources:
        sources.show_stills("yard")
        with asking(cameras, "admin") as client:
            add(client, url=sources.url("yard"))
            tested = client.post("/v1/cameras/yard/test")
            monkeypatch.setattr("api.cameras._TESTS", Semaphore(0))
            busy = client.post("/v1/cameras/yard/test")
    assert tested.status_code == 200, tested.text
    assert (tested.json()["works"], tested.json()["reason"]) == (True, "")
    assert "mjpeg" in tested.json()["coding"]
    assert (busy.status_code, busy.json()["type"]) == (503, "/problems/camera-tests-busy")
    with asking(cameras, "write") as client:
        assert client.post("/v1/cameras/yard/test").status_code == 403
