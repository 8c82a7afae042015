"""Making an index of a collection as its catalog is now, unless the published one is current."""

import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from clipseek.index import Kind
from clipseek.protocols import CatalogWriter
from clipseek.publishing.manifest import TAIL, Manifest, history, mismatch
from clipseek.publishing.store import IndexStore
from clipseek.stored import SegmentBlock
from clipseek.table import SegmentTable


def build(
    catalog: CatalogWriter,
    store: IndexStore,
    name: str,
    *,
    queries: Callable[[], NDArray[np.float32]] | None = None,
    kind: Kind | Literal["auto"] = "auto",
    spool: Path | None = None,
) -> Manifest:
    """Make and publish an index of a collection as its catalog is now; return its manifest.

    One builder works at a time, others wait. If the published index is undamaged, current and was
    made for the same kind and the same number of shards, this only reads a few rows and checks the
    store. `queries` is called if an index is built. If it is divided, the vectors wait in a file of
    the folder `spool`, so that those of one shard at a time are in memory.

    The builder reads the catalog itself, so it recognises a published index that is not of the
    catalog's past (an older database was restored), and replaces even one of a later version. Then
    it prunes the changes before the index that it has replaced, because readers may still use that:
    the changes that identify its history stay, and all later ones.

    Raises:
        CollectionNotFound: there is no such collection.
        ServiceUnavailable: the catalog or the store cannot be read or written. What was
            published before is still published.
    """
    while (made := _made(catalog, store, name, queries, kind, spool)) is None:
        pass  # another collection was given the name meanwhile
    return made


def _made(
    catalog: CatalogWriter,
    store: IndexStore,
    name: str,
    queries: Callable[[], NDArray[np.float32]] | None,
    kind: Kind | Literal["auto"],
    spool: Path | None,
) -> Manifest | None:
    """Do what `build` does, unless the name is given to another collection meanwhile."""
    key = catalog.collection(name).key
    with store.building(key) as published:
        with catalog.consistent(name) as now:
            collection = now.collection(name)
            if collection.key != key:
                return None
            past = history(now, name, collection.version)
            same = published is not None and (
                (published.version, published.asked, len(published.indexes))
                == (collection.version, kind, store.shards)
            )
            if published is not None and same and not mismatch(published, now, collection):
                return published
            rows, vectors = _read(
                now.blocks(name), collection.dim, spool if store.shards > 1 else None
            )
        asked = None if queries is None else queries()
        made = store.publish(key, collection, rows, vectors, history=past, queries=asked, kind=kind)
        if published is not None and published.version < made.version:
            catalog.prune(name, published.version - TAIL)
        return made


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
