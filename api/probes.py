"""What operators ask for: whether the server lives, whether it can answer, and its metrics."""

from fastapi import Request
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.responses import Response

from api import openapi_examples
from api.dependencies import Counted
from api.principal import Asking, permit_all
from api.problem_kinds import FORBIDDEN, STORE
from api.readiness import Readiness
from api.reading_router import ReadingRouter
from api.schemas import Health
from clipseek.errors import ConfigError, ModelMismatch

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
def readyz(request: Request) -> Health:
    """Check that the catalog can be reached, its collections are open and their models loaded.

    A server with nothing indexed yet is ready; one that is about to end is not.
    """
    readiness: Readiness = request.app.state.readiness
    readiness.check()
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
