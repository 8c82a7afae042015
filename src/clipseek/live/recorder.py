"""The recorder: runs cameras that it has taken, embeds their frames, and commits what is new."""

import logging
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from clipseek.cameras import Camera, CameraState
from clipseek.errors import ClipseekError, CollectionNotFound, ModelMismatch, ServiceUnavailable
from clipseek.ingest import steps
from clipseek.live.files import ChunkFiles
from clipseek.live.growing import Grown
from clipseek.live.line import Line
from clipseek.live.orders import Watch
from clipseek.live.running import Chunk, Running, Shelf, Waiting
from clipseek.live.spotting import Complete, Spotting
from clipseek.protocols import CameraStore, CatalogWriter, Embedder
from clipseek.thumbnails import Thumbnails

BEAT_S = 2.0
"""How often a recorder gives a sign of life, and looks for cameras that are free."""
LEASE_S = 10.0
"""After so long without one, others take its cameras: with a look each two seconds, that is within
12 s."""
GRACE_S = 8.0
"""How long the end of all chunks may take; Docker kills a container after 10 s."""
KILL_S = 1.0
"""How much of that is left when the processes of cameras that have not ended are killed."""
TOLD_EVERY_S = 60.0
_WAIT_S = 0.25

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Equipment:
    """What a recorder works with.

    shelf: Returns the collection of a camera, made if it is missing, and its model.
    order: Returns what the process of a camera is told; it opens the sealed URL.
    files: Returns where a camera is recorded.
    spotting: Finds the objects of what is recorded; None if nothing does.
    """

    cameras: CameraStore
    catalog: CatalogWriter
    thumbnails: Thumbnails
    shelf: Callable[[Camera], Shelf]
    order: Callable[[Camera, Shelf], Watch]
    files: Callable[[Camera], ChunkFiles]
    spotting: Spotting | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """most: Cameras at the same time. commit_s: Between two commits. batch_size: Of the model."""

    most: int = 100
    commit_s: float = 1.0
    batch_size: int = 64
    keep_frames: bool = True
    beat_s: float = BEAT_S
    lease_s: float = LEASE_S


class Recorder:
    """Runs cameras until it is told to stop."""

    def __init__(self, equipment: Equipment, limits: Limits, stop: threading.Event) -> None:
        self.name = uuid.uuid4().hex
        self._with = equipment
        self._limits = limits
        self._stop = stop
        self._line: Line[Waiting] = Line()
        self._running: dict[str, Running] = {}
        self._leaving: list[Running] = []
        self._lock = threading.Lock()
        self._news = threading.Event()
        self._over = threading.Event()
        self._told: dict[str, float] = {}
        self._is_embedding = False
        if equipment.spotting is not None:
            equipment.spotting.after(lambda: self.is_busy)
        self._turned = dict.fromkeys(("beat", "embed", "commit"), time.monotonic())

    @property
    def states(self) -> Mapping[str, CameraState]:
        """How each camera does that it has."""
        with self._lock:
            running = dict(self._running)
        return {name: each.state for name, each in running.items()}

    @property
    def collections(self) -> frozenset[str]:
        """The collections that its cameras write to, by their own names."""
        with self._lock:
            shelves = [each.shelf for each in self._running.values()]
        return frozenset(shelf.collection for shelf in shelves if shelf is not None)

    @property
    def is_busy(self) -> bool:
        """Whether frames of cameras wait for the model, or are with it."""
        return self._is_embedding or len(self._line) > 0

    @property
    def ages(self) -> Mapping[str, float]:
        """Seconds since each thread last did a turn without an error."""
        now = time.monotonic()
        return {name: now - at for name, at in list(self._turned.items())}

    def run(self) -> None:
        """Run cameras until `stop` is set; then end every chunk, and release the cameras."""
        workers = [
            threading.Thread(target=self._embed, name="embed"),
            threading.Thread(target=self._commit, name="commit"),
        ]
        for worker in workers:
            worker.start()
        try:
            while not self._stop.is_set():
                self._guarded(self._beat, "beat")
                self._stop.wait(self._limits.beat_s)
        finally:
            self._end(workers)

    def _end(self, workers: list[threading.Thread]) -> None:
        deadline = time.monotonic() + GRACE_S
        with self._lock:
            running = [*self._running.values(), *self._leaving]
        for each in running:
            each.end()
        for each in running:
            each.join(deadline - KILL_S - time.monotonic())
        for each in running:
            each.kill()
        for each in running:
            each.join(deadline - time.monotonic())
        while not all(each.is_done for each in running) and time.monotonic() < deadline:
            self._news.set()
            time.sleep(0.02)
        self._over.set()
        self._news.set()
        self._line.close()
        for worker in workers:
            worker.join()
        self._guarded(lambda: self._with.cameras.release(self.name))

    # Leases.

    def _beat(self) -> None:
        """Renew the leases, leave cameras that are not ours any more, and take free ones."""
        limits, cameras = self._limits, self._with.cameras
        held = cameras.beat(self.name, limits.lease_s, self.states)
        ours = {camera.name: camera for camera in held.cameras}
        with self._lock:
            known = dict(self._running)
        for name in known:
            if name not in ours:
                self._leave(name)
            elif _is_other(known[name].camera, ours[name]):
                self._leave(name)
                self._take(ours[name])
        if spare := [name for name in held.spare if name in ours]:
            for name in spare:
                self._leave(name)
            self._let_go(spare)
        for name in set(ours) - set(known) - set(held.spare):
            self._take(ours[name])
        for camera in cameras.take(self.name, limits.lease_s, limits.most):
            self._take(camera)
        self._forget_left()

    def _let_go(self, names: list[str]) -> None:
        """Give cameras to other recorders when what was seen of them is committed."""
        deadline = time.monotonic() + self._limits.lease_s / 2
        with self._lock:
            leaving = list(self._leaving)
        while not all(each.is_done for each in leaving) and time.monotonic() < deadline:
            self._news.set()
            time.sleep(0.05)
        self._with.cameras.release(self.name, names)

    def _take(self, camera: Camera) -> None:
        files = self._with.files(camera) if camera.records else None
        running = Running(
            camera, self._line, shelf=self._with.shelf, order=self._with.order, files=files
        )
        with self._lock:
            self._running[camera.name] = running
        running.start()

    def _leave(self, name: str) -> None:
        with self._lock:
            running = self._running.pop(name, None)
            if running is not None:
                self._leaving.append(running)
        if running is not None:
            running.end()

    def _forget_left(self) -> None:
        with self._lock:
            self._leaving = [each for each in self._leaving if not each.is_done]

    # The thread of the model.

    def _embed(self) -> None:
        while not self._over.is_set():
            waiting = self._line.take(self._limits.batch_size, timeout_s=_WAIT_S)
            self._is_embedding = bool(waiting)
            groups: dict[int, list[Waiting]] = {}
            for each in waiting:
                each.ask()
                groups.setdefault(id(each.embedder), []).append(each)
            for group in groups.values():
                self._embed_group(group, group[0].embedder)
            self._is_embedding = False
            if waiting:
                self._news.set()
            self._turned["embed"] = time.monotonic()

    def _embed_group(self, group: list[Waiting], embedder: Embedder) -> None:
        try:
            vectors = steps.embed(embedder, np.concatenate([each.pixels for each in group]))
        except (ServiceUnavailable, ValueError) as error:
            self._tell("the model", str(error))
            for each in group:
                each.camera.embedded(each, None)
            return
        for each, vector in zip(group, vectors, strict=True):
            each.camera.embedded(each, vector)

    # The thread that commits.

    def _commit(self) -> None:
        last = 0.0
        while not self._over.is_set():
            self._news.wait(_WAIT_S)
            pause_s = last + self._limits.commit_s - time.monotonic()
            if pause_s > 0 and not self._stop.is_set():
                self._over.wait(pause_s)
            self._news.clear()
            last = time.monotonic()
            self._guarded(self.commit, "commit")
        self._guarded(self.commit)

    def commit(self) -> None:
        """Store what is new of all cameras: one transaction for each collection."""
        with self._lock:
            running = [*self._running.values(), *self._leaving]
        collections: dict[str, list[Running]] = {}
        for each in running:
            if each.shelf is not None:
                collections.setdefault(each.shelf.collection, []).append(each)
        for name, members in collections.items():
            grown = [
                (each, chunk, news)
                for each in members
                for chunk, news in each.growths(keep_frames=self._limits.keep_frames)
            ]
            if grown:
                self._store(name, grown)

    def _store(self, collection: str, grown: list[tuple[Running, Chunk, Grown]]) -> None:
        for _, _, news in grown:
            self._with.thumbnails.store_all(news.pictures)
        growths = [news.growth for _, _, news in grown]
        try:
            lost = self._with.catalog.grow(collection, growths, by=self.name)
        except (CollectionNotFound, ModelMismatch) as error:
            # It was removed, or switched to another model: begin again with what it is now.
            self._tell(f"collection {collection}", str(error))
            for running in {id(each): each for each, _, _ in grown}.values():
                running.forget()
                self._leave(running.camera.name)
            return
        for running, chunk, news in grown:
            if news.growth.put.video.id in lost:
                running.forget()
                self._leave(running.camera.name)
            else:
                running.committed(chunk, news)
                self._spot(running, chunk, news)

    def _spot(self, running: Running, chunk: Chunk, news: Grown) -> None:
        """Let the detector look at a chunk that has just ended, if it was recorded."""
        spotting, shelf = self._with.spotting, running.shelf
        if spotting is not None and shelf is not None and news.closes and chunk.path is not None:
            spotting.put(Complete(running.camera.name, shelf, news.growth.put.video.id))

    def _guarded(self, turn: Callable[[], None], thread: str = "") -> None:
        """Do a turn; a database or a disk that is away is said, and tried again later."""
        try:
            turn()
            if thread:
                self._turned[thread] = time.monotonic()
        except ClipseekError as error:
            self._tell(type(error).__name__, str(error))

    def _tell(self, about: str, what: str) -> None:
        """Log a warning, the same one once a minute."""
        now = time.monotonic()
        if now >= self._told.get(about, -TOLD_EVERY_S) + TOLD_EVERY_S:
            self._told[about] = now
            log.warning("%s: %s", about, what)


def _is_other(before: Camera, after: Camera) -> bool:
    """Whether a camera has to be connected again: what is kept of it does not matter for that."""
    settings = ("epoch", "sealed", "fps", "records", "collection")
    return any(getattr(before, name) != getattr(after, name) for name in settings)
