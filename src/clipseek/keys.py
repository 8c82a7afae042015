"""Keys: who may ask, for what and until when. A key's secret is kept as its hash alone."""

import hashlib
import math
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, Protocol, Self, get_args

Scope = Literal["search", "write", "admin", "annotator", "reviewer"]
"""What a key may do: search and read; add, change and remove videos; look after the server; decide
on tags; settle what others have decided.

None of them includes another one.
"""
SCOPES: tuple[Scope, ...] = get_args(Scope)

PREFIX = "clipseek_"
"""What every secret begins with, so that people and scanners of code recognise one."""

_RANDOM_BYTES = 32
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}")
_LIFETIME = re.compile(r"([1-9][0-9]{0,5})([mhd])")
_RATE = re.compile(r"([1-9][0-9]{0,6})/([smh])")
_WINDOWS = {"s": 1, "m": 60, "h": 3600}
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


@dataclass(frozen=True, slots=True)
class Rate:
    """How many requests are allowed in a window of so many seconds."""

    count: int
    seconds: int

    @classmethod
    def of(cls, text: str) -> Self:
        """Read a rate such as `20/s`, `600/m` or `10000/h`.

        Raises:
            ValueError: the text is not a rate.
        """
        found = _RATE.fullmatch(text)
        if found is None:
            raise ValueError(
                "a rate is a number of requests per second, minute or hour, such as 20/s, 600/m or "
                f"10000/h, got {text!r}"
            )
        return cls(int(found[1]), _WINDOWS[found[2]])

    def __str__(self) -> str:
        unit = next(unit for unit, seconds in _WINDOWS.items() if seconds == self.seconds)
        return f"{self.count}/{unit}"


@dataclass(frozen=True, slots=True)
class Key:
    """One key, as it is stored.

    digest: `digest_of` its secret, as hexadecimal text.
    collections: The names that it may be used for, collections or aliases, or None for all.
    created_at, expires_at: RFC 3339 in UTC; a key without an end does not expire.
    """

    name: str
    digest: str
    scopes: frozenset[Scope]
    collections: frozenset[str] | None
    created_at: str
    expires_at: str | None = None
    rate: Rate | None = None

    @property
    def ends(self) -> float:
        """When the key expires, in seconds since 1970, or infinity."""
        if self.expires_at is None:
            return math.inf
        return datetime.fromisoformat(self.expires_at).timestamp()


class KeyReader(Protocol):
    """Where keys are read from. It may raise ServiceUnavailable or CatalogOutdated."""

    def keys(self) -> Sequence[Key]:
        """Return all keys by name, expired ones too; none if there is no catalog yet."""
        ...


class KeyStore(KeyReader, Protocol):
    """Where keys are stored."""

    def add(self, key: Key) -> bool:
        """Store a key; False if there is one of this name already, which stays as it is."""
        ...

    def remove(self, name: str) -> bool:
        """Remove a key; False if there is none of this name."""
        ...


class NoKeys:
    """A `KeyReader` without keys."""

    def keys(self) -> Sequence[Key]:
        """Return none."""
        return ()


def new_secret() -> str:
    """Return a new secret: 256 random bits."""
    return f"{PREFIX}{secrets.token_urlsafe(_RANDOM_BYTES)}"


def digest_of(secret: bytes) -> str:
    """Return the hash that a secret is stored and found by.

    It is fast, because nobody can guess 256 random bits however fast the guesses are checked.
    """
    return hashlib.sha256(secret).hexdigest()


def key_name(name: str) -> str:
    """Return the name if it is valid.

    Raises:
        ValueError: it has other characters, or more than 64 of them.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(
            "the name of a key has 1 to 64 of letters, digits, '_', '.', '@' and '-', and starts "
            f"with a letter or digit, got {name!r}"
        )
    return name


def end_of(lifetime: str, start: datetime) -> datetime:
    """Return when a key ends that lives so long, such as `90d`, `12h` or `30m`.

    Raises:
        ValueError: the text is not such a time.
    """
    found = _LIFETIME.fullmatch(lifetime)
    if found is None:
        raise ValueError(
            "the time after which a key expires is a number of days, hours or minutes, such as "
            f"90d, 12h or 30m, got {lifetime!r}"
        )
    try:
        return start + int(found[1]) * _UNITS[found[2]]
    except OverflowError as error:
        raise ValueError(f"{lifetime} is past the year 9999; leave the time out") from error


def timestamp(at: datetime) -> str:
    """Return a time as RFC 3339 in UTC, to the second."""
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
