"""The timeline of a video over HTTP."""

import io
from base64 import b64encode
from collections.abc import Mapping

import pytest
from fastapi.testclient import TestClient
from PIL import Image

from api.app import create_app
from api.auditing import is_audited
from api.timeline_schemas import TimelineAnswer
from tests.api.library import Library


def test_a_timeline_covers_the_video(library: Library) -> None:
    """Red 0 to 2 s, green to 4 s, blue to 6 s; the hits are segments of the video."""
    library.add("rainbow.mp4", ["red", "green", "blue"], frames=True)
    with TestClient(create_app(library.service())) as client:
        said = client.get("/v1/videos/rainbow/timeline", params={"query": "green"}).json()
        segments = client.get("/v1/videos/rainbow/segments").json()["segments"]
    found = TimelineAnswer.model_validate(said)
    assert found.resolution == "frames"
    assert found.times == [0, 1, 2, 3, 4, 5]
    assert [one > 0.5 for one in found.relevance] == [False, False, True, True, False, False]
    assert [one.id for one in found.segments] == [one["id"] for one in segments]
    assert found.hits == [segments[1]["id"]]
    assert (found.query, found.video_id, found.duration) == ("green", "rainbow", 6.0)
    assert found.segments[1].thumbnail_url == segments[1]["thumbnail_url"]
    assert [one.begins_shot for one in found.segments] == [True] * 3
    assert [one["begins_shot"] for one in segments] == [True] * 3


def test_a_timeline_without_frames_says_so(client: TestClient) -> None:
    """It has a step for each segment."""
    said = client.get("/v1/videos/sea/timeline", params={"query": "blue"}).json()
    assert (said["resolution"], said["times"]) == ("segments", [0, 2])
    assert [one > 0.5 for one in said["relevance"]] == [True, False]


@pytest.mark.parametrize(
    ("path", "status", "name"),
    [
        pytest.param("/v1/videos/no/timeline?query=red", 404, "video-not-found", id="video"),
        pytest.param(
            "/v1/videos/sea/timeline?query=red&collection=x",
            404,
            "collection-not-found",
            id="collection",
        ),
        pytest.param("/v1/videos/sea/timeline", 422, "invalid-query", id="no query"),
        pytest.param("/v1/videos/sea/timeline?query=%20", 422, "invalid-query", id="blank"),
        pytest.param("/v1/videos/sea/timeline?query=%3F", 422, "query-not-read", id="no words"),
        pytest.param("/v1/videos/sea/timeline?query=red&fps=3", 422, "invalid-query", id="unknown"),
    ],
)
def test_what_cannot_be_answered_is_a_problem(
    client: TestClient, path: str, status: int, name: str
) -> None:
    """Each by its kind."""
    answer = client.get(path)
    assert (answer.status_code, answer.json()["type"]) == (status, f"/problems/{name}")


def blue_picture() -> str:
    """Return a picture as it is sent."""
    file = io.BytesIO()
    Image.new("RGB", (64, 48), "blue").save(file, "PNG")
    return b64encode(file.getvalue()).decode()


def test_a_timeline_of_parts_is_what_fits_all_of_them(client: TestClient) -> None:
    """One sentence as a part is as by GET; what is not wanted, a moment and a picture count."""
    path = "/v1/videos/sea/timeline"

    def said(*parts: Mapping[str, object]) -> TimelineAnswer:
        answer = client.post(path, json={"parts": parts})
        assert answer.status_code == 200, answer.text
        return TimelineAnswer.model_validate(answer.json())

    blue = {"text": "blue"}
    alone = client.get(path, params={"query": "blue"}).json()
    assert said(blue) == TimelineAnswer.model_validate(alone)
    without = said(blue, {"text": "blue", "weight": -1})
    assert (without.query, without.measure, without.hits) == (None, "relevance", [])
    assert without.relevance[0] < 0.5 < alone["relevance"][0]
    moment: dict[str, object] = {"like": {"video_id": "sea", "time": 1}}
    for part in (moment, {"image": blue_picture()}):
        seen = said(part)
        assert (seen.query, seen.measure) == (None, "fit")
        assert [one > 0.5 for one in seen.relevance] == [True, False]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        pytest.param({}, "parts", id="none"),
        pytest.param({"parts": []}, "parts must be a list of 1 to 8 parts", id="empty"),
        pytest.param({"parts": [{"text": "a"}] * 9}, "parts must be a list of 1 to 8", id="many"),
        pytest.param({"parts": [{}]}, "exactly one of them, got 0", id="nothing"),
        pytest.param(
            {"parts": [{"text": "a", "weight": -1}]}, "must have one that is wanted", id="unwanted"
        ),
        pytest.param({"parts": [{"image": "AAAA"}]}, "image", id="no picture"),
        pytest.param({"parts": [{"text": "a"}], "query": "a"}, "query", id="unknown"),
    ],
)
def test_wrong_parts_are_refused(client: TestClient, body: dict[str, object], said: str) -> None:
    """In a sentence that names what is wrong."""
    answer = client.post("/v1/videos/sea/timeline", json=body)
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/invalid-query")
    assert said in answer.text


def test_asking_for_a_timeline_is_not_noted_as_a_change() -> None:
    """But that a video called `timeline` is removed is."""
    assert not is_audited("POST", "/v1/videos/sea/timeline", 200)
    assert is_audited("POST", "/v1/videos/sea/timeline", 403)
    assert is_audited("DELETE", "/v1/videos/timeline", 202)
