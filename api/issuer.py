"""The issuer of people's tokens: where it is asked, and the keys that it signs with.

Its documents are read by a thread, so no request waits for them. Imported only if the settings name
an issuer, because it needs PyJWT and cryptography.
"""

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from api.issuer_documents import read_json
from clipseek.errors import ServiceUnavailable
from clipseek.threads import Worker

ALGORITHMS = frozenset({"RS256", "PS256", "ES256", "EdDSA"})
"""Signatures that are read. With a secret that is shared (HS256), who checks could also sign."""

RETRY_S = 10.0
"""Seconds between two tries while the issuer does not answer."""
REFRESH_S = 300.0
"""Seconds between two looks at its keys: a key that the issuer has withdrawn is refused then."""
KNOWN_FOR_S = 3600.0
"""Seconds that its last known keys are valid while it does not answer."""
ASK_AGAIN_S = 30.0
"""Seconds between two looks that unknown keys cause, so that nobody makes them often."""

_MIN_RSA_BITS = 2048
_OF_CURVE = {("EC", "P-256"): ("ES256",), ("OKP", "Ed25519"): ("EdDSA",)}

log = logging.getLogger("clipseek.api")


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A public key of the issuer: its id, if it has one, and the signatures that it checks."""

    id: str | None
    algorithms: tuple[str, ...]
    key: Any


@dataclass(frozen=True, slots=True)
class Published:
    """What an issuer says of itself."""

    authorization_endpoint: str
    token_endpoint: str
    scopes: frozenset[str]
    token_methods: frozenset[str]
    keys: tuple[SigningKey, ...]

    def checking(self, algorithm: str, key_id: str | None) -> SigningKey | None:
        """Return the key that a token names; one without a name has the only key that fits."""
        fitting = [key for key in self.keys if algorithm in key.algorithms]
        if key_id is None:
            return fitting[0] if len(fitting) == 1 else None
        return next((key for key in fitting if key.id == key_id), None)

    def has(self, key_id: str) -> bool:
        """Whether there is a key of this id, for any signature."""
        return any(key.id == key_id for key in self.keys)


class Issuer:
    """Knows what an issuer has published, and keeps it current in its own thread. Thread-safe."""

    def __init__(self, url: str, read: Callable[[str], tuple[int, dict[str, Any]]] = read_json):
        """Take the URL of the issuer; nothing is read yet."""
        self.url = url
        self._read = read
        self._published: Published | None = None
        self._read_at = -math.inf
        self._asked_again = -math.inf
        self._is_wanted = True
        self.reading = Worker("issuer", self._turn, pause_s=RETRY_S)

    def start(self) -> None:
        """Begin to read, and go on in a thread until `close`."""
        self.reading.start()
        self.reading.wake()

    def close(self) -> None:
        """Stop the thread."""
        self.reading.close()

    def published(self) -> Published:
        """Return what the issuer last said.

        Raises:
            ServiceUnavailable: nothing was read yet, or nothing for too long.
        """
        found = self._published
        if found is None or monotonic() - self._read_at > KNOWN_FOR_S:
            raise ServiceUnavailable(
                "the server that people log in at does not answer; ask again, or use a key",
                for_all=True,
            )
        return found

    def ask_again(self) -> bool:
        """Have the keys read now, if they were not a moment ago; return whether they will be."""
        now = monotonic()
        if now - self._asked_again >= ASK_AGAIN_S:
            self._asked_again = now
            self._is_wanted = True
            self.reading.wake()
        return self._is_wanted

    def refresh(self) -> None:
        """Read what the issuer publishes; raise ServiceUnavailable."""
        began = monotonic()
        try:
            self._published = self._look()
        finally:
            self._is_wanted = False
        self._read_at = began

    def _turn(self) -> None:
        if self._is_wanted or monotonic() - self._read_at >= REFRESH_S:
            self.refresh()

    def _look(self) -> Published:
        about = self._document(f"{self.url.rstrip('/')}/.well-known/openid-configuration")
        if about.get("issuer") != self.url:
            raise ServiceUnavailable(
                f"the issuer calls itself {str(about.get('issuer'))[:200]!r}; set "
                f"CLIPSEEK_OIDC_ISSUER to exactly that, instead of {self.url!r}, if it is yours"
            )
        keys = signing_keys(self._document(_text(about, "jwks_uri")).get("keys"))
        if not keys:
            raise ServiceUnavailable(
                f"the issuer {self.url} publishes no key for one of the signatures "
                f"{', '.join(sorted(ALGORITHMS))}; let it sign tokens so"
            )
        return Published(
            _text(about, "authorization_endpoint"),
            _text(about, "token_endpoint"),
            _texts(about, "scopes_supported"),
            _texts(about, "token_endpoint_auth_methods_supported"),
            keys,
        )

    def _document(self, url: str) -> dict[str, Any]:
        status, found = self._read(url)
        if status != 200:
            raise ServiceUnavailable(f"{url} answers {status}; correct the issuer")
        return found


def signing_keys(listed: object) -> tuple[SigningKey, ...]:
    """Return the keys of a set (RFC 7517) that check signatures which are read; leave out others.

    An issuer also publishes keys to encrypt with, and may publish kinds that come later.
    """
    found = (
        (_signing_key(each) for each in listed if isinstance(each, dict))
        if isinstance(listed, list)
        else ()
    )
    return tuple(key for key in found if key is not None)


def _signing_key(listed: Mapping[str, Any]) -> SigningKey | None:
    kind, curve, named, key_id = (listed.get(name) for name in ("kty", "crv", "alg", "kid"))
    algorithms: Sequence[str] = (
        ("RS256", "PS256") if kind == "RSA" else _OF_CURVE.get((str(kind), str(curve)), ())
    )
    if named is not None:
        algorithms = [each for each in algorithms if each == named]
    if not algorithms or listed.get("use", "sig") != "sig":
        return None
    if "d" in listed or not isinstance(key_id, str | None):
        return None
    try:
        key = jwt.PyJWK(dict(listed), algorithm=algorithms[0]).key
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        log.warning("a key of the issuer is left out, because it cannot be read: %r", error)
        return None
    if isinstance(key, RSAPublicKey) and key.key_size < _MIN_RSA_BITS:
        return None
    return SigningKey(key_id, tuple(algorithms), key)


def _text(document: Mapping[str, Any], name: str) -> str:
    found = document.get(name)
    if not isinstance(found, str):
        raise ServiceUnavailable(f"the issuer does not say its {name}; correct the issuer")
    return found


def _texts(document: Mapping[str, Any], name: str) -> frozenset[str]:
    found = document.get(name)
    if not isinstance(found, list):
        return frozenset()
    return frozenset(each for each in found if isinstance(each, str))
