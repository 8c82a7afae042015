"""The endpoint of the history: the ingests and jobs that have ended, with their figures."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import Query

from api import openapi_examples, problem_kinds
from api.asked import allowed_collections
from api.dependencies import Opened, Past
from api.history_schemas import HISTORY_ANSWER, HistoryAnswer, HistoryPage, WorkAnswer
from api.patient_route import PatientRoute
from api.principal import Asking, permit
from api.problem_kinds import STORE
from api.reading_router import ReadingRouter
from clipseek.errors import CollectionNotFound, InvalidQuery

router = ReadingRouter(route_class=PatientRoute)


@router.get(
    "/v1/history",
    tags=["jobs"],
    summary="List the ingests and jobs that have ended",
    responses=openapi_examples.responses(
        "/v1/history",
        InvalidQuery,
        CollectionNotFound,
        problem_kinds.FORBIDDEN,
        *STORE,
        success=HISTORY_ANSWER,
    ),
)
def history(
    asking: Asking, service: Opened, past: Past, asked: Annotated[HistoryPage, Query()]
) -> HistoryAnswer:
    """Return those of the collections that the key allows, the newest first."""
    asking = permit(asking, "write")
    allowed = allowed_collections(asking, service)
    if asked.collection is not None and allowed is not None and asked.collection not in allowed:
        raise CollectionNotFound(asked.collection)
    found = past.history(
        collections=_named(asked.collection, allowed), before=asked.after, limit=asked.limit + 1
    )
    page = found[: asked.limit]
    return HistoryAnswer(
        history=[WorkAnswer.of(number, entry, entry.work) for number, entry in page if entry.work],
        next=page[-1][0] if len(found) > asked.limit else None,
    )


def _named(collection: str | None, allowed: frozenset[str] | None) -> Sequence[str] | None:
    """Return the names to look for, None for all."""
    if collection is not None:
        return [collection]
    return None if allowed is None else sorted(allowed)
