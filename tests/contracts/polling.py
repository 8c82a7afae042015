"""Waiting for what happens in its own time: asked again and again, never slept through."""

import threading
import time
from collections.abc import Callable

PATIENCE_S = 20.0
"""Seconds after which a test gives up. The expected event takes milliseconds."""


def eventually(condition: Callable[[], bool], *, within_s: float = PATIENCE_S) -> None:
    """Return when the condition holds; fail when it does not within `within_s`."""
    end = time.monotonic() + within_s
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < end, f"it did not happen within {within_s} s"
        pause.wait(0.01)
