"""Requests, and what a client does step by step, without doing it.

A flow is a generator: it yields the next step, is sent what became of it, and returns a result. So
each rule is written once, for both clients, which only take the steps.
"""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx2
from pydantic import BaseModel, ValidationError

from clipseek_client.answers import Problem
from clipseek_client.errors import (
    ClientError,
    ConnectionFailed,
    InvalidValue,
    ProblemError,
    UnexpectedAnswer,
)
from clipseek_client.retrying import Outcome, Retries, is_problem

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent. The outcome of this step is an answer, or the reason why there is none.

    safe: Whether it can be repeated although it may have arrived.
    sink: A file that the body of a good answer is written to; otherwise it is in memory.
    """

    method: str
    url: str
    params: Mapping[str, Any] = field(default_factory=dict)
    json: Any = None
    content: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    safe: bool = True
    sink: Path | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait so many seconds. The outcome is None."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Read:
    """Call a function that waits for a disk. The outcome is what it returns."""

    call: Callable[[], Any]


Step = Request | Wait | Read
Flow = Generator[Step, Any, T]


@dataclass(frozen=True, slots=True)
class Server:
    """Where the server is, without a slash at the end, and how often requests are repeated."""

    address: str
    retries: Retries

    def answered(self, request: Request) -> Flow[httpx2.Response]:
        """Send a request, again if that is safe and can help; return the good answer.

        Raises:
            ClientError: There is none.
        """
        attempt = 0
        while True:
            outcome: Outcome = yield request
            if isinstance(outcome, httpx2.Response) and outcome.is_success:
                return outcome
            yield from self.pause(request, outcome, attempt)
            attempt += 1

    def pause(self, request: Request, outcome: Outcome, attempt: int) -> Flow[None]:
        """Wait until a request may be repeated.

        Raises:
            ClientError: It is not repeated.
        """
        pause_s = self.retries.pause_s(outcome, attempt=attempt, safe=request.safe)
        if pause_s is None:
            raise self.error(request, outcome)
        yield Wait(pause_s)

    def read(self, model: type[M], request: Request) -> Flow[M]:
        """Send a request and return its answer as a value."""
        response = yield from self.answered(request)
        return self.value(model, response)

    def value(self, model: type[M], response: httpx2.Response) -> M:
        """Return the body of an answer as a value, its URLs with the address of the server.

        Raises:
            UnexpectedAnswer: It is something else.
        """
        return self.parsed(model, response.content)

    def parsed(self, model: type[M], content: bytes | str) -> M:
        """Return JSON as a value, its URLs with the address of the server.

        Raises:
            UnexpectedAnswer: It is something else.
        """
        try:
            return model.model_validate_json(content, context={"address": self.address})
        except ValidationError as error:
            wrong = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(str(part) for part in wrong["loc"]) or "body"
            raise UnexpectedAnswer(
                f"{self.address} did not answer as clipseek does: {place}: {wrong['msg']}; check "
                "that this is the address of a clipseek server whose version this client knows"
            ) from error

    def error(self, request: Request, outcome: Outcome) -> ClientError:
        """Return the error that an outcome is."""
        asked = f"{request.method} {request.url}"
        if isinstance(outcome, httpx2.LocalProtocolError):
            return InvalidValue(f"{asked} cannot be sent: {_reason(outcome)}; correct its values")
        if isinstance(outcome, httpx2.TransportError):
            failed = ConnectionFailed(
                f"{self.address} did not answer {asked}: {_reason(outcome)}; check the "
                "address, and that the server runs"
            )
            failed.__cause__ = outcome
            return failed
        if is_problem(outcome):
            if request.method == "HEAD":
                return ProblemError(_without_body(request, outcome))
            return ProblemError(self.value(Problem, outcome))
        location = outcome.headers.get("location")
        advice = (
            f"it leads to {location}: use the address that it has in front"
            if location
            else "check the address, and the proxy in front of the server"
        )
        return UnexpectedAnswer(
            f"{self.address} answered {outcome.status_code} to {asked}, without a problem document "
            f"of clipseek; {advice}"
        )


def _without_body(request: Request, response: httpx2.Response) -> Problem:
    """Return the problem that an answer to HEAD means, which has no document (RFC 9457, 4.2.1)."""
    status, phrase = response.status_code, response.reason_phrase
    return Problem(
        type="about:blank",
        title=phrase,
        status=status,
        detail=f"the server answered {status} {phrase} to HEAD {request.url}",
        instance=request.url,
        request_id=response.headers.get("x-request-id", ""),
    )


def _reason(error: httpx2.TransportError) -> str:
    return str(error) or type(error).__name__
