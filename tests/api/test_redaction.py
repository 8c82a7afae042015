"""A collection that redacts: every endpoint that shows pictures blurs the faces, or refuses."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, closing

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.routing import Route

from api import live_streams
from api.app import create_app
from api.redacting import Redacting
from clipseek.catalog import SqlCatalog, SqlWatches
from clipseek.catalog.redactions import SqlRedactionReader, SqlRedactions
from clipseek.ledgers import open_cameras
from clipseek.live import blurring
from clipseek.live.sealing import new_key
from clipseek.redaction import Redactor
from clipseek.redaction.faults import RedactionUnavailable
from clipseek.testing import MemoryCatalog, ToyEmbedder
from tests.api.library import Library
from tests.api.renew import document
from tests.api.test_cameras import add
from tests.api.test_permissions import asking
from tests.api.test_watches import RED, fire
from tests.chaos.program import children
from tests.core.test_live_playing import OPTIONS, stored
from tests.faces import drawn, faces, faces_of_jpeg, frames, jpeg_of, portrait

PICTURES = {
    "GET /v1/alerts/{alert_id}/thumbnail": "/v1/alerts/al_1/thumbnail",
    "GET /v1/cameras/{name}/thumbnail": "/v1/cameras/yard/thumbnail",
    "GET /v1/segments/{segment_id}/thumbnail": "/v1/segments/1/thumbnail",
    "GET /v1/videos/{video_id}/thumbnail": "/v1/videos/sea/thumbnail",
}
"""Operations that send a picture, and a path of each."""
VIDEOS = {
    "GET /v1/segments/{segment_id}/clip": "/v1/segments/1/clip",
    "GET /v1/videos/{video_id}/clip": "/v1/videos/sea/clip?start=0&end=1",
    "GET /v1/videos/{video_id}/file": "/v1/videos/sea/file",
    "GET /v1/videos/{video_id}/preview": "/v1/videos/sea/preview",
}
"""Operations that send a video, and a path of each."""
LIVE = {"GET /v1/cameras/{name}/live": "/v1/cameras/yard/live"}
"""Operations that send a video while it is recorded, and a path of each."""
GROWING = OPTIONS["movflags"]
WITHOUT_PICTURES = frozenset(
    {
        "GET /v1/agreement",
        "GET /v1/rules",
        "GET /v1/samples",
        "POST /v1/decisions",
        "GET /healthz",
        "GET /metrics",
        "GET /problems/{name}",
        "GET /readyz",
        "GET /v1/alerts",
        "GET /v1/alerts/stream",
        "GET /v1/alerts/{alert_id}",
        "GET /v1/cameras",
        "POST /v1/cameras",
        "DELETE /v1/cameras/{name}",
        "GET /v1/cameras/{name}",
        "PATCH /v1/cameras/{name}",
        "POST /v1/cameras/test",
        "POST /v1/cameras/{name}/feed",
        "POST /v1/cameras/{name}/test",
        "GET /v1/collections",
        "GET /v1/collections/{collection}/switch",
        "POST /v1/collections/{collection}/switch",
        "GET /v1/edit-lists",
        "POST /v1/edit-lists",
        "GET /v1/facets",
        "GET /v1/history",
        "GET /v1/holds",
        "POST /v1/holds",
        "DELETE /v1/holds/{hold_id}",
        "GET /v1/jobs",
        "DELETE /v1/jobs/{job_id}",
        "GET /v1/jobs/{job_id}",
        "GET /v1/jobs/{job_id}/events",
        "GET /v1/models",
        "POST /v1/parts",
        "GET /v1/parts/videos",
        "GET /v1/parts/wanted",
        "POST /v1/parts/wanted/{wish_id}",
        "POST /v1/search",
        "POST /v1/search/batch",
        "DELETE /v1/session",
        "POST /v1/session",
        "GET /v1/traffic",
        "OPTIONS /v1/uploads",
        "POST /v1/uploads",
        "DELETE /v1/uploads/{upload_id}",
        "HEAD /v1/uploads/{upload_id}",
        "PATCH /v1/uploads/{upload_id}",
        "GET /v1/videos",
        "POST /v1/videos",
        "DELETE /v1/videos/{video_id}",
        "GET /v1/videos/{video_id}",
        "PATCH /v1/videos/{video_id}",
        "GET /v1/videos/{video_id}/segment-tags",
        "GET /v1/videos/{video_id}/segments",
        "GET /v1/videos/{video_id}/timeline",
        "POST /v1/videos/{video_id}/timeline",
        "GET /v1/watches",
        "POST /v1/watches",
        "POST /v1/watches/test",
        "DELETE /v1/watches/{watch_id}",
        "GET /v1/watches/{watch_id}",
        "PATCH /v1/watches/{watch_id}",
    }
)
"""Operations whose answers are words and numbers."""


OF_THE_PAGE = frozenset(
    {
        *("/", "/docs", "/openapi.json", "/static/{path:path}"),
        *("/login", "/login/ways", "/login/oidc", "/login/oidc/callback"),
    }
)
"""Paths that are not in the document: the page and its files, and logging in."""


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return a video of one second with a face."""
    return drawn(tmp_path_factory.mktemp("video") / "a.mp4", [portrait()] * 10)


@pytest.fixture(scope="module")
def shown(
    tmp_path_factory: pytest.TempPathFactory, original: bytes
) -> Iterator[tuple[Library, TestClient]]:
    """Return a library with a face in each picture, a camera and an alert, and a client."""
    folder = tmp_path_factory.mktemp("library")
    library = Library(folder, MemoryCatalog())
    library.add("sea.mp4", ["blue"], content=original, stream="yard")
    library.add("long.mp4", ["red"] * 100, content=original)
    for path in (folder / "thumbnails").rglob("*.jpg"):
        path.write_bytes(jpeg_of(portrait()))
    url = f"sqlite:///{folder / 'catalog.db'}"
    with closing(SqlCatalog.open(url)) as catalog:
        catalog.ensure_collection("default", "toy", ToyEmbedder.dim, ToyEmbedder.fingerprint)
    with pytest.MonkeyPatch.context() as patch, ExitStack() as opened:
        patch.setenv("CLIPSEEK_CAMERA_KEY", new_key())
        patch.setenv("CLIPSEEK_CAMERA_HOSTS", "192.168.7.0/24")
        client = opened.enter_context(asking(library, "search", "write", "admin"))
        add(client, records=True)
        made = client.post("/v1/watches", json=RED)
        assert made.status_code == 201, made.text
        with closing(SqlWatches.open(url)) as watches:
            fire(watches, made.json()["id"], "al_1")
        with closing(open_cameras(library.service().settings)) as cameras:
            epoch = cameras.get("yard").epoch
        made_now = drawn(folder / "live.mp4", [portrait()] * 30, movflags=GROWING)
        stored(folder / "recordings" / epoch, made_now)
        yield library, client


@pytest.fixture
def seen(shown: tuple[Library, TestClient]) -> Iterator[tuple[Library, TestClient]]:
    """Return the library and the client; nothing is redacted before and after a test."""
    yield shown
    redact(shown[0])


@pytest.fixture
def later() -> Iterator[ExitStack]:
    """Return what is called when the test has ended."""
    with ExitStack() as stack:
        yield stack


def redact(library: Library, *kinds: str) -> None:
    """Say what is redacted, as the command does."""
    with closing(SqlRedactions.open(library.service().settings.catalog_url)) as redactions:
        redactions.redact("default", kinds)


def test_each_operation_has_a_stance() -> None:
    """A new operation must be declared here, and one that sends pictures must be tested below."""
    declared = {**PICTURES, **VIDEOS, **LIVE}
    shows, all_of_them = set(), set()
    for path, item in document()["paths"].items():
        for method, operation in item.items():
            name = f"{method.upper()} {path}"
            all_of_them.add(name)
            kinds = [
                kind
                for answer in operation["responses"].values()
                for kind in answer.get("content", {})
            ]
            if any(kind.startswith(("image/", "video/")) for kind in kinds):
                shows.add(name)
    assert all_of_them == declared.keys() | WITHOUT_PICTURES
    assert shows == declared.keys()


def test_what_is_not_in_the_document_shows_nothing(library: Library) -> None:
    """Those paths are of the page, of documents for crawlers, and HEAD of what is declared."""
    app: FastAPI = create_app(library.service())
    routes = [route for route in app.state.routes if isinstance(route, Route)]
    declared = {name.partition(" ")[2] for name in {*PICTURES, *VIDEOS, *LIVE}}
    declared |= {name.partition(" ")[2] for name in WITHOUT_PICTURES}
    others = {route.path for route in routes} - declared
    assert others == OF_THE_PAGE


@pytest.mark.parametrize("path", PICTURES.values(), ids=PICTURES)
def test_faces_of_pictures_are_blurred(seen: tuple[Library, TestClient], path: str) -> None:
    """From the next request on, under another tag, and no cache that people share keeps them."""
    library, client = seen
    before = client.get(path)
    assert (before.status_code, faces_of_jpeg(before.content)) == (200, 1)
    redact(library, "faces")
    after = client.get(path, headers={"If-None-Match": before.headers["etag"]})
    assert after.status_code == 200, after.text
    assert faces_of_jpeg(after.content) == 0
    assert after.headers["cache-control"] == "private, max-age=60"
    assert after.headers["x-accel-expires"] == "0"
    tag = {"If-None-Match": after.headers["etag"]}
    assert client.get(path, headers=tag).status_code == 304
    redact(library)
    assert client.get(path, headers=tag).content == before.content


@pytest.mark.parametrize(
    "operation",
    [
        pytest.param(each, id=each, marks=[pytest.mark.long] if each.endswith("/clip") else [])
        for each in VIDEOS
    ],
)
def test_faces_of_videos_are_blurred(
    seen: tuple[Library, TestClient], operation: str, original: bytes
) -> None:
    """In all frames; what was kept of the video as it is, is not sent any more."""
    library, client = seen
    if operation.endswith(("/file", "/clip")):
        before = client.get(VIDEOS[operation])
        assert before.status_code == 200, before.text
        assert [faces(frame) for frame in frames(before.content)[::5]] == [1, 1]
    redact(library, "faces")
    after = client.get(VIDEOS[operation])
    assert after.status_code == 200, after.text
    made = frames(after.content)
    assert len(made) == 10
    assert [faces(frame) for frame in made] == [0] * len(made)
    assert original[4096:8192] not in after.content


def test_ranges_are_of_the_redacted_copy(seen: tuple[Library, TestClient]) -> None:
    """With a tag of its own; nginx is not told where the original is."""
    library, client = seen
    path = VIDEOS["GET /v1/videos/{video_id}/file"]
    tag = client.get(path).headers["etag"]
    redact(library, "faces")
    whole = client.get(path)
    assert whole.headers["etag"] != tag
    assert "x-accel-redirect" not in whole.headers
    part = client.get(path, headers={"Range": "bytes=100-199", "If-Range": whole.headers["etag"]})
    assert (part.status_code, part.content) == (206, whole.content[100:200])
    assert client.get(path, headers={"Range": "bytes=0-9", "If-Range": tag}).status_code == 200


def test_a_long_video_is_refused_as_a_file(seen: tuple[Library, TestClient]) -> None:
    """It would take minutes to encode; the answer names what plays it."""
    library, client = seen
    redact(library, "faces")
    answer = client.get("/v1/videos/long/file")
    assert (answer.status_code, answer.json()["type"]) == (403, "/problems/redacted")
    assert "/preview" in answer.json()["detail"]


def test_the_list_of_collections_says_what_is_blurred(seen: tuple[Library, TestClient]) -> None:
    """At once, and no longer than it is."""
    library, client = seen
    for kinds in ([], ["faces"], []):
        redact(library, *kinds)
        (found,) = client.get("/v1/collections").json()["collections"]
        assert found["redacts"] == kinds


@pytest.mark.parametrize("path", LIVE.values(), ids=LIVE)
def test_faces_of_live_streams_are_blurred(
    seen: tuple[Library, TestClient], path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While they are sent; the process that does it ends with the stream, and few may run."""
    library, client = seen
    monkeypatch.setattr(live_streams, "SILENT_S", 3.0)
    monkeypatch.setattr(blurring, "FIRST_S", 120.0)
    (recording,) = (library.folder / "recordings").rglob("*.mp4")
    os.utime(recording)
    redact(library, "faces")
    before = set(children(os.getpid()))
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith('video/mp4; codecs="avc1.')
    made = frames(answer.content)
    assert made
    assert [faces(frame) for frame in made] == [0] * len(made)
    assert set(children(os.getpid())) <= before
    monkeypatch.setattr(live_streams, "MAX_BLURRED", 0)
    answer = client.get(path)
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/too-many-streams")


@pytest.mark.parametrize("path", [*PICTURES.values(), *VIDEOS.values(), *LIVE.values()], ids=str)
def test_without_the_model_nothing_is_sent(
    seen: tuple[Library, TestClient], path: str, later: ExitStack
) -> None:
    """The answer is a problem document, also to one who has the original already."""
    library, client = seen
    is_made = any(word in path for word in ("clip", "preview", "live"))  # which would take seconds
    tags = "*" if is_made else client.get(path).headers.get("etag", "*")
    redact(library, "faces")

    def missing(_kinds: object) -> Redactor:
        raise RedactionUnavailable("no model; install it")

    state = client.app.state  # type: ignore[attr-defined]  # of an application
    reader = SqlRedactionReader.open(library.service().settings.catalog_url)
    state.redacting, before = Redacting(reader, missing), state.redacting
    later.callback(setattr, state, "redacting", before)
    for headers in ({}, {"If-None-Match": tags}, {"Range": "bytes=0-99"}):
        answer = client.get(path, headers=headers)
        assert answer.status_code == 503
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["type"] == "/problems/redaction-unavailable"
        assert "install" not in answer.text
