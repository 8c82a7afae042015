"""What people have asked lately: the texts of searches, each once, the latest last."""

import json
from bisect import bisect_right
from collections.abc import Iterable, Mapping

from clipseek.parts import normalised

MOST = 1000
KEPT_S = 30 * 86400
"""Seconds after which a query that was not asked again is forgotten."""
TYPING_S = 10.0
"""A page that searches while somebody types asks for the beginnings of a sentence first. A query
that another one continues within this time counts as such a beginning."""

Asked = Mapping[str, float]
"""Queries, and when each was asked last: seconds since 1970."""


def merged(kept: Asked, new: Asked, *, most: int, now: float) -> dict[str, float]:
    """Return the latest `most` of both, without old ones and beginnings, in order of their time."""
    latest: dict[str, float] = {}
    for text, at in (*kept.items(), *new.items()):
        if now - KEPT_S < at <= now and (plain := normalised(text)):
            latest[plain] = max(at, latest.get(plain, at))
    begun = _beginnings(latest)
    left = sorted((at, text) for text, at in latest.items() if text not in begun)
    return {text: at for at, text in left[-most:]}


def _beginnings(asked: Asked) -> set[str]:
    """Return the queries that another one has continued."""
    texts = sorted(asked)
    found = set()
    for i, text in enumerate(texts):
        # In this order, all that begin with a text come right after it.
        end = bisect_right(texts, text + chr(0x10FFFF), lo=i)
        if any(0 <= asked[longer] - asked[text] <= TYPING_S for longer in texts[i + 1 : end]):
            found.add(text)
    return found


def encoded(asked: Asked) -> bytes:
    """Return queries as bytes to store."""
    return json.dumps(list(asked.items()), ensure_ascii=False).encode()


def decoded(stored: bytes | None) -> dict[str, float]:
    """Return stored queries; none if they are damaged, because they are no more than a help."""
    try:
        rows = json.loads(stored or b"[]")
    except ValueError:
        return {}
    return dict(_rows(rows)) if isinstance(rows, list) else {}


def _rows(rows: Iterable[object]) -> Iterable[tuple[str, float]]:
    for row in rows:
        match row:
            case [str() as text, int() | float() as at]:
                yield text, float(at)
