"""What readers ask for: the web page, the documentation, and what a type of problem means."""

from collections.abc import Mapping
from email.utils import formatdate
from hashlib import sha256
from pathlib import Path
from typing import Annotated

from fastapi import Path as InPath
from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles

from api import conditions, editions, openapi_examples, problem_kinds, problems
from api.limits import ProblemName
from api.problems import Refused
from api.reading_router import ReadingRouter
from api.schemas import ProblemKind
from clipseek.errors import InvalidQuery

STATIC = Path(__file__).parent / "static"
REVALIDATE = {"Cache-Control": "no-cache"}
"""Pages are small and change with a release, so browsers ask each time whether they have."""

KEEP = {"Cache-Control": "public, max-age=31536000, immutable"}

router = ReadingRouter()


class _Files(StaticFiles):
    """Files without conditions: `conditions` reads those, of every answer alike."""

    def is_not_modified(self, _response: Headers, _request: Headers) -> bool:
        """Leave the question to the endpoint."""
        return False


files = _Files(directory=STATIC)


@router.get(
    "/problems/{name}",
    tags=["operation"],
    summary="Explain a type of problem",
    responses=openapi_examples.responses(
        "/problems/unknown",
        InvalidQuery,
        problem_kinds.NOT_FOUND,
        success=openapi_examples.PROBLEM_KIND,
    ),
)
async def explain(request: Request, name: Annotated[ProblemName, InPath()]) -> ProblemKind:
    """Return what the `type` of a problem document stands for and what to do about it."""
    kind = problem_kinds.ALL_KINDS.get(name)
    if kind is None:
        raise Refused(problem_kinds.NOT_FOUND, f"no problem type {name!r}; /docs lists them")
    root = request.scope.get("root_path", "")
    return ProblemKind(
        type=f"{root}{kind.type}", title=kind.title, status=kind.status, meaning=kind.meaning
    )


@router.get("/", include_in_schema=False)
async def page(request: Request) -> Response:
    """Return the web page."""
    return await _page("index.html", request)


@router.get("/login", include_in_schema=False)
async def login(request: Request) -> Response:
    """Return the page that asks for a key."""
    return await _page("login.html", request)


@router.get("/docs", include_in_schema=False)
async def docs(request: Request) -> Response:
    """Return the page that shows the OpenAPI document."""
    return await _page("docs.html", request)


@router.get("/static/{path:path}", include_in_schema=False)
async def static(path: str, request: Request) -> Response:
    """Return a script, a style or a picture of the pages.

    Below the current edition it never changes. Below another one, as while a release is replaced,
    it is the current file, which no cache may keep under that address.
    """
    edition, _, name = path.partition("/")
    if not editions.is_edition(edition):
        return await _file(path, request, REVALIDATE)
    current = await run_in_threadpool(editions.current, STATIC)
    return await _file(name, request, KEEP if edition == current.name else REVALIDATE)


async def _page(name: str, request: Request) -> Response:
    """Return a page whose scripts, styles and pictures are those of the current edition."""
    edition = await run_in_threadpool(editions.current, STATIC)
    policy = request.app.state.redirects.page_headers
    named = f"{edition.name}{sha256(repr(policy).encode()).hexdigest()[:8] if policy else ''}"
    headers = {
        **REVALIDATE,
        **policy,
        "ETag": f'"{named}"',
        "Last-Modified": formatdate(edition.changed, usegmt=True),
    }
    body = await run_in_threadpool((STATIC / name).read_bytes)
    modified = headers["Last-Modified"]
    if (status := conditions.outcome(request.headers, headers["ETag"], modified)) is not None:
        return problems.conditional(request, status, {**headers, "Vary": "Accept-Encoding"})
    return Response(edition.addressed(body), media_type="text/html", headers=headers)


async def _file(name: str, request: Request, caching: Mapping[str, str]) -> Response:
    """Return one of the files of the pages, unless the client has it."""
    response = await files.get_response(name, request.scope)
    etag, last_modified = response.headers["ETag"], response.headers["Last-Modified"]
    headers = {**caching, "ETag": etag}
    if (status := conditions.outcome(request.headers, etag, last_modified)) is not None:
        return problems.conditional(request, status, {**headers, "Vary": "Accept-Encoding"})
    response.headers.update(headers)
    if request.method == "HEAD" and isinstance(response, FileResponse):
        # Its length depends on its bytes if it is sent compressed.
        body = await run_in_threadpool(Path(response.path).read_bytes)
        return Response(body, headers=dict(response.headers))
    return response
