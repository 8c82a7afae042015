"""Spans of videos at other machines: wanted there, sent from there, and seen by nobody else."""

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.wishing import Shown
from clipseek.archive.receiving import uri_of
from clipseek.errors import ServiceUnavailable
from clipseek.testing import MemoryWishes
from clipseek.video.excerpting import Recipe
from tests.api.library import Library
from tests.contracts.catalogs import sqlite_url

TUS = {"Tus-Resumable": "1.0.0"}
BOX = (8).to_bytes(4, "big")
FILE = BOX + b"ftyp" + BOX + b"moov" + BOX + b"mdat"
"""The least that is an MP4 by its boxes."""
CLIP = "/v1/videos/yard/clip?collection=default&start=1&end=2"


class Asking:
    """An application with an edge `farm`, a stranger `mill` and a viewer `ann`."""

    def __init__(self, library: Library) -> None:
        self.keys = {
            "farm": library.key("farm", "search", "write", collections=frozenset({"default"})),
            "mill": library.key("mill", "search", "write", collections=frozenset({"default"})),
            "other": library.key("other", "search", "write", collections=frozenset({"other"})),
            "ann": library.key("ann", "search", collections=frozenset({"default"})),
        }
        self.passed = 0.0
        self.app = create_app(library.service(access="keys"))
        self.client = TestClient(self.app)
        self.app.state.wishing.store = MemoryWishes(lambda: self.passed)

    def get(self, who: str, path: str) -> Any:
        """Ask."""
        return self.client.get(path, headers=self.keys[who])

    def wanted(self, who: str = "farm") -> list[dict[str, Any]]:
        """Ask what is wanted."""
        answer = self.get(who, "/v1/parts/wanted?collection=default")
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["wanted"]
        return found

    def upload(self, who: str, content: bytes, *, whole: bool = True) -> str:
        """Upload a file."""
        named = base64.b64encode(b"default").decode()
        length = str(len(content) + (not whole))
        begun = self.client.post(
            "/v1/uploads",
            headers={
                **TUS,
                **self.keys[who],
                "Upload-Length": length,
                "Upload-Metadata": f"collection {named}",
            },
        )
        assert begun.status_code == 201, begun.text
        upload = begun.headers["Location"].rpartition("/")[2]
        kind = {"Content-Type": "application/offset+octet-stream", "Upload-Offset": "0"}
        sent = self.client.patch(
            f"/v1/uploads/{upload}", content=content, headers={**TUS, **self.keys[who], **kind}
        )
        assert sent.status_code == 204, sent.text
        return upload

    def send(self, who: str, wish: str, **body: str) -> Any:
        """Say what becomes of a wish."""
        return self.client.post(
            f"/v1/parts/wanted/{wish}",
            json={"collection": "default", **body},
            headers=self.keys[who],
        )


@pytest.fixture
def asking(library: Library) -> Iterator[Asking]:
    """Return an application whose video `yard` is at `farm`."""
    sqlite_url(library.folder)
    video = library.add("yard.mp4", ["red", "blue"])
    (rows,) = library.catalog.stored("default", limit=1)
    there = replace(video, uri=uri_of("farm", video.id), stamp="")
    library.catalog.restore("default", [replace(rows, video=there)])
    made = Asking(library)
    with made.client:
        yield made


def digest(content: bytes) -> str:
    """Return what is sent with a file."""
    return hashlib.sha256(content).hexdigest()


def test_a_moment_is_fetched_from_the_machine_that_has_it(asking: Asking) -> None:
    """The answer is 202 until it is there; then it is played, in ranges, and asked for no more."""
    asking.wanted()
    first = asking.get("ann", CLIP)
    assert (first.status_code, first.headers["Retry-After"]) == (202, "2")
    assert first.json() == {"state": "waiting", "site": "farm", "retry_after_s": 2}
    (wish,) = asking.wanted()
    assert {**wish, "id": ""} == {
        "id": "",
        "video": "yard",
        "start": 1.0,
        "end": 2.0,
        "height": 1080,
        "preview": False,
    }
    assert asking.wanted() == []
    upload = asking.upload("farm", FILE)
    done = asking.send("farm", wish["id"], upload=upload, sha256=digest(FILE))
    assert done.status_code == 204, done.text
    answer = asking.get("ann", CLIP)
    assert (answer.status_code, answer.content) == (200, FILE)
    assert answer.headers["Content-Type"] == "video/mp4"
    part = {**asking.keys["ann"], "Range": "bytes=4-7"}
    assert asking.client.get(CLIP, headers=part).content == b"ftyp"
    assert asking.send("farm", wish["id"], why="gone").status_code == 404
    look = asking.client.head(f"/v1/uploads/{upload}", headers={**TUS, **asking.keys["farm"]})
    assert look.status_code == 404


def test_a_preview_is_another_file(asking: Asking) -> None:
    """It is encoded, and small."""
    asking.wanted()
    path = "/v1/videos/yard/preview?collection=default&start=0&end=2"
    assert asking.client.head(path, headers=asking.keys["ann"]).status_code == 202
    assert asking.wanted() == []
    assert asking.get("ann", path).status_code == 202
    assert asking.get("ann", CLIP).status_code == 202
    assert [(wish["preview"], wish["height"]) for wish in asking.wanted()] == [
        (True, 360),
        (False, 1080),
    ]


def test_a_machine_that_is_away_is_named(asking: Asking) -> None:
    """With the time since when; nothing waits for it."""
    answer = asking.get("ann", CLIP)
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/site-away")
    assert "is at farm, which has never asked" in answer.json()["detail"]
    assert "Retry-After" not in answer.headers
    assert asking.wanted() == []
    asking.passed += 60
    assert "last asked 60 s ago" in asking.get("ann", CLIP).json()["detail"]
    whole = asking.get("ann", "/v1/videos/yard/file?collection=default").json()
    assert "at farm; ask for a span of it" in whole["detail"]


def test_a_machine_that_has_asked_a_moment_ago_is_there(asking: Asking) -> None:
    """It asks every few seconds; within 45 s some of its questions may be lost."""
    asking.wanted()
    asking.passed += 42
    assert asking.get("ann", CLIP).status_code == 202
    asking.passed += 6
    assert asking.get("ann", CLIP).json()["type"] == "/problems/site-away"


@pytest.mark.parametrize(
    ("why", "status", "said"),
    [
        pytest.param("gone", 404, "does not exist any more there", id="gone"),
        pytest.param("changed", 409, "has changed there", id="changed"),
        pytest.param("unrecorded", 404, "pictures and no footage", id="unrecorded"),
        pytest.param("not_cut", 422, "could not be made there", id="not cut"),
        pytest.param("too_large", 422, "ask for a shorter one", id="too large"),
    ],
)
def test_a_reason_is_told(asking: Asking, why: str, status: int, said: str) -> None:
    """To everybody who asks within a minute."""
    asking.wanted()
    asking.get("ann", CLIP)
    (wish,) = asking.wanted()
    assert asking.send("farm", wish["id"], why=why).status_code == 204
    answer = asking.get("ann", CLIP)
    assert answer.status_code in (status, 404, 409, 410)
    assert said in answer.json()["detail"]
    assert answer.json()["detail"].startswith("farm says:")


def test_only_the_machine_that_has_it_sends_it(asking: Asking) -> None:
    """Others are not told, and are answered as if there were no wish."""
    asking.wanted()
    asking.get("ann", CLIP)
    assert asking.wanted("mill") == []
    assert asking.get("other", "/v1/parts/wanted?collection=default").status_code == 404
    assert asking.get("ann", "/v1/parts/wanted?collection=default").status_code == 403
    (wish,) = asking.wanted()
    upload = asking.upload("mill", FILE)
    refused = asking.send("mill", wish["id"], upload=upload, sha256=digest(FILE))
    assert refused.json()["type"] == "/problems/wish-not-found"
    theirs = asking.send("farm", wish["id"], upload=upload, sha256=digest(FILE))
    assert theirs.json()["type"] == "/problems/upload-not-found"
    assert asking.send("ann", wish["id"], why="gone").status_code == 403
    assert asking.get("ann", CLIP).status_code == 202


@pytest.mark.parametrize(
    ("content", "sha256", "said"),
    [
        pytest.param(FILE, digest(b"x"), "SHA-256", id="another file"),
        pytest.param(b"<html>", digest(b"<html>"), "not a complete MP4", id="no video"),
        pytest.param(FILE[:-1], digest(FILE[:-1]), "not a complete MP4", id="cut off"),
    ],
)
def test_a_wrong_file_is_refused_and_deleted(
    asking: Asking, content: bytes, sha256: str, said: str
) -> None:
    """The span is still waited for."""
    asking.wanted()
    asking.get("ann", CLIP)
    (wish,) = asking.wanted()
    upload = asking.upload("farm", content)
    answer = asking.send("farm", wish["id"], upload=upload, sha256=sha256)
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/not-a-span")
    assert said in answer.json()["detail"]
    assert asking.get("ann", CLIP).status_code == 202
    look = asking.client.head(f"/v1/uploads/{upload}", headers={**TUS, **asking.keys["farm"]})
    assert look.status_code == 404


def test_a_file_that_is_not_whole_is_refused(asking: Asking) -> None:
    """It can be continued."""
    asking.wanted()
    asking.get("ann", CLIP)
    (wish,) = asking.wanted()
    upload = asking.upload("farm", FILE, whole=False)
    answer = asking.send("farm", wish["id"], upload=upload, sha256=digest(FILE))
    assert answer.json()["type"] == "/problems/upload-incomplete"


@pytest.mark.parametrize(
    "body",
    [{}, {"upload": "a"}, {"sha256": "0" * 64}, {"why": "x"}, {"why": "gone", "upload": "a"}],
    ids=["nothing", "no digest", "no upload", "another reason", "both"],
)
def test_a_wrong_body_is_refused(asking: Asking, body: dict[str, str]) -> None:
    """With what is expected."""
    assert asking.send("farm", "0" * 32, **body).status_code == 422


def test_a_removed_video_leaves_no_span(asking: Asking, tmp_path: Path) -> None:
    """What was sent of it goes with it."""
    sent = tmp_path / "sent.mp4"
    sent.write_bytes(FILE)
    brought = asking.app.state.wishing.brought
    brought.keep("default", "yard", "0" * 32, sent)
    assert brought.find("default", "yard", "0" * 32) is not None
    assert brought.find("other", "yard", "0" * 32) is None
    brought.forget("default", "yard")
    assert brought.find("default", "yard", "0" * 32) is None


def test_a_removed_collection_leaves_no_span(asking: Asking, tmp_path: Path) -> None:
    """Of any of its videos; those of others stay."""
    brought = asking.app.state.wishing.brought
    sent = tmp_path / "sent.mp4"
    for collection, video in (("default", "a"), ("default", "b"), ("other", "a")):
        sent.write_bytes(FILE)
        brought.keep(collection, video, "0" * 32, sent)
    brought.forget_all("default")
    brought.forget_all("default")
    assert [path.read_bytes() for path in brought._root.rglob("*.mp4")] == [FILE]
    assert len(list(brought._root.iterdir())) == 1
    assert brought.find("other", "a", "0" * 32) is not None


def test_spans_that_cannot_be_deleted_are_told(asking: Asking) -> None:
    """So the collection stays on the list of what is to be deleted."""
    brought = asking.app.state.wishing.brought
    folder = brought._folder("default", "a").parent
    folder.parent.mkdir(parents=True)
    folder.write_bytes(b"")
    with pytest.raises(ServiceUnavailable, match="cannot be deleted in"):
        brought.forget_all("default")


def test_a_collection_that_is_made_again_has_wishes_of_its_own(asking: Asking) -> None:
    """A wish that was noted before a switch or a removal is never taken, and must not be it."""
    wishing = asking.app.state.wishing
    video = asking.app.state.service.catalog.video("default", "yard")
    recipe = Recipe(1.0, 2.0, 1080, copy=True, growing=False)
    told = {}
    for key in ("old", "new"):
        wishing.store.see("farm", key)
        shown = Shown(video, key, "default yard stamp", "ann")
        assert wishing.found(shown, "farm", recipe, asks=True).status_code == 202
        (told[key],) = wishing.store.take("farm", key, 9)
    assert told["old"].id != told["new"].id


def test_what_does_not_fit_goes(asking: Asking, tmp_path: Path) -> None:
    """The least recently used first."""
    brought = asking.app.state.wishing.brought
    brought._most_bytes = 2 * len(FILE)
    for number in range(3):
        sent = tmp_path / "sent.mp4"
        sent.write_bytes(FILE)
        brought.keep("default", f"v{number}", "0" * 32, sent)
    left = [number for number in range(3) if brought.find("default", f"v{number}", "0" * 32)]
    assert left == [1, 2]
