"""The timeline of a video over HTTP."""

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
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
