"""Making an index of a collection as its catalog is now, unless the published one is current."""

import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from clipseek.index import EXACT_UP_TO, Kind
from clipseek.protocols import CatalogReader, CatalogWriter
from clipseek.publishing.manifest import TAIL, Manifest, has_biases_of, history, mismatch
from clipseek.publishing.store import IndexStore
from clipseek.stored import SegmentBlock
from clipseek.table import SegmentTable
from clipseek.types import Collection

SHARE = 100
"""A large index is built again when a hundredth of its segments was added: so each segment pays for
building a hundred. Of a million, 10 000 are beside it at most: reading them takes a second."""
_AT_ONCE = 500  # videos that the catalog is asked for at once

Beside = Callable[[int], int]
"""How many segments may be beside an index of so many."""


def none_beside(_count: int) -> int:
    """Allow none: what is published is always the last version."""
    return 0


def few_beside(count: int) -> int:
    """Allow a hundredth of a large index; a small one is built in a moment."""
    return count // SHARE if count > EXACT_UP_TO else 0


def build(
    catalog: CatalogWriter,
    store: IndexStore,
    name: str,
    *,
    queries: Callable[[], NDArray[np.float32]] | None = None,
    kind: Kind | Literal["auto"] = "auto",
    spool: Path | None = None,
    beside: Beside = none_beside,
) -> Manifest:
    """Make and publish an index of a collection as its catalog is now; return its manifest.

    One builder works at a time, others wait. If the published index is undamaged, current and was
    made for the same kind and the same number of shards, this only reads a few rows and checks the
    store. `queries` is called if an index is built. If it is divided, the vectors wait in a file of
    the folder `spool`, so that those of one shard at a time are in memory. `beside` says how many
    segments may have been added since without a new one: views read them from the catalog.

    The builder reads the catalog itself, so it recognises a published index that is not of the
    catalog's past (an older database was restored), and replaces even one of a later version. Then
    it prunes the changes before the index that it has replaced, because readers may still use that:
    the changes that identify its history stay, and all later ones.

    Raises:
        CollectionNotFound: there is no such collection.
        ServiceUnavailable: the catalog or the store cannot be read or written. What was
            published before is still published.
    """
    while (made := _made(catalog, store, name, queries, kind, spool, beside)) is None:
        pass  # another collection was given the name meanwhile
    return made


def _made(
    catalog: CatalogWriter,
    store: IndexStore,
    name: str,
    queries: Callable[[], NDArray[np.float32]] | None,
    kind: Kind | Literal["auto"],
    spool: Path | None,
    beside: Beside,
) -> Manifest | None:
    """Do what `build` does, unless the name is given to another collection meanwhile."""
    key = catalog.collection(name).key
    with store.building(key) as published:
        with catalog.consistent(name) as now:
            collection = now.collection(name)
            if collection.key != key:
                return None
            past = history(now, name, collection.version)
            if published is not None and (
                (published.asked, len(published.indexes)) == (kind, store.shards)
                and not mismatch(published, now, collection)
                and _is_near(published, now, collection, beside(published.count))
            ):
                return published
            rows, vectors = _read(
                now.blocks(name), collection.dim, spool if store.shards > 1 else None
            )
        asked = None if queries is None else queries()
        made = store.publish(key, collection, rows, vectors, history=past, queries=asked, kind=kind)
        if published is not None and published.version < made.version:
            catalog.prune(name, published.version - TAIL)
        return made


def _is_near(published: Manifest, now: CatalogReader, collection: Collection, most: int) -> bool:
    """Whether a published index is current, or only so many segments were added since, at most.

    What was removed is to leave the published index, too, and an index has the biases of now.
    """
    if published.version == collection.version:
        return True
    if not most or not has_biases_of(published, collection):
        return False
    changes = now.changes(collection.name, published.version)
    if any(change.kind == "remove" for change in changes):
        return False
    videos = sorted({each.video_id for each in changes if each.kind == "put" and each.video_id})
    added = 0
    for start in range(0, len(videos), _AT_ONCE):
        some = now.videos_by_id(collection.name, videos[start : start + _AT_ONCE])
        added += sum(video.segments for video in some.values())
        if added > most:
            return False
    return True


def _read(
    blocks: Iterable[SegmentBlock], dim: int, spool: Path | None
) -> tuple[SegmentTable, NDArray[np.float32]]:
    """Gather blocks, as `SegmentTable.of` does; with `spool`, the vectors stay in a file there."""
    if spool is None:
        return SegmentTable.of(blocks, dim)
    spool.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=spool) as file:

        def without_vectors() -> Iterator[SegmentBlock]:
            for block in blocks:
                file.write(np.ascontiguousarray(block.vectors, np.float32).tobytes())
                yield replace(block, vectors=np.empty((len(block.ids), 0), np.float32))

        table, _ = SegmentTable.of(without_vectors(), 0)
        file.flush()
        if not len(table):
            return table, np.empty((0, dim), np.float32)
        # The file is deleted when nobody maps it any more.
        return table, np.memmap(file, np.float32, "r", shape=(len(table), dim))
