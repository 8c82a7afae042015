"""How alerts are followed: behind the last one, however often the connection is lost."""

import httpx2
import pytest

from clipseek_client import ProblemError
from clipseek_client.errors import ConnectionFailed
from clipseek_client.following import GOOD_S, Following
from tests.client.driving import SERVER, drive, problem

ALERT = """{"id": "a1", "watch": "w", "watch_name": "red", "collection": "default",
"video_id": "sea", "camera": null, "start": 2, "end": 4, "best_time": 2.5, "start_at": null,
"end_at": null, "relevance": 0.9, "thumbnail_url": "/v1/alerts/a1/thumbnail",
"play_url": "/v1/videos/sea/file", "keeps": false, "created_at": "2026-11-29T10:00:00Z",
"delivery": "none", "attempts": 0, "reason": ""}"""
LOST = httpx2.ReadError("the connection was lost")


class Clock:
    """A clock that is set."""

    now = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


def test_a_stream_goes_on_behind_the_last_alert() -> None:
    """And behind the id that it began with, if none came."""
    following = Following(SERVER, {"collection": None, "watch": "w"})
    assert (following.headers, following.request.params) == ({}, {"watch": "w"})
    assert following.told(httpx2.ServerSentEvent(event="message", data="", id="6")) is None
    assert following.headers == {"Last-Event-ID": "6"}
    alert = following.told(httpx2.ServerSentEvent(event="alert", data=ALERT, id="7"))
    assert alert is not None
    assert alert.thumbnail_url == "http://videos.example/v1/alerts/a1/thumbnail"
    assert following.headers == {"Last-Event-ID": "7"}


def test_a_stream_that_was_good_is_opened_again_without_end() -> None:
    """One that breaks at once is given up after as many attempts as other requests."""
    clock = Clock()
    following = Following(SERVER, {}, clock)
    for _ in range(9):
        following.open()
        clock.now += GOOD_S
        assert drive(following.again(None)) == [0.125, None]
    following.open()
    pauses = [drive(following.again(LOST))[0] for _ in range(3)]
    assert pauses == [0.25, 0.5, 1.0]
    with pytest.raises(ConnectionFailed, match="connection was lost"):
        drive(following.again(LOST))


def test_a_refusal_ends_it() -> None:
    """A key that may not read alerts is not tried again."""
    with pytest.raises(ProblemError):
        drive(Following(SERVER, {}).again(problem(403)))
