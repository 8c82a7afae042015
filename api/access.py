"""Access: who sent a request, by the key in its header, before the application sees it."""

from typing import Protocol

from starlette.requests import cookie_parser
from starlette.types import Scope

from api.keyring import Keyring
from api.principal import ANONYMOUS, NOBODY, Principal
from api.problem_kinds import CROSS_SITE, FORBIDDEN, UNAUTHENTICATED
from api.problems import Refused
from api.refusals import NoGroup, TokenRefused
from clipseek.errors import ServiceUnavailable

CHALLENGE = 'Bearer realm="clipseek"'
"""What a refusal asks for (RFC 6750, section 3)."""

SIGN_ON = "/login/oidc"
SIGNED_ON = "/login/oidc/callback"
WAYS = "/login/ways"
_LOGIN = {"/login", SIGN_ON, SIGNED_ON, WAYS}
OPEN = frozenset({"/", "/docs", "/healthz", *_LOGIN, "/openapi.json", "/readyz"})
"""Paths that need no key: they say nothing of what is indexed. So are those of `OPEN_BELOW`."""
OPEN_BELOW = ("/problems/", "/static/")

METRICS = "/metrics"
COLLECTOR = Principal("metrics", frozenset({"admin"}))
"""What collects the metrics, if that needs no key."""

COOKIE = "clipseek_key"
SESSION = "/v1/session"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
FOREIGN = (
    "a page of another site has sent this with the session of this one; send the key in the header "
    "Authorization instead"
)

MISSING = (
    "this server needs a key: send the header `Authorization: Bearer KEY`; the operator of the "
    "server makes keys"
)
MALFORMED = "the header Authorization must be `Bearer KEY`, with one key of the server"
UNKNOWN = "this key is not known: it was revoked, or it is not one of this server"
EXPIRED = "this key has expired; ask the operator of the server for a new one"

LONGEST = 8192
"""Bytes of a key, or of a token that somebody takes for one."""


class TokenFinder(Protocol):
    """Who finds the holder of a token, if people log in at an issuer."""

    def find(self, token: bytes) -> Principal:
        """Return who has a token; raise TokenRefused, NoGroup or ServiceUnavailable."""
        ...


class Access:
    """Finds the principal of each request; without a keyring, everybody may do everything."""

    def __init__(
        self,
        keyring: Keyring | None = None,
        tokens: TokenFinder | None = None,
        *,
        open_metrics: bool = False,
    ) -> None:
        self.keyring = keyring
        self._tokens = tokens
        self._open_metrics = open_metrics

    def admit(self, scope: Scope, authorization: bytes | None) -> Principal:
        """Return who sent a request, by its header Authorization.

        Raises:
            Refused: the request needs a key, and has none that is valid.
            ServiceUnavailable: the keys are not known now.
        """
        if self.keyring is None:
            return ANONYMOUS
        if authorization is None and (secret := _cookie(scope)) is not None:
            return self._of_session(self.keyring, scope, secret)
        if authorization is None:
            if is_open(scope):
                return NOBODY
            if self._open_metrics and _path(scope) == METRICS:
                return COLLECTOR
            raise unauthenticated(MISSING)
        secret = secret_of(authorization)
        if secret is None:
            raise unauthenticated(MALFORMED, "invalid_request")
        return self._holder(self.keyring, secret)

    def _of_session(self, keyring: Keyring, scope: Scope, secret: bytes) -> Principal:
        """Return who sent a request with a cookie; an open path needs none that is valid."""
        try:
            principal = self._holder(keyring, secret)
        except (Refused, ServiceUnavailable):
            if is_open(scope):
                return NOBODY
            raise
        if scope["method"] not in SAFE and not _is_of_same_site(scope):
            raise Refused(CROSS_SITE, FOREIGN)
        return principal

    def _holder(self, keyring: Keyring, secret: bytes) -> Principal:
        if self._tokens is not None and is_token(secret):
            return _of_token(self._tokens, secret)
        held = keyring.find(secret)
        if held is None:
            raise unauthenticated(UNKNOWN, "invalid_token")
        if held.is_expired:
            raise unauthenticated(EXPIRED, "invalid_token")
        return held.principal


def _of_token(tokens: TokenFinder, token: bytes) -> Principal:
    try:
        return tokens.find(token)
    except TokenRefused as error:
        raise unauthenticated(str(error), "invalid_token") from error
    except NoGroup as error:
        raise Refused(FORBIDDEN, str(error)) from error


def is_token(secret: bytes) -> bool:
    """Whether a secret has the form of a token (RFC 7515, 3.1); a key contains no dot."""
    return secret.count(b".") == 2


def is_open(scope: Scope) -> bool:
    """Whether a request needs no key; browsers ask without one what another site may do."""
    path = _path(scope)
    if path == SESSION and scope["method"] == "DELETE":
        return True
    return path in OPEN or path.startswith(OPEN_BELOW) or scope["method"] == "OPTIONS"


def secret_of(authorization: bytes) -> bytes | None:
    """Return the key in a header Authorization, or None."""
    scheme, _, secret = authorization.partition(b" ")
    secret = secret.strip()
    if scheme.lower() != b"bearer" or not 0 < len(secret) <= LONGEST or b" " in secret:
        return None
    return secret


def _cookie(scope: Scope) -> bytes | None:
    """Return the key in the cookie of a session, or None."""
    for name, value in scope["headers"]:
        if name == b"cookie":
            secret = cookie_parser(value.decode("latin-1")).get(COOKIE)
            if secret:
                return secret.encode("latin-1")
    return None


def _is_of_same_site(scope: Scope) -> bool:
    """Whether a browser says that a page of this server has sent the request.

    Browsers of before 2023 do not say so, but send where the page is from.
    """
    headers = dict(scope["headers"])
    site = headers.get(b"sec-fetch-site")
    if site is not None:
        return bool(site == b"same-origin")
    origin = headers.get(b"origin", b"").partition(b"://")[2]
    return bool(origin) and bool(origin.lower() == headers.get(b"host", b"").lower())


def is_uncounted(scope: Scope) -> bool:
    """Whether the border does not count a request: a batch counts its searches itself.

    Pictures and videos, which answers name, do not count, and neither does what needs no key: to
    open the page takes dozens of requests, which have the cookie of the session.
    """
    path = _path(scope)
    return (
        path == "/v1/search/batch"
        or (path.startswith("/v1/") and path.endswith(("/thumbnail", "/file")))
        or is_open(scope)
    )


def _path(scope: Scope) -> str:
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))


def unauthenticated(detail: str, error: str | None = None) -> Refused:
    """Return the refusal of a request without a valid key; `error` is a code of RFC 6750, 3.1."""
    challenge = CHALLENGE if error is None else f'{CHALLENGE}, error="{error}"'
    return Refused(UNAUTHENTICATED, detail, {"WWW-Authenticate": challenge})
