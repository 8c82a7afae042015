"""Conditional requests (RFC 9110, section 13): one reading of them for every answer."""

import re
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from starlette.datastructures import Headers

_TAG = r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"'
_EACH = re.compile(_TAG)
_CONDITIONS = frozenset(
    (b"if-match", b"if-none-match", b"if-modified-since", b"if-unmodified-since")
)
_LIST = re.compile(rf"[\s,]*{_TAG}(?:\s*,[\s,]*{_TAG})*[\s,]*")


def outcome(headers: Headers, etag: str, last_modified: str | None = None) -> HTTPStatus | None:
    """Return 304 or 412 if that is the answer instead of what was asked for (13.2.2).

    A date counts only if the client sends no tag, and only if it is a valid date.
    """
    if _CONDITIONS.isdisjoint(dict(headers.raw)):
        return None  # as for nearly all requests: each question below goes through all headers
    if (asked := _listed(headers, "if-match")) is not None:
        if not _names(asked, etag, weakly=False):
            return HTTPStatus.PRECONDITION_FAILED
    elif _is_later(last_modified, headers.get("if-unmodified-since")) is True:
        return HTTPStatus.PRECONDITION_FAILED
    if (known := _listed(headers, "if-none-match")) is not None:
        return HTTPStatus.NOT_MODIFIED if _names(known, etag, weakly=True) else None
    unchanged = _is_later(last_modified, headers.get("if-modified-since")) is False
    return HTTPStatus.NOT_MODIFIED if unchanged else None


def allows_range(headers: Headers, *, etag: str, last_modified: str) -> bool:
    """Say whether an If-Range lets a range be sent: only a strong tag or the same date (13.1.5)."""
    if_range = headers.get("if-range")
    return if_range is None or if_range.strip() in (etag, last_modified)


def _listed(headers: Headers, name: str) -> str | None:
    """Return what all headers of a name say together (RFC 9110, section 5.3)."""
    return ",".join(headers.getlist(name)) if name in headers else None


def _names(listed: str, etag: str, *, weakly: bool) -> bool:
    """Say whether a list names an entity tag; other text, such as a bare word, does not."""
    if listed.strip() == "*":
        return True
    if not _LIST.fullmatch(listed):
        return False
    tags = _EACH.findall(listed)
    if weakly:
        return etag.removeprefix("W/") in (tag.removeprefix("W/") for tag in tags)
    return not etag.startswith("W/") and etag in tags


def _is_later(last_modified: str | None, than: str | None) -> bool | None:
    """Compare two dates of headers; None if one is missing or not a date."""
    if last_modified is None or than is None:
        return None
    try:
        return parsedate_to_datetime(last_modified) > parsedate_to_datetime(than)
    except (ValueError, TypeError):  # TypeError: only one of them has a time zone
        return None


__all__ = ["allows_range", "outcome"]
