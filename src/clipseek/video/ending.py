"""end_with_parent: what every process that decodes does first."""

import fcntl
import os
import select
import signal
import sys


def end_with_parent() -> None:
    """End as soon as the parent ends, even in a call of a decoder; Ctrl-C goes to the parent alone.

    The standard input is a pipe whose other end the parent alone has. When it closes, as it does
    however the parent ends, the system sends SIGIO, or on Linux SIGKILL (fcntl(2), F_SETSIG).
    `PR_SET_PDEATHSIG` would not do: it ends this process with the *thread* that has started it, and
    servers and pools end threads that have nothing to do.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGIO, signal.SIG_DFL)
    if sys.platform == "linux":
        fcntl.fcntl(0, fcntl.F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(0, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(0, fcntl.F_SETFL, fcntl.fcntl(0, fcntl.F_GETFL) | os.O_ASYNC)
    if select.select([0], [], [], 0)[0]:  # it had closed before
        os._exit(1)
