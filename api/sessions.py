"""The endpoint of sessions: a key becomes a cookie, which browsers send for pictures and videos.

The cookie contains the key itself. So every replica knows it, and a revoked key ends its sessions.
Scripts cannot read it, and browsers send it to no other site.
"""

from fastapi import APIRouter, Request
from starlette.responses import Response

from api import openapi_examples
from api.access import COOKIE, SESSION, secret_of
from api.problem_kinds import CROSS_SITE, UNAUTHENTICATED

router = APIRouter()


@router.post(
    SESSION,
    tags=["operation"],
    summary="Begin a session of a browser",
    status_code=204,
    response_class=Response,
    responses={
        204: {"description": "The cookie is set."},
        **openapi_examples.responses(SESSION, UNAUTHENTICATED, CROSS_SITE),
    },
)
async def begin(request: Request) -> Response:
    """Set a cookie with the key of the header `Authorization`, for as long as the browser runs.

    A server that needs no keys sets none.
    """
    answer = Response(status_code=204, headers={"Cache-Control": "no-store"})
    secret = secret_of(request.headers.get("authorization", "").encode("latin-1"))
    if secret is not None and request.app.state.keyring is not None:
        _put(request, answer, secret.decode())
    return answer


@router.delete(
    SESSION,
    tags=["operation"],
    summary="End a session of a browser",
    status_code=204,
    response_class=Response,
    responses={
        204: {"description": "The cookie is deleted."},
        **openapi_examples.responses(SESSION),
    },
)
async def end(request: Request) -> Response:
    """Delete the cookie; the key stays valid."""
    answer = Response(status_code=204, headers={"Cache-Control": "no-store"})
    _put(request, answer, "", max_age_s=0)
    return answer


def _put(request: Request, answer: Response, value: str, max_age_s: int | None = None) -> None:
    """Set the cookie; over TLS, it is sent over TLS alone."""
    proxied = request.headers.get("x-forwarded-proto", "")
    answer.set_cookie(
        COOKIE,
        value,
        max_age=max_age_s,
        path=f"{request.scope.get('root_path', '')}/",
        secure="https" in (request.url.scheme, proxied),
        httponly=True,
        samesite="strict",
    )
