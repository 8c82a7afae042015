"""Confined: runs any reader of video files in child processes and within limits."""

import itertools
import json
import logging
import os
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from clipseek.errors import UnreadableVideo
from clipseek.files import NotARegularFile, open_regular
from clipseek.frames import FrameBatch
from clipseek.protocols import CutDetector, FrameSource, FrameSourceOpener
from clipseek.recorded import recorded_at
from clipseek.timed import Cue
from clipseek.video.channel import Answer, BrokenChannel
from clipseek.video.child import Close, Cues, Open, Read, Sound, Times
from clipseek.video.limits import Limits, exceeds
from clipseek.video.memory import MemoryShares
from clipseek.video.process import ChildProcess, Stopped, TooLong

TIMES = 256
"""How many times a child gets at once."""
SMALLEST_SHARE = 256 << 20
"""Each decoder may take this much memory in any case: 4K video needs about as much."""
_PIXEL_BYTES = 4
_CODING_CHARACTERS, _TIMECODE_CHARACTERS = 200, 11
_log = logging.getLogger(__name__)


class Confined:
    """A FrameSourceOpener over another one, which opens and reads in a child process.

    There are as many children as videos that are read at the same time. A child reads one video
    after another; if it was killed, a new one takes its place. Thread-safe.
    """

    def __init__(
        self,
        opener: FrameSourceOpener,
        *,
        limits: Limits,
        workers: int = 1,
        stop: threading.Event | None = None,
    ) -> None:
        """Take the opener that a child calls; it is pickled. No process is started yet."""
        self._opener = opener
        self._limits = limits
        self._share = max(SMALLEST_SHARE, limits.memory_bytes // workers)
        self._stop = stop or threading.Event()
        self._idle: list[ChildProcess] = []
        self._lock = threading.Lock()
        self._memory = MemoryShares(self._stop)

    def __call__(self, path: str | Path, *, descriptor: int | None = None) -> FrameSource:
        """Open the file in a child."""
        if descriptor is not None:
            return _ConfinedFrames(self, path, os.dup(descriptor))
        try:
            file = open_regular(path)
        except NotARegularFile as error:
            raise UnreadableVideo(str(path), "not a regular file") from error
        except OSError as error:
            raise UnreadableVideo(str(path), f"cannot be opened: {error.strerror}") from error
        with file:
            return _ConfinedFrames(self, path, os.dup(file.fileno()))

    def _take(self) -> ChildProcess:
        with self._lock:
            child = self._idle.pop() if self._idle else None
        if child is not None and child.is_alive:
            return child
        return ChildProcess(self._opener, self._stop)

    def _give_back(self, child: ChildProcess) -> None:
        with self._lock:
            self._idle.append(child)

    def close(self) -> None:
        """End the children that wait for work."""
        with self._lock:
            children, self._idle = self._idle, []
        for child in children:
            child.kill()

    def __enter__(self) -> "Confined":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class _OutOfMemory(Exception):
    """A video needs more memory than a decoder may take."""


class _ConfinedFrames:
    """A FrameSource that a child reads."""

    def __init__(self, pool: Confined, path: str | Path, descriptor: int) -> None:
        """Open the video with a share of the memory; if that is too little, with all of it."""
        self._pool = pool
        self._path = str(path)
        self._descriptor = descriptor
        self._limits = pool._limits
        self._spent_s = 0.0
        self._child: ChildProcess | None = None
        self._alone = False
        self._is_taken = False
        self.damage = ""
        self.duration: float | None = None
        self.frame_rate = Fraction(25)
        self.size = (0, 0)
        self.coding = ""
        self.timecode = ""
        self.recorded_at = ""
        self.has_subtitles = False
        try:
            self._pool._memory.share()
            try:
                self._open(pool._share)
            except _OutOfMemory:
                self._be_alone()
        except BaseException:
            self.close()
            raise

    def _open(self, memory_bytes: int) -> None:
        order = Open(
            self._path,
            self._limits.frame_rate,
            memory_bytes,
            _PIXEL_BYTES * self._limits.frame_pixels,
        )
        try:
            self._child = self._pool._take()
        except BrokenChannel:
            raise UnreadableVideo(str(self._path), "no process could be started for it") from None
        except Stopped:
            raise self._stopped() from None
        opened, _ = self._ask(order, descriptor=self._descriptor)
        try:
            self._note(opened)
            self.frame_rate = Fraction(*cast("list[int]", opened["frame_rate"]))
            self.coding = str(opened["coding"])[:_CODING_CHARACTERS]
            self.timecode = str(opened["timecode"])[:_TIMECODE_CHARACTERS]
            # Read again, because the child may say anything.
            self.recorded_at = recorded_at([{"creation_time": str(opened["recorded_at"])}])
            self.has_subtitles = bool(opened["has_subtitles"])
        except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
            raise self._crashed() from error

    def _be_alone(self) -> None:
        """Open the video again with all of the memory, while no other video is read."""
        self._discard()
        if self._alone or self._pool._share >= self._limits.memory_bytes:
            raise self._out_of_memory()
        self._pool._memory.be_alone()
        self._alone = True  # also if the run was stopped during the wait
        try:
            self._open(self._limits.memory_bytes)
        except _OutOfMemory:
            raise self._out_of_memory() from None

    def _out_of_memory(self) -> UnreadableVideo:
        what = f"{max(self._pool._share, self._limits.memory_bytes)} bytes of memory"
        return UnreadableVideo(str(self._path), exceeds(what, "max_decode_bytes"))

    def read(
        self,
        times: Iterable[float | Fraction],
        *,
        short_side: int | None = None,
        cuts: CutDetector | None = None,
    ) -> Iterator[FrameBatch]:
        """Yield what the child reads; the child gets a copy of `cuts`."""
        self._take()
        if short_side is not None and short_side < 1:
            raise ValueError(f"short_side must be >= 1, got {short_side}")
        times, again = itertools.tee(times)
        reached = -1.0
        try:
            for batch in self._batches(times, Read(short_side, cuts)):
                reached = float(batch.times[-1])
                yield batch
        except _OutOfMemory:
            self._be_alone()
            try:
                for batch in self._batches(again, Read(short_side, cuts)):
                    new = batch.times > reached
                    if new.any():
                        yield FrameBatch(batch.pixels[new], batch.times[new], batch.cuts[new])
            except _OutOfMemory:
                raise self._out_of_memory() from None

    def _take(self) -> None:
        if self._is_taken:
            raise RuntimeError(f"{self._path} was read already; open it again")
        self._is_taken = True

    def cues(self) -> Iterator[list[Cue]]:
        """Yield the subtitles that the child reads."""
        self._take()
        try:
            answer, body = self._ask(Cues())
            while answer["kind"] == "cues":
                yield self._cues(body)
                answer, body = self._wait()
        except _OutOfMemory:
            raise self._out_of_memory() from None
        if answer["kind"] != "end":
            raise self._crashed()
        self._return_child(answer)

    def _cues(self, body: bytearray) -> list[Cue]:
        try:
            return [
                Cue(float(start), float(end), str(text), str(language))
                for start, end, text, language in json.loads(bytes(body))
            ]
        except (TypeError, ValueError) as error:
            raise self._crashed() from error

    def sound(self, *, longest_s: float) -> Iterator[NDArray[np.float32]]:
        """Yield the sound that the child reads."""
        self._take()
        try:
            answer, body = self._ask(Sound(longest_s))
            while answer["kind"] == "sound":
                if len(body) % 4:
                    raise self._crashed()
                yield np.nan_to_num(np.frombuffer(body, "<f4")).astype(np.float32, copy=False)
                answer, body = self._wait()
        except _OutOfMemory:
            raise self._out_of_memory() from None
        if answer["kind"] != "end":
            raise self._crashed()
        self._return_child(answer)

    def _batches(self, times: Iterator[float | Fraction], order: Read) -> Iterator[FrameBatch]:
        answer, body = self._ask(order)
        while answer["kind"] != "end":
            if answer["kind"] == "batch":
                yield self._batch(answer, body)
                answer, body = self._wait()
            elif answer["kind"] == "times":
                answer, body = self._ask(Times(tuple(itertools.islice(times, TIMES))))
            else:
                raise self._crashed()
        self._note(answer)
        self.damage = str(answer["damage"])
        self._return_child(answer)

    def _batch(self, answer: Answer, body: bytearray) -> FrameBatch:
        try:
            pixels = np.frombuffer(body, np.uint8).reshape(cast("list[int]", answer["shape"]))
            times = np.array(answer["times"], np.float64)
            return FrameBatch(pixels, times, np.array(answer["cuts"], np.bool_))
        except (KeyError, TypeError, ValueError) as error:
            raise self._crashed() from error

    def _note(self, answer: Answer) -> None:
        duration = answer["duration"]
        self.duration = None if duration is None else float(cast("float", duration))
        width, height = cast("list[int]", answer["size"])
        self.size = width, height

    def _ask(self, order: object, *, descriptor: int | None = None) -> tuple[Answer, bytearray]:
        assert self._child is not None
        with suppress(BrokenChannel):  # The wait that follows finds out why.
            self._child.channel.tell(order, descriptor=descriptor)
        return self._wait()

    def _wait(self) -> tuple[Answer, bytearray]:
        """Wait for an answer of the child, as long as the limits allow it."""
        assert self._child is not None
        try:
            while True:
                began = time.monotonic()
                self._child.until = began + self._limits.frame_s
                self._child.until_end = began + self._limits.decode_s - self._spent_s
                answer, body = self._child.channel.hear()
                self._spent_s += time.monotonic() - began
                if self._spent_s > self._limits.decode_s:  # no wait was long enough to see it
                    raise TooLong(total=True)
                if answer.get("kind") != "alive":
                    return self._judged(answer), body
        except BrokenChannel:
            raise self._crashed() from None
        except Stopped:
            self._discard()
            raise self._stopped() from None
        except TooLong as error:
            self._discard()
            raise UnreadableVideo(str(self._path), self._too_long(error.total)) from None

    def _stopped(self) -> UnreadableVideo:
        return UnreadableVideo(str(self._path), "the run was stopped")

    def _too_long(self, total: bool) -> str:
        if total:
            return exceeds(f"{self._limits.decode_s:g} s of decoding", "max_decode_s")
        return exceeds(f"{self._limits.frame_s:g} s without a frame", "max_frame_s")

    def _judged(self, answer: Answer) -> Answer:
        """Return an answer unless it says that reading failed."""
        match answer.get("kind"):
            case "memory":
                self._discard()
                raise _OutOfMemory
            case "unreadable" | "failed":
                self._return_child(answer)
                if "trace" in answer:
                    _log.debug("%s: %s", self._path, answer["trace"])
                raise UnreadableVideo(str(self._path), str(answer.get("reason")))
        return answer

    def _return_child(self, answer: Answer) -> None:
        """Give back a child that is finished with this video, unless it took much memory."""
        if self._child is not None and not answer.get("worn"):
            self._pool._give_back(self._child)
            self._child = None
        self._discard()

    def _crashed(self) -> UnreadableVideo:
        how = "" if self._child is None else self._child.cause_of_death()
        self._discard()
        return UnreadableVideo(str(self._path), f"its decoder crashed{how}")

    def _discard(self) -> None:
        if self._child is not None:
            self._child.kill()
            self._child = None

    def close(self) -> None:
        """Close the file; a child that still reads it is killed."""
        if self._child is not None and not self._is_taken:
            with suppress(BrokenChannel):
                self._child.channel.tell(Close())
                self._pool._give_back(self._child)
                self._child = None
        self._discard()
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
            self._pool._memory.leave(was_alone=self._alone)

    def __enter__(self) -> "_ConfinedFrames":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
