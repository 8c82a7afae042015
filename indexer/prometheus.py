"""What a Prometheus has counted of the service: read over HTTP, within limits of time and bytes."""

import http.client
import math
from collections.abc import Sequence
from contextlib import closing
from time import monotonic
from urllib.parse import quote, urlsplit

from pydantic import BaseModel

from clipseek.errors import ConfigError

TIMEOUT_S = 10.0
"""How long each piece of an answer is waited for, and how long all of them."""
MAX_BYTES = 1 << 20
"""An answer is one number: more is not of a Prometheus."""
_PIECE_BYTES = 1 << 16
_MOST_CHARACTERS = 64
"""Of a number in words: Prometheus writes at most 24."""

_OTHER = "it does not answer as a Prometheus does; check the URL"
_SEARCH = 'route="/v1/search"'
_PROBES = 'route!~"/readyz|/healthz|/metrics"'


def checked(url: str) -> str:
    """Return the URL of a Prometheus, without a slash at its end.

    Raises:
        ConfigError: it is not a URL of HTTP, or has a user, a query or a fragment.
    """
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname
    except ValueError:
        port, host, parts = None, None, urlsplit("")
    is_right = parts.scheme in ("http", "https") and host and port != 0
    if not is_right or parts.username or parts.password or parts.query or parts.fragment:
        raise ConfigError(
            "--prometheus must be a URL such as http://prometheus:9090, without a user, a query "
            "and a fragment"
        )
    if not url.isascii() or not url.isprintable() or " " in url:
        raise ConfigError("--prometheus must be ASCII without spaces; escape them")
    return url.rstrip("/")


class Unread(Exception):
    """A Prometheus was not read; says why in words."""


class _Series(BaseModel):
    """One series of an answer: its labels, and a time with a value in words."""

    metric: dict[str, str]
    value: tuple[float, str]


class _Data(BaseModel):
    result: list[_Series]


class _Answer(BaseModel):
    """What Prometheus answers to an instant query: "Expression queries" of its HTTP API."""

    data: _Data


def figures(url: str, *, days: int, target_s: float) -> list[tuple[str, str]]:
    """Return what the last days were like, as names and values.

    Raises:
        Unread: it cannot be reached, or answers something else.
    """
    window = f"[{days}d]"
    bucket = _bucket(url, window, target_s)
    count = f"sum(increase(clipseek_http_request_seconds_count{{{_SEARCH}}}{window}))"
    requests = f"sum(increase(clipseek_http_requests_total{{{_PROBES}}}{window}))"
    failed = f'sum(increase(clipseek_http_requests_total{{{_PROBES}, status=~"5.."}}{window}))'
    under = (
        f'sum(increase(clipseek_http_request_seconds_bucket{{{_SEARCH}, le="{bucket}"}}{window}))'
    )
    asked: Sequence[tuple[str, str, str]] = (
        (f"searches in {days} days", count, "count"),
        (f"of them within {float(bucket):g} s", f"{under} / {count}", "share"),
        (
            "requests without an error of the server",
            f"1 - ({failed} or vector(0)) / {requests}",
            "share",
        ),
        (
            "freshness: the oldest view in use, 95 % of the time at most",
            f"max(quantile_over_time(0.95, clipseek_index_view_age_seconds{window}))",
            "seconds",
        ),
        (
            "the newest snapshot is at most this old",
            "min(clipseek_index_snapshot_age_seconds)",
            "seconds",
        ),
    )
    return [(name, _said(_number(url, query), unit)) for name, query, unit in asked]


def _bucket(url: str, window: str, target_s: float) -> str:
    """Return the bound of a bucket that is the target, or the next one below it."""
    query = f"sum by (le) (increase(clipseek_http_request_seconds_bucket{{{_SEARCH}}}{window}))"
    found = [each.metric.get("le", "") for each in _result(url, query)]
    below = [le for le in found if _read(le) <= target_s + 1e-9]
    return max(below, key=_read, default=f"{target_s:g}")


def _number(url: str, query: str) -> float | None:
    found = _result(url, query)
    if not found:
        return None
    value = _read(found[0].value[1])
    return value if math.isfinite(value) else None


def _read(words: str) -> float:
    """Return a number that Prometheus has written, such as 0.25, NaN or +Inf; raise Unread."""
    try:
        return float(words if len(words) <= _MOST_CHARACTERS else "")
    except ValueError as error:
        raise Unread(_OTHER) from error


def _said(value: float | None, unit: str) -> str:
    if value is None:
        return "not known"
    return {"count": f"{value:,.0f}", "share": f"{value:.3%}", "seconds": f"{value:,.1f} s"}[unit]


def _result(url: str, query: str) -> list[_Series]:
    path = f"/api/v1/query?query={quote(query, safe='')}"
    try:
        return _Answer.model_validate_json(_get(url, path)).data.result
    except ValueError as error:
        raise Unread(_OTHER) from error


def _get(url: str, path: str) -> bytes:
    """Return an answer; redirects are not followed, because they may lead anywhere."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    try:
        with closing(kind(str(parts.hostname), parts.port, timeout=TIMEOUT_S)) as connection:
            connection.request("GET", parts.path + path, headers={"Accept": "application/json"})
            answer = connection.getresponse()
            body = _body(answer, monotonic() + TIMEOUT_S)
    except (OSError, http.client.HTTPException) as error:
        said = getattr(error, "strerror", None) or type(error).__name__
        raise Unread(f"it cannot be reached ({said})") from error
    if answer.status != 200:
        raise Unread(f"it answers with status {answer.status}")
    return body


def _body(answer: http.client.HTTPResponse, end: float) -> bytes:
    """Read an answer; one that comes slowly is not waited for longer than one that does not come.

    end: Of the monotonic clock, in seconds.
    """
    body = b""
    while piece := answer.read1(_PIECE_BYTES):
        body += piece
        if len(body) > MAX_BYTES:
            raise Unread(f"its answer has more than {MAX_BYTES} bytes")
        if monotonic() > end:
            raise Unread(f"its answer takes longer than {TIMEOUT_S:g} s")
    return body
