"""What is sent again, and after how long."""

import httpx2
import pytest

from clipseek_client import (
    ConnectionFailed,
    InvalidValue,
    ProblemError,
    UnexpectedAnswer,
    calls,
)
from clipseek_client.answers import Videos
from clipseek_client.retrying import Outcome, Retries, retry_after_s
from clipseek_client.steps import Request, Server
from tests.client.driving import HALF, PROBLEM, SERVER, answer, drive, problem


@pytest.mark.parametrize(
    ("outcome", "safe", "unsafe"),
    [
        pytest.param(httpx2.ConnectError("no"), True, True, id="not connected"),
        pytest.param(httpx2.ConnectTimeout("no"), True, True, id="connected too late"),
        pytest.param(httpx2.ReadError("cut"), True, False, id="cut"),
        pytest.param(httpx2.WriteError("cut"), True, False, id="cut while sending"),
        pytest.param(httpx2.ReadTimeout("late"), True, False, id="no answer in time"),
        pytest.param(httpx2.RemoteProtocolError("half"), True, False, id="half an answer"),
        pytest.param(httpx2.LocalProtocolError("bad"), False, False, id="cannot be sent"),
        pytest.param(problem(429, retry_after="1"), True, True, id="429"),
        pytest.param(problem(503, retry_after="1"), True, False, id="503"),
        pytest.param(problem(504, retry_after="1"), True, False, id="504"),
        pytest.param(problem(503), False, False, id="503 that waiting does not help"),
        pytest.param(answer(502), True, False, id="502 of a proxy"),
        pytest.param(problem(503, retry_after="61"), False, False, id="longer than we wait"),
        pytest.param(problem(500), False, False, id="500"),
        pytest.param(problem(422), False, False, id="422"),
        pytest.param(problem(409), False, False, id="409"),
    ],
)
def test_what_is_repeated(outcome: Outcome, safe: bool, unsafe: bool) -> None:
    """If it is safe, and if it may have changed something."""
    assert (HALF.pause_s(outcome, attempt=0, safe=True) is not None) is safe
    assert (HALF.pause_s(outcome, attempt=0, safe=False) is not None) is unsafe


def test_the_pauses_grow_up_to_a_limit_and_then_end() -> None:
    """Half of 0.25 s, 0.5 s, 1 s and so on, as the random number says."""
    cut, many = httpx2.ReadError("cut"), Retries(10, lambda: 0.5)
    pauses = [many.pause_s(cut, attempt=attempt, safe=True) for attempt in range(11)]
    assert pauses == [0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 4.0, 4.0, 4.0, 4.0, None]


def test_two_clients_come_back_at_different_times() -> None:
    """Not before the server has asked for, and not together."""
    refused = problem(503, retry_after="3")
    pauses = {Retries().pause_s(refused, attempt=0, safe=True) for _ in range(20)}
    assert len(pauses) > 10
    assert all(pause is not None and 3 <= pause < 3.25 for pause in pauses)


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        pytest.param("2", 2.0, id="seconds"),
        pytest.param("Wed, 21 Oct 2015 07:28:00 GMT", 0.0, id="a date that has passed"),
        pytest.param("soon", None, id="neither"),
        pytest.param("-1", None, id="negative"),
        pytest.param("", None, id="empty"),
    ],
)
def test_retry_after_is_a_number_or_a_date(said: str, seconds: float | None) -> None:
    """Something else is as if it were not there."""
    assert retry_after_s(answer(503, {"retry-after": said})) == seconds


def test_a_search_is_sent_until_it_is_answered() -> None:
    """Each pause is as the outcome before it says."""
    flow = SERVER.read(Videos, Request("GET", "/v1/videos"))
    done = drive(
        flow,
        httpx2.ConnectError("no"),
        problem(503, retry_after="2"),
        answer(200, body={"videos": [], "next": None}),
    )
    assert done == [0.125, 2.25, Videos(videos=[], next=None)]


def test_a_problem_is_raised_as_it_was_said() -> None:
    """With its type, title, detail and request id."""
    flow = SERVER.read(Videos, Request("GET", "/v1/videos"))
    with pytest.raises(ProblemError) as raised:
        drive(flow, problem(503))
    error = raised.value
    assert (error.type, error.status, error.request_id) == ("/problems/overloaded", 503, "r1")
    assert (error.title, error.detail) == (PROBLEM["title"], PROBLEM["detail"])
    assert str(error) == "1024 searches are waiting (503 /problems/overloaded, request r1)"
    assert error.errors == []


def test_a_lost_connection_says_the_address_and_why() -> None:
    """After the last try."""
    flow = Server("http://videos.example", Retries(0)).read(Videos, Request("GET", "/v1/videos"))
    with pytest.raises(
        ConnectionFailed, match=r"http://videos\.example did not answer GET /v1/vid"
    ):
        drive(flow, httpx2.ConnectError("connection refused"))


def test_what_cannot_be_sent_is_not_called_a_lost_connection() -> None:
    """It is a value of the caller."""
    flow = SERVER.read(Videos, Request("GET", "/v1/videos"))
    with pytest.raises(InvalidValue, match="GET /v1/videos cannot be sent: Illegal header value"):
        drive(flow, httpx2.LocalProtocolError("Illegal header value"))


@pytest.mark.parametrize("key", ["a\nb", "schl\u00fcssel"])
def test_an_idempotency_key_must_be_one_that_a_header_can_have(key: str) -> None:
    """The request is not sent without it."""
    with pytest.raises(InvalidValue, match="idempotency_key must be printable ASCII"):
        drive(calls.remove(SERVER, "v1", None, key))


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        pytest.param(httpx2.Response(502, html="<p>"), "answered 502", id="a proxy"),
        pytest.param(
            answer(301, {"location": "https://videos.example/v1/videos"}),
            "it leads to https://videos.example/v1/videos",
            id="a redirect",
        ),
        pytest.param(httpx2.Response(200, html="<p>"), "did not answer as clipseek", id="a page"),
        pytest.param(answer(200, body={"videos": 1}), "videos: Input should be", id="other JSON"),
    ],
)
def test_an_answer_of_another_server_is_not_taken_for_one(
    outcome: httpx2.Response, said: str
) -> None:
    """The error names the address."""
    flow = Server("http://videos.example", Retries(0)).read(Videos, Request("GET", "/v1/videos"))
    with pytest.raises(UnexpectedAnswer, match=said) as raised:
        drive(flow, outcome)
    assert "http://videos.example" in str(raised.value)
