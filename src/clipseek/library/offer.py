"""What the store of published indexes has for a view."""

from dataclasses import dataclass
from typing import Self

from clipseek.errors import ServiceUnavailable
from clipseek.index import ShardedIndex
from clipseek.protocols import CatalogReader, VectorIndex
from clipseek.publishing import IndexStore, NotReached, Published, digests, mismatch
from clipseek.types import Collection


@dataclass(frozen=True, slots=True)
class Offer:
    """The published index of a collection, given by its key, if it can be used.

    `seen` names it and changes when there is news. `found` is the index, unless there is none or
    `note` says what is wrong with it. An index that is ahead of the catalog can be used from
    version `due` on, if the catalog is a replica that lags.
    """

    name: str
    seen: str
    found: Published | None = None
    note: str = ""
    due: int | None = None

    @classmethod
    def of(cls, store: IndexStore, name: str) -> Self:
        """Open what is published; a fault becomes a note."""
        pointed = seen(store, name)
        try:
            found = store.open(name)
        except NotReached as error:
            # The pointer never says this, so the next look tries again.
            return cls(name, str(error), note=str(error))
        except ServiceUnavailable as error:
            return cls(name, pointed, note=str(error))
        return cls(name, found.name if found else pointed, found)

    def judged(self, catalog: CatalogReader, collection: Collection) -> "Offer":
        """Return it without a snapshot that is not of the collection's past."""
        if self.found is None:
            return self
        manifest = self.found.manifest
        reason = mismatch(manifest, catalog, collection)
        if not reason:
            return self
        due = manifest.version if manifest.version > collection.version else None
        return Offer(
            self.name, self.seen, note=f"snapshot {self.seen} is not used: {reason}", due=due
        )


def seen(store: IndexStore, name: str) -> str:
    """Return what the pointer names, or what is wrong with it: it changes when there is news."""
    try:
        return store.pointer(name) or ""
    except ServiceUnavailable as error:
        return str(error)


def awaited(index: VectorIndex, store: IndexStore, key: str) -> bool:
    """Whether what is published is to be opened later, because a peer has not got it yet."""
    if not isinstance(index, ShardedIndex) or not index.away:
        return False
    try:
        manifest = store.manifest(key)
    except ServiceUnavailable:
        return False
    return manifest is not None and index.waits_for(digests(manifest))
