"""What a camera shows now, as a player takes it: the newest file of its recording, as it grows."""

import math
import os
from collections.abc import Sequence
from pathlib import Path

from clipseek.live.boxes import FRAGMENT, HEAD, Box, begins_with_keyframe, boxes, codecs_of

MOST_AT_ONCE = 8 << 20
"""Bytes that are read at once: a fragment of two seconds at 32 Mbit/s fits."""
_DAYS, _FILES = "[0-9]*", "[0-9]*.mp4"


class Tail:
    """Reads the recording of one camera from its newest keyframe on, file after file.

    The folder is named by the camera's epoch, so nothing that a client sends is part of a path.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path: Path | None = None
        self._at = 0
        self.codecs: str | None = None
        """Of the newest file; None if browsers play no such stream, or nothing was read."""

    def read(self) -> bytes:
        """Return what was written since the last call, whole boxes alone.

        The first call returns the head of the newest file and its fragments from the last keyframe
        on. Where a file ends, the head of the next one follows. Empty if there is nothing new.
        """
        data = b"" if self._path is None else self._more(self._path)
        if data:
            return data
        newest = self.newest()
        if newest is None or newest == self._path:
            return b""
        is_first, self._path, self._at = self._path is None, newest, 0
        return self._more(newest, is_first=is_first)

    def age_s(self, now: float) -> float:
        """Return how long ago something was recorded, seconds before `now`; infinite if never."""
        newest = self.newest()
        try:
            return math.inf if newest is None else now - newest.stat().st_mtime
        except OSError:
            return math.inf

    def close(self) -> None:
        """Do nothing: no file is open between two reads."""

    def newest(self) -> Path | None:
        """Return the newest file of the camera by its name, or None."""
        days = sorted(self._folder.glob(_DAYS), reverse=True)
        files = (path for day in days for path in sorted(day.glob(_FILES), reverse=True))
        return next(files, None)

    def _more(self, path: Path, *, is_first: bool = False) -> bytes:
        try:
            descriptor = os.open(path, os.O_RDONLY)
        except OSError:  # retention has removed it
            return b""
        try:
            return self._taken(descriptor, is_first=is_first)
        except (OSError, ValueError):
            return b""
        finally:
            os.close(descriptor)

    def _taken(self, descriptor: int, *, is_first: bool) -> bytes:
        def read(at: int, size: int) -> bytes:
            return os.pread(descriptor, size, at)

        found = list(boxes(read, self._at, os.fstat(descriptor).st_size))
        for box in found:
            if box.kind == b"moov":
                self.codecs = codecs_of(read(box.start, box.end - box.start))
        if is_first:
            heads = [box for box in found if box.kind in HEAD]
            found = [*heads, *_from_keyframe(found, descriptor)]
        pieces, total = [], 0
        for box in found:
            if total >= MOST_AT_ONCE:
                break
            if box.kind in HEAD | FRAGMENT:
                pieces.append(read(box.start, box.end - box.start))
                total += box.end - box.start
            self._at = box.end
        return b"".join(pieces)


def _from_keyframe(found: Sequence[Box], descriptor: int) -> Sequence[Box]:
    """Return the fragments from the last one on that begins with a keyframe."""
    for place in range(len(found) - 1, -1, -1):
        box = found[place]
        if box.kind == b"moof" and begins_with_keyframe(
            os.pread(descriptor, box.end - box.start, box.start)
        ):
            return found[place:]
    return ()
