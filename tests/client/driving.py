"""Takes the steps of a flow without a server."""

from collections.abc import Mapping
from typing import Any

import httpx2

from clipseek_client.retrying import Outcome, Retries
from clipseek_client.steps import Flow, Read, Request, Server, Wait

PROBLEM = {
    "type": "/problems/overloaded",
    "title": "Too many searches are waiting",
    "status": 503,
    "detail": "1024 searches are waiting",
    "instance": "/v1/search",
    "request_id": "r1",
}
JSON = {"content-type": "application/problem+json"}
HALF = Retries(4, lambda: 0.5)
SERVER = Server("http://videos.example", HALF)


def answer(status: int, headers: Mapping[str, str] = {}, body: Any = None) -> httpx2.Response:
    """Make an answer."""
    return httpx2.Response(status, headers=headers, json=body)


def problem(status: int, **headers: str) -> httpx2.Response:
    """Make a problem document."""
    more = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx2.Response(status, headers=JSON | more, json=PROBLEM | {"status": status})


def drive(flow: Flow[Any], *outcomes: Outcome, sent: list[Request] | None = None) -> list[Any]:
    """Take the steps of a flow with these outcomes; return the pauses and the result.

    sent: Gets each request.
    """
    seen: list[Any] = []
    left = list(outcomes)
    step = next(flow)
    try:
        while True:
            if isinstance(step, Wait):
                seen.append(step.seconds)
                step = flow.send(None)
            elif isinstance(step, Read):
                step = flow.send(step.call())
            else:
                if sent is not None:
                    sent.append(step)
                step = flow.send(left.pop(0))
    except StopIteration as end:
        assert not left
        return [*seen, end.value]
