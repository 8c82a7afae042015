"""What a recorder works with, composed from the settings."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from clipseek.cameras import Camera
from clipseek.config import Settings
from clipseek.errors import ConfigError
from clipseek.feeds import FeedStore, NotSent
from clipseek.ingest.steps import SHORT_SIDE
from clipseek.live.files import ChunkFiles
from clipseek.live.orders import Watch
from clipseek.live.recorder import Equipment
from clipseek.live.running import Shelf
from clipseek.live.sealing import NO_KEY, Seal
from clipseek.live.spotting import Spotting
from clipseek.protocols import CameraStore
from clipseek.service import WritingService
from indexer.collection_models import CollectionModels


def equipment(
    service: WritingService,
    cameras: CameraStore,
    feeds: FeedStore,
    seal: Seal | None,
    spotting: Spotting | None,
) -> Equipment:
    """Return what a recorder works with; models are loaded when a camera needs them.

    Without a seal, it runs webcams alone: the URLs of other cameras cannot be read.
    """
    settings, models = service.settings, CollectionModels(service)

    def shelf(camera: Camera) -> Shelf:
        found, model = models.get(camera.collection, _no_pictures)
        return Shelf(found.name, found.key, model)

    def order(camera: Camera, shelf: Shelf) -> Watch:
        return _order(settings, camera, shelf, _url(camera, feeds, seal))

    def files(camera: Camera) -> ChunkFiles:
        reserve = settings.recording_reserve_bytes
        return ChunkFiles(settings.recording_root, camera.epoch, reserve_bytes=reserve)

    return Equipment(cameras, service.catalog, service.thumbnails, shelf, order, files, spotting)


def _url(camera: Camera, feeds: FeedStore, seal: Seal | None) -> str:
    """Return where a camera is read; raise NotSent for a webcam that no browser sends."""
    if camera.is_webcam:
        url = feeds.url(camera.name)
        if url is None:
            raise NotSent
        return url
    if seal is None:
        raise ConfigError(NO_KEY)
    return seal.unseal(camera.sealed, camera=camera.name, epoch=camera.epoch)


def _order(settings: Settings, camera: Camera, shelf: Shelf, url: str) -> Watch:
    return Watch(
        url=url,
        fps=camera.fps or settings.sample_fps,
        short_side=max(SHORT_SIDE, shelf.model.embedder.image_size),
        still_s=settings.live_still_s,
        chunk_s=settings.live_chunk_s,
        records=camera.records,
        open_s=settings.live_silent_s,
        read_s=settings.live_silent_s,
        as_it_comes=camera.is_webcam,
        max_pixels=settings.max_frame_pixels,
        memory_bytes=settings.camera_bytes,
    )


def _no_pictures(
    _fit: Callable[[NDArray[np.uint8]], NDArray[np.uint8]], side: int, _most: int
) -> NDArray[np.uint8]:
    """Return no pictures: a camera has none yet that a precision could be measured with."""
    return np.empty((0, side, side, 3), np.uint8)
