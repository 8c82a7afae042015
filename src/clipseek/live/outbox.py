"""The newest frame wins: at most one frame waits, and what it replaces is counted."""

import threading
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clipseek.video.channel import Answer, BrokenChannel, Channel


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """A frame to index: uint8 (H, W, 3) RGB, when it was shown and when it came.

    chunk: Which chunk of this process it belongs to, counted from 1. time: Seconds in the chunk.
    """

    pixels: NDArray[np.uint8]
    chunk: int
    time: float
    arrived: float
    cut: bool


class Outbox:
    """Sends frames when they are asked for, and everything else at once. Thread-safe."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._lock = threading.Lock()
        self._asked = 0
        self._waiting: Shown | None = None
        self.dropped = 0

    def say(self, answer: Answer) -> None:
        """Send a message."""
        with self._lock:
            self._answer(answer)

    def offer(self, shown: Shown) -> None:
        """Send a frame, or keep it until it is asked for, instead of the one that waits.

        If the one that waits begins a shot, so does the new one: a cut is never lost.
        """
        with self._lock:
            before, self._waiting = self._waiting, shown
            if before is not None:
                self.dropped += 1
                if before.cut and not shown.cut:
                    self._waiting = Shown(
                        shown.pixels, shown.chunk, shown.time, shown.arrived, cut=True
                    )
            self._send_if_asked()

    def ask(self) -> None:
        """Send a frame, now or when there is one."""
        with self._lock:
            self._asked += 1
            self._send_if_asked()

    def flush(self) -> None:
        """Send the frame that waits, although it was not asked for: its chunk ends."""
        with self._lock:
            if self._waiting is not None:
                self._asked = max(0, self._asked - 1)
                self._send()

    def _answer(self, answer: Answer, body: memoryview | None = None) -> None:
        try:
            self._channel.answer(answer, body)
        except OSError as error:  # a camera that cuts its connection raises the same kind
            raise BrokenChannel from error

    def _send_if_asked(self) -> None:
        if self._asked > 0 and self._waiting is not None:
            self._asked -= 1
            self._send()

    def _send(self) -> None:
        shown, self._waiting = self._waiting, None
        assert shown is not None
        pixels = np.ascontiguousarray(shown.pixels)
        self._answer(
            {
                "kind": "frame",
                "shape": list(pixels.shape),
                "chunk": shown.chunk,
                "time": shown.time,
                "arrived": shown.arrived,
                "cut": shown.cut,
            },
            pixels.data.cast("B"),
        )
