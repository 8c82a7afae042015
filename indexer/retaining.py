"""What removes what cameras have recorded, composed from the settings."""

import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class Removed:
    """What has become of the recordings of a camera.

    count: Videos that are gone. held: Those that go after what keeps them. left: Why others could
    not be removed; the next run of retention tries them again.
    """

    count: int = 0
    held: int = 0
    left: Sequence[str] = ()


def remove_recordings(settings: Settings, camera: Camera) -> Removed:
    """Remove what a camera has recorded; what is held goes when nothing keeps it any more."""
    with open_writer(settings) as service, closing(open_retaining(settings)) as rows:
        try:
            name = service.catalog.collection(camera.collection).name
        except CollectionNotFound:  # it has never recorded anything
            return Removed()
        before = {chunk.id for chunk in rows.chunks(name, camera.name)}
        rows.depart(camera.collection, camera.name, time.time())
        gone = retention(service, rows).run()
        there = {chunk.id for chunk in rows.chunks(name, camera.name)} & before
        left = [gone.left[name, each] for each in sorted(there) if (name, each) in gone.left]
        return Removed(len(before - there), len(there) - len(left), left)
