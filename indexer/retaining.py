"""What removes what cameras have recorded, composed from the settings."""

from clipseek.assembly import build_snapshot
from clipseek.holds import Retaining
from clipseek.live.retention import Retention
from clipseek.service import WritingService
from indexer.leftovers import brought


def retention(service: WritingService, rows: Retaining) -> Retention:
    """Return what lets go of recordings, with their pictures, vectors, texts and indexes."""

    def publish(name: str) -> None:
        key = service.catalog.collection(name).key
        if service.indexes.pointer(key) is not None:
            build_snapshot(service, name)
            service.indexes.forget(key)

    return Retention(
        rows,
        service.catalog,
        service.thumbnails,
        recordings=service.settings.recording_root,
        excerpts=service.settings.excerpt_root,
        forget=brought(service.settings).forget,
        publish=publish,
    )
