"""Waiting for what happens in its own time: asked again and again, never slept through."""

import threading
import time
from collections.abc import Callable

PATIENCE_S = 20.0
"""Seconds after which a test gives up. The expected event takes milliseconds."""


def eventually(condition: Callable[[], bool]) -> None:
    """Return when the condition holds; fail when it does not within `PATIENCE_S`."""
    end = time.monotonic() + PATIENCE_S
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < end, f"it did not happen within {PATIENCE_S} s"
        pause.wait(0.01)
