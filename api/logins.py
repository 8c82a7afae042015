"""Endpoints of single sign-on: to the issuer, back from it, and whether there is one.

They are for the page of this server. A login ends at that page, whatever a request names, so nobody
can be sent elsewhere by a link to this server.
"""

import asyncio
import logging
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, RedirectResponse, Response

from api.access import SIGN_ON, SIGNED_ON, WAYS
from api.auditing import noted
from api.oidc import AT_ONCE
from api.problem_kinds import NOT_FOUND
from api.problems import Refused
from api.reading_router import ReadingRouter
from api.refusals import LoginFailed
from api.sessions import is_over_tls, keep

if TYPE_CHECKING:
    from api.sign_on import SignOn

LOGIN_COOKIE = "clipseek_login"
"""What the browser keeps until it comes back. It is sent to this path alone, also when a link of
the issuer leads here (SameSite=Lax).
"""

router: APIRouter = ReadingRouter(include_in_schema=False)
log = logging.getLogger("clipseek.api")


@router.get(WAYS)
async def ways(request: Request) -> Response:
    """Say how people can log in here."""
    said = {"single_sign_on": request.app.state.oidc is not None}
    return JSONResponse(said, headers={"Cache-Control": "no-store"})


@router.get(SIGN_ON)
async def begin(request: Request) -> Response:
    """Send the browser to the issuer."""
    sign_on = _sign_on(request)
    scheme = "https" if is_over_tls(request) else "http"
    address = f"{scheme}://{request.headers['host']}{_root(request)}{SIGNED_ON}"
    try:
        begun = sign_on.begin(address)
    except LoginFailed as error:
        return _failed(request, error)
    answer = _redirect(begun.location)
    _keep(request, answer, begun.kept, begun.seconds)
    return answer


@router.get(SIGNED_ON)
async def end(request: Request) -> Response:
    """Take the browser back from the issuer, with a session if all is well."""
    sign_on = _sign_on(request)
    at_once: asyncio.Semaphore = request.app.state.oidc.at_once
    kept = request.cookies.get(LOGIN_COOKIE, "")
    try:
        if at_once.locked():
            raise LoginFailed("busy", f"{AT_ONCE} others are logging in now")
        async with at_once:
            person, session = await run_in_threadpool(sign_on.end, kept, dict(request.query_params))
    except LoginFailed as error:
        return _failed(request, error)
    noted(request.scope, person.name, "logged in")
    answer = _redirect(f"{_root(request)}/login#in")
    _keep(request, answer, "")
    keep(request, answer, session, max_age_s=sign_on.session_s)
    return answer


def _failed(request: Request, error: LoginFailed) -> Response:
    """Tell it on the page of logins, in a sentence of the page itself."""
    log.warning("request %s: nobody was logged in: %s", request.state.request_id, error)
    noted(request.scope, error.who, f"not logged in: {error.kind}")
    answer = _redirect(f"{_root(request)}/login#{error.kind}")
    _keep(request, answer, "")
    return answer


def _redirect(location: str) -> Response:
    return RedirectResponse(location, 303, headers={"Cache-Control": "no-store"})


def _keep(request: Request, answer: Response, kept: str, seconds: int = 0) -> None:
    """Set the cookie of a login that was begun, or delete it."""
    answer.set_cookie(
        LOGIN_COOKIE,
        kept,
        max_age=seconds,
        path=f"{_root(request)}{SIGN_ON}",
        secure=is_over_tls(request),
        httponly=True,
        samesite="lax",
    )


def _root(request: Request) -> str:
    return str(request.scope.get("root_path", ""))


def _sign_on(request: Request) -> "SignOn":
    if request.app.state.oidc is None:
        raise Refused(NOT_FOUND, "this server has no single sign-on; log in with a key at /login")
    found: SignOn = request.app.state.oidc.sign_on
    return found
