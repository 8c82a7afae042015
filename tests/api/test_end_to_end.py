"""The whole way: videos are ingested by the command, then asked for over HTTP."""

import io
import json
import time
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from PIL import Image, ImageOps

from api.app import create_app
from clipseek import embedding
from clipseek.demo.videos import make_videos
from clipseek.errors import ConfigError
from indexer.cli import main

MODEL = "demo"
PATIENCE_S = 20


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Draw two small videos, or skip."""
    folder = tmp_path_factory.mktemp("videos")
    try:
        embedding.resolve(MODEL, folder, export=False)
    except ConfigError as error:
        pytest.skip(f"the demo model is not there: {error}")
    make_videos(2, 11, folder)
    return sorted(folder.glob("*.mp4"))


@pytest.fixture(scope="module")
def data(videos: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ingest the first of them."""
    folder = tmp_path_factory.mktemp("data")
    assert run(folder, "ingest", str(videos[0]), "--model", MODEL, "--quiet") == 0
    return folder


@pytest.fixture(scope="module")
def served(data: Path) -> Iterator[TestClient]:
    """Open the application as `uvicorn api.app:create_app --factory` does."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CLIPSEEK_DATA_DIR", str(data))
        patch.setenv("CLIPSEEK_REFRESH_S", "0.05")
        patch.setenv("CLIPSEEK_ALLOWED_HOSTS", "testserver")
        app = create_app()
    with TestClient(app) as opened:
        yield opened


def test_a_frame_finds_its_moment(served: TestClient) -> None:
    """So do the upper left seven eighths of it; seen in a mirror, it is among the first three."""
    video = served.get("/v1/videos").json()["videos"][0]["id"]
    for segment in served.get(f"/v1/videos/{video}/segments").json()["segments"]:
        frame = Image.open(io.BytesIO(served.get(segment["thumbnail_url"]).content))
        crop = frame.crop((0, 0, frame.width * 7 // 8, frame.height * 7 // 8))
        for seen, first in ((frame, 1), (crop, 1), (ImageOps.mirror(frame), 3)):
            file = io.BytesIO()
            seen.save(file, "WEBP")
            image = b64encode(file.getvalue()).decode()
            hits = served.post("/v1/search", json={"image": image}).json()["hits"][:first]
            assert any(hit["start"] <= segment["best_time"] < hit["end"] for hit in hits)


def test_the_command_searches_for_what_looks_alike(
    data: Path, tmp_path: Path, served: TestClient, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file finds its moment; a second of the video finds others; neither has a relevance."""
    video = served.get("/v1/videos").json()["videos"][0]
    segment = served.get(f"/v1/videos/{video['id']}/segments").json()["segments"][0]
    picture = tmp_path / "frame.jpg"
    picture.write_bytes(served.get(segment["thumbnail_url"]).content)
    assert run(data, "search", "--image", str(picture), "--json") == 0
    first = json.loads(capsys.readouterr().out.splitlines()[0])
    assert first["start"] <= segment["best_time"] < first["end"]
    assert first["relevance"] is None
    assert run(data, "search", "--like", f"{video['uri']}@{segment['best_time']}") == 0
    found = capsys.readouterr()
    assert found.out.split()[0] == "score"
    assert run(data, "search", "--like", f"{video['id']}@1e9") == 2
    assert "like.time must be a second of video" in capsys.readouterr().err
    assert run(data, "search", "--like", "nope@1") == 1
    assert "no video 'nope'" in capsys.readouterr().err


def test_the_command_excludes_composes_and_asks_what_follows(
    data: Path, tmp_path: Path, served: TestClient, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its answers are those of the API."""
    video = served.get("/v1/videos").json()["videos"][0]
    segment = served.get(f"/v1/videos/{video['id']}/segments").json()["segments"][0]
    picture = tmp_path / "frame.jpg"
    picture.write_bytes(served.get(segment["thumbnail_url"]).content)
    image = {"image": b64encode(picture.read_bytes()).decode()}
    unwanted = {"text": "a boat", "weight": -1}
    like = {"like": {"video_id": video["id"], "time": segment["best_time"]}}
    cases: list[tuple[list[str], dict[str, Any]]] = [
        (["a car", "--not", "a boat"], {"parts": [{"text": "a car"}, unwanted]}),
        (
            ["a car", "--image", str(picture), "--not", "a boat"],
            {"parts": [{"text": "a car"}, image, unwanted]},
        ),
        (
            ["a car", "--like", f"{video['id']}@{segment['best_time']}"],
            {"parts": [{"text": "a car"}, like]},
        ),
        (
            ["a car", "--then", "a boat", "--then", "a tree"],
            {"query": "a car", "then": _then("a boat", 10, then=_then("a tree", 10))},
        ),
        (
            ["a car", "--then", "a boat", "--within", "2.5"],
            {"query": "a car", "then": _then("a boat", 2.5)},
        ),
    ]
    for options, body in cases:
        assert run(data, "search", *options, "--json") == 0
        printed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        hits = served.post("/v1/search", json=body).json()["hits"]
        keys = ("start", "end", "best_time")
        assert [[p[k] for k in keys] for p in printed] == [[h[k] for k in keys] for h in hits]
        for one, other in zip(printed, hits, strict=True):
            steps = [{k: step[k] for k in ("start", "end")} for step in other["steps"] or []]
            assert one["steps"] == (steps or None)
    assert run(data, "search", "a car", "--then", "a boat", "--within", "600") == 0
    assert "steps" in capsys.readouterr().out.split()


def _then(query: str, within: float, **more: Any) -> dict[str, Any]:
    return {"query": query, "within": within, **more}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        pytest.param([], "one of them at least, got none", id="nothing"),
        pytest.param(["--not", "red"], "one of them at least, got none", id="nothing wanted"),
        pytest.param(["red", "--within", "5"], "--within needs --then", id="within alone"),
        pytest.param(
            ["red", "--then", "blue", "--within", "0"],
            "within must be more than 0 and at most 3600 seconds, got 0",
            id="within 0",
        ),
        pytest.param(
            ["red", *["--then", "blue"] * 4], "then must be nested at most 3 times", id="too many"
        ),
        pytest.param(["red", *["--not", "blue"] * 8], "parts must be 1 to 8, got 9", id="nine"),
        pytest.param(["--like", "x"], "--like must be a video and seconds", id="no time"),
        pytest.param(["--like", "x@one"], "--like must be a video and seconds", id="no number"),
        pytest.param(
            ["--image", "/nope.png"], "No such file or directory; name a JPEG", id="no file"
        ),
        pytest.param(["--image", "/dev/null"], "--image /dev/null cannot be read", id="a device"),
        pytest.param(["--image", __file__], "image must be a whole JPEG, PNG or WebP", id="text"),
    ],
)
def test_what_the_command_cannot_search_for_is_said(
    data: Path, capsys: pytest.CaptureFixture[str], options: list[str], said: str
) -> None:
    """In one sentence."""
    assert run(data, "search", *options) == 2
    assert said in capsys.readouterr().err


def run(data: Path, *arguments: str) -> int:
    """Run the indexer over a data folder."""
    return main(["--data-dir", str(data), *arguments])


def listed(client: TestClient) -> dict[str, str]:
    """Return the ids of the videos by where they lie."""
    return {video["uri"]: video["id"] for video in client.get("/v1/videos").json()["videos"]}


def found(client: TestClient) -> set[str]:
    """Return the ids of the videos that a search finds."""
    answer = client.post("/v1/search", json={"query": "a red car", "limit": 100})
    return {hit["video"]["id"] for hit in answer.json()["hits"]}


def wait_until(client: TestClient, video_id: str, *, there: bool) -> None:
    """Search until a video is found, or is found no more."""
    end = time.monotonic() + PATIENCE_S
    while (video_id in found(client)) != there:
        assert time.monotonic() < end, f"{video_id} did not change within {PATIENCE_S} s"


def test_a_hit_can_be_seen_and_played(served: TestClient, videos: list[Path]) -> None:
    """Its picture is a JPEG and its link leads to the very file."""
    hit = served.post("/v1/search", json={"query": "a red car"}).json()["hits"][0]
    assert served.get(hit["thumbnail_url"]).content.startswith(b"\xff\xd8")
    video = next(video for video in videos if str(video) == hit["video"]["uri"])
    assert served.get(hit["play_url"]).content == video.read_bytes()
    assert 0 <= hit["start"] <= hit["best_time"] <= hit["end"] <= hit["video"]["duration"] + 1e-3


def test_the_server_is_ready_and_counts(served: TestClient) -> None:
    """Readiness opens the snapshot, and the metrics show it."""
    assert served.get("/readyz").status_code == 200
    (collection,) = served.get("/v1/collections").json()["collections"]
    assert collection["videos"] >= 1
    assert 'clipseek_index_segments{collection="default"}' in served.get("/metrics").text


def test_segments_have_their_thumbnails(served: TestClient, videos: list[Path]) -> None:
    """Every segment of a video has a picture."""
    video_id = listed(served)[str(videos[0])]
    segments = served.get(f"/v1/videos/{video_id}/segments").json()["segments"]
    answers = [served.get(segment["thumbnail_url"]) for segment in segments]
    assert {answer.headers["Content-Type"] for answer in answers} == {"image/jpeg"}


def test_a_video_is_found_once_it_is_ingested_and_gone_once_removed(
    served: TestClient, data: Path, videos: list[Path]
) -> None:
    """The running server picks up both by itself."""
    assert run(data, "ingest", str(videos[1]), "--quiet") == 0
    video_id = listed(served)[str(videos[1])]
    wait_until(served, video_id, there=True)
    assert run(data, "remove", video_id) == 0
    wait_until(served, video_id, there=False)
    assert served.get(f"/v1/videos/{video_id}/file").status_code == 404
