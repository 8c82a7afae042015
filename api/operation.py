"""What operators and readers ask for: health, readiness, metrics, problem types and the pages."""

from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Request
from fastapi import Path as InPath
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles

from api import examples, problems
from api.limits import ProblemName
from api.problems import STORE, Refused
from api.readiness import Readiness
from api.routes import Counted
from api.schemas import Health, ProblemKind
from clipseek.errors import ConfigError, InvalidQuery, ModelMismatch

STATIC = Path(__file__).parent / "static"
REVALIDATE = {"Cache-Control": "no-cache"}
"""Pages are small and change with a release, so browsers ask each time whether they have."""

router = APIRouter()
files = StaticFiles(directory=STATIC)


@router.head("/healthz", include_in_schema=False)
@router.get(
    "/healthz",
    tags=["operation"],
    summary="Say that the process answers",
    responses=examples.responses("/healthz", success=examples.HEALTH),
)
async def healthz() -> Health:
    """Answer without looking at anything else: restart the process when this fails."""
    return Health()


@router.head("/readyz", include_in_schema=False)
@router.get(
    "/readyz",
    tags=["operation"],
    summary="Say that searches can be answered",
    responses=examples.responses(
        "/readyz", ConfigError, ModelMismatch, *STORE, success=examples.HEALTH
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
        **examples.responses("/metrics"),
    },
)
def metrics(measured: Counted) -> Response:
    """Return counters of requests and searches, and the state of each opened collection."""
    return Response(generate_latest(measured.registry), media_type=CONTENT_TYPE_LATEST)


@router.get(
    "/problems/{name}",
    tags=["operation"],
    summary="Explain a type of problem",
    responses=examples.responses(
        "/problems/unknown", InvalidQuery, problems.NOT_FOUND, success=examples.PROBLEM_KIND
    ),
)
async def explain(
    name: Annotated[ProblemName, InPath()],
) -> ProblemKind:
    """Return what the `type` of a problem document stands for and what to do about it."""
    kind = problems.ALL_KINDS.get(name)
    if kind is None:
        raise Refused(problems.NOT_FOUND, f"no problem type {name!r}; /docs lists them")
    return ProblemKind(type=kind.type, title=kind.title, status=kind.status, meaning=kind.meaning)


@router.head("/", include_in_schema=False)
@router.get("/", include_in_schema=False)
async def page() -> FileResponse:
    """Return the web page."""
    return FileResponse(STATIC / "index.html", headers=REVALIDATE)


@router.get("/docs", include_in_schema=False)
async def docs() -> FileResponse:
    """Return the page that shows the OpenAPI document."""
    return FileResponse(STATIC / "docs.html", headers=REVALIDATE)


@router.get("/static/{name}", include_in_schema=False)
async def static(name: str, request: Request) -> Response:
    """Return a script, a style or a picture of the pages."""
    response = await files.get_response(name, request.scope)
    response.headers.update(REVALIDATE)
    return response
