"""Videos to a library as `indexer ingest` makes it, with a model that is loaded already."""

import threading
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from clipseek import publishing
from clipseek.catalog import SqlCatalog
from clipseek.embedding.bundle import Bundle
from clipseek.ingest import Options, Report, Run, Tools
from clipseek.model import Model
from clipseek.protocols import Embedder
from clipseek.publishing import FolderStore
from clipseek.sources import LOCAL, LocalDisk, Places
from clipseek.thumbnails import Thumbnails
from clipseek.video import PyAVFrames


def loaded_from(bundle: Bundle, embedder: Embedder) -> Model:
    """Return the model of a bundle whose towers are those of an embedder."""
    return Model(
        "benchmark",
        embedder,
        bundle.logit_scale,
        bundle.coherence,
        bundle.relevance,
        bundle.bank(),
    )


def indexed(model: Model, videos: Sequence[Path], folder: Path) -> list[Report]:
    """Index the videos in a folder, with its catalog, thumbnails and snapshot."""
    catalog = SqlCatalog.open(f"sqlite:///{folder / 'catalog.db'}")
    try:
        catalog.ensure_collection(
            "default", model.name, model.embedder.dim, model.embedder.fingerprint
        )
        opener = partial(PyAVFrames, decode="fast")
        thumbnails, places = Thumbnails(folder / "thumbnails"), Places({LOCAL: LocalDisk()})
        tools = Tools("default", catalog, thumbnails, model, opener, places)
        run = Run(tools, Options(), stop=threading.Event())
        reports = list(run.reports([*map(str, videos)]))
        publishing.build(
            catalog, FolderStore(folder / "snapshots"), "default", queries=lambda: model.bank
        )
        return reports
    finally:
        catalog.close()
