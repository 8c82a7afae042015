"""Where published indexes are kept: what each such place promises."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from clipseek.errors import ServiceUnavailable
from clipseek.index import Kind
from clipseek.protocols import VectorIndex
from clipseek.publishing.manifest import Manifest
from clipseek.publishing.serving import Held
from clipseek.table import SegmentTable
from clipseek.types import Collection


class NotReached(ServiceUnavailable):
    """What is published cannot be read now, for the network or the permissions: try again."""


def require_plain(key: str) -> None:
    """Raise ValueError for a key that would lead out of the store."""
    if not key or key.startswith(".") or set(key) & {"/", "\\", "\0"}:
        raise ValueError(f"collection must be a plain name, got {key!r}")


@dataclass(frozen=True, slots=True)
class Published:
    """One opened index; it stays readable when it is replaced, and when what replaced it is too.

    `name` is what `IndexStore.pointer` said of it.
    """

    name: str
    manifest: Manifest
    table: SegmentTable
    index: VectorIndex

    @property
    def ids(self) -> NDArray[np.int64]:
        """The segment ids, ascending: int64 (N,)."""
        return self.table.ids


class ShardStore(Protocol):
    """Opens single shards of what is published, for peers that search them over the network."""

    def shard(self, key: str, digest: str) -> Held | None:
        """Return the shard that was made from the file of this check sum, or None.

        Raises:
            ServiceUnavailable: the store cannot be reached, or the file is damaged.
        """
        ...


class IndexStore(Protocol):
    """Keeps one published index under each key, the name of a collection.

    A new index replaces the old one as a whole: at every moment readers find the old one or the new
    one, even if the publishing process is killed. Reading writes nothing. Every method raises
    ServiceUnavailable if the store cannot be reached or its content is damaged, and ValueError for
    a key that is not a plain name.
    """

    @property
    def shards(self) -> int:
        """How many parts an index is divided into when it is published."""
        ...

    def pointer(self, key: str) -> str | None:
        """Return a short text that names what is published, or None; a new text means news.

        It is called every second, so it costs at most one small read.
        """
        ...

    def manifest(self, key: str) -> Manifest | None:
        """Return what the published index was made from, or None, without opening it."""
        ...

    def open(self, key: str) -> Published | None:
        """Open what is published, or return None; what is known to be damaged is not opened."""
        ...

    def damage(self, key: str) -> list[str]:
        """Read all that is published under a key, and return a sentence for each fault."""
        ...

    def building(self, key: str) -> AbstractContextManager[Manifest | None]:
        """Be the one builder of a key; others wait, or are refused when they publish.

        Yields the manifest of what is published, or None if there is nothing or it is damaged.
        """
        ...

    def remove(self, key: str) -> None:
        """Remove what is published under a key, if anything is; builders of the key wait.

        What is open stays readable.

        Raises:
            ServiceUnavailable: it cannot be removed.
        """
        ...

    def forget(self, key: str) -> None:
        """Delete what was published under a key before the index of now.

        It has what was removed from the collection since. What is open stays readable.

        Raises:
            ServiceUnavailable: it cannot be deleted.
        """
        ...

    def publish(
        self,
        key: str,
        collection: Collection,
        rows: SegmentTable,
        vectors: NDArray[np.float32],
        *,
        history: str,
        queries: NDArray[np.float32] | None = None,
        kind: Kind | Literal["auto"] = "auto",
    ) -> Manifest:
        """Index a collection, replace what is published by it, and return its manifest.

        Call it inside `building`. Afterwards `pointer` returns a text that is new.

        Args:
            key: The key of `building`.
            collection: As it was when the rows were read.
            rows: What is known about all segments.
            vectors: float32 (N, dim), of the same rows.
            history: `manifest.history` of the collection at that version.
            queries: Vectors of sentences to tune an approximate index for.
            kind: Of the index; a store without such a kind uses its own, and says so.

        Raises:
            ServiceUnavailable: it cannot be written. What was published before still is.
        """
        ...
