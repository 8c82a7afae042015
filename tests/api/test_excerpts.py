"""Spans of real videos as files: downloaded, and previewed while they are encoded."""

import io
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from urllib.request import urlopen

import av
import numpy as np
import pytest
from av.video.stream import VideoStream
from fastapi.testclient import TestClient

from api.app import create_app
from clipseek.excerpts import Busy, Excerpts, Start
from clipseek.video.excerpting import Recipe
from tests.api.library import Library
from tests.api.server import serving

RED, BLUE = (255, 0, 0), (0, 0, 255)
CHANGE_S, LONG_S, FPS = 4, 8, 25


def drawn(
    path: Path, codec: str, *, keyframes: int = 250, size: tuple[int, int] = (64, 48)
) -> bytes:
    """Write a video that is red from 0 to 4 s and blue to 8 s, and return its bytes."""
    with av.open(str(path), "w") as output:
        stream = output.add_stream(codec, rate=FPS, options={"g": str(keyframes), "bf": "2"})
        assert isinstance(stream, VideoStream)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        for number in range(LONG_S * FPS):
            colour = RED if number < CHANGE_S * FPS else BLUE
            frame = av.VideoFrame.from_ndarray(
                np.full((size[1], size[0], 3), colour, np.uint8), format="rgb24"
            )
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path.read_bytes()


def added(
    library: Library,
    name: str,
    codec: str,
    *,
    keyframes: int = 250,
    size: tuple[int, int] = (64, 48),
) -> None:
    """Index a drawn video by its name."""
    content = drawn(library.folder / name, codec, keyframes=keyframes, size=size)
    library.add(name, ["red", "red", "blue", "blue"], content=content)


def shown(content: bytes) -> tuple[list[float], float]:
    """Return the times of the frames of an MP4 with H.264, and when blue begins."""
    with av.open(io.BytesIO(content), "r") as read:
        assert read.streams.video[0].codec_context.name == "h264"
        frames = [
            (float(frame.time or 0), frame.to_ndarray(format="rgb24")[:, :, 2].mean())
            for frame in read.decode(video=0)
        ]
    return [at for at, _ in frames], next(at for at, blue in frames if blue > 128)


@pytest.fixture
def client(empty: Library) -> Iterator[TestClient]:
    """Return a client over a library that tests add videos to."""
    with TestClient(create_app(empty.service()), raise_server_exceptions=False) as opened:
        yield opened


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        pytest.param("a.mp4", "libx264", id="H.264"),
        pytest.param("b.mkv", "libx265", id="HEVC in Matroska"),
        pytest.param("c.avi", "mpeg4", id="MPEG-4 in AVI"),
        pytest.param("d.mpg", "mpeg2video", id="MPEG-2"),
        pytest.param("e.h264", "libx264", id="H.264 without a container"),
    ],
)
def test_a_span_is_encoded(empty: Library, client: TestClient, name: str, codec: str) -> None:
    """From 3 to 6 s of the video, blue begins after one second."""
    added(empty, name, codec)
    answer = client.get(f"/v1/videos/{name[0]}/clip?start=3&end=6")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "video/mp4")
    times, blue = shown(answer.content)
    assert len(times) == pytest.approx(3 * FPS, abs=2)
    assert blue == pytest.approx(1.0, abs=0.05)
    named = f"attachment; filename*=utf-8''{name[0]}%203.00-6.00.mp4"
    assert answer.headers["Content-Disposition"] == named


def test_packets_are_copied_from_a_keyframe_just_before(empty: Library, client: TestClient) -> None:
    """With a keyframe each second and a span from 3.2 s on, the file begins at 3 s."""
    added(empty, "a.mp4", "libx264", keyframes=FPS)
    content = client.get("/v1/videos/a/clip?start=3.2&end=6").content
    times, blue = shown(content)
    assert blue - times[0] == pytest.approx(1.0, abs=0.01)
    with (
        av.open(io.BytesIO(content), "r") as copy,
        av.open(str(empty.folder / "a.mp4"), "r") as original,
    ):
        theirs = {bytes(packet) for packet in original.demux(video=0) if packet.size}
        assert all(bytes(packet) in theirs for packet in copy.demux(video=0) if packet.size)


def test_a_keyframe_that_is_too_early_is_not_taken(empty: Library, client: TestClient) -> None:
    """From 3.8 s on, the keyframe at 3 s is more than half a second early."""
    added(empty, "a.mp4", "libx264", keyframes=FPS)
    times, blue = shown(client.get("/v1/videos/a/clip?start=3.8&end=6").content)
    assert blue - times[0] == pytest.approx(0.2, abs=0.05)


def test_a_segment_is_a_span(empty: Library, client: TestClient) -> None:
    """The third segment of the video is blue, from 4 to 6 s."""
    added(empty, "a.mp4", "libx264")
    segment = client.get("/v1/videos/a/segments").json()["segments"][2]
    times, blue = shown(client.get(f"/v1/segments/{segment['id']}/clip").content)
    assert (times[0], blue) == (0, 0)
    assert len(times) == pytest.approx(2 * FPS, abs=1)


def test_a_preview_is_small_and_kept(empty: Library, client: TestClient) -> None:
    """It is 360 pixels high; asked for again, it is a file with ranges."""
    added(empty, "b.mkv", "libx265", size=(960, 720))
    path = "/v1/videos/b/preview?start=3&end=6"
    first = client.get(path)
    assert (first.status_code, first.headers["Cache-Control"]) == (200, "no-store")
    assert shown(first.content)[1] == pytest.approx(1.0, abs=0.05)
    with av.open(io.BytesIO(first.content)) as read:
        assert (read.streams.video[0].width, read.streams.video[0].height) == (480, 360)
    again = client.get(path, headers={"Range": "bytes=0-99"})
    assert (again.status_code, again.content) == (206, first.content[:100])


def test_a_kept_excerpt_stays_the_same_file(empty: Library, client: TestClient) -> None:
    """A browser may keep it, but asks each time, as somebody may have logged out meanwhile."""
    added(empty, "a.mp4", "libx264")
    path = "/v1/videos/a/clip?start=0&end=1"
    first, again = client.get(path), client.get(path)
    assert first.headers["Cache-Control"] == "private, no-cache"
    assert again.headers["ETag"] == first.headers["ETag"]
    same = client.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert (same.status_code, same.content) == (304, b"")


def test_an_excerpt_of_one_collection_is_not_kept_for_another(
    empty: Library, client: TestClient
) -> None:
    """Otherwise its holder would learn that others have the same video and have asked for it."""
    added(empty, "a.mp4", "libx264")
    content = (empty.folder / "a.mp4").read_bytes()
    empty.add("a.mp4", ["red"], collection="other", content=content)
    path = "/v1/videos/a/clip?start=0&end=1"
    assert client.get(path).status_code == 200
    kept = {
        name: client.head(f"{path}&collection={name}").headers["Cache-Control"]
        for name in ("default", "other")
    }
    assert kept == {"default": "private, no-cache", "other": "no-store"}


def test_a_preview_can_be_played_from_its_first_second_on(empty: Library) -> None:
    """It consists of fragments of a second, and what comes before the third can be decoded."""
    added(empty, "b.mkv", "libx265", size=(1280, 720))
    with (
        serving(create_app(empty.service())) as address,
        urlopen(f"{address}/v1/videos/b/preview", timeout=60) as answer,  # noqa: S310  ours
    ):
        content = answer.read()
    assert len(shown(content)[0]) == pytest.approx(LONG_S * FPS, abs=3)
    fragments = content.split(b"moof")
    assert len(fragments) == 1 + LONG_S
    with av.open(io.BytesIO(b"moof".join(fragments[:3])[:-4]), "r") as begun:
        assert len(list(begun.decode(video=0))) == 2 * FPS


def test_a_preview_that_nobody_reads_ends(empty: Library) -> None:
    """Its process and its file go, and the next one has its turn."""
    added(empty, "b.mkv", "libx265", size=(1280, 720))
    with serving(create_app(empty.service())) as address:
        with urlopen(f"{address}/v1/videos/b/preview", timeout=60) as answer:  # noqa: S310  ours
            answer.read(100)
        with urlopen(f"{address}/v1/videos/b/clip?start=3&end=3.5", timeout=60) as answer:  # noqa: S310  ours
            assert answer.status == 200
    assert not list((empty.folder / "excerpts").glob("*.part"))


def test_the_oldest_excerpts_make_room(empty: Library) -> None:
    """With room for nothing but the newest one, one file is left."""
    added(empty, "a.mp4", "libx264")
    with TestClient(create_app(empty.service(excerpt_bytes=0))) as client:
        for end in (1, 2, 3):
            assert client.get(f"/v1/videos/a/clip?start=0.5&end={end}").status_code == 200
            assert len(list((empty.folder / "excerpts").iterdir())) == 1


def test_what_was_used_last_stays(empty: Library) -> None:
    """Of two files, that which was asked for again; there is room for one beside the newest."""
    added(empty, "a.mp4", "libx264")
    folder = empty.folder / "excerpts"
    first, second, third = (f"/v1/videos/a/clip?start=0.5&end={end}" for end in (2, 2.2, 1))
    with TestClient(create_app(empty.service())) as client:
        client.get(first)
        (used,) = folder.iterdir()
        client.get(second)
        client.get(first)
    room = sum(path.stat().st_size for path in folder.iterdir())
    with TestClient(create_app(empty.service(excerpt_bytes=room))) as client:
        client.get(third)
    assert used in set(folder.iterdir())
    assert len(list(folder.iterdir())) == 2


def test_encoding_that_takes_too_long_is_a_problem(empty: Library) -> None:
    """The process is killed, and nothing is left of it."""
    added(empty, "b.mkv", "libx265")
    with TestClient(create_app(empty.service(max_excerpt_s=0.05))) as client:
        answer = client.get("/v1/videos/b/clip?start=0&end=6")
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/span-not-made")
    assert list((empty.folder / "excerpts").iterdir()) == []


def test_a_damaged_file_is_a_problem_without_its_path(empty: Library, client: TestClient) -> None:
    """The reason is in the log."""
    empty.add("x.mp4", ["red"], content=b"\0" * 4096)
    answer = client.get("/v1/videos/x/clip?start=0&end=1")
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/span-not-made")
    assert str(empty.folder) not in answer.text


def test_a_folder_that_cannot_be_made_is_a_problem(empty: Library, client: TestClient) -> None:
    """A file is in its place; also for root, who may write everywhere."""
    added(empty, "a.mp4", "libx264")
    (empty.folder / "excerpts").write_bytes(b"")
    for path in ("/v1/videos/a/clip?start=0&end=1", "/v1/videos/a/preview"):
        answer = client.get(path)
        assert (answer.status_code, answer.json()["type"]) == (
            503,
            "/problems/excerpts-unavailable",
        )
        assert str(empty.folder) not in answer.text


class _AlwaysBusy(Excerpts):
    """Excerpts of which another one is being made all the time."""

    def made(self, key: str, recipe: Recipe, start: Start) -> Path:
        """Refuse."""
        raise Busy


def test_excerpts_may_have_a_folder_of_their_own(empty: Library) -> None:
    """The data folder is then only read."""
    added(empty, "a.mp4", "libx264")
    elsewhere = empty.folder / "elsewhere"
    with TestClient(create_app(empty.service(excerpt_dir=elsewhere))) as client:
        assert client.get("/v1/videos/a/clip?start=0&end=1").status_code == 200
    assert len(list(elsewhere.iterdir())) == 1
    assert not (empty.folder / "excerpts").exists()


def test_a_turn_that_does_not_come_is_a_problem(empty: Library) -> None:
    """It says when to ask again."""
    added(empty, "a.mp4", "libx264")
    app = create_app(empty.service())
    app.state.cutter.excerpts = _AlwaysBusy(empty.folder / "excerpts", 2**30)
    with TestClient(app) as client:
        answer = client.get("/v1/videos/a/clip?start=0&end=1")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "10")
    assert answer.json()["type"] == "/problems/excerpts-busy"


@pytest.mark.parametrize(
    ("path", "status", "name"),
    [
        pytest.param("/v1/videos/no/clip?start=0&end=1", 404, "video-not-found", id="video"),
        pytest.param("/v1/segments/999/clip", 404, "segment-not-found", id="segment"),
        pytest.param("/v1/videos/a/clip?start=1&end=1", 422, "invalid-query", id="empty"),
        pytest.param("/v1/videos/a/clip?start=0&end=181", 422, "invalid-query", id="long"),
        pytest.param("/v1/videos/a/clip?start=8&end=9", 422, "invalid-query", id="after the end"),
        pytest.param("/v1/videos/a/clip?start=nan&end=9", 422, "invalid-query", id="NaN"),
        pytest.param("/v1/videos/a/clip?start=-1&end=9", 422, "invalid-query", id="negative"),
        pytest.param("/v1/videos/a/clip?start=1", 422, "invalid-query", id="no end"),
        pytest.param("/v1/videos/a/preview?end=301", 422, "invalid-query", id="long preview"),
        pytest.param("/v1/videos/a/preview?height=9", 422, "invalid-query", id="unknown"),
    ],
)
def test_what_cannot_be_made_is_a_problem(
    empty: Library, client: TestClient, path: str, status: int, name: str
) -> None:
    """Each by its kind."""
    empty.add("a.mp4", ["red", "red", "blue", "blue"])
    answer = client.get(path)
    assert (answer.status_code, answer.json()["type"]) == (status, f"/problems/{name}")


def test_the_original_is_not_changed(empty: Library, client: TestClient) -> None:
    """And one that has changed is refused."""
    added(empty, "a.mp4", "libx264")
    before = (empty.folder / "a.mp4").read_bytes()
    assert client.get("/v1/videos/a/clip?start=0&end=1").status_code == 200
    assert (empty.folder / "a.mp4").read_bytes() == before
    (empty.folder / "a.mp4").write_bytes(before + b"\0")
    assert client.get("/v1/videos/a/clip?start=0&end=2").json()["type"] == "/problems/file-changed"
