"""The endpoints of watches: make, list, change and remove them, and try one over the past."""

import secrets
from base64 import b64encode
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Body, Path, Query
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api import openapi_examples, problem_kinds, watch_examples
from api.alert_schemas import TrialAnswer
from api.asked import allowed_collections, readable, writable
from api.dependencies import Looked, Opened, Sending, Tried, Watched, WatchesChanged
from api.patient_route import PatientRoute
from api.principal import Asking, Principal, permit
from api.problem_kinds import BODY_TOO_LARGE, FORBIDDEN, MALFORMED_JSON, STORE
from api.reading_router import ReadingRouter
from api.schemas import InCollection
from api.watch_schemas import (
    Id,
    TrialBody,
    WatchAnswer,
    WatchBody,
    WatchEdit,
    WatchesAnswer,
    WatchQuery,
)
from clipseek.errors import (
    CollectionNotFound,
    ConfigError,
    InvalidQuery,
    ModelMismatch,
    NothingIndexed,
    QueryNotRead,
    UrlNotAllowed,
    VideoNotFound,
)
from clipseek.live.asking import require, said
from clipseek.live.signing import Secrets
from clipseek.service import Service
from clipseek.watches import Watch, WatchNotFound, WatchReader

SECRET_BYTES = 32
IdInPath = Annotated[Id, Path(description="The id of a watch.")]
_EXAMPLE = f"/v1/watches/{watch_examples.WATCH_ID}"
_BODY = (MALFORMED_JSON, BODY_TOO_LARGE)

router = ReadingRouter(route_class=PatientRoute)
changing_router = APIRouter(route_class=PatientRoute)


@router.get(
    "/v1/watches",
    tags=["watches"],
    summary="List the watches",
    responses=openapi_examples.responses(
        "/v1/watches",
        InvalidQuery,
        CollectionNotFound,
        FORBIDDEN,
        *STORE,
        success=watch_examples.WATCHES_ANSWER,
    ),
)
def watches(
    asking: Asking, service: Opened, watched: Watched, asked: Annotated[InCollection, Query()]
) -> WatchesAnswer:
    """Return the watches of the collections that the key may search, or of one of them."""
    allowed = allowed_collections(permit(asking, "search"), service)
    if asked.collection is not None:
        readable(asking, service, asked)
        allowed = frozenset({asked.collection})
    found = watched.watches(collections=None if allowed is None else sorted(allowed))
    mine = _writable(asking, service)
    return WatchesAnswer(
        watches=[
            WatchAnswer.of(watch, is_writer=mine is None or watch.collection in mine)
            for watch in found
        ]
    )


@router.get(
    "/v1/watches/{watch_id}",
    tags=["watches"],
    summary="Describe one watch",
    responses=openapi_examples.responses(
        _EXAMPLE,
        InvalidQuery,
        WatchNotFound,
        FORBIDDEN,
        *STORE,
        success=watch_examples.WATCH_ANSWER,
    ),
)
def watch(asking: Asking, service: Opened, watched: Watched, watch_id: IdInPath) -> WatchAnswer:
    """Return one watch; its webhook is shown to those who may change it."""
    found = _theirs(permit(asking, "search"), service, watched, watch_id)
    mine = _writable(asking, service)
    return WatchAnswer.of(found, is_writer=mine is None or found.collection in mine)


@changing_router.post(
    "/v1/watches",
    tags=["watches"],
    summary="Make a watch",
    status_code=201,
    responses={
        201: {
            "description": "The watch, with the secret of its webhook.",
            "headers": {
                "Location": {"description": "Where the watch is.", "schema": {"type": "string"}}
            },
            "content": {"application/json": {"example": watch_examples.MADE_ANSWER}},
        },
        **openapi_examples.responses(
            "/v1/watches",
            InvalidQuery,
            UrlNotAllowed,
            CollectionNotFound,
            FORBIDDEN,
            *_BODY,
            *STORE,
        ),
    },
)
async def make(
    asking: Asking,
    service: Opened,
    store: WatchesChanged,
    looking: Looked,
    outgoing: Sending,
    response: Response,
    body: Annotated[WatchBody, Body(examples=[watch_examples.WATCH])],
) -> WatchAnswer:
    """Watch a collection for what a query describes, from now on.

    An alert is made once for each event: when the relevance reaches the threshold, until it has
    fallen below it by `margin`. What was indexed before is not looked at. If the webhook has no
    secret, one is made; it is told now and never again.
    """
    collection = await run_in_threadpool(_collection, asking, service, body)
    async with looking.decoding(body.images) as pictures:
        asked = said(body.asked(collection, pictures))
    secret = None
    if body.webhook is not None:
        outgoing.check(body.webhook.url)
        secret = body.webhook.secret or _new_secret()
    made = Watch(
        id=secrets.token_hex(12),
        name=body.name,
        collection=collection,
        asked=asked,
        threshold=body.threshold,
        margin=body.margin,
        cameras=None if body.cameras is None else tuple(body.cameras),
        hours=None if body.hours is None else body.hours.hours(),
        cooldown_s=body.cooldown,
        keeps=body.keeps,
        webhook=None if body.webhook is None else body.webhook.url,
        secret=secret or "",
        is_on=body.on,
        by=asking.name,
    )
    require(made)
    stored = await run_in_threadpool(store.add, Secrets.of(service.settings).kept(made))
    response.headers["Location"] = f"{service.settings.root}/v1/watches/{stored.id}"
    response.headers["Cache-Control"] = "no-store"
    return WatchAnswer.of(stored, is_writer=True, secret=secret)


@changing_router.patch(
    "/v1/watches/{watch_id}",
    tags=["watches"],
    summary="Change one watch, switch it off or on",
    responses=openapi_examples.responses(
        _EXAMPLE,
        InvalidQuery,
        UrlNotAllowed,
        WatchNotFound,
        FORBIDDEN,
        *_BODY,
        *STORE,
        success=watch_examples.WATCH_ANSWER,
    ),
)
def change(
    asking: Asking,
    service: Opened,
    store: WatchesChanged,
    outgoing: Sending,
    response: Response,
    watch_id: IdInPath,
    body: Annotated[WatchEdit, Body(examples=[watch_examples.EDIT])],
) -> WatchAnswer:
    """Change what is named; one that is switched on looks at what is indexed from now on.

    Another query is another watch. Another webhook gets a new secret, unless it brings one; one
    with the same address keeps its own.
    """
    before = _theirs(permit(asking, "write"), service, store, watch_id)
    changed, secret = body.changed(before), None
    if "webhook" in body.model_fields_set:
        hook = body.webhook
        if hook is None:
            changed = replace(changed, webhook=None, secret="")
        else:
            outgoing.check(hook.url)
            is_same = hook.url == before.webhook and hook.secret is None
            secret = None if is_same else hook.secret or _new_secret()
            changed = replace(changed, webhook=hook.url, secret=secret or before.secret)
    require(changed)
    kept = Secrets.of(service.settings).kept(changed)
    response.headers["Cache-Control"] = "no-store"
    return WatchAnswer.of(store.change(kept), is_writer=True, secret=secret)


@changing_router.delete(
    "/v1/watches/{watch_id}",
    tags=["watches"],
    summary="Remove one watch",
    status_code=204,
    response_class=Response,
    responses={
        204: {"description": "It is removed."},
        **openapi_examples.responses(_EXAMPLE, InvalidQuery, WatchNotFound, FORBIDDEN, *STORE),
    },
)
def remove(asking: Asking, service: Opened, store: WatchesChanged, watch_id: IdInPath) -> Response:
    """Remove a watch; its alerts stay, and those that wait to be sent are not sent."""
    _theirs(permit(asking, "write"), service, store, watch_id)
    store.remove(watch_id)
    return Response(status_code=204)


@changing_router.post(
    "/v1/watches/test",
    tags=["watches"],
    summary="Try a watch over the past",
    responses=openapi_examples.responses(
        "/v1/watches/test",
        InvalidQuery,
        QueryNotRead,
        VideoNotFound,
        UrlNotAllowed,
        CollectionNotFound,
        NothingIndexed,
        ModelMismatch,
        ConfigError,
        FORBIDDEN,
        problem_kinds.TRIALS_BUSY,
        *_BODY,
        *STORE,
        success=watch_examples.TRIAL_ANSWER,
    ),
)
async def try_over_the_past(
    asking: Asking,
    service: Opened,
    trials: Tried,
    looking: Looked,
    body: Annotated[TrialBody, Body(examples=[watch_examples.TRIAL])],
) -> TrialAnswer:
    """Say how often a watch would have fired in the last days, with pictures; nothing is stored.

    With `alerts_per_day` it proposes a threshold that would have fired about so often.
    """
    collection = await run_in_threadpool(readable, asking, service, _named(body))
    async with looking.decoding(body.images) as pictures:
        asked = said(body.asked(collection, pictures))
    tried = Watch(
        id="",
        name="test",
        collection=collection,
        asked=asked,
        threshold=body.threshold,
        margin=body.margin,
        cameras=None if body.cameras is None else tuple(body.cameras),
        hours=None if body.hours is None else body.hours.hours(),
        cooldown_s=body.cooldown,
    )
    found = await run_in_threadpool(trials.of, tried, body.days, body.alerts_per_day)
    return TrialAnswer.of(found, service.settings.root)


def _named(body: WatchQuery) -> InCollection:
    return InCollection(collection=body.collection)


def _collection(asking: Principal, service: Service, body: WatchQuery) -> str:
    """Return the collection that is to be watched, which must be there."""
    name = writable(asking, service, _named(body))
    service.catalog.collection(name)
    return name


def _writable(asking: Principal, service: Service) -> frozenset[str] | None:
    """Return the collections in which somebody may write, or None for all."""
    if "write" not in asking.scopes:
        return frozenset()
    return allowed_collections(permit(asking, "write"), service)


def _theirs(asking: Principal, service: Service, watched: WatchReader, watch_id: str) -> Watch:
    """Return a watch of a collection that somebody may use; raise WatchNotFound."""
    allowed = allowed_collections(asking, service)
    found = watched.watch(watch_id)
    if allowed is not None and found.collection not in allowed:
        raise WatchNotFound(watch_id)
    return found


def _new_secret() -> str:
    """Return a secret as Standard Webhooks writes it."""
    return f"whsec_{b64encode(secrets.token_bytes(SECRET_BYTES)).decode()}"
