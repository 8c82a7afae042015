"""What cameras show, over HTTP: the newest picture, and the recording as it grows."""

import asyncio
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

import httpx2 as httpx
import pytest
from fastapi.testclient import TestClient

from api import live_streams
from api.app import create_app
from clipseek.ledgers import open_cameras
from clipseek.live.playing import Tail
from clipseek.live.sealing import new_key
from clipseek.testing import MemoryCatalog
from tests.api.library import JPEG, Library
from tests.api.server import serving
from tests.api.test_cameras import add
from tests.api.test_permissions import asking
from tests.contracts.catalogs import sqlite_url
from tests.core.test_live_playing import recorded, shown, stored


@pytest.fixture
def cameras(library: Library, monkeypatch: pytest.MonkeyPatch) -> Library:
    """Return a library on a server that has a camera `yard`, which is recorded."""
    sqlite_url(library.folder)
    monkeypatch.setenv("CLIPSEEK_CAMERA_KEY", new_key())
    monkeypatch.setenv("CLIPSEEK_CAMERA_HOSTS", "192.168.7.0/24")
    monkeypatch.setattr(live_streams, "SILENT_S", 0.3)
    with asking(library, "admin") as client:
        add(client, records=True)
    return library


@pytest.fixture
def client(cameras: Library) -> Iterator[TestClient]:
    """Return a client that may search."""
    with asking(cameras, "search") as opened:
        yield opened


@pytest.fixture
def folder(cameras: Library) -> Path:
    """Return the folder of the recordings of the camera."""
    with closing(open_cameras(cameras.service().settings)) as store:
        return cameras.folder / "recordings" / store.get("yard").epoch


def test_a_recording_is_played_while_it_grows(client: TestClient, folder: Path) -> None:
    """From the last keyframe on, with what is written meanwhile and the head of the next file."""
    path = stored(folder, recorded(2))
    with client.stream("GET", "/v1/cameras/yard/live") as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith('video/mp4; codecs="avc1.')
        assert answer.headers["x-accel-buffering"] == "no"
        assert answer.headers["cache-control"] == "no-store"
        data = b"".join(answer.iter_bytes())
    assert len(shown(data)) == 10
    assert path.exists()


@pytest.mark.parametrize("kind", ["none", "old", "other codec"])
def test_what_cannot_be_played_is_refused(client: TestClient, folder: Path, kind: str) -> None:
    """Nothing recorded, not any more, or nothing that a browser plays."""
    if kind != "none":
        path = stored(folder, recorded(1, "mpeg4" if kind == "other codec" else "libx264"))
        if kind == "old":
            os.utime(path, (time.time() - 60, time.time() - 60))
    answer = client.get("/v1/cameras/yard/live")
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/not-recorded-now")
    said = "H.264" if kind == "other codec" else "nothing is recorded"
    assert said in answer.json()["detail"]
    assert str(folder) not in answer.text


def test_few_are_watched_at_once(
    client: TestClient, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With one key; a stream that was refused or has ended counts no more."""
    for _ in range(live_streams.MAX_STREAMS_OF_ONE + 1):
        assert client.get("/v1/cameras/yard/live").status_code == 409
    stored(folder, recorded(1))
    for _ in range(live_streams.MAX_STREAMS_OF_ONE + 1):
        assert client.get("/v1/cameras/yard/live").status_code == 200
    monkeypatch.setattr(live_streams, "MAX_STREAMS_OF_ONE", 0)
    answer = client.get("/v1/cameras/yard/live")
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/too-many-streams")


def test_a_server_that_ends_ends_its_streams_of_cameras(
    cameras: Library, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is complete, although the camera goes on."""
    monkeypatch.setattr(live_streams, "SILENT_S", 600.0)
    monkeypatch.setattr(live_streams, "STALE_S", 600.0)
    stored(folder, recorded(2))
    with ExitStack() as opened:
        with serving(create_app(cameras.service())) as url:
            asked = httpx.stream("GET", f"{url}/v1/cameras/yard/live", timeout=60)
            pieces = opened.enter_context(asked).iter_bytes()
            data = next(pieces)
        data += b"".join(pieces)  # a connection that was cut off raises
    assert len(shown(data)) == 10


class Endless(Tail):
    """A recording that always has something new."""

    def read(self) -> bytes:
        """Return a byte."""
        return b"x"


def test_a_stream_ends_although_the_camera_is_faster_than_its_client(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a key that was revoked would follow for as long as there is more to read."""
    monkeypatch.setattr(live_streams, "LONGEST_S", 0.05)

    async def follow() -> int:
        streams = live_streams.LiveStreams(lambda: False)
        async with asyncio.timeout(5):
            pieces = streams._pieces(Endless(tmp_path), b"x", lambda: True)
            return sum([len(piece) async for piece in pieces])

    assert asyncio.run(follow()) >= 1


def test_others_cameras_are_not_shown(cameras: Library) -> None:
    """They are as if they were not there."""
    with asking(cameras, "search", collections=frozenset({"archive"})) as client:
        for path in ("live", "thumbnail"):
            answer = client.get(f"/v1/cameras/yard/{path}")
            assert answer.json()["type"] == "/problems/camera-not-found"


def test_the_newest_picture_is_that_of_the_newest_chunk(
    client: TestClient, cameras: Library
) -> None:
    """With a tag, so that it is not sent twice; without a chunk there is none."""
    path = "/v1/cameras/yard/thumbnail"
    assert client.get(path).json()["type"] == "/problems/thumbnail-gone"
    catalog = cameras.catalog
    assert isinstance(catalog, MemoryCatalog)
    for number in (1, 2):
        video = cameras.add(f"chunk{number}.mp4", ["red"])
        (rows,) = [each for each in catalog.stored("default") if each.video.id == video.id]
        at = f"2026-11-29T10:0{number}:00.000Z"
        catalog.restore(
            "default", [replace(rows, video=replace(video, stream="yard", recorded_at=at))]
        )
    answer = client.get(path)
    assert (answer.status_code, answer.content) == (200, JPEG)
    again = client.get(path, headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304
