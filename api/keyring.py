"""The keys that are valid now, in memory: a request is checked without a query."""

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic, time

from api.principal import Principal
from clipseek.errors import ClipseekError, ServiceUnavailable
from clipseek.keys import Key, KeyReader, digest_of
from clipseek.threads import Worker

REFRESH_S = 1.0
"""Seconds between two looks at the keys at most, so that a revoked key stops within two."""
LATE_AFTER = 2
"""Looks that may fail before the keys are late."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Held:
    """A key and whom it stands for; `ends` is when it expires, in seconds since 1970."""

    principal: Principal
    ends: float

    @property
    def is_expired(self) -> bool:
        """Whether it has expired by now."""
        return self.ends <= time()


class Keyring:
    """Knows all keys, and learns in its own thread what has changed. Thread-safe.

    While the catalog cannot be reached, the last known keys are valid for `stale_s` seconds more.
    """

    def __init__(
        self,
        keys: KeyReader,
        aliases: Callable[[], Mapping[str, str]],
        *,
        refresh_s: float,
        stale_s: float,
    ) -> None:
        """Take where keys are; `aliases` returns the collection behind each alias."""
        self._keys = keys
        self._aliases = aliases
        pause_s = min(refresh_s, REFRESH_S)
        self._known_for_s = LATE_AFTER * pause_s + stale_s
        self._read: tuple[Sequence[Key], Mapping[str, str]] | None = None
        self._held: dict[str, Held] = {}
        self._asked = -math.inf
        self.refreshing = Worker("keys", self.refresh, pause_s=pause_s)

    def refresh(self) -> None:
        """Read all keys; raise ClipseekError if the catalog cannot be read."""
        asked = monotonic()
        read = keys, aliases = self._keys.keys(), self._aliases()
        if read != self._read:
            self._held = {key.digest: _held(key, aliases) for key in keys}
            self._read = read
        self._asked = asked

    def start(self) -> None:
        """Read the keys, and keep them current in a background thread until `close`."""
        try:
            self.refresh()
        except ClipseekError as error:
            log.warning("the keys cannot be read yet: %s", error)
        self.refreshing.start()

    def close(self) -> None:
        """Stop the background thread."""
        self.refreshing.close()

    def find(self, secret: bytes) -> Held | None:
        """Return the key with a secret, expired or not, or None.

        The time that it takes may say how much of two hashes is the same, which does not help to
        find a secret.

        Raises:
            ServiceUnavailable: the keys could not be read for too long.
        """
        self._require_known()
        return self._held.get(digest_of(secret))

    def aliases(self) -> Mapping[str, str]:
        """Return the collection behind each alias: the same mapping until one has changed.

        Raises:
            ServiceUnavailable: they could not be read for too long.
        """
        self._require_known()
        return {} if self._read is None else self._read[1]

    def _require_known(self) -> None:
        if monotonic() - self._asked > self._known_for_s:
            raise ServiceUnavailable("the keys cannot be read from the catalog now; ask again")


def _held(key: Key, aliases: Mapping[str, str]) -> Held:
    principal = Principal(key.name, key.scopes, key.collections, key.rate)
    return Held(principal.with_aliases(aliases), key.ends)
