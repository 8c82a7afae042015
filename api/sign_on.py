"""Single sign-on: the authorization code flow with PKCE (OpenID Connect Core, RFC 7636)."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus, urlencode

from api.issuer import Issuer, Published
from api.issuer_documents import read_json
from api.refusals import FailedLogin, LoginFailed, NoGroup, TokenRefused
from api.tokens import LOGIN, SESSION, Person, Tokens
from clipseek.errors import ServiceUnavailable

LOGIN_S = 600
"""Seconds that somebody may take to log in at the issuer."""
LONGEST = 3000
"""Characters of a session: browsers drop a cookie of more than 4096, and nginx takes no more for
all headers of an answer, unless its `proxy_buffer_size` is larger.
"""

_RANDOM_BYTES = 32
_SAID = 200


@dataclass(frozen=True, slots=True)
class Begun:
    """A login that was begun: where the browser goes, and what it keeps, for so many seconds."""

    location: str
    kept: str
    seconds: int = LOGIN_S


class SignOn:
    """Begins and ends logins. Nothing is stored here: the browser keeps what a login needs."""

    def __init__(
        self,
        issuer: Issuer,
        tokens: Tokens,
        *,
        client_secret: str | None,
        session_s: int,
        read: Callable[..., tuple[int, dict[str, Any]]] = read_json,
    ) -> None:
        """Take the issuer, and what checks and makes tokens."""
        self._issuer = issuer
        self._tokens = tokens
        self._client_secret = client_secret
        self.session_s = session_s
        self._read = read

    def begin(self, redirect_uri: str) -> Begun:
        """Begin a login that comes back to a URL of this server; raise LoginFailed."""
        published = self._published()
        state, nonce, verifier = (secrets.token_urlsafe(_RANDOM_BYTES) for _ in range(3))
        digest = hashlib.sha256(verifier.encode()).digest()
        asked = {
            "response_type": "code",
            "client_id": self._tokens.client_id,
            "redirect_uri": redirect_uri,
            "scope": " ".join(_scopes(published)),
            "state": state,
            "nonce": nonce,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        between = "&" if "?" in published.authorization_endpoint else "?"
        kept = {"state": state, "nonce": nonce, "verifier": verifier, "redirect_uri": redirect_uri}
        return Begun(
            f"{published.authorization_endpoint}{between}{urlencode(asked)}",
            self._tokens.sign(LOGIN, kept, LOGIN_S),
        )

    def end(self, kept: str, answer: Mapping[str, str]) -> tuple[Person, str]:
        """Return who has logged in, and their session. It waits for the issuer.

        Args:
            kept: What the browser has kept since the login was begun.
            answer: The parameters that the issuer has sent the browser back with.

        Raises:
            LoginFailed: see `LoginFailed`.
        """
        begun = self._begun(kept, answer)
        if "error" in answer:
            kind: FailedLogin = "denied" if answer["error"] == "access_denied" else "failed"
            raise LoginFailed(kind, f"the issuer says {answer['error'][:_SAID]!r}")
        if answer.get("iss", self._issuer.url) != self._issuer.url:  # RFC 9207
            raise LoginFailed("failed", f"the answer is of {answer['iss'][:_SAID]!r}")
        if not answer.get("code"):
            raise LoginFailed("failed", "the answer has neither a code nor an error")
        person, claims = self._person(self._exchanged(answer["code"], begun))
        if not _is_same(str(claims.get("nonce")), begun["nonce"]):
            raise LoginFailed("failed", "the token is of another login, by its claim nonce")
        several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
        if claims.get("azp", None if several else self._tokens.client_id) != self._tokens.client_id:
            raise LoginFailed("failed", "the token is for another program, by its claim azp")
        return person, self._session(person)

    def _published(self) -> Published:
        try:
            return self._issuer.published()
        except ServiceUnavailable as error:
            raise LoginFailed("away", str(error)) from error

    def _begun(self, kept: str, answer: Mapping[str, str]) -> Mapping[str, str]:
        """Return what was kept of the login that an answer belongs to."""
        try:
            begun = self._tokens.read(kept, LOGIN)
        except TokenRefused as error:
            raise LoginFailed("late", "the login was not begun here, or too long ago") from error
        if not _is_same(answer.get("state", ""), begun["state"]):
            raise LoginFailed("late", "the answer belongs to another login, by its state")
        return begun

    def _exchanged(self, code: str, begun: Mapping[str, str]) -> str:
        """Return the ID token that the issuer gives for a code."""
        published, client = self._published(), self._tokens.client_id
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": begun["redirect_uri"],
            "code_verifier": begun["verifier"],
        }
        headers: dict[str, str] = {}
        methods = published.token_methods or {"client_secret_basic"}
        if self._client_secret is None:
            form["client_id"] = client
        elif "client_secret_basic" in methods:
            pair = f"{quote_plus(client)}:{quote_plus(self._client_secret)}"  # RFC 6749, 2.3.1
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        else:
            form |= {"client_id": client, "client_secret": self._client_secret}
        try:
            status, said = self._read(published.token_endpoint, form, headers)
        except ServiceUnavailable as error:
            raise LoginFailed("away", str(error)) from error
        token = said.get("id_token")
        if status != 200 or not isinstance(token, str):
            wrong = str(said.get("error"))[:_SAID]
            raise LoginFailed("failed", f"the issuer answers {status} and the error {wrong!r}")
        return token

    def _person(self, token: str) -> tuple[Person, Mapping[str, Any]]:
        try:
            try:
                return self._tokens.of_issuer(token)
            except ServiceUnavailable:  # its key is new
                self._issuer.refresh()
                return self._tokens.of_issuer(token)
        except ServiceUnavailable as error:
            raise LoginFailed("away", str(error)) from error
        except TokenRefused as error:
            raise LoginFailed("failed", str(error)) from error

    def _session(self, person: Person) -> str:
        try:
            self._tokens.principal(person)
        except NoGroup as error:
            raise LoginFailed("group", str(error), person.name) from error
        said = {"name": person.name, "groups": sorted(person.groups)}
        session = self._tokens.sign(SESSION, said, self.session_s)
        if len(session) > LONGEST:
            reason = f"{person.name} is in more groups than a cookie has room for; name fewer"
            raise LoginFailed("failed", reason, person.name)
        return session


def _scopes(published: Published) -> list[str]:
    """Return what is asked for; some issuers tell groups only if they are asked for them."""
    more = [each for each in ("profile", "email", "groups") if each in published.scopes]
    return ["openid", *(more if published.scopes else ("profile", "email"))]


def _is_same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode())
