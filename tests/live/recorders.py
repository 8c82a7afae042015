"""Recorders for tests: real ones, over a catalog in SQLite, with a model that knows colours."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from clipseek.cameras import Camera, CameraState, address_of
from clipseek.catalog import SqlCatalog, SqlFeeds
from clipseek.catalog.cameras import SqlCameras
from clipseek.feeds import NotSent
from clipseek.live.files import ChunkFiles
from clipseek.live.orders import Watch
from clipseek.live.recorder import Equipment, Limits, Recorder
from clipseek.live.running import Shelf
from clipseek.live.spotting import Spotting
from clipseek.model import Model
from clipseek.testing import ToyEmbedder
from clipseek.thumbnails import Thumbnails
from clipseek.types import Relevance, Video

PATIENCE_S = 60.0


def wait_for(what: str, is_so: Callable[[], object]) -> None:
    """Wait until something is so; fail after a minute."""
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline, f"not within {PATIENCE_S:g} s: {what}"
        time.sleep(0.05)


def toy_model() -> Model:
    """Return a model that knows colours."""
    embedder = ToyEmbedder()
    bank = np.eye(embedder.dim, dtype=np.float32)
    return Model("toy", embedder, 100.0, 0.9, Relevance(1.0, 0.0, fitted=False), bank)


@dataclass
class Site:
    """A data folder with a catalog and cameras, whose URLs are stored as they are."""

    folder: Path
    catalog: SqlCatalog
    cameras: SqlCameras
    feeds: SqlFeeds
    model: Model = field(default_factory=toy_model)
    chunk_s: float = 300.0
    read_s: float = 10.0
    reserve_bytes: int = 0
    spotting: Spotting | None = None

    def add(self, name: str, url: str, *, records: bool = False, fps: float = 2.0) -> Camera:
        """Add a camera."""
        camera = Camera(name, "default", address_of(url), url.encode(), fps=fps, records=records)
        return self.cameras.add(camera)

    @property
    def thumbnails(self) -> Thumbnails:
        """Where pictures are."""
        return Thumbnails(self.folder / "thumbnails")

    def equipment(self) -> Equipment:
        """Return what a recorder works with."""

        def shelf(_camera: Camera) -> Shelf:
            model, embedder = self.model, self.model.embedder
            found = self.catalog.ensure_collection(
                "default", model.name, embedder.dim, embedder.fingerprint, model.scoring
            )
            return Shelf(found.name, found.key, model)

        def order(camera: Camera, _shelf: Shelf) -> Watch:
            url = self.feeds.url(camera.name) if camera.is_webcam else camera.sealed.decode()
            if url is None:
                raise NotSent
            return Watch(
                url,
                camera.fps or 1.0,
                short_side=64,
                chunk_s=self.chunk_s,
                records=camera.records,
                open_s=self.read_s,
                read_s=self.read_s,
                as_it_comes=camera.is_webcam,
            )

        def files(camera: Camera) -> ChunkFiles:
            root = self.folder / "recordings"
            return ChunkFiles(root, camera.epoch, reserve_bytes=self.reserve_bytes)

        return Equipment(
            self.cameras, self.catalog, self.thumbnails, shelf, order, files, self.spotting
        )

    @contextmanager
    def recording(self, **limits: float) -> Iterator[Recorder]:
        """Run a recorder, which ends as by a signal."""
        stop = threading.Event()
        quick = Limits(**{"beat_s": 0.2, "commit_s": 0.2, **limits})  # type: ignore[arg-type]
        recorder = Recorder(self.equipment(), quick, stop)
        thread = threading.Thread(target=recorder.run)
        thread.start()
        try:
            yield recorder
        finally:
            stop.set()
            thread.join()

    def chunks(self, camera: str) -> list[Video]:
        """Return the chunks of a camera by time."""
        found = [video for video in self.catalog.videos("default") if video.stream == camera]
        return sorted(found, key=lambda video: video.recorded_at)

    def state(self, camera: str) -> CameraState:
        """Return how a camera does, as its recorder said it."""
        return self.cameras.get(camera).state


@contextmanager
def a_site(folder: Path) -> Iterator[Site]:
    """Make a data folder."""
    url = f"sqlite:///{folder / 'catalog.db'}"
    catalog, cameras, feeds = SqlCatalog.open(url), SqlCameras.open(url), SqlFeeds.open(url)
    try:
        yield Site(folder, catalog, cameras, feeds)
    finally:
        feeds.close()
        cameras.close()
        catalog.close()
