"""What operators ask for: whether the server lives, whether it can answer, and its metrics."""

from fastapi import Request
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.responses import Response

from api import openapi_examples
from api.dependencies import Counted
from api.principal import Asking, permit_all
from api.problem_kinds import FORBIDDEN, STORE, kind_of
from api.problems import RETRY_AFTER_S, Refused
from api.readiness import Readiness
from api.reading_router import ReadingRouter
from api.schemas import Health
from clipseek.errors import ClipseekError, ConfigError, ModelMismatch, ServiceUnavailable

NOT_READY = "the server is not ready; its log says why, under the id of this request"

router = ReadingRouter()


@router.get(
    "/healthz",
    tags=["operation"],
    summary="Say that the process answers",
    responses=openapi_examples.responses("/healthz", success=openapi_examples.HEALTH),
)
async def healthz() -> Health:
    """Answer without looking at anything else: restart the process when this fails."""
    return Health()


@router.get(
    "/readyz",
    tags=["operation"],
    summary="Say that searches can be answered",
    responses=openapi_examples.responses(
        "/readyz", ConfigError, ModelMismatch, *STORE, success=openapi_examples.HEALTH
    ),
)
def readyz(request: Request, asking: Asking) -> Health:
    """Check that the catalog can be reached, its collections are open and their models loaded.

    A server with nothing indexed yet is ready; one that is about to end is not. Why it is not may
    name collections: who may not use all of them is told that the log says why.
    """
    readiness: Readiness = request.app.state.readiness
    try:
        readiness.check()
    except ClipseekError as error:
        if asking.collections is None:
            raise
        headers = {"Retry-After": RETRY_AFTER_S} if isinstance(error, ServiceUnavailable) else None
        raise Refused(kind_of(error), NOT_READY, headers, reason=str(error)) from error
    return Health()


@router.get(
    "/metrics",
    tags=["operation"],
    summary="Show the metrics for Prometheus",
    response_class=Response,
    responses={
        200: {
            "description": "Prometheus text format.",
            "content": {
                "text/plain": {"example": 'clipseek_index_segments{collection="default"} 118.0\n'}
            },
        },
        **openapi_examples.responses("/metrics", FORBIDDEN),
    },
)
def metrics(asking: Asking, measured: Counted) -> Response:
    """Return counters of requests and searches, and the state of each opened collection.

    They name collections, so a key needs the scope `admin` and every collection.
    """
    permit_all(asking, "admin")
    return Response(generate_latest(measured.registry), media_type=CONTENT_TYPE_LATEST)
