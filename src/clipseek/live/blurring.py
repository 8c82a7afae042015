"""What a camera shows now, blurred: its recording goes through a child process as it grows."""

import json
import os
import select
import subprocess
import sys
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from threading import Event, Lock
from time import monotonic

from clipseek.live.boxes import codecs_of
from clipseek.live.playing import Tail
from clipseek.redaction.chosen import Chosen
from clipseek.redaction.faults import RedactionUnavailable

BEHIND_S = 5.0
"""A stream ends if what is recorded has waited so long for the child: it can be opened again, and
begins with what is recorded then."""
FIRST_S = 20.0
"""The child loads its model before anything comes."""
_BLOCK_BYTES = 1 << 18
_STEP_S = 0.05
_START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from clipseek.video.streaming import main; main()"
)


class Blurred:
    """Reads the recording of one camera as `Tail` does, with some kinds of regions blurred.

    The child is started by the first `read`, and ends with `close`. It gets the bytes of the
    recording by a pipe, so it opens no file. One thread may read while another one closes.
    """

    def __init__(
        self,
        tail: Tail,
        kinds: Sequence[str],
        *,
        memory_bytes: int,
        frame_pixels: int,
        chosen: Chosen | None = None,
    ) -> None:
        self._tail = tail
        self._order = {
            "redact": list(kinds),
            "memory_bytes": memory_bytes,
            "frame_pixels": frame_pixels,
            "chosen": chosen,
        }
        self._lock, self._is_closed = Lock(), Event()
        self._child: subprocess.Popen[bytes] | None = None
        self._into = -1
        self._waiting: deque[tuple[float, memoryview]] = deque()
        self.codecs: str | None = None
        """Of what is sent; None before it begins, and if it has broken off."""

    def age_s(self, now: float) -> float:
        """Return how long ago something was recorded; see `Tail`."""
        return self._tail.age_s(now)

    def read(self) -> bytes:
        """Return what was blurred since the last call; the first call waits for the beginning.

        Raises:
            RedactionUnavailable: nothing comes of the child.
        """
        with self._lock:
            if self._is_closed.is_set():
                return b""
            return self._first() if self._child is None else self._passed()

    def close(self) -> None:
        """End the child, whatever it does."""
        self._is_closed.set()
        with self._lock:
            if self._child is None:
                return
            os.close(self._into)
            self._child.kill()
            self._child.wait()
            for pipe in (self._child.stdin, self._child.stdout):
                if pipe is not None:
                    pipe.close()
            self._child = None

    def _first(self) -> bytes:
        data = self._tail.read()
        if not data:
            return b""
        self._waiting.append((monotonic() + FIRST_S, memoryview(data)))
        child = self._start()
        found, until = b"", monotonic() + FIRST_S
        while not self._is_closed.is_set():
            found += self._passed()
            if (codecs := codecs_of(found)) is not None:
                self.codecs = codecs
                return found
            if child.poll() is not None:
                raise RedactionUnavailable(
                    "the process that blurs a live stream has ended; look at the recording with "
                    "`indexer verify`, and start the API again if the detector has changed"
                )
            if monotonic() > until:
                raise RedactionUnavailable(
                    f"a live stream was not blurred within {FIRST_S:g} s; this machine is too busy"
                )
            assert child.stdout is not None
            select.select([child.stdout], [], [], _STEP_S)
        return b""

    def _start(self) -> "subprocess.Popen[bytes]":
        theirs, self._into = os.pipe()
        try:
            command = [sys.executable, "-c", _START, json.dumps(sys.path)]
            self._child = subprocess.Popen(
                [*command, json.dumps(self._order), str(theirs)],
                pass_fds=[theirs],
                stdin=subprocess.PIPE,  # its end tells the process that this one has ended
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                process_group=0,
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
            )
        except BaseException:
            os.close(self._into)
            raise
        finally:
            os.close(theirs)
        assert self._child.stdout is not None
        for descriptor in (self._into, self._child.stdout.fileno()):
            os.set_blocking(descriptor, False)
        return self._child

    def _passed(self) -> bytes:
        """Give the child what is new, and return what it has made."""
        if data := self._tail.read():
            self._waiting.append((monotonic(), memoryview(data)))
        is_taking = self._given()
        is_behind = bool(self._waiting) and monotonic() - self._waiting[0][0] > BEHIND_S
        made = self._made()
        if not made and (is_behind or not is_taking):
            self.codecs = None
        return made

    def _given(self) -> bool:
        """Give the child as much as it takes; False if it takes no more."""
        while self._waiting:
            since, rest = self._waiting[0]
            try:
                rest = rest[os.write(self._into, rest) :]
            except BlockingIOError:
                return True
            except BrokenPipeError:
                return False
            if rest:
                self._waiting[0] = since, rest
            else:
                self._waiting.popleft()
        return True

    def _made(self) -> bytes:
        assert self._child is not None
        assert self._child.stdout is not None
        found = []
        with suppress(BlockingIOError):
            while block := os.read(self._child.stdout.fileno(), _BLOCK_BYTES):
                found.append(block)
        return b"".join(found)
