"""Where the server is, who asks, and what cannot be sent."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from api.following import HEARTBEAT_S
from clipseek_client import AsyncClient, Client, InvalidValue
from clipseek_client.asked import search_body
from clipseek_client.settings import EVENTS_S, headers, server, target, timeout


@pytest.mark.parametrize(
    "address",
    [
        pytest.param("videos.example", id="no scheme"),
        pytest.param("ftp://videos.example", id="other scheme"),
        pytest.param("http://", id="no host"),
        pytest.param("http://videos.example:99999", id="port"),
        pytest.param("http://videos.example/?a=1", id="query"),
        pytest.param("http://videos.example/#a", id="fragment"),
    ],
)
def test_a_wrong_address_is_named(address: str) -> None:
    """With the variable that can have it, and an example."""
    with pytest.raises(
        InvalidValue, match=r"address \(CLIPSEEK_URL\) must be .*such as http://127"
    ):
        server(address, 4)


def test_a_password_in_the_address_is_refused_and_not_repeated() -> None:
    """It would be in errors and logs."""
    with pytest.raises(InvalidValue, match="must not contain a user or a password") as raised:
        Client("https://ann:secret@videos.example")
    assert "secret" not in str(raised.value)


def test_the_address_is_given_or_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise it is that of a server of this machine."""
    assert repr(Client()) == "Client('http://127.0.0.1:8000')"
    monkeypatch.setenv("CLIPSEEK_URL", "https://videos.example/clips/")
    assert repr(Client()) == "Client('https://videos.example/clips')"
    assert repr(AsyncClient("http://other")) == "AsyncClient('http://other')"


def test_the_key_is_given_or_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty variable is as none."""
    monkeypatch.setenv("CLIPSEEK_KEY", "")
    assert "Authorization" not in headers(None)
    monkeypatch.setenv("CLIPSEEK_KEY", "cs_a")
    assert headers(None)["Authorization"] == "Bearer cs_a"
    assert headers("cs_b")["Authorization"] == "Bearer cs_b"


@pytest.mark.parametrize("key", ["", "a b", "a\n", "schl\u00fcssel"])
def test_a_key_that_cannot_be_sent_is_refused_and_not_repeated(key: str) -> None:
    """It could be a key with one letter too many."""
    with pytest.raises(InvalidValue, match=r"key \(CLIPSEEK_KEY\) must be visible ASCII") as raised:
        headers(key)
    assert not key or key not in str(raised.value)


def test_limits_are_checked() -> None:
    """By their names."""
    with pytest.raises(InvalidValue, match="retries must be 0 or more, got -1"):
        Client(retries=-1)
    with pytest.raises(InvalidValue, match="timeout_s must be > 0, got nan"):
        Client(timeout_s=float("nan"))


def test_the_key_goes_to_the_server_alone() -> None:
    """URLs of answers are below its address; others are refused."""
    asked = server("http://videos.example/clips", 0)
    assert target(asked, "/v1/videos") == "http://videos.example/clips/v1/videos"
    below = "http://videos.example/clips/v1/segments/1/thumbnail"
    assert target(asked, below) == below
    for other in ("http://evil.example/v1", "http://videos.example/clips.evil/"):
        with pytest.raises(InvalidValue, match=r"must be below http://videos\.example/clips, got"):
            target(asked, other)


def test_a_body_has_what_is_given(tmp_path: Path) -> None:
    """Pictures in base64, times as RFC 3339, nothing that is None."""
    (tmp_path / "a.jpg").write_bytes(b"\xff\xd8")
    when = datetime(2026, 1, 2, tzinfo=UTC)
    body = search_body(
        None,
        {
            "image": tmp_path / "a.jpg",
            "collection": None,
            "filter": {"indexed_from": when, "tags": ("a",), "folder": None},
            "parts": [{"image": b"\xff"}],
        },
    )
    assert body == {
        "image": "/9g=",
        "filter": {"indexed_from": "2026-01-02T00:00:00+00:00", "tags": ["a"]},
        "parts": [{"image": "/w=="}],
    }


@pytest.mark.parametrize(
    ("value", "said"),
    [
        pytest.param(float("inf"), "limit must be a finite number, got inf", id="infinite"),
        pytest.param({1}, "limit must be text, a number or a list of them, got set", id="set"),
        pytest.param(
            Path("none.jpg"), "limit must be a file that can be read, got none", id="file"
        ),
    ],
)
def test_a_value_that_json_does_not_have_is_named(value: object, said: str) -> None:
    """Before anything is sent."""
    with pytest.raises(InvalidValue, match=said):
        search_body("a red car", {"limit": value})


def test_a_stream_of_events_may_miss_some_heartbeats() -> None:
    """A busy server is not a lost one, and a lost one is noticed."""
    assert 3 * HEARTBEAT_S < EVENTS_S < 6 * HEARTBEAT_S


def test_a_connection_is_given_up_before_an_answer() -> None:
    """After five seconds, because a longer wait would only delay the next try."""
    assert (timeout(30.0).connect, timeout(30.0).read, timeout(2.0).connect) == (5.0, 30.0, 2.0)
