"""Access: who sent a request, by the key in its header, before the application sees it."""

import re

from starlette.types import Scope

from api.keyring import Keyring
from api.principal import ANONYMOUS, NOBODY, Principal
from api.problem_kinds import UNAUTHENTICATED
from api.problems import Refused

CHALLENGE = 'Bearer realm="clipseek"'
"""What a refusal asks for (RFC 6750, section 3)."""

OPEN = frozenset({"/", "/docs", "/healthz", "/openapi.json", "/readyz"})
"""Paths that need no key: they say nothing of what is indexed. So are those of `OPEN_BELOW`."""
OPEN_BELOW = ("/problems/", "/static/")

METRICS = "/metrics"
COLLECTOR = Principal("metrics", frozenset({"admin"}))
"""What collects the metrics, if that needs no key."""

MISSING = (
    "this server needs a key: send the header `Authorization: Bearer KEY`; the operator of the "
    "server makes keys"
)
MALFORMED = "the header Authorization must be `Bearer KEY`, with one key of the server"
UNKNOWN = "this key is not known: it was revoked, or it is not one of this server"
EXPIRED = "this key has expired; ask the operator of the server for a new one"

_BEARER = re.compile(rb"bearer +([A-Za-z0-9_.~+/-]{1,8192}=*) *", re.IGNORECASE)


class Access:
    """Finds the principal of each request; without a keyring, everybody may do everything."""

    def __init__(self, keyring: Keyring | None = None, *, open_metrics: bool = False) -> None:
        self.keyring = keyring
        self._open_metrics = open_metrics

    def admit(self, scope: Scope, authorization: bytes | None) -> Principal:
        """Return who sent a request, by its header Authorization.

        Raises:
            Refused: the request needs a key, and has none that is valid.
            ServiceUnavailable: the keys are not known now.
        """
        if self.keyring is None:
            return ANONYMOUS
        if authorization is None:
            if is_open(scope):
                return NOBODY
            if self._open_metrics and _path(scope) == METRICS:
                return COLLECTOR
            raise unauthenticated(MISSING)
        found = _BEARER.fullmatch(authorization)
        if found is None:
            raise unauthenticated(MALFORMED, "invalid_request")
        return self._holder(self.keyring, found[1])

    def _holder(self, keyring: Keyring, secret: bytes) -> Principal:
        held = keyring.find(secret)
        if held is None:
            raise unauthenticated(UNKNOWN, "invalid_token")
        if held.is_expired:
            raise unauthenticated(EXPIRED, "invalid_token")
        return held.principal


def is_open(scope: Scope) -> bool:
    """Whether a request needs no key; browsers ask without one what another site may do."""
    path = _path(scope)
    return path in OPEN or path.startswith(OPEN_BELOW) or scope["method"] == "OPTIONS"


def is_uncounted(scope: Scope) -> bool:
    """Whether the border does not count a request: a batch counts its searches itself.

    Pictures and videos, which answers name, do not count.
    """
    path = _path(scope)
    return path == "/v1/search/batch" or (
        path.startswith("/v1/") and path.endswith(("/thumbnail", "/file"))
    )


def _path(scope: Scope) -> str:
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))


def unauthenticated(detail: str, error: str | None = None) -> Refused:
    """Return the refusal of a request without a valid key; `error` is a code of RFC 6750, 3.1."""
    challenge = CHALLENGE if error is None else f'{CHALLENGE}, error="{error}"'
    return Refused(UNAUTHENTICATED, detail, {"WWW-Authenticate": challenge})
