"""ChildProcess: how this process starts a decoding process, waits for it and ends it."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress

from clipseek.protocols import FrameSourceOpener
from clipseek.video.channel import Channel
from clipseek.video.limits import PATIENCE_S

_START = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); {rest}"
_MAIN = "from clipseek.video.child import main; main()"


class Stopped(Exception):
    """The run was stopped."""


class TooLong(Exception):
    """A child took too long: for the whole video if `total`, else for one frame."""

    def __init__(self, *, total: bool) -> None:
        self.total = total
        super().__init__()


class ChildProcess:
    """A decoding process, and the channel to it.

    Waiting for an answer on the channel raises `TooLong` after `until`, the time limit of a frame,
    and after `until_end`, that of the whole video; both are times of `time.monotonic`. It raises
    `Stopped` when the run is stopped.
    """

    def __init__(self, opener: FrameSourceOpener, stop: threading.Event) -> None:
        """Start a process and wait until it can open videos.

        Raises:
            BrokenChannel: the process ended at once.
        """
        ours, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-c", _START.format(rest=_MAIN), json.dumps(sys.path)]
            self._process = subprocess.Popen(
                [*command, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.PIPE,  # its end tells the process that this one has ended
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                # Ctrl-C in a terminal goes to a whole group, but this process ends its children.
                process_group=0,
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
            )
        ours.settimeout(PATIENCE_S)
        self._stop = stop
        self.until = self.until_end = float("inf")
        self.channel = Channel(ours, self._check)
        try:
            self.channel.tell(opener)
            self.channel.hear()
        except BaseException:
            self.kill()
            raise

    def _check(self) -> None:
        now = time.monotonic()
        if self._stop.is_set():
            raise Stopped
        if now > min(self.until, self.until_end):
            raise TooLong(total=self.until_end < self.until)

    @property
    def is_alive(self) -> bool:
        """Whether the process runs; if it does not, its channel is closed."""
        if self._process.poll() is None:
            return True
        self._close()
        return False

    def kill(self) -> None:
        """End the process."""
        self._process.kill()
        self._close()
        self._process.wait()

    def _close(self) -> None:
        self.channel.socket.close()
        assert self._process.stdin is not None
        self._process.stdin.close()

    def cause_of_death(self) -> str:
        """Return in brackets which signal ended the process, if one did."""
        # A dying process closes its socket a moment before it can be waited for.
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=PATIENCE_S)
        died_of = self._process.poll()
        return f" ({signal.Signals(-died_of).name})" if died_of is not None and died_of < 0 else ""
