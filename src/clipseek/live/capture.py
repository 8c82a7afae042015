"""Capture: one camera, read in a process of its own; what it sends comes as events."""

import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from clipseek.live.orders import End, File, Next, Watch
from clipseek.video.channel import Answer, BrokenChannel
from clipseek.video.process import ChildProcess, Stopped, TooLong

MODULE = "clipseek.live.stream"
SPARE_S = 5.0
"""A process that says nothing for so much longer than its camera may be silent is ended."""
END_S = 8.0
"""How long a process may take to end a chunk before it is killed."""
_CODING_CHARACTERS = 200
_REASON_CHARACTERS = 200
_MOST_PIXELS = 2**24


@dataclass(frozen=True, slots=True)
class Figures:
    """What a camera counts since it was opened. `reached`: seconds in its chunk `chunk`."""

    chunk: int = 0
    reached: float = 0.0
    received: int = 0
    decoded: int = 0
    dropped: int = 0
    errors: int = 0


@dataclass(frozen=True, slots=True)
class Opened:
    """The camera sends; `coding` as of videos, `rate` in frames a second, 0 if it does not say."""

    coding: str
    rate: float


@dataclass(frozen=True, slots=True)
class Sized:
    """Its pictures are so large."""

    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Begun:
    """A chunk begins at a time, seconds since 1970. `why_not` says why it is not recorded."""

    at: float
    recorded: bool
    why_not: str
    figures: Figures


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """A frame to index: uint8 (H, W, 3); `time` in its chunk, and when it came, in seconds."""

    pixels: NDArray[np.uint8]
    chunk: int
    time: float
    arrived: float
    cut: bool


@dataclass(frozen=True, slots=True)
class Full:
    """The rest of the chunk is not recorded, because of `reason`."""

    reason: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The camera sends no more. `anew`: it is to be opened again at once, for nothing is wrong."""

    reason: str
    anew: bool = False
    figures: Figures = Figures()


Event = Opened | Sized | Begun | Frame | Full | Figures | Ended


class Capture:
    """Reads a camera in a process of its own. Its events are read by one thread.

    At most one frame is sent for each `ask`: the newest one.
    """

    def __init__(self, order: Watch, stop: threading.Event) -> None:
        """Start the process.

        Raises:
            BrokenChannel, TooLong, Stopped: it could not be started.
        """
        self._order = order
        self._silent_s = order.open_s
        self._child = ChildProcess(order, stop, module=MODULE)
        self._lock = threading.Lock()

    def ask(self) -> None:
        """Ask for the newest frame, one that is there or the next one."""
        self._tell(Next())

    def give(self, descriptor: int) -> None:
        """Give the file for the next chunk; the caller closes its own descriptor."""
        self._tell(File(), descriptor)

    def end(self) -> None:
        """Ask for the end of the chunk and of the process; its events go on to `Ended`."""
        self._child.until_end = time.monotonic() + END_S
        self._tell(End())

    def _tell(self, order: object, descriptor: int | None = None) -> None:
        with self._lock, suppress(BrokenChannel):  # the wait for events finds out why
            self._child.channel.tell(order, descriptor=descriptor)

    def events(self) -> Iterator[Event]:
        """Yield what comes; the last one is `Ended`."""
        try:
            while True:
                # The process opens the camera and looks what it sends before it says anything.
                self._child.until = time.monotonic() + 2 * self._silent_s + SPARE_S
                answer, body = self._child.channel.hear()
                event = _event(answer, body)
                if isinstance(event, Opened):
                    self._silent_s = self._order.read_s
                yield event
                if isinstance(event, Ended):
                    return
        except BrokenChannel:
            how = self._child.cause_of_death()
            yield Ended(f"the process that reads it has ended{how}; it is started again")
        except TooLong:
            yield Ended("it sends nothing, and its process does not answer")
        except Stopped:
            yield Ended("the recorder ends")
        except (KeyError, TypeError, ValueError):
            yield Ended("the process that reads it sends nonsense; it is started again")

    def close(self) -> None:
        """End the process."""
        self._child.kill()

    def __enter__(self) -> "Capture":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def _event(answer: Answer, body: bytearray) -> Event:
    """Read an answer; a process that was taken over may send anything."""
    said = cast("dict[str, Any]", answer)
    match said["kind"]:
        case "frame":
            return _frame(said, body)
        case "alive":
            return _figures(said)
        case "opened":
            return Opened(str(said["coding"])[:_CODING_CHARACTERS], float(said["rate"]))
        case "size":
            return Sized(int(said["width"]), int(said["height"]))
        case "chunk":
            at, why_not = _time(said["at"]), str(said["why_not"])[:_REASON_CHARACTERS]
            return Begun(at, bool(said["recorded"]), why_not, _figures(said))
        case "full":
            return Full(str(said["reason"])[:_REASON_CHARACTERS])
        case "ended" | "changed":
            reason = str(said["reason"])[:_REASON_CHARACTERS]
            return Ended(reason, anew=said["kind"] == "changed", figures=_figures(said))
    raise ValueError(said["kind"])


def _frame(said: dict[str, Any], body: bytearray) -> Frame:
    height, width, channels = (int(length) for length in said["shape"])
    if not 0 < height * width <= _MOST_PIXELS or channels != 3:
        raise ValueError(said["shape"])
    pixels = np.frombuffer(body, np.uint8).reshape(height, width, 3)
    times = _time(said["time"]), _time(said["arrived"])
    return Frame(pixels, int(said["chunk"]), *times, bool(said["cut"]))


def _figures(said: dict[str, Any]) -> Figures:
    counts = (int(said[name]) for name in ("received", "decoded", "dropped", "errors"))
    return Figures(int(said["chunk"]), _time(said["reached"]), *counts)


def _time(said: object) -> float:
    time_s = float(cast("float", said))
    if not 0 <= time_s < 1e11:
        raise ValueError(said)
    return time_s
