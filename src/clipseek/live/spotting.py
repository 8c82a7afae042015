"""Spotting: finds the objects of recorded chunks that have ended, while no frame of a camera waits.

A detector takes longer for a frame than a model does, so it works on the files of chunks, as
`indexer objects` does, and waits before each turn while the recorder has frames to embed.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from clipseek.errors import ClipseekError
from clipseek.ingest.objects import Looked
from clipseek.live.running import Shelf
from clipseek.objects.turns import Turns

MOST_WAITING = 64
"""Chunks that wait for the detector. Then the oldest one is left out: the newest are asked for."""
PICTURES = 8
"""Crops that are embedded in one turn; a turn of the detector is one frame."""
LOOK_S = 0.02
"""How often it looks whether frames of cameras still wait."""

log = logging.getLogger(__name__)


class Complete(NamedTuple):
    """A recorded chunk that is complete."""

    camera: str
    shelf: Shelf
    video_id: str


@dataclass(frozen=True, slots=True)
class Spotted:
    """What was done of one camera: chunks that were looked at, their objects, chunks left out."""

    chunks: int = 0
    objects: int = 0
    left_out: int = 0


class _Ends(Exception):
    """The recorder ends, and the chunk in hand is left out."""


Look = Callable[[Complete, Turns], Iterable[Looked]]
"""Finds the objects of a chunk in such turns; called by one thread."""


class Spotting:
    """A thread that looks at chunks, the oldest one first. A context manager."""

    def __init__(self, look: Look, *, most: int = MOST_WAITING) -> None:
        """Take what looks at a chunk."""
        self._look = look
        self._most = most
        self._is_busy: Callable[[], bool] = lambda: False
        self._changed = threading.Condition()
        self._waiting: deque[Complete] = deque()
        self._spotted: dict[str, Spotted] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="objects", daemon=True)

    def __enter__(self) -> "Spotting":
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        """End after the turn in hand; what still waits is left out, which a line says."""
        self._stop.set()
        with self._changed:
            self._changed.notify_all()
        self._thread.join()
        with self._changed:
            left = len(self._waiting)
            while self._waiting:
                self._leave_out(self._waiting.popleft())
        if left:
            log.warning("%d chunks were not looked at; run `indexer objects`", left)

    def after(self, is_busy: Callable[[], bool]) -> None:
        """Let frames go first: work waits while `is_busy` says that there are some."""
        self._is_busy = is_busy

    def put(self, chunk: Complete) -> None:
        """Add a chunk; the oldest that waits is left out if there are too many."""
        with self._changed:
            self._waiting.append(chunk)
            if len(self._waiting) > self._most:
                oldest = self._waiting.popleft()
                self._leave_out(oldest)
                log.warning(
                    "%s: a chunk is not looked at, because frames leave the detector no time; "
                    "run `indexer objects` when there is some",
                    oldest.camera,
                )
            self._changed.notify_all()

    @property
    def spotted(self) -> Mapping[str, Spotted]:
        """What was done so far, by camera."""
        with self._changed:
            return dict(self._spotted)

    def _run(self) -> None:
        turns = Turns(self._wait, frames=1, pictures=PICTURES)
        while (chunk := self._next()) is not None:
            try:
                for looked in self._look(chunk, turns):
                    self._note(chunk, looked)
            except _Ends:
                with self._changed:
                    self._waiting.appendleft(chunk)
            except ClipseekError as error:
                with self._changed:
                    self._leave_out(chunk)
                log.warning("%s: its objects cannot be found: %s", chunk.camera, error)

    def _next(self) -> Complete | None:
        with self._changed:
            while not self._waiting and not self._stop.is_set():
                self._changed.wait()
            return None if self._stop.is_set() else self._waiting.popleft()

    def _wait(self) -> None:
        """Wait while frames of cameras do; raise _Ends once the recorder ends."""
        while self._is_busy() and not self._stop.wait(LOOK_S):
            pass
        if self._stop.is_set():
            raise _Ends

    def _note(self, chunk: Complete, looked: Looked) -> None:
        with self._changed:
            if looked.problem:
                self._leave_out(chunk)
            else:
                known = self._spotted.get(chunk.camera, Spotted())
                self._spotted[chunk.camera] = replace(
                    known, chunks=known.chunks + 1, objects=known.objects + looked.tracks
                )
        if looked.problem and not self._stop.is_set():
            log.warning(
                "%s: %s cannot be looked at: %s", chunk.camera, looked.video.id, looked.problem
            )

    def _leave_out(self, chunk: Complete) -> None:
        known = self._spotted.get(chunk.camera, Spotted())
        self._spotted[chunk.camera] = replace(known, left_out=known.left_out + 1)
