"""One camera that is run: connected again and again, its frames in chunks that grow."""

import io
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from clipseek.cameras import Camera, CameraState
from clipseek.errors import ClipseekError
from clipseek.feeds import NotSent
from clipseek.live import naming
from clipseek.live.capture import (
    Begun,
    Capture,
    Ended,
    Event,
    Figures,
    Frame,
    Full,
    Opened,
    Sized,
)
from clipseek.live.files import ChunkFiles, facts
from clipseek.live.growing import Grown, OpenChunk
from clipseek.live.health import Health
from clipseek.live.line import Line
from clipseek.live.orders import Watch
from clipseek.model import Model
from clipseek.protocols import Embedder
from clipseek.types import Video
from clipseek.video.channel import BrokenChannel
from clipseek.video.process import Stopped, TooLong

JPEG_QUALITY = 80
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0
"""A camera that fails is tried again after a second, and after twice as long each time."""
GOOD_S = 30.0
"""A connection that held for so long was a good one: the next pause is the first again."""
LOOK_S = 1.0
"""How often a webcam that nobody sends is looked for, and how soon it is opened again."""
FULL_PAUSE_S = 60.0
"""A full disk is tried again after so long."""
LONGER_S, STILL_S = 2.0, 3.0
"""A moment that only lasts longer is stored this seldom, and if nothing moves in it, even less:
commits cost rows (`python -m benchmarks.growth`), and a crash may lose five seconds."""
MOST_WAITING = 12
"""Chunks whose end the catalog has not taken yet; the oldest is given up then."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """The collection of a camera: its name, the key of its thumbnails, and its model."""

    collection: str
    key: str
    model: Model


@dataclass(slots=True, eq=False)
class Chunk:
    """A chunk that grows. `pending` frames of it have no vector yet; with `over`, none follow.

    arrivals: Of the frames that are not committed; `taken` of them are in the growth in hand.
    """

    draft: OpenChunk
    path: Path | None
    number: int
    pending: int = 0
    over: bool = False
    arrivals: list[float] = field(default_factory=list)
    grown_at: float = 0.0
    taken: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Waiting:
    """A frame on its way to the model: uint8 (1, S, S, 3), and the picture that people see.

    Its camera sends the next one after `ask`, which the model calls when it takes this one: so no
    more than one frame of each camera waits here, however slow the model is.
    """

    camera: "Running"
    chunk: Chunk
    frame: Frame
    pixels: NDArray[np.uint8]
    jpeg: bytes
    embedder: Embedder
    ask: Callable[[], None]


class Running:
    """Runs one camera, in a thread of its own, until `end` is called."""

    def __init__(
        self,
        camera: Camera,
        line: Line[Waiting],
        *,
        shelf: Callable[[Camera], Shelf],
        order: Callable[[Camera, Shelf], Watch],
        files: ChunkFiles | None,
    ) -> None:
        """Store all. `shelf` may load a model, and `order` is asked with each connection."""
        self.camera = camera
        self.shelf: Shelf | None = None
        self.health = Health()
        self._line = line
        self._shelf_of = shelf
        self._order = order
        self._files = files
        self._lock = threading.Lock()
        self._chunks: list[Chunk] = []
        self._capture: Capture | None = None
        self._ending = threading.Event()
        self._killed = threading.Event()
        self._coding, self._rate, self._size = "", 0.0, (0, 0)
        self._full_until = 0.0
        self._thread = threading.Thread(target=self._run, name=f"camera-{camera.name}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def end(self) -> None:
        """Let the chunk end, and then the thread."""
        self._ending.set()
        if (capture := self._capture) is not None:
            capture.end()

    def join(self, timeout_s: float) -> None:
        """Wait for the thread, at most so long."""
        self._thread.join(max(0.0, timeout_s))

    def kill(self) -> None:
        """Let its process be killed, which ends the thread."""
        self._killed.set()

    @property
    def state(self) -> CameraState:
        """How the camera does."""
        return self.health.state

    # The thread of the camera.

    def _run(self) -> None:
        failures = 0
        while not self._ending.is_set():
            began = time.monotonic()
            try:
                # In this thread, because a model may take longer to load than a lease lasts.
                self.shelf = self.shelf or self._shelf_of(self.camera)
                ended = self._connect(self._order(self.camera, self.shelf))
            except NotSent as error:
                self.health.become("waiting", str(error))
                self._ending.wait(LOOK_S)
                continue
            except ClipseekError as error:  # such as a key that does not fit, or a missing model
                ended = Ended(str(error))
            self._end_chunk()
            self.health.end()
            if self._ending.is_set():
                break
            if ended.anew:
                continue
            failures = 0 if time.monotonic() - began > GOOD_S else failures + 1
            self.health.become("failed", ended.reason)
            self._ending.wait(LOOK_S if self.camera.is_webcam else pause_s(failures))
        self._end_chunk()
        if self._files is not None:
            self._files.close()

    def _connect(self, order: Watch) -> Ended:
        """Read the camera until it ends, and return why."""
        self.health.become("connecting", self.health.state.reason)
        try:
            with Capture(order, self._killed) as capture:
                self._capture = capture
                if self._ending.is_set():
                    capture.end()
                self._give_file(capture)
                capture.ask()
                for event in capture.events():
                    if isinstance(event, Ended):
                        self.health.count(event.figures)
                        return event
                    self._take(capture, event)
        except (BrokenChannel, TooLong, OSError):
            return Ended("no process could be started for it")
        except Stopped:
            return Ended("the recorder ends")
        finally:
            self._capture = None
        return Ended("it has ended")

    def _take(self, capture: Capture, event: Event) -> None:
        match event:
            case Opened():
                self._coding, self._rate = event.coding, event.rate
                self.health.become("live")
            case Sized():
                self._size = event.width, event.height
                self._resize()
            case Begun():
                self._begin(capture, event)
            case Frame():
                self._frame(capture, event)
            case Full():
                self._full_until = time.monotonic() + FULL_PAUSE_S
                self.health.note(f"it is not recorded: {event.reason}; free some space")
            case Figures():
                self.health.count(event)
                self._reach(event)

    def _give_file(self, capture: Capture) -> None:
        """Give the process the file of its next chunk, unless the disk was full a moment ago."""
        if self._files is None or time.monotonic() < self._full_until:
            return
        try:
            descriptor = self._files.spare()
        except OSError as error:
            self._full_until = time.monotonic() + FULL_PAUSE_S
            self.health.note(f"it is not recorded: {error.strerror}; free some space")
            return
        capture.give(descriptor)
        os.close(descriptor)

    def _begin(self, capture: Capture, event: Begun) -> None:
        self._end_chunk()
        path = self._files.begin(event.at) if self._files and event.recorded else None
        if self._files is not None and event.why_not and time.monotonic() >= self._full_until:
            self.health.note(f"it is not recorded: {event.why_not}")
        if path is not None:
            self.health.note("")
        video = self._video(event.at, path)
        chunk = Chunk(OpenChunk(video, self._known.key), path, event.figures.chunk)
        with self._lock:
            self._chunks.append(chunk)
        self._give_file(capture)

    @property
    def _known(self) -> Shelf:
        assert self.shelf is not None  # it is known before the first chunk
        return self.shelf

    def _video(self, at: float, path: Path | None) -> Video:
        name = self.camera.name
        return Video(
            id=naming.chunk_id(self.camera.epoch, at),
            uri=naming.chunk_uri(name, at) if path is None else str(path),
            title=naming.title(name, at),
            duration=0.0,
            width=self._size[0],
            height=self._size[1],
            size_bytes=0,
            frame_rate=str(round(self._rate)) if self._rate >= 1 else "",
            coding=self._coding,
            recorded_at=naming.recorded_at(at),
            stream=name,
        )

    def _resize(self) -> None:
        with self._lock:
            for chunk in self._chunks[-1:]:
                width, height = self._size
                chunk.draft.video = replace(chunk.draft.video, width=width, height=height)

    def _frame(self, capture: Capture, frame: Frame) -> None:
        with self._lock:
            chunk = next((each for each in self._chunks if each.number == frame.chunk), None)
            if chunk is None or chunk.draft.is_closed:
                capture.ask()
                return
            chunk.pending += 1
        embedder = self._known.model.embedder
        pixels, jpeg = embedder.prepare(frame.pixels[None]), _jpeg(frame.pixels)
        waiting = Waiting(self, chunk, frame, pixels, jpeg, embedder, capture.ask)
        self._line.put(self.camera.name, waiting)

    def _reach(self, figures: Figures) -> None:
        with self._lock:
            for chunk in self._chunks[-1:]:
                if chunk.number == figures.chunk:
                    chunk.draft.reached = max(chunk.draft.reached, figures.reached)

    def _end_chunk(self) -> None:
        """Nothing follows in the chunk; it is finished when its frames have vectors."""
        with self._lock:
            for chunk in self._chunks:
                chunk.over = True
                chunk.number = -1

    # The thread of the model, and that of the commits.

    def embedded(self, waiting: Waiting, vector: NDArray[np.float32] | None) -> None:
        """Take the vector of a frame, float32 (dim,); None if the model gave none."""
        frame, chunk = waiting.frame, waiting.chunk
        with self._lock:
            chunk.pending -= 1
            if vector is not None:
                chunk.draft.add(frame.time, cut=frame.cut, vector=vector, jpeg=waiting.jpeg)
                chunk.arrivals.append(frame.arrived)
        if vector is None:
            self.health.lose(1)
        else:
            self.health.embed(frame.arrived)

    def growths(self, *, keep_frames: bool) -> Iterator[tuple[Chunk, Grown]]:
        """Yield what is new of each chunk; `committed` is told of it afterwards."""
        now = time.monotonic()
        with self._lock:
            for chunk in list(self._chunks):
                closes = chunk.over and not chunk.pending
                age_s = now - chunk.grown_at
                if not chunk.arrivals and not closes and age_s < STILL_S:
                    continue
                if closes and chunk.path is not None:
                    size, stamp = facts(chunk.path)
                    video = replace(chunk.draft.video, size_bytes=size, stamp=stamp)
                    chunk.draft.video = video
                model = self._known.model
                grown = chunk.draft.grow(model, closes=closes, keep_frames=keep_frames)
                if grown is not None and grown.lengthens and not closes and age_s < LONGER_S:
                    continue
                chunk.taken = len(chunk.arrivals)
                if grown is not None:
                    yield chunk, grown
                elif closes:  # nothing was seen in it
                    self._chunks.remove(chunk)
                    if chunk.path is not None:
                        chunk.path.unlink(missing_ok=True)
            while len(self._chunks) > MOST_WAITING:
                self.health.lose(len(self._chunks.pop(0).draft))

    def committed(self, chunk: Chunk, grown: Grown) -> None:
        """Take note that a growth is in the catalog."""
        now = time.time()
        with self._lock:
            chunk.draft.committed(grown)
            chunk.grown_at = time.monotonic()
            done, chunk.arrivals = chunk.arrivals[: chunk.taken], chunk.arrivals[chunk.taken :]
            if grown.closes and chunk in self._chunks:
                self._chunks.remove(chunk)
        for arrived in done:
            self.health.commit(max(0.0, now - arrived))

    def forget(self) -> None:
        """Give up what is not committed: another recorder has the camera."""
        with self._lock:
            self._chunks.clear()

    @property
    def is_done(self) -> bool:
        """Whether everything is committed after the end."""
        with self._lock:
            return not self._thread.is_alive() and not self._chunks


def pause_s(failures: int, *, jitter: Callable[[], float] = random.random) -> float:
    """Return how long to wait after so many failures in a row, in seconds.

    Between half and all of a time that doubles, so that cameras that failed together do not all
    come back in the same moment.
    """
    longest = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** max(0, failures - 1))
    return longest * (0.5 + jitter() / 2)


def _jpeg(picture: NDArray[np.uint8]) -> bytes:
    target = io.BytesIO()
    with suppress(ValueError):
        Image.fromarray(picture).save(target, "JPEG", quality=JPEG_QUALITY)
    return target.getvalue()
