"""Another kind of place for videos is one file and one line: archives, from ingest to playing."""

import json
import zipfile
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from clipseek import assembly
from clipseek.config import Settings
from tests.e2e.conftest import Library
from tests.examples.zip_place import ZipArchives

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def archive(
    shared_library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Library, Path]:
    """An archive of three videos and other files, and an empty library that reads archives."""
    monkeypatch.setitem(assembly.PLACES, "zip", lambda _settings: ZipArchives())
    path = tmp_path / "all.zip"
    with zipfile.ZipFile(path, "w") as written:
        for video in sorted(shared_library.videos.glob("*.mp4"))[:3]:
            written.write(video, f"clips/{video.name}")
        written.writestr("clips/readme.txt", "not a video")
        written.writestr("clips/.hidden.mp4", "left out by its name")
    return Library(shared_library.videos, tmp_path / "data"), path


def _ingest(library: Library, name: str, capsys: Capture) -> dict[str, str]:
    """Ingest, and return what became of each uri."""
    capsys.readouterr()
    assert library.run("ingest", name, "--model", "demo", "--json") == 0
    lines = capsys.readouterr().out.splitlines()
    return {said["path"]: said["state"] for said in map(json.loads, lines)}


def test_videos_of_an_archive_are_indexed_found_and_verified(
    archive: tuple[Library, Path], capsys: Capture
) -> None:
    """As files are: what has not changed is not read again, and the answers are the same."""
    library, path = archive
    states = _ingest(library, f"zip://{path}", capsys)
    assert len(states) == 3
    assert set(states.values()) == {"indexed"}
    assert all(uri.startswith(f"zip://{path}!/clips/video-") for uri in states)
    assert set(_ingest(library, f"zip://{path}!/clips", capsys).values()) == {"unchanged"}
    assert library.run("verify", "--deep") == 0
    capsys.readouterr()
    assert library.run("search", "a red balloon", "--json") == 0
    hit = json.loads(capsys.readouterr().out.splitlines()[0])
    assert hit["video"]["uri"] in states


def test_the_same_content_on_the_disk_is_not_indexed_twice(
    archive: tuple[Library, Path], capsys: Capture
) -> None:
    """A video is named by its content, wherever that is kept."""
    library, path = archive
    _ingest(library, f"zip://{path}", capsys)
    copy = sorted(library.videos.glob("*.mp4"))[0]
    assert _ingest(library, str(copy), capsys) == {str(copy): "unchanged"}


def test_a_video_of_an_archive_is_played_by_ranges(
    archive: tuple[Library, Path], capsys: Capture
) -> None:
    """Whole, in part, not at all where it is known; and a problem once the archive is gone."""
    library, path = archive
    uri = min(_ingest(library, f"zip://{path}", capsys))
    content = zipfile.ZipFile(path).read(uri.partition("!/")[2])
    settings = Settings.load(data_dir=library.data_dir, allowed_hosts="testserver")
    with TestClient(create_app(assembly.open_service(settings))) as client:
        listed = client.get("/v1/videos").json()["videos"]
        (url,) = (f"/v1/videos/{each['id']}/file" for each in listed if each["uri"] == uri)
        whole = client.get(url)
        assert (whole.status_code, whole.content) == (200, content)
        assert whole.headers["Content-Type"] == "video/mp4"
        part = client.get(url, headers={"Range": "bytes=10-19"})
        assert (part.status_code, part.content) == (206, content[10:20])
        assert part.headers["Content-Range"] == f"bytes 10-19/{len(content)}"
        past = client.get(url, headers={"Range": f"bytes={len(content)}-"})
        assert past.status_code == 416
        known = client.get(url, headers={"If-None-Match": whole.headers["ETag"]})
        assert (known.status_code, known.content) == (304, b"")
        head = client.head(url)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["Content-Length"] == str(len(content))
        several = client.get(url, headers={"Range": "bytes=0-1,4-5"})
        assert (several.status_code, several.content) == (200, content)
        path.unlink()
        gone = client.get(url)
        assert (gone.status_code, gone.json()["type"]) == (410, "/problems/file-gone")
        assert str(path) not in gone.text


def test_an_archive_of_no_videos_or_no_archive_is_an_error(
    archive: tuple[Library, Path], tmp_path: Path, capsys: Capture
) -> None:
    """Nothing to index is not a success."""
    library, path = archive
    for name, said in (
        (f"zip://{path}!/clips/readme.txt", "readme.txt"),
        (f"zip://{tmp_path}/missing.zip", "No such file"),
        (f"zip://{path}!/nothing", "no such entry"),
    ):
        assert library.run("ingest", name, "--model", "demo") in (1, 2)
        assert said in capsys.readouterr().err


def test_a_scheme_that_is_not_known_is_named(library: Library, capsys: Capture) -> None:
    """It is not a file with an odd name."""
    assert library.run("ingest", "gopher://host/a.mp4") == 2
    assert "cannot be read from gopher:// here" in capsys.readouterr().err
