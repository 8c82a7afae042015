"""Videos in an object store: indexed, found, played and verified as files are."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from clipseek.assembly import open_service
from clipseek.config import Settings
from clipseek.sources.remote import RemoteObject
from tests.contracts import s3
from tests.e2e.conftest import Library

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
    """What has not changed is not read again; what has changed since is not played."""
    library, server = bucket
    states = ingest(library, capsys)
    assert set(states) == {f"s3://{s3.BUCKET}/clips/video-00{n}.mp4" for n in (1, 2)}
    assert set(states.values()) == {"indexed"}

    with monkeypatch.context() as patched:
        patched.setattr(RemoteObject, "open", None)
        assert set(ingest(library, capsys).values()) == {"unchanged"}
    assert library.run("verify", "--deep") == 0

    whole = (library.videos / "video-001.mp4").read_bytes()
    settings = Settings.load(data_dir=library.data_dir, allowed_hosts="testserver")
    with TestClient(create_app(open_service(settings))) as client:
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
