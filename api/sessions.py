"""The endpoint of sessions: a key becomes a cookie, which browsers send for pictures and videos.

The cookie contains the key itself. So every replica knows it, and a revoked key ends its sessions.
Scripts cannot read it, and browsers send it to no other site.
"""

from fastapi import APIRouter, Request
from starlette.responses import Response

from api import openapi_examples
from api.access import COOKIE, SESSION, is_token, secret_of, unauthenticated
from api.problem_kinds import CROSS_SITE, UNAUTHENTICATED

NO_KEY = (
    "a session begins with a key, and this is a token; open /login/oidc in the browser to log in, "
    "or send the token with each request"
)

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
        if is_token(secret):
            raise unauthenticated(NO_KEY)
        keep(request, answer, secret.decode())
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
    keep(request, answer, "", max_age_s=0)
    return answer


def keep(request: Request, answer: Response, value: str, max_age_s: int | None = None) -> None:
    """Set the cookie; over TLS, it is sent over TLS alone."""
    answer.set_cookie(
        COOKIE,
        value,
        max_age=max_age_s,
        path=f"{request.scope.get('root_path', '')}/",
        secure=is_over_tls(request),
        httponly=True,
        samesite="strict",
    )


def is_over_tls(request: Request) -> bool:
    """Whether the browser has sent a request over TLS, to this server or to a proxy before it."""
    return "https" in (request.url.scheme, request.headers.get("x-forwarded-proto", ""))
