"""The endpoints of alerts: a page of them, one, its picture, and those to come as a stream."""

from typing import Annotated

from fastapi import APIRouter, Header, Path, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api import openapi_examples, watch_examples
from api.alert_schemas import AlertAnswer, AlertsAnswer, AlertsAsked, AlertsPage
from api.asked import allowed_collections
from api.dependencies import Opened, Redacted, Streaming, Watched
from api.library import A_WHILE, shown_at, stored_picture
from api.patient_route import PatientRoute
from api.principal import Asking, Principal, permit
from api.problem_kinds import FORBIDDEN, STORE, THUMBNAIL_GONE, TOO_MANY_STREAMS
from api.problems import Refused
from api.reading_router import ReadingRouter
from api.watch_schemas import Id
from clipseek.errors import CollectionNotFound, InvalidQuery, VideoNotFound
from clipseek.service import Service
from clipseek.watches import Alert, AlertNotFound, WatchReader

MAX_NUMBER = 2**63 - 1
IdInPath = Annotated[Id, Path(description="The id of an alert.")]
LastEventId = Annotated[
    str | None,
    Header(
        alias="Last-Event-ID",
        description="The `id` of the last event that was received: the stream goes on behind it. "
        "Browsers send it when they connect again.",
    ),
]
_EXAMPLE = f"/v1/alerts/{watch_examples.ALERT_ID}"

router = ReadingRouter(route_class=PatientRoute)
stream_router = APIRouter(route_class=PatientRoute)


@router.get(
    "/v1/alerts",
    tags=["watches"],
    summary="List the alerts",
    responses=openapi_examples.responses(
        "/v1/alerts",
        InvalidQuery,
        AlertNotFound,
        CollectionNotFound,
        FORBIDDEN,
        *STORE,
        success=watch_examples.ALERTS_ANSWER,
    ),
)
def alerts(
    asking: Asking, service: Opened, watched: Watched, asked: Annotated[AlertsPage, Query()]
) -> AlertsAnswer:
    """Return the alerts of the collections that the key may search, the newest first."""
    allowed = _allowed(asking, service, asked)
    if asked.after is not None:
        _theirs(asking, service, watched, asked.after)
    found = watched.alerts(
        collections=None if allowed is None else sorted(allowed),
        watch=asked.watch,
        after=asked.after or "",
        limit=asked.limit + 1,
    )
    page, root = found[: asked.limit], service.settings.root
    return AlertsAnswer(
        alerts=[AlertAnswer.of(alert, root) for alert in page],
        next=page[-1].id if len(found) > asked.limit else None,
    )


@stream_router.get(
    "/v1/alerts/stream",
    tags=["watches"],
    summary="Follow the alerts",
    response_class=Response,
    responses={
        200: {
            "description": "Server-sent events: `alert` for each new alert; its data is the alert. "
            "The stream ends after a quarter of an hour; browsers connect again by themselves.",
            "content": {"text/event-stream": {"example": watch_examples.EVENTS}},
        },
        **openapi_examples.responses(
            "/v1/alerts/stream",
            InvalidQuery,
            CollectionNotFound,
            FORBIDDEN,
            TOO_MANY_STREAMS,
            *STORE,
        ),
    },
)
async def stream(
    asking: Asking,
    service: Opened,
    streaming: Streaming,
    watched: Watched,
    asked: Annotated[AlertsAsked, Query()],
    last: LastEventId = None,
) -> Response:
    """Send each alert when it is made, of the collections that the key may search."""
    allowed = await run_in_threadpool(_allowed, asking, service, asked)
    number = _number(last)
    if number is None:
        number = await run_in_threadpool(watched.latest)
    return streaming.open(asking.name, allowed, asked.watch, number, service.settings.root)


@router.get(
    "/v1/alerts/{alert_id}",
    tags=["watches"],
    summary="Describe one alert",
    responses=openapi_examples.responses(
        _EXAMPLE,
        InvalidQuery,
        AlertNotFound,
        FORBIDDEN,
        *STORE,
        success=watch_examples.ALERT_ANSWER,
    ),
)
def alert(asking: Asking, service: Opened, watched: Watched, alert_id: IdInPath) -> AlertAnswer:
    """Return one alert."""
    found = _theirs(asking, service, watched, alert_id)
    return AlertAnswer.of(found, service.settings.root)


@router.get(
    "/v1/alerts/{alert_id}/thumbnail",
    tags=["watches"],
    summary="Show the picture of one alert",
    response_class=Response,
    responses=openapi_examples.picture(f"{_EXAMPLE}/thumbnail", AlertNotFound),
)
def alert_thumbnail(
    request: Request,
    asking: Asking,
    service: Opened,
    redacting: Redacted,
    watched: Watched,
    alert_id: IdInPath,
) -> Response:
    """Return a JPEG of the best frame, as long as its video is in the library."""
    found = _theirs(asking, service, watched, alert_id)
    kinds = redacting.kinds(found.collection)
    try:
        segments = service.catalog.segments(found.collection, found.video_id)
    except (CollectionNotFound, VideoNotFound):
        segments = []
    if not segments:
        detail = "the video of this alert was removed, and its pictures with it"
        raise Refused(THUMBNAIL_GONE, detail)
    shown = shown_at(segments, found.best_time).thumbnail
    return stored_picture(request, service, kinds, shown, A_WHILE)


def _number(last: str | None) -> int | None:
    """Return the number behind which a stream goes on, or None."""
    if last is None:
        return None
    if not (last.isascii() and last.isdigit() and int(last[:20]) <= MAX_NUMBER):
        raise InvalidQuery(
            f"Last-Event-ID must be the id of an event of this stream, got {last[:40]!r}"
        )
    return int(last)


def _allowed(asking: Principal, service: Service, asked: AlertsAsked) -> frozenset[str] | None:
    """Return the collections whose alerts somebody may and wants to see, or None for all."""
    allowed = allowed_collections(permit(asking, "search"), service)
    if asked.collection is None:
        return allowed
    if allowed is not None and asked.collection not in allowed:
        raise CollectionNotFound(asked.collection)
    return frozenset({asked.collection})


def _theirs(asking: Principal, service: Service, watched: WatchReader, alert_id: str) -> Alert:
    """Return an alert of a collection that somebody may search; raise AlertNotFound."""
    allowed = allowed_collections(permit(asking, "search"), service)
    found = watched.alert(alert_id)
    if allowed is not None and found.collection not in allowed:
        raise AlertNotFound(alert_id)
    return found
