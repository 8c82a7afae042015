"""A searcher over a catalog, as `assembly` makes it, but of parts that tests choose."""

from collections.abc import Callable
from pathlib import Path

from clipseek.library.collections import Collections
from clipseek.library.models import Models
from clipseek.library.views import Views
from clipseek.model import Model
from clipseek.protocols import Cache, CatalogReader, SentenceEmbedder
from clipseek.publishing import FolderStore, Serving
from clipseek.search import Searcher
from clipseek.types import Collection


def searcher_over(
    catalog: CatalogReader,
    snapshot_root: Path,
    load: Callable[[Collection], Model],
    *,
    refresh_s: float = 1.0,
    stale_s: float = 0.0,
    idle_s: float = 0.0,
    cache: Cache | None = None,
    cache_ttl_s: float = 3600.0,
    on_gpu: bool = False,
    sentences: SentenceEmbedder | None = None,
) -> Searcher:
    """Return a searcher whose collections are not open yet."""
    indexes = FolderStore(snapshot_root, serving=Serving(on_gpu=on_gpu))
    views = Views(catalog, indexes, refresh_s=refresh_s, stale_s=stale_s)
    models = Models(load, idle_s=idle_s)
    collections = Collections(catalog, views, models, refresh_s=refresh_s)
    return Searcher(collections, cache=cache, cache_ttl_s=cache_ttl_s, sentences=sentences)
