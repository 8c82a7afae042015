"""What operators and readers ask for: health, readiness, metrics, problem types and the pages."""

from pathlib import Path
from typing import Annotated

from fastapi import Path as InPath
from fastapi import Request
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

from api import conditions, examples, problems
from api.limits import ProblemName
from api.problems import STORE, Refused
from api.readiness import Readiness
from api.reading import ReadingRouter
from api.routes import Counted
from api.schemas import Health, ProblemKind
from clipseek.errors import ConfigError, InvalidQuery, ModelMismatch

STATIC = Path(__file__).parent / "static"
REVALIDATE = {"Cache-Control": "no-cache"}
"""Pages are small and change with a release, so browsers ask each time whether they have."""

router = ReadingRouter()


class _Files(StaticFiles):
    """Files without conditions: `conditions` reads those, of every answer alike."""

    def is_not_modified(self, _response: Headers, _request: Headers) -> bool:
        """Leave the question to the endpoint."""
        return False


files = _Files(directory=STATIC)


@router.get(
    "/healthz",
    tags=["operation"],
    summary="Say that the process answers",
    responses=examples.responses("/healthz", success=examples.HEALTH),
)
async def healthz() -> Health:
    """Answer without looking at anything else: restart the process when this fails."""
    return Health()


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
async def explain(request: Request, name: Annotated[ProblemName, InPath()]) -> ProblemKind:
    """Return what the `type` of a problem document stands for and what to do about it."""
    kind = problems.ALL_KINDS.get(name)
    if kind is None:
        raise Refused(problems.NOT_FOUND, f"no problem type {name!r}; /docs lists them")
    root = request.scope.get("root_path", "")
    return ProblemKind(
        type=f"{root}{kind.type}", title=kind.title, status=kind.status, meaning=kind.meaning
    )


@router.get("/", include_in_schema=False)
async def page(request: Request) -> Response:
    """Return the web page."""
    return await _file("index.html", request)


@router.get("/docs", include_in_schema=False)
async def docs(request: Request) -> Response:
    """Return the page that shows the OpenAPI document."""
    return await _file("docs.html", request)


@router.get("/static/{name}", include_in_schema=False)
async def static(name: str, request: Request) -> Response:
    """Return a script, a style or a picture of the pages."""
    return await _file(name, request)


async def _file(name: str, request: Request) -> Response:
    """Return one of the files of the pages, unless the client has it."""
    response = await files.get_response(name, request.scope)
    etag, last_modified = response.headers["ETag"], response.headers["Last-Modified"]
    headers = {**REVALIDATE, "ETag": etag}
    if (status := conditions.outcome(request.headers, etag, last_modified)) is not None:
        return problems.conditional(request, status, headers)
    response.headers.update(headers)
    return response
