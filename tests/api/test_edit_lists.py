"""Edit lists over HTTP, and what is said of the files of videos."""

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.playable import playable
from clipseek.video import PyAVFrames
from tests.api.library import Library
from tests.api.test_excerpts import drawn


def asked(client: TestClient, *moments: dict[str, object], **others: object) -> tuple[int, str]:
    """Ask for an edit list; return the status and the text."""
    answer = client.post("/v1/edit-lists", json={"moments": list(moments), **others})
    return answer.status_code, answer.text


def test_a_list_is_a_file(empty: Library) -> None:
    """With the timecodes of the video's frame rate."""
    empty.add("night.mp4", ["red", "blue"], frame_rate="25")
    with TestClient(create_app(empty.service())) as client:
        answer = client.post(
            "/v1/edit-lists",
            json={"moments": [{"video": "night", "start": 1, "end": 2.2, "name": "red"}]},
        )
    assert answer.headers["Content-Disposition"] == 'attachment; filename="moments.edl"'
    assert "00:00:01:00 00:00:02:05 00:00:00:00 00:00:01:05" in answer.text
    assert "* FROM CLIP NAME: night\n" in answer.text


@pytest.mark.parametrize(
    ("moment", "others", "status", "said"),
    [
        pytest.param({"video": "no", "start": 0, "end": 1}, {}, 404, "video-not-found", id="video"),
        pytest.param(
            {"video": "sea", "start": 0, "end": 1}, {}, 422, "frame rate of video sea", id="rate"
        ),
        pytest.param({"video": "sea", "start": 1, "end": 1}, {}, 422, "greater than", id="empty"),
        pytest.param({"video": "sea", "start": -1, "end": 1}, {}, 422, "a number", id="negative"),
        pytest.param({"video": "sea", "start": 0}, {}, 422, "end", id="no end"),
        pytest.param(
            {"video": "sea", "start": 0, "end": 1}, {"format": "avid"}, 422, "format", id="format"
        ),
        pytest.param(
            {"video": "sea", "start": 0, "end": 1},
            {"collection": "x"},
            404,
            "not-found",
            id="collection",
        ),
    ],
)
def test_what_cannot_be_listed_is_a_problem(
    client: TestClient, moment: dict[str, object], others: dict[str, object], status: int, said: str
) -> None:
    """Each says what is wrong."""
    code, text = asked(client, moment, **others)
    assert code == status
    assert said in text


@pytest.mark.parametrize(
    ("name", "media_type", "said"),
    [
        ("edl", "text/plain; charset=utf-8", "00:00:03:00 00:00:04:00"),
        ("fcpxml", "application/xml", 'start="3s" duration="1s"'),
    ],
)
def test_a_list_has_the_format_that_is_asked_for(
    empty: Library, name: str, media_type: str, said: str
) -> None:
    """And ends where the video ends."""
    empty.add("night.mp4", ["red", "blue"], frame_rate="25")
    moment = {"video": "night", "start": 3, "end": 9}
    with TestClient(create_app(empty.service())) as client:
        answer = client.post("/v1/edit-lists", json={"format": name, "moments": [moment]})
    assert answer.headers["Content-Type"] == media_type
    assert answer.headers["Content-Disposition"] == f'attachment; filename="moments.{name}"'
    assert said in answer.text


def test_a_moment_after_the_end_is_a_problem(empty: Library) -> None:
    """It says how long the video is."""
    empty.add("night.mp4", ["red"], frame_rate="25")
    with TestClient(create_app(empty.service())) as client:
        code, text = asked(client, {"video": "night", "start": 9, "end": 10})
    assert code == 422
    assert "less than the duration of video night (2), got 9" in text


def test_a_format_that_is_not_installed_is_not_offered(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The refusal says what is available instead, and what would have to be installed."""
    monkeypatch.setattr("clipseek.editlist.otio.find_spec", lambda _: None)
    assert client.get("/v1/edit-lists").json() == {"formats": ["edl", "fcpxml"]}
    code, text = asked(client, {"video": "sea", "start": 0, "end": 1}, format="otio")
    assert code == 422
    assert "one of edl, fcpxml, got 'otio'" in text
    assert "clipseek[otio]" in text


def test_no_moments_are_a_problem(client: TestClient) -> None:
    """There is nothing to export."""
    assert asked(client)[0] == 422
    assert "moments must have 1 or more entries, got 0" in asked(client)[1]


@pytest.mark.parametrize(
    ("name", "codec", "plays"),
    [
        pytest.param("a.mp4", "libx264", True, id="H.264"),
        pytest.param("b.mkv", "libx264", True, id="H.264 in Matroska"),
        pytest.param("c.webm", "libvpx-vp9", True, id="VP9"),
        pytest.param("d.mkv", "libx265", False, id="HEVC in Matroska"),
        pytest.param("e.mp4", "libx265", False, id="HEVC"),
        pytest.param("f.avi", "mpeg4", False, id="AVI"),
        pytest.param("g.mpg", "mpeg2video", False, id="MPEG-2"),
        pytest.param("h.h264", "libx264", False, id="H.264 without a container"),
    ],
)
def test_a_video_says_whether_browsers_play_it(
    empty: Library, name: str, codec: str, plays: bool
) -> None:
    """By what the reader says of a real file."""
    content = drawn(empty.folder / name, codec)
    with PyAVFrames(empty.folder / name) as source:
        coding, rate = source.coding, source.frame_rate
    empty.add(name, ["red"], content=content, coding=coding, frame_rate=str(rate))
    with TestClient(create_app(empty.service())) as client:
        video = client.get(f"/v1/videos/{name[0]}").json()
    assert (video["playable"], video["frame_rate"]) == (plays, "25")
    assert video["preview_url"] == f"/v1/videos/{name[0]}/preview?collection=default"


@pytest.mark.parametrize(
    ("coding", "plays"),
    [
        ("", None),
        ("mov h264", None),
        ("mov h264 yuv420p10le aac", False),
        ("mov h264 yuv420p ac3", False),
        ("mov h264 yuv420p aac", True),
        ("matroska vp8 yuv420p vorbis", True),
        ("matroska h264 yuv420p ac3", False),
    ],
)
def test_pixels_and_sound_count(coding: str, plays: bool | None) -> None:
    """Browsers decode neither ten bits of H.264 nor AC-3."""
    assert playable(coding) is plays


def test_a_video_of_an_older_ingest_says_that_it_is_not_known(client: TestClient) -> None:
    """Neither true nor false."""
    video = client.get("/v1/videos/sea").json()
    assert (video["playable"], video["frame_rate"]) == (None, None)
