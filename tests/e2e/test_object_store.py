"""Videos in an object store: indexed, found, played and verified as files are."""

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.request import Request as URLRequest
from urllib.request import urlopen

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from api.app import create_app
from clipseek.assembly import open_service
from clipseek.buckets import Folder
from clipseek.config import Settings
from clipseek.sources.remote import RemoteObject
from tests.api import browser
from tests.api.server import serving
from tests.contracts import s3
from tests.e2e.conftest import Library
from tests.lacking import lacking

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def bucket(
    shared_library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Library, s3.Server]]:
    """A bucket with two videos and another object, and an empty library."""
    with s3.serving() as server:
        s3.lead_to(server.endpoint, monkeypatch)
        server.empty()
        for video in sorted(shared_library.videos.glob("*.mp4"))[:2]:
            server.put(f"clips/{video.name}", video.read_bytes())
        server.put("clips/readme.txt", b"not a video")
        yield Library(shared_library.videos, tmp_path / "data"), server


def ingest(library: Library, capsys: Capture) -> dict[str, str]:
    """Ingest what is below the prefix, and return what became of each uri."""
    capsys.readouterr()
    command = ["ingest", f"s3://{s3.BUCKET}/clips", "--model", "demo", "--json"]
    assert library.run(*command) == 0
    lines = capsys.readouterr().out.splitlines()
    return {said["path"]: said["state"] for said in map(json.loads, lines)}


def test_videos_of_a_bucket_are_indexed_found_and_played(
    bucket: tuple[Library, s3.Server], capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What has not changed is not read again; what has changed since is not played.

    Its snapshot and its thumbnails are in the bucket, too, and the API reads them there. What was
    fetched is kept, so that `verify --deep` fetches nothing.
    """
    library, server = bucket
    monkeypatch.setenv("CLIPSEEK_FETCHED_BYTES", str(1 << 30))
    monkeypatch.setenv("CLIPSEEK_STORE_URL", f"s3://{s3.BUCKET}/index/")
    monkeypatch.setenv("CLIPSEEK_STORE_DIR", str(library.data_dir / "indexer"))
    states = ingest(library, capsys)
    assert set(states) == {f"s3://{s3.BUCKET}/clips/video-00{n}.mp4" for n in (1, 2)}
    assert set(states.values()) == {"indexed"}

    with monkeypatch.context() as patched:
        patched.setattr(RemoteObject, "open", None)
        assert set(ingest(library, capsys).values()) == {"unchanged"}
    with monkeypatch.context() as patched:
        patched.setattr(RemoteObject, "stream", None)
        assert library.run("verify", "--deep") == 0

    assert not (library.data_dir / "snapshots").exists()
    assert not (library.data_dir / "thumbnails").exists()
    keys = [each.name.split("/") for each in Folder(f"s3://{s3.BUCKET}").list("index")]
    (name,) = {key[4] for key in keys if key[2] == "snapshots"} - {"current"}
    capsys.readouterr()
    assert library.run("status") == 0
    assert "version 2, exact" in capsys.readouterr().out

    whole = (library.videos / "video-001.mp4").read_bytes()
    there = library.data_dir / "api"
    settings = Settings.load(data_dir=library.data_dir, allowed_hosts="testserver", store_dir=there)
    with TestClient(create_app(open_service(settings))) as client:
        hits = client.post("/v1/search", json={"query": "a red car"}).json()["hits"]
        assert client.get(hits[0]["thumbnail_url"]).content.startswith(b"\xff\xd8")
        assert (there / "default" / name / "index.faiss").is_file()
        listed = client.get("/v1/videos").json()["videos"]
        (video,) = [each for each in listed if each["title"] == "video-001"]
        assert client.get(video["file_url"]).content == whole
        part = client.get(video["file_url"], headers={"Range": "bytes=100-199"})
        assert (part.status_code, part.content) == (206, whole[100:200])
        with monkeypatch.context() as patched:
            patched.setattr(RemoteObject, "open", None)  # an excerpt fetches parts alone
            asked: dict[str, str | float] = {"start": 1.0, "end": 2.0}
            clip = client.get(f"/v1/videos/{video['id']}/clip", params=asked)
            assert (clip.status_code, clip.content[4:8]) == (200, b"ftyp")
        server.put("clips/video-001.mp4", whole + b"more")
        changed = client.get(video["file_url"])
        assert (changed.status_code, changed.json()["type"]) == (409, "/problems/file-changed")
        assert "s3://" not in changed.text


def app_of(library: Library, media_origins: str) -> FastAPI:
    """Return an API that redirects players to some origins."""
    settings = Settings.load(
        data_dir=library.data_dir,
        allowed_hosts="testserver",
        media_origins=media_origins,
        media_url_s=90,
    )
    return create_app(open_service(settings))


def logged(caplog: pytest.LogCaptureFixture) -> str:
    """Return what clipseek has logged; the store of the tests logs in this process, too."""
    ours = ("api", "clipseek", "uvicorn")
    return "\n".join(r.getMessage() for r in caplog.records if r.name.split(".")[0] in ours)


def test_a_player_is_redirected_to_the_store(
    bucket: tuple[Library, s3.Server], capsys: Capture, caplog: pytest.LogCaptureFixture
) -> None:
    """By a URL that needs no credentials and ends; who is not a player is sent the bytes."""
    library, server = bucket
    server.remove("clips/video-002.mp4")
    ingest(library, capsys)
    whole = (library.videos / "video-001.mp4").read_bytes()

    def client(origin: str) -> TestClient:
        return TestClient(app_of(library, origin), follow_redirects=False)

    player = {"Sec-Fetch-Dest": "video", "Range": "bytes=100-199"}
    with client(server.endpoint) as asked, caplog.at_level("INFO"):
        listed = asked.get("/v1/videos").json()["videos"]
        (video,) = listed
        sent = asked.get(video["file_url"], headers=player)
        assert (sent.status_code, sent.headers["Cache-Control"]) == (307, "private, no-store")
        url = sent.headers["Location"]
        assert url.startswith(f"{server.endpoint}/{s3.BUCKET}/clips/video-001.mp4?")
        assert "X-Amz-Expires=90" in url
        got = urlopen(URLRequest(url, headers={"Range": "bytes=100-199"}))  # noqa: S310
        assert (got.status, got.read()) == (206, whole[100:200])
        assert asked.get(video["file_url"]).content == whole
        assert asked.head(video["file_url"], headers=player).status_code == 200
        policy = asked.get("/").headers["Content-Security-Policy"]
        assert f"media-src 'self' blob: {server.endpoint}" in policy
        assert "default-src 'self'" in policy
        assert "X-Amz" not in logged(caplog)
    with client("https://elsewhere.example") as asked, caplog.at_level("WARNING"):
        for _ in range(2):
            assert asked.get(video["file_url"], headers=player).content == whole[100:200]
        said = [each for each in caplog.messages if "CLIPSEEK_MEDIA_ORIGINS" in each]
        assert len(said) == 1
        assert server.endpoint in said[0]
        assert "X-Amz" not in logged(caplog)


@pytest.mark.long
def test_a_browser_plays_from_the_store(
    bucket: tuple[Library, s3.Server],
    capsys: Capture,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The policy of the page allows the redirect of its player, and nothing else of the store."""
    found = browser.find()
    if found is None:
        lacking(f"no browser; install one of {', '.join(browser.NAMES)}")
    library, server = bucket
    ingest(library, capsys)
    with (
        serving(app_of(library, server.endpoint)) as address,
        browser.opened(found, tmp_path / "profile") as page,
    ):
        page.open(address)
        caplog.set_level("INFO")
        asked = page.run("fetch('/v1/videos').then(answer => answer.json())")
        page.run(
            f"""(() => {{
              window.seen = document.createElement("video");
              seen.muted = true;
              seen.src = {json.dumps(asked["videos"][0]["file_url"])};
              document.body.append(seen);
              seen.play();
            }})()"""
        )
        page.until("seen.currentTime > 0.2")
        assert "X-Amz-Signature" in caplog.text  # the store of the tests logs in this process
        assert "X-Amz-Signature" not in logged(caplog)
        refused = page.run(f"fetch({json.dumps(server.endpoint)}).then(() => '', String)")
        assert refused
        (told,) = [each for each in page.problems if "Security Policy" in each][:1]
        assert server.endpoint in told
        assert "media-src" not in told
