"""Making an index of a collection as its catalog is now, where the published one is not that."""

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

    One builder works at a time, others wait. Where a sound one is published that is of the catalog
    as it is now, and for which the same kind was asked, that costs a few rows and a look at the
    store. `queries` is called where an index is built.

    The one builder reads the catalog itself, so that it knows a published index that is not of the
    catalog's past (an older database was restored), and replaces even one of a later version.
    Then it forgets the changes behind the index that it has replaced, which readers may still use:
    those that its history is known by stay, and all that came later.

    Raises:
        CollectionNotFound: there is no such collection.
        ServiceUnavailable: the catalog or the store cannot be read or written. What was
            published before still is.
    """
    name = catalog.collection(name).name  # an index is published by its collection's own name
    with store.building(name) as published:
        with catalog.consistent(name) as now:
            collection = now.collection(name)
            past = history(now, name, collection.version)
            wanted = (collection.version, kind)
            same = published is not None and (published.version, published.asked) == wanted
            if published is not None and same and not mismatch(published, now, collection):
                return published
            rows, vectors = SegmentTable.of(now.blocks(name), collection.dim)
        asked = None if queries is None else queries()
        made = store.publish(
            name, collection, rows, vectors, history=past, queries=asked, kind=kind
        )
        if published is not None and published.version < made.version:
            catalog.prune(name, published.version - TAIL)
        return made
