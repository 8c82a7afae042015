"""Which files have stopped changing: a recording or a copy in progress is not indexed yet. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(slots=True)
class Settling:
    """Files that may have changed, by their stamps: one is ready once its stamp has not changed.

    settle_s: For so many seconds.
    """

    settle_s: float
    _seen: dict[str, tuple[str, float]] = field(default_factory=dict)

    def see(self, stamps: Mapping[str, str], now: float) -> None:
        """Note what files are like now; one that is not named is not waited for any more."""
        self._seen = {
            uri: self._seen[uri] if self._stamp(uri) == stamp else (stamp, now)
            for uri, stamp in stamps.items()
        }

    def take_ready(self, now: float) -> list[str]:
        """Return the files that are ready, in order, and wait for them no longer."""
        ready = sorted(
            uri for uri, (_, since) in self._seen.items() if now - since >= self.settle_s
        )
        for uri in ready:
            del self._seen[uri]
        return ready

    @property
    def waiting(self) -> list[str]:
        """The files that may still be growing."""
        return list(self._seen)

    def _stamp(self, uri: str) -> str | None:
        return self._seen[uri][0] if uri in self._seen else None
