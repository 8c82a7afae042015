"""Which of the queries that people have asked lately find nothing, where the API stores queries."""

import hashlib
from typing import Literal

from clipseek.curation.report.queries import Unanswered
from clipseek.errors import ClipseekError, QueryNotRead
from clipseek.query import MAX_BATCH, Query
from clipseek.service import Service
from indexer import queries

How = Literal["count", "plain", "hashed"]

MOST = 300
"""Queries that are asked again, the latest ones: each takes some milliseconds."""


def asked_again(service: Service, how: How) -> Unanswered:
    """Ask the latest queries again, and return those of which no moment matches.

    They are asked of the collection as it is now: what was added since may answer them.
    """
    name = service.settings.collection
    recent = queries.of_users(service.settings, service.catalog.collection(name))
    if recent.origin != "recent":
        return Unanswered(
            why="Not known: the API stores no queries. With `CLIPSEEK_KEEP_QUERIES=1000` it stores "
            "the latest ones for 30 days, as they were typed."
        )
    texts = list(recent.texts[:MOST])
    nothing = []
    for start in range(0, len(texts), MAX_BATCH):
        some = texts[start : start + MAX_BATCH]
        asked = [Query.of(text, 1, collection=name) for text in some]
        for text, answer in zip(some, service.search(asked), strict=True):
            if isinstance(answer, ClipseekError) and not isinstance(answer, QueryNotRead):
                raise answer
            if isinstance(answer, ClipseekError) or not answer.total:
                nothing.append(text)
    return Unanswered(len(texts), len(nothing), _shown(nothing, how))


def _shown(texts: list[str], how: How) -> tuple[str, ...]:
    if how == "count":
        return ()
    if how == "plain":
        return tuple(texts)
    return tuple(hashlib.sha256(text.encode()).hexdigest()[:16] for text in texts)
