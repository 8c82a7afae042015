"""The application: middleware, problems, endpoints and pages over one opened service."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from starlette.concurrency import run_in_threadpool
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Route

from api import (
    alerts,
    cameras,
    changing,
    edit_lists,
    error_handlers,
    excerpts,
    facets,
    feed_sockets,
    feeds,
    history,
    holds,
    jobs,
    library,
    live,
    logins,
    logs,
    models,
    new_videos,
    oidc,
    pages,
    probes,
    received_parts,
    review,
    searching,
    sessions,
    shards,
    timelines,
    tracing,
    traffic,
    uploads,
    video_files,
    video_tags,
    wanted,
    watches,
)
from api.access import Access
from api.alert_streams import AlertStreams
from api.answering import Answering
from api.auditing import Auditing
from api.cutter import Cutter
from api.drift_gauges import DriftGauges
from api.ending import Ending
from api.explaining import Explaining
from api.following import Following
from api.job_counts import JobCounts
from api.keyring import Keyring
from api.lag import Lag
from api.lists import Lists
from api.live_streams import LiveStreams
from api.looking import Looking
from api.middleware import Border
from api.object_counts import ObjectCounts
from api.operations import TAGS, Documented
from api.picture_urls import PictureUrls
from api.rates import Rates
from api.reach import require_access
from api.readiness import Readiness
from api.receiving import Receiving
from api.redacting import Redacting
from api.redirecting import Redirects
from api.suggestions import Suggestions
from api.tracing import OtlpTracing, Traced
from api.trials import Trials
from api.watch_counts import WatchCounts
from api.wishing import Wishing
from clipseek import __version__
from clipseek.assembly import fetch_rules, open_service, open_uploads
from clipseek.caches import open_recent
from clipseek.config import Settings
from clipseek.errors import ClipseekError, ConfigError
from clipseek.indexes import open_hosting
from clipseek.ledgers import (
    open_audit,
    open_camera_reader,
    open_cameras,
    open_curating,
    open_drift_reader,
    open_feeds,
    open_job_reader,
    open_jobs,
    open_retaining,
    open_standby,
    open_watch_reader,
    open_watches,
)
from clipseek.metrics import Metrics
from clipseek.recall import RecallSampler
from clipseek.service import Service
from clipseek.sources.guard import Outgoing

DESCRIPTION = """\
Search a library of videos by sentences.

Every answer has the header `X-Request-ID`, the client's own if it sent one of 1 to 64 letters,
digits, `_`, `.` and `-`. Every error is a problem document (RFC 9457) of the media type
`application/problem+json`; `GET /problems/{name}` explains its type. Bodies are JSON of at most
1 MiB, unknown fields are refused, and times are seconds.
"""


def create_app(service: Service | None = None) -> FastAPI:
    """Make the application over an opened service, which it closes when it stops.

    Without one, a service is opened from the `CLIPSEEK_` settings; this is the factory for
    `uvicorn api.app:create_app --factory`. If that fails, the process ends with a sentence.

    Raises:
        ConfigError: traces are asked for and cannot be sent (see `tracing.opened`).
    """
    if service is not None:
        return _application(service)
    try:
        settings = Settings.load()
        require_access(settings)
        logs.configure(settings.log_format)
        return _application(open_service(settings))
    except ClipseekError as error:
        sys.stderr.write(f"api: {error}\n")
        raise SystemExit(2 if isinstance(error, ConfigError) else 1) from error


def _application(opened: Service) -> FastAPI:
    app = Documented(
        title="clipseek",
        version=__version__,
        description=DESCRIPTION,
        openapi_tags=TAGS,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_lifespan,
        # FastAPI's own, which is asked for every request whether it is configured, would tell a
        # second time what `tracing` and `Metrics` tell.
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    app.state.service = opened
    app.state.readiness = Readiness(opened)
    app.state.jobs = open_job_reader(opened.settings)
    app.state.queue = open_jobs(opened.settings)
    app.state.cameras = open_camera_reader(opened.settings)
    app.state.retaining = open_retaining(opened.settings)
    app.state.redacting = Redacting.opened(opened.settings)
    app.state.live_streams = LiveStreams(lambda: app.state.readiness.is_ending)
    app.state.camera_store = open_cameras(opened.settings)
    app.state.feeds = open_feeds(opened.settings)
    app.state.following = Following(app.state.jobs, lambda: app.state.readiness.is_ending)
    app.state.watch_reader = open_watch_reader(opened.settings)
    app.state.watches = open_watches(opened.settings)
    app.state.curating = open_curating(opened.settings)
    app.state.alert_streams = AlertStreams(
        app.state.watch_reader, lambda: app.state.readiness.is_ending
    )
    app.state.trials = Trials(opened)
    app.state.outgoing = Outgoing(opened.settings.webhook_hosts)
    app.state.cutter = Cutter(opened)
    app.state.wishing = Wishing.opened(opened.settings, lambda: app.state.readiness.is_ending)
    app.state.redirects = Redirects(
        opened.settings.media_origins or (), opened.settings.media_url_s
    )
    app.state.suggestions = Suggestions(opened.searcher)
    app.state.lists = Lists(opened.catalog)
    app.state.job_counts = JobCounts(app.state.jobs)
    workers = [opened.collections.refreshing, app.state.job_counts.counting]
    app.state.keyring = _keyring(opened)
    app.state.oidc = oidc.opened(opened.settings, app.state.keyring)
    app.state.rates = Rates.opened(opened.settings)
    if app.state.keyring is not None:
        workers.append(app.state.keyring.refreshing)
    if app.state.oidc is not None:
        workers.append(app.state.oidc.issuer.reading)
    app.state.metrics = Metrics(
        CollectorRegistry(),
        opened.collections.stats,
        cache=opened.cache.stats,
        threads=lambda: {w.name: w.age_s for w in workers if w.age_s is not None},
        jobs=app.state.job_counts.latest,
    )
    app.state.metrics.registry.register(ObjectCounts(opened.collections.stats))
    app.state.watch_counts = WatchCounts(opened.catalog, app.state.watch_reader)
    app.state.metrics.registry.register(app.state.watch_counts)
    app.state.drift_gauges = DriftGauges(open_drift_reader(opened.settings))
    workers.append(app.state.drift_gauges.reading)
    app.state.metrics.registry.register(app.state.drift_gauges)
    app.state.lag = Lag(open_standby(opened.settings))
    workers += [app.state.watch_counts.counting, app.state.lag.measuring]
    app.state.metrics.registry.register(app.state.lag)
    app.state.shards = shards.ShardMetrics(opened.serving.peers)
    app.state.metrics.registry.register(app.state.shards)
    app.state.receiving = Receiving(open_uploads(opened.settings), app.state.metrics)
    app.state.metrics.watch_uploads(lambda: app.state.receiving.receiving)
    app.state.recall = RecallSampler(opened.settings.recall_share, app.state.metrics.recall)
    workers.append(app.state.recall.judging)
    app.state.audit = open_audit(opened.settings)
    app.state.history = open_audit(opened.settings, read_only=True)
    app.state.auditing = Auditing(app.state.audit.add, app.state.metrics.drop_audit)
    workers.append(app.state.auditing.storing)
    opened.searcher.sample(app.state.recall.offer)
    app.state.tracing = tracing.opened(opened.settings)
    app.state.recent = open_recent(opened.settings) if opened.settings.keep_queries else None
    if app.state.recent is not None:
        workers.append(app.state.recent.storing)
    guard, _ = fetch_rules(opened.settings)
    app.state.looking = Looking(app.state.metrics, PictureUrls(guard).fetch)
    app.state.explaining = Explaining(opened, app.state.metrics)
    app.state.answering = Answering(
        *(opened, app.state.metrics, app.state.tracing, app.state.recent),
        shards=app.state.shards,
    )
    # First, because routes are tried in their order: what is asked most is found at once.
    app.router.routes[:0] = searching.routes
    parts = (
        searching,
        facets,
        library,
        video_files,
        models,
        sessions,
        timelines,
        excerpts,
        edit_lists,
        uploads,
        changing,
        new_videos,
        received_parts,
        wanted,
        jobs,
        review,
        video_tags,
        watches,
        alerts,
        cameras,
        holds,
        live,
        history,
        probes,
        traffic,
        logins,
        pages,
    )
    # What has a name comes before what has an id.
    routers = [
        alerts.stream_router,
        live.stream_router,
        watches.changing_router,
        *(part.router for part in parts),
    ]
    routers += [
        jobs.events_router,
        models.changing_router,
        cameras.changing_router,
        feeds.router,
        holds.changing_router,
        review.changing_router,
    ]
    # Not by `include_router`, which makes each route again, in the first request.
    for router in routers:
        app.router.routes += router.routes
    app.state.routes = [route for route in app.routes if isinstance(route, Route)]
    error_handlers.install(app)
    if opened.settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=opened.settings.cors_origins,
            allow_methods=["DELETE", "GET", "HEAD", "PATCH", "POST"],
            allow_headers=[
                "Authorization",
                "Content-Type",
                "Idempotency-Key",
                "If-None-Match",
                "Range",
                "X-Request-ID",
                *uploads.ASKED_HEADERS,
            ],
            expose_headers=[
                "ETag",
                "Retry-After",
                "X-Cache",
                "X-Request-ID",
                *uploads.ANSWERED_HEADERS,
            ],
        )
    # The last one added sees a request first.
    app.add_middleware(
        Border,
        metrics=app.state.metrics,
        auditing=app.state.auditing,
        rates=app.state.rates,
        access=Access(
            app.state.keyring,
            None if app.state.oidc is None else app.state.oidc.tokens,
            open_metrics=opened.settings.metrics_access == "everyone",
        ),
        allowed_hosts=(*(opened.settings.allowed_hosts or ()), opened.settings.api_host),
        root_path=opened.settings.root,
    )
    if isinstance(app.state.tracing, OtlpTracing):
        app.add_middleware(Traced, tracing=app.state.tracing)
    app.add_middleware(feed_sockets.Feeds, store=app.state.feeds, root_path=opened.settings.root)
    hosting = open_hosting(opened.settings, opened.indexes, opened.serving, opened.catalog)
    if hosting is not None:
        app.add_middleware(
            shards.Shards,
            hosting=hosting,
            counted=app.state.shards,
            root_path=opened.settings.root,
        )
    return app


def _keyring(opened: Service) -> Keyring | None:
    """Return the keys, if the settings ask for them."""
    settings = opened.settings
    if settings.access != "keys":
        return None
    return Keyring(
        opened.keys,
        opened.catalog.aliases,
        refresh_s=settings.refresh_s,
        stale_s=settings.stale_s,
    )


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Warm the models and keep the views current while the application runs."""
    service: Service = app.state.service
    readiness: Readiness = app.state.readiness
    keyring: Keyring | None = app.state.keyring
    service.collections.start()
    if keyring is not None:
        await run_in_threadpool(keyring.start)
    if app.state.oidc is not None:
        app.state.oidc.issuer.start()
    app.state.recall.start()
    counts = (app.state.job_counts.counting, app.state.watch_counts.counting)
    for worker in (*counts, app.state.drift_gauges.reading, app.state.auditing.storing):
        worker.start()
    app.state.lag.measuring.start()
    if app.state.recent is not None:
        app.state.recent.storing.start()
    warming = asyncio.create_task(run_in_threadpool(readiness.begin))
    await readiness.listens(warming)
    try:
        yield
    finally:
        readiness.end()
        state, ending = app.state, Ending()
        await ending.wait(warming, state.answering.close(), state.rates.close())
        tracing = [state.tracing] if isinstance(state.tracing, OtlpTracing) else []
        keys = [] if keyring is None else [keyring]
        issuers = [] if state.oidc is None else [state.oidc.issuer]
        counting = (state.job_counts.counting, state.watch_counts.counting, state.drift_gauges)
        others = (state.looking, state.explaining, state.recall, state.auditing, state.lag)
        workers = [each.close for each in (*counting, *others, *keys, *issuers, *tracing)]
        if state.recent is not None:
            workers.append(state.recent.close)
        await ending.close(workers)
        stores = (state.jobs, state.queue, state.audit, state.history, state.wishing.store)
        of_cameras = (state.cameras, state.camera_store, state.feeds, state.retaining)
        of_videos = (state.watch_reader, state.watches, state.redacting, state.curating)
        closed = [each.close for each in (*stores, *of_cameras, *of_videos)]
        await ending.close((*closed, service.close))
