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


FRESH_S = 1.0
"""A frame that waits is not replaced more often: each frame costs the decoding that made it."""


class Outbox:
    """Sends frames when they are asked for, and everything else at once. Thread-safe."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._lock = threading.Lock()
        self._is_asked = False
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
            self._is_asked = True
            self._send_if_asked()

    def turns_away(self, arrived: float) -> bool:
        """Say whether a frame need not be made, because a fresh one waits for a slow reader.

        The frame counts as dropped. One that waits for a second is replaced by a newer one.
        """
        with self._lock:
            waiting = self._waiting
            is_fresh = waiting is not None and 0 <= arrived - waiting.arrived < FRESH_S
            self.dropped += is_fresh
            return is_fresh

    def flush(self) -> None:
        """Send the frame that waits, although it was not asked for: its chunk ends."""
        with self._lock:
            if self._waiting is not None:
                self._send()

    def _answer(self, answer: Answer, body: memoryview | None = None) -> None:
        try:
            self._channel.answer(answer, body)
        except OSError as error:  # a camera that cuts its connection raises the same kind
            raise BrokenChannel from error

    def _send_if_asked(self) -> None:
        if self._is_asked and self._waiting is not None:
            self._send()

    def _send(self) -> None:
        shown, self._waiting, self._is_asked = self._waiting, None, False
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
