"""Captures of the tests' cameras: what a test has seen of one, and what its process takes."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from clipseek.live.capture import Begun, Capture, Ended, Event, Figures, Frame
from clipseek.live.orders import Watch
from tests.cameras import clock
from tests.contracts.polling import eventually

_E = TypeVar("_E", bound=Event)
PATIENCE_S = 60.0
"""A busy machine takes long to start a process that imports PyAV."""


class Watching:
    """A camera that is watched by a thread: what it has sent so far."""

    def __init__(self, capture: Capture, *, asks: bool) -> None:
        self.events: list[Event] = []
        self._capture, self._asks = capture, asks
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def seen(self, kind: type[_E]) -> list[_E]:
        """Return the events of a kind."""
        return [each for each in self.events if isinstance(each, kind)]

    @property
    def frames(self) -> list[Frame]:
        """The frames that came."""
        return self.seen(Frame)

    @property
    def figures(self) -> Figures:
        """The last counts, those with the end if it has ended."""
        counted = [
            each.figures if isinstance(each, (Ended, Begun)) else each
            for each in self.events
            if isinstance(each, (Ended, Begun, Figures))
        ]
        return counted[-1] if counted else Figures()

    @property
    def ended(self) -> Ended | None:
        """How it has ended, if it has."""
        return self.seen(Ended)[-1] if self.seen(Ended) else None

    def wait(self, condition: Callable[[], bool]) -> None:
        """Wait for something to happen, or the end of the stream, which is a failure then."""
        eventually(lambda: condition() or self.ended is not None, within_s=PATIENCE_S)
        assert condition(), self.ended

    def wait_end(self) -> Ended:
        """Wait for the end, and return how it has ended."""
        eventually(lambda: self.ended is not None, within_s=PATIENCE_S)
        assert self.ended is not None
        return self.ended

    def resident_bytes(self) -> int:
        """Return the memory of the camera's process."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) * 1024

    @property
    def pid(self) -> int:
        """The camera's process."""
        return self._capture._child._process.pid

    def positions(self) -> list[int | None]:
        """Return the numbers that are burned into the frames."""
        return [clock.read(each.pixels) for each in self.frames]

    def _follow(self) -> None:
        if self._asks:
            self._capture.ask()
        for event in self._capture.events():
            if isinstance(event, Frame) and self._asks:
                self._capture.ask()
            self.events.append(event)


def order(url: str, **changed: object) -> Watch:
    """Return an order to watch a camera; a frozen one is given up soon."""
    usual: dict[str, object] = {"fps": 5.0, "short_side": 180, "still_s": 0.2, "open_s": 20.0}
    return Watch(url, **{**usual, "read_s": 20.0, **changed})  # type: ignore[arg-type]  # its fields


@contextmanager
def watching(url: str, *, asks: bool = True, **changed: object) -> Iterator[Watching]:
    """Watch a camera; its process ends with the block."""
    with Capture(order(url, **changed), threading.Event()) as capture:
        yield Watching(capture, asks=asks)


def lag_s(frame: Frame) -> float | None:
    """Return how long a picture of the wall clock took to be seen, in seconds."""
    taken = clock.read_time(frame.pixels)
    return None if taken is None else frame.arrived - taken


def now_s() -> float:
    """Return the time of the wall clock."""
    return time.time()
