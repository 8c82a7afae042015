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

from clipseek.video.channel import Channel
from clipseek.video.limits import PATIENCE_S

_START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from {module} import main; main()"
)
_SETTINGS = "CLIPSEEK_"


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

    def __init__(
        self, first: object, stop: threading.Event, *, module: str = "clipseek.video.child"
    ) -> None:
        """Start a process that runs `main` of a module, and wait until it is ready.

        `first` is what it is told first: what opens videos, if it decodes them.

        Raises:
            BrokenChannel: the process ended at once.
        """
        ours, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-c", _START.format(module=module), json.dumps(sys.path)]
            self._process = subprocess.Popen(
                [*command, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.PIPE,  # its end tells the process that this one has ended
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                # Ctrl-C in a terminal goes to a whole group, but this process ends its children.
                process_group=0,
                env=_environment(),
            )
        ours.settimeout(PATIENCE_S)
        self._stop = stop
        self.until = self.until_end = float("inf")
        self.channel = Channel(ours, self._check)
        try:
            self.channel.tell(first)
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


def _environment() -> dict[str, str]:
    """Return the environment of a child: without settings, which may be secrets."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_SETTINGS)}
    return {**kept, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
