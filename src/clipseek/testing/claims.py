"""MemoryClaims: the claims on videos of a catalog in memory."""

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence

from clipseek.protocols import ClaimLost
from clipseek.switches import Switch
from clipseek.types import Collection, Video


class MemoryClaims(ABC):
    """The part of `MemoryCatalog` that says who works on which video. Thread-safe."""

    def __init__(self) -> None:
        self._claims: dict[tuple[str, str], tuple[str, float]] = {}
        self._claiming = threading.Lock()
        self._left: list[str] = []

    @abstractmethod
    def collections(self) -> list[Collection]:
        """Return all collections."""

    @abstractmethod
    def collection(self, name: str) -> Collection:
        """Return a collection; raise CollectionNotFound."""

    def claim(self, collection: str, subject: str, *, by: str, lease_s: float) -> bool:
        """Claim a subject, unless another one's lease of it is valid."""
        self.collection(collection)
        with self._claiming:
            owner, due = self._claims.get((collection, subject), (by, 0.0))
            if owner != by and due > time.monotonic():
                return False
            self._claims[collection, subject] = by, time.monotonic() + lease_s
            return True

    def renew_claims(self, by: str, lease_s: float) -> None:
        """Renew the leases that an owner still has."""
        with self._claiming:
            for held, (owner, _) in self._claims.items():
                if owner == by:
                    self._claims[held] = by, time.monotonic() + lease_s

    def claimed(self, collection: str, subjects: Sequence[str], *, by: str) -> set[str]:
        """Return which of the subjects are claimed now by somebody else."""
        with self._claiming:
            held = {subject: self._claims.get((collection, subject)) for subject in subjects}
        at = time.monotonic()
        return {each for each, claim in held.items() if claim and claim[0] != by and claim[1] > at}

    def release(self, collection: str, subjects: Sequence[str], *, by: str) -> None:
        """Give up the claims that an owner has on some subjects."""
        with self._claiming:
            for subject in subjects:
                if self._claims.get((collection, subject), ("", 0.0))[0] == by:
                    del self._claims[collection, subject]

    def release_all(self, by: str) -> None:
        """Give up all claims of an owner."""
        with self._claiming:
            self._claims = {key: held for key, held in self._claims.items() if held[0] != by}

    def _forget_claims(self, collection: str) -> None:
        """Delete the claims of a collection, which is removed."""
        with self._claiming:
            self._left.append(collection)
            self._claims = {key: held for key, held in self._claims.items() if key[0] != collection}

    def leftovers(self) -> list[str]:
        """Return the keys of removed collections, as long as nobody forgets them."""
        return sorted(set(self._left) - {each.key for each in self.collections()})

    def forget_leftover(self, key: str) -> None:
        """Note that what was derived from a removed collection is deleted."""
        with self._claiming:
            self._left = [each for each in self._left if each != key]

    def switches(self) -> list[Switch]:
        """Return none: a catalog in memory has one user."""
        return []

    def _require_claim(self, collection: str, video: Video, by: str) -> None:
        """Release the claim on a video that is stored now; raise ClaimLost."""
        with self._claiming:
            is_mine = self._claims.get((collection, video.id), ("", 0.0))[0] == by
        if not is_mine:
            raise ClaimLost(video.uri)
        self.release(collection, [video.id, video.uri], by=by)
