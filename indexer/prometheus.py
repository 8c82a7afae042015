"""What a Prometheus has counted of the service: read over HTTP, within limits of time and bytes."""

import http.client
import json
import math
from collections.abc import Sequence
from contextlib import closing
from typing import Any
from urllib.parse import quote, urlsplit

from clipseek.errors import ConfigError

TIMEOUT_S = 10.0
MAX_BYTES = 1 << 20
"""An answer is one number: more is not of a Prometheus."""

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
    found = [
        str(each["metric"]["le"])
        for each in _result(url, query)
        if each["metric"]["le"] != "+Inf" and float(each["metric"]["le"]) <= target_s + 1e-9
    ]
    return max(found, key=float, default=f"{target_s:g}")


def _number(url: str, query: str) -> float | None:
    found = _result(url, query)
    if not found:
        return None
    value = float(found[0]["value"][1])
    return value if math.isfinite(value) else None


def _said(value: float | None, unit: str) -> str:
    if value is None:
        return "not known"
    return {"count": f"{value:,.0f}", "share": f"{value:.3%}", "seconds": f"{value:,.1f} s"}[unit]


def _result(url: str, query: str) -> list[dict[str, Any]]:
    path = f"/api/v1/query?query={quote(query, safe='')}"
    try:
        answer = json.loads(_get(url, path))
        found = answer["data"]["result"]
        return [{"metric": each["metric"], "value": each["value"]} for each in found]
    except (ValueError, KeyError, TypeError) as error:
        raise Unread("it does not answer as a Prometheus does; check the URL") from error


def _get(url: str, path: str) -> bytes:
    """Return an answer; redirects are not followed, because they may lead anywhere."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    try:
        with closing(kind(str(parts.hostname), parts.port, timeout=TIMEOUT_S)) as connection:
            connection.request("GET", parts.path + path, headers={"Accept": "application/json"})
            answer = connection.getresponse()
            body = answer.read(MAX_BYTES + 1)
    except (OSError, http.client.HTTPException) as error:
        said = getattr(error, "strerror", None) or type(error).__name__
        raise Unread(f"it cannot be reached ({said})") from error
    if answer.status != 200:
        raise Unread(f"it answers with status {answer.status}")
    if len(body) > MAX_BYTES:
        raise Unread(f"its answer has more than {MAX_BYTES} bytes")
    return body
