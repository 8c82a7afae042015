"""Tokens: those of the issuer, and those that this server makes for its own sessions.

Imported only if the settings name an issuer, because it needs PyJWT.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import time
from typing import Any

import jwt

from api.issuer import ALGORITHMS, Issuer, Published
from api.principal import Principal
from api.refusals import NoGroup, TokenRefused
from clipseek.errors import ServiceUnavailable
from clipseek.grants import Grant, rights_of
from clipseek.people import groups_in, person

LEEWAY_S = 30
"""Seconds that the clocks of the issuer and of this server may differ."""
MOST = 10_000
"""Tokens that are remembered. The oldest is forgotten, which costs its next request a check."""
OWN = "HS256"
SESSION = "clipseek-session"
LOGIN = "clipseek-login"

_NEEDED = ["aud", "exp", "iat", "iss", "sub"]
_LONGEST_SUBJECT = 255


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a valid token: their name, their groups that have rights, and until when."""

    name: str
    groups: frozenset[str]
    ends: float


@dataclass(slots=True)
class _Remembered:
    """A token that was checked, by the keys that the issuer had then; its own needs none.

    principal: Its holder, who may also use what is behind `aliases`.
    """

    person: Person
    published: Published | None
    plain: Principal
    aliases: Mapping[str, str]
    principal: Principal


class Tokens:
    """Finds who has a token. A token is checked once and then remembered by its hash.

    It belongs to the event loop, except `of_issuer`, `sign` and `read`, which keep nothing.
    """

    def __init__(
        self,
        issuer: Issuer,
        grants: Sequence[Grant],
        aliases: Callable[[], Mapping[str, str]],
        *,
        client_id: str,
        groups_claim: str,
        secret: bytes,
    ) -> None:
        """Take whose tokens are valid; `aliases` returns the collection behind each alias."""
        self.issuer = issuer
        self.client_id = client_id
        self._grants = grants
        self._aliases = aliases
        self._groups_claim = groups_claim
        self._secret = secret
        self._known: OrderedDict[bytes, _Remembered] = OrderedDict()
        self._published: Published | None = None

    def find(self, token: bytes) -> Principal:
        """Return who has a token.

        Raises:
            TokenRefused: it is not valid, or has expired.
            NoGroup: it is valid, but none of the groups in it has rights.
            ServiceUnavailable: the keys of the issuer are not known now.
        """
        digest = hashlib.sha256(token).digest()
        found = self._known.get(digest)
        if found is None or not self._is_current(found):
            self._known.pop(digest, None)
            found = self._known[digest] = self._checked(token.decode("latin-1"))
            if len(self._known) > MOST:
                self._known.popitem(last=False)
        if found.person.ends <= time():
            raise TokenRefused("this token has expired; log in again")
        aliases = self._aliases()
        if found.aliases is not aliases:
            found.aliases, found.principal = aliases, found.plain.with_aliases(aliases)
        return found.principal

    def _is_current(self, found: "_Remembered") -> bool:
        """Whether the keys are those that a token was checked with: one may be withdrawn."""
        return found.published is None or found.published is self.issuer.published()

    def _checked(self, token: str) -> "_Remembered":
        if _header(token).get("typ") == SESSION:
            published, person = None, self._of_session(token)
        else:
            published, person = self.issuer.published(), self.of_issuer(token)[0]
        plain = self.principal(person)
        return _Remembered(person, published, plain, {}, plain)

    def principal(self, person: Person) -> Principal:
        """Return what somebody may do now; raise NoGroup."""
        rights = rights_of(self._grants, person.groups)
        if rights is None:
            raise NoGroup(
                f"{person.name} is in none of the groups that may use this server; ask its "
                "operator to name one of your groups in CLIPSEEK_OIDC_GROUPS"
            )
        return Principal.of_rights(person.name, rights)

    def of_issuer(self, token: str) -> tuple[Person, Mapping[str, Any]]:
        """Return whom a token of the issuer is about, and its claims.

        Raises:
            TokenRefused: it is not valid.
            ServiceUnavailable: the keys of the issuer are not known now, or are read again.
        """
        claims = self._claims(token, _header(token))
        subject = claims["sub"]
        if not isinstance(subject, str) or not 0 < len(subject) <= _LONGEST_SUBJECT:
            raise TokenRefused(f"its claim sub must have 1 to {_LONGEST_SUBJECT} characters")
        groups = groups_in(claims, self._groups_claim) & {grant.group for grant in self._grants}
        return Person(person(claims), groups, int(claims["exp"]) + LEEWAY_S), claims

    def _claims(self, token: str, header: Mapping[str, Any]) -> Mapping[str, Any]:
        algorithm = str(header.get("alg"))
        if algorithm not in ALGORITHMS:
            raise TokenRefused(
                f"it is signed by {algorithm[:20]!r}, and must be by one of "
                f"{', '.join(sorted(ALGORITHMS))}"
            )
        published, key_id = self.issuer.published(), header.get("kid")
        key = published.checking(algorithm, key_id)
        is_new = key_id is not None and not published.has(key_id)
        if is_new and self.issuer.ask_again():
            raise ServiceUnavailable(
                "this token names a key that is not known yet; the keys of the issuer are read "
                "again, so ask again",
                for_all=True,
            )
        if key is None:
            raise TokenRefused("the issuer has no such key; log in again")
        return _decoded(
            token,
            key.key,
            algorithm,
            audience=self.client_id,
            issuer=self.issuer.url,
            leeway=LEEWAY_S,
            options={"require": _NEEDED},
        )

    def _of_session(self, token: str) -> Person:
        claims = self.read(token, SESSION)
        return Person(claims["name"], frozenset(claims["groups"]), claims["exp"])

    def sign(self, kind: str, claims: Mapping[str, Any], seconds: float) -> str:
        """Return a token of this server, valid for so long."""
        now = int(time())
        own = {"aud": kind, "iss": self.issuer.url, "iat": now, "exp": now + int(seconds)}
        token: str = jwt.encode({**claims, **own}, self._secret, OWN, headers={"typ": kind})
        return token

    def read(self, token: str, kind: str) -> Mapping[str, Any]:
        """Return the claims of a token of this server; raise TokenRefused."""
        return _decoded(
            token,
            self._secret,
            OWN,
            audience=kind,
            issuer=self.issuer.url,
            options={"require": ["aud", "exp", "iat", "iss"]},
        )


def _header(token: str) -> Mapping[str, Any]:
    try:
        header: Mapping[str, Any] = jwt.get_unverified_header(token)
    except jwt.PyJWTError as error:
        raise TokenRefused("it is neither a key of this server nor a token") from error
    return header


_SAID: Sequence[tuple[type[Exception], str]] = (
    (jwt.ExpiredSignatureError, "this token has expired; log in again"),
    (jwt.ImmatureSignatureError, "this token is not valid yet; check the clocks"),
    (jwt.InvalidAudienceError, "this token is for another program, by its claim aud"),
    (jwt.InvalidIssuerError, "this token is of another issuer, by its claim iss"),
    (jwt.MissingRequiredClaimError, f"a token must have the claims {', '.join(_NEEDED)}"),
    (jwt.InvalidSignatureError, "the signature of this token is wrong"),
)


def _decoded(token: str, key: Any, algorithm: str, **rules: Any) -> Mapping[str, Any]:
    """Return the claims of a token whose signature, times, issuer and audience are right."""
    try:
        claims: Mapping[str, Any] = jwt.decode(token, key, algorithms=[algorithm], **rules)
    except jwt.PyJWTError as error:
        said = next((text for kind, text in _SAID if isinstance(error, kind)), None)
        raise TokenRefused(said or "this token cannot be read; log in again") from error
    return claims
