"""When a request is sent again, and after how long.

A request is repeated only if that changes nothing twice: if it never reached the server, if the
server refused it because of load, or if it is safe: it only reads, or has an idempotency key.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx2

FIRST_S = 0.25
LONGEST_S = 8.0
"""The first pause is up to FIRST_S, each further one up to twice as long, and LONGEST_S at most.
The jitter is full: clients that were refused together do not come back together (M. Brooker,
"Exponential Backoff And Jitter", AWS Architecture Blog, 2015)."""
PATIENCE_S = 60.0
"""If the server asks for a longer pause, its answer is raised instead."""
NEVER_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)
MAYBE_SENT = (httpx2.NetworkError, httpx2.TimeoutException, httpx2.RemoteProtocolError)
PROBLEM = "application/problem+json"

Outcome = httpx2.Response | httpx2.TransportError
"""What became of a request: an answer, or none."""


@dataclass(frozen=True, slots=True)
class Retries:
    """How often a request is repeated at most; `fraction` gives a random number in [0, 1)."""

    most: int = 4
    fraction: Callable[[], float] = random.random

    def pause_s(self, outcome: Outcome, *, attempt: int, safe: bool) -> float | None:
        """Return the seconds to wait before the request is repeated, or None if it is not.

        Args:
            outcome: What became of the request.
            attempt: How often it was repeated already.
            safe: Whether a request that may have arrived can be repeated.
        """
        if attempt >= self.most or not may_repeat(outcome, safe=safe):
            return None
        asked = retry_after_s(outcome) or 0.0
        if asked > PATIENCE_S:
            return None
        return asked + self.fraction() * min(LONGEST_S, FIRST_S * 2.0**attempt)


def may_repeat(outcome: Outcome, *, safe: bool) -> bool:
    """Whether a request may be repeated after this outcome, and repeating can help.

    A server that says how long to wait is believed. Without that, 503 is final if clipseek says it,
    and passes if a proxy in front of it does.
    """
    if isinstance(outcome, httpx2.TransportError):
        return isinstance(outcome, NEVER_SENT) or (safe and isinstance(outcome, MAYBE_SENT))
    if outcome.status_code == 429:
        return True
    if outcome.status_code not in (502, 503, 504) or not safe:
        return False
    return retry_after_s(outcome) is not None or not is_problem(outcome)


def has_content(response: httpx2.Response) -> bool:
    """Whether an answer has what was asked for, and not only that it will be there later."""
    return response.is_success and response.status_code != 202


def is_problem(response: httpx2.Response) -> bool:
    """Whether an answer is a problem document."""
    return response.headers.get("content-type", "").partition(";")[0].strip() == PROBLEM


def retry_after_s(outcome: Outcome) -> float | None:
    """Return the seconds of the header `Retry-After`, a number or a date; None without one."""
    if isinstance(outcome, httpx2.TransportError):
        return None
    said = outcome.headers.get("retry-after", "").strip()
    if said.isdecimal():
        return float(said)
    try:
        date = parsedate_to_datetime(said)
    except ValueError:
        return None
    date = date.replace(tzinfo=date.tzinfo or UTC)
    return max(0.0, (date - datetime.now(UTC)).total_seconds())
