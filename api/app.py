"""The application: middleware, problems, endpoints and pages over one opened service."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from starlette.concurrency import run_in_threadpool

from api import operation, problems, routes, searching
from api.desk import Desk
from api.middleware import BodyLimit, Crashes, Measure, Stamp
from clipseek import __version__
from clipseek.assembly import Service, open_service
from clipseek.config import Settings
from clipseek.metrics import Metrics

DESCRIPTION = """\
Search a library of videos by sentences.

Every answer has the header `X-Request-ID`, the client's own if it sent one of 1 to 64 letters,
digits, `_`, `.` and `-`. Every error is a problem document (RFC 9457) of the media type
`application/problem+json`; `GET /problems/{name}` explains its type. Bodies are JSON of at most
1 MiB, unknown fields are refused, and times are seconds.
"""

TAGS = [
    {"name": "search", "description": "A sentence goes in, moments come out."},
    {"name": "library", "description": "What is indexed, and its pictures and files."},
    {"name": "operation", "description": "For those who run the server."},
]


def create_app(service: Service | None = None) -> FastAPI:
    """Make the application over an opened service, which it closes when it stops.

    Without one, a service is opened from the `CLIPSEEK_` settings; this is the factory for
    `uvicorn api.app:create_app --factory`.

    Raises:
        ConfigError: a setting is wrong.
        CatalogOutdated: the database has another schema.
        ServiceUnavailable: the database or the data folder cannot be reached.
    """
    opened = open_service(Settings.load()) if service is None else service
    app = FastAPI(
        title="clipseek",
        version=__version__,
        description=DESCRIPTION,
        openapi_tags=TAGS,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_lifespan,
    )
    app.state.service = opened
    app.state.metrics = Metrics(CollectorRegistry(), opened.searcher.stats)
    app.state.desk = Desk(opened.searcher, app.state.metrics, opened.settings)
    # Routes are tried in their order, so the one that is asked most stands first.
    app.include_router(searching.router)
    app.include_router(routes.router)
    app.include_router(operation.router)
    problems.install(app)
    # The last one added sees a request first.
    app.add_middleware(BodyLimit)
    app.add_middleware(Crashes)
    app.add_middleware(Measure, metrics=app.state.metrics)
    app.add_middleware(Stamp)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Keep the views current while the application runs."""
    service: Service = app.state.service
    service.searcher.start()
    try:
        yield
    finally:
        await app.state.desk.close()
        await run_in_threadpool(service.close)
