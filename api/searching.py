"""The two endpoints that search: what they take, and how answers are written."""

import logging
import time
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Body, Request
from fastapi.routing import APIRoute
from pydantic import ValidationError
from starlette.responses import Response

from api import conditions, openapi_examples, problems
from api.answering import Answering
from api.explaining import Explaining
from api.field_errors import field_errors, validation_detail
from api.json_route import JsonRoute, WrittenJson, located
from api.looking import Looking
from api.principal import Principal, of_scope, permit
from api.problem_kinds import (
    BODY_TOO_LARGE,
    DEADLINE,
    FORBIDDEN,
    INTERNAL,
    KINDS,
    MALFORMED_JSON,
    OVERLOADED,
    STORE,
    TOO_MANY_REQUESTS,
    UNSUPPORTED_MEDIA_TYPE,
    kind_of,
)
from api.rates import Rates
from api.ready_answer import Ready
from api.schemas import BatchAnswer, ProblemItem, SearchAnswer
from api.search_schemas import Batch, PagedSearch, Search
from clipseek.errors import (
    ClipseekError,
    CollectionNotFound,
    ConfigError,
    InvalidQuery,
    ModelMismatch,
    NothingIndexed,
    QueryNotRead,
    UrlNotAllowed,
    VersionGone,
    VideoNotFound,
)
from clipseek.explaining import problem_of
from clipseek.query import Query

BODY = (
    MALFORMED_JSON,
    BODY_TOO_LARGE,
    UNSUPPORTED_MEDIA_TYPE,
)
LOAD = (TOO_MANY_REQUESTS, OVERLOADED, DEADLINE)

log = logging.getLogger("clipseek.api")

router = APIRouter()
"""The endpoints as the OpenAPI document shows them; `routes` answers them."""


@router.post(
    "/v1/search",
    tags=["search"],
    summary="Find the moments that a sentence describes, or that look alike",
    response_model=SearchAnswer,
    responses={
        304: {"description": "The answer that `If-None-Match` names is still the same."},
        **openapi_examples.responses(
            "/v1/search",
            InvalidQuery,
            QueryNotRead,
            VersionGone,
            VideoNotFound,
            UrlNotAllowed,
            CollectionNotFound,
            NothingIndexed,
            ModelMismatch,
            ConfigError,
            FORBIDDEN,
            *STORE,
            *BODY,
            *LOAD,
            success=openapi_examples.SEARCH_ANSWER,
        ),
    },
)
async def search(
    request: Request, body: Annotated[PagedSearch, Body(examples=[openapi_examples.SEARCH])]
) -> Response:
    """Return the moments that fit the query, best first, each with its relevance and its links.

    If no moment fits, that is an answer too: the hits then have low relevance, or, with
    `min_relevance`, there are none. With `like`, `image` or `image_url` in place of `query`, what
    looks like a moment or a picture is found: its hits have a `score` and no relevance. `parts`
    compose sentences, moments and pictures; what has a weight below zero is not wanted.
    `then` asks for what must follow in the same video. With `explain`, each hit says why it matched
    and where in its picture; that runs the model once for each hit.

    `ETag` identifies everything in the answer except `took_ms`, and `X-Cache` is `hit` for a cached
    answer, `shared` for one that another request had asked for, otherwise `miss`. While the
    database cannot be reached, searches continue for a while from the last version: such answers
    are `stale`, say their `age_s`, and have no `ETag`. Neither has an answer that is `incomplete`.

    The next page is the answer to the same search with `cursor`. All pages are of one version: if
    the collection has changed meanwhile, the answer is 410, and the search starts again. No moment
    is in two pages.
    """
    started = time.perf_counter()
    principal = permit(of_scope(request.scope), "search")
    answering: Answering = request.app.state.answering
    default = principal.default(answering.default)
    permit(principal, "search", body.collection or default)
    looking: Looking = request.app.state.looking
    async with looking.decoding(body.images) as pictures:
        query = body.page(default, pictures)
        if body.explain and (wrong := problem_of(query)) is not None:
            raise wrong
        (found,) = await answering.answer([query])
    if isinstance(answer := found.answer, Exception):
        raise answer
    if body.explain:
        explaining: Explaining = request.app.state.explaining
        answer = await explaining.explained(query, answer, started)
    headers = [(b"x-cache", found.source.encode())]
    if answer.age_s is None and not answer.is_incomplete:
        etag = answer.etag
        if (status := conditions.outcome(request.headers, etag)) is not None:
            same = {"X-Cache": found.source, "ETag": etag, "Vary": "Accept-Encoding"}
            return problems.conditional(request, status, same)
        headers.append((b"etag", etag.encode()))
    steady, rest = answer.halves(_elapsed_ms(started))
    return WrittenJson(steady + rest, headers, steady=len(steady))


@router.post(
    "/v1/search/batch",
    tags=["search"],
    summary="Find the moments of several sentences at once",
    response_model=BatchAnswer,
    responses=openapi_examples.responses(
        "/v1/search/batch",
        InvalidQuery,
        FORBIDDEN,
        *STORE,
        *BODY,
        *LOAD,
        success=openapi_examples.BATCH_ANSWER,
    ),
)
async def search_batch(
    request: Request, body: Annotated[Batch, Body(examples=[openapi_examples.BATCH])]
) -> Response:
    """Answer up to 256 searches in one pass of the model and of the index.

    Each search is judged by itself: one that cannot be answered has a problem in its place and
    the others their moments. Only a wrong envelope, or a server that has too much to do, refuses
    the whole request.
    """
    started = time.perf_counter()
    principal = permit(of_scope(request.scope), "search")
    answering: Answering = request.app.state.answering
    default = principal.default(answering.default)
    rates: Rates = request.app.state.rates
    await rates.spend(principal, len(body.searches))
    items = [_parsed(item, principal, default) for item in body.searches]
    found = iter(await answering.answer([item for item in items if isinstance(item, Query)]))
    answers = [next(found).answer if isinstance(item, Query) else item for item in items]
    request.app.state.metrics.count_refused(sum(isinstance(answer, list) for answer in answers))
    took_ms = _elapsed_ms(started)
    written = [_item(request, i, answer, took_ms) for i, answer in enumerate(answers)]
    return WrittenJson(b'{"results":[%b]}' % b",".join(written))


_ALONE = "must be sent in a request of its own, to POST /v1/search"

routes = [JsonRoute(each) for each in router.routes if isinstance(each, APIRoute)]


def _parsed(
    item: Any, principal: Principal, default: str
) -> Query | CollectionNotFound | list[Any]:
    """Return one search of a batch, or what is wrong with it."""
    try:
        search = Search.model_validate(item)
    except ValidationError as error:
        return located("search", error)
    if name := search.pictured:
        return [{"type": "limits", "loc": ("search", name), "msg": _ALONE}]
    query = search.asked(default)
    return query if principal.may_use(query.collection) else CollectionNotFound(query.collection)


def _item(
    request: Request, position: int, answer: Ready | Exception | Sequence[Any], took_ms: float
) -> bytes:
    """Write the answer to one search of a batch."""
    if isinstance(answer, Ready):
        return answer.json(took_ms)
    if isinstance(answer, ClipseekError):
        kind, detail, fields = (
            kind_of(answer),
            problems.detail_of(request, answer),
            None,
        )
    elif isinstance(answer, Exception):
        log.error("search %d of %s failed", position, problems.request_id(request), exc_info=answer)
        kind, detail, fields = INTERNAL, problems.FAULT, None
    else:
        kind, fields = KINDS[InvalidQuery], field_errors(answer)
        detail = validation_detail(fields, len(answer))
    problem = problems.problem(
        kind,
        detail,
        instance=f"{request.scope['path']}#/searches/{position}",
        request_id=problems.request_id(request),
        fields=fields,
        root=request.scope.get("root_path", ""),
    )
    return ProblemItem(problem=problem).model_dump_json(exclude_none=True).encode()


def _elapsed_ms(started: float) -> float:
    return (time.perf_counter() - started) * 1000
