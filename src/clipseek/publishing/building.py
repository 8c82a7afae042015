"""Making an index of a collection as its catalog is now, unless the published one is current."""

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from clipseek.index import Kind
from clipseek.protocols import CatalogWriter
from clipseek.publishing.manifest import TAIL, Manifest, history, mismatch
from clipseek.publishing.store import IndexStore
from clipseek.table import SegmentTable


def build(
    catalog: CatalogWriter,
    store: IndexStore,
    name: str,
    *,
    queries: Callable[[], NDArray[np.float32]] | None = None,
    kind: Kind | Literal["auto"] = "auto",
) -> Manifest:
    """Make and publish an index of a collection as its catalog is now; return its manifest.

    One builder works at a time, others wait. If the published index is undamaged, current and was
    made for the same kind, this only reads a few rows and checks the store. `queries` is called if
    an index is built.

    The builder reads the catalog itself, so it recognises a published index that is not of the
    catalog's past (an older database was restored), and replaces even one of a later version. Then
    it prunes the changes before the index that it has replaced, because readers may still use that:
    the changes that identify its history stay, and all later ones.

    Raises:
        CollectionNotFound: there is no such collection.
        ServiceUnavailable: the catalog or the store cannot be read or written. What was
            published before is still published.
    """
    while (made := _made(catalog, store, name, queries, kind)) is None:
        pass  # another collection was given the name meanwhile
    return made


def _made(
    catalog: CatalogWriter,
    store: IndexStore,
    name: str,
    queries: Callable[[], NDArray[np.float32]] | None,
    kind: Kind | Literal["auto"],
) -> Manifest | None:
    """Do what `build` does, unless the name is given to another collection meanwhile."""
    key = catalog.collection(name).key
    with store.building(key) as published:
        with catalog.consistent(name) as now:
            collection = now.collection(name)
            if collection.key != key:
                return None
            past = history(now, name, collection.version)
            wanted = (collection.version, kind)
            same = published is not None and (published.version, published.asked) == wanted
            if published is not None and same and not mismatch(published, now, collection):
                return published
            rows, vectors = SegmentTable.of(now.blocks(name), collection.dim)
        asked = None if queries is None else queries()
        made = store.publish(key, collection, rows, vectors, history=past, queries=asked, kind=kind)
        if published is not None and published.version < made.version:
            catalog.prune(name, published.version - TAIL)
        return made
