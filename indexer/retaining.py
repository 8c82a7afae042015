"""What removes what cameras have recorded, composed from the settings."""

from contextlib import closing

from clipseek.assembly import build_snapshot, open_writer
from clipseek.cameras import Camera
from clipseek.config import Settings
from clipseek.errors import CollectionNotFound
from clipseek.holds import Retaining
from clipseek.ledgers import open_retaining
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


def remove_recordings(settings: Settings, camera: Camera) -> int:
    """Remove what a camera has recorded, but for what is held; return how many videos.

    What is held stays until somebody removes it: the camera has no rule any more.
    """
    with open_writer(settings) as service, closing(open_retaining(settings)) as rows:
        try:
            found = rows.chunks(camera.collection, camera.name)
            gone = rows.let_go(camera.collection, found)
        except CollectionNotFound:  # it has never recorded anything
            return 0
        retention(service, rows).run()
        return len(gone)
