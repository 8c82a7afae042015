"""Moments that a central library wants to see: cut and sent in a thread of `indexer forward`."""

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from clipseek.bringing import Bringing, Wanting
from clipseek.config import Settings
from clipseek.errors import ClipseekError
from clipseek.excerpts import Excerpts
from clipseek.service import Service
from clipseek.sources import Source
from clipseek.video.excerpting import Excerpting, Recipe
from indexer.output import note

WAIT_S = 8.0
"""Seconds that one question may wait at the center; a wish is told within a fraction of one."""
PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0
"""Pauses after a failure: the first one, and the longest."""
PATIENCE_S = 2.0


@contextmanager
def sending(
    service: Service, center: Wanting, stop: threading.Event, *, is_allowed: bool
) -> Iterator[None]:
    """Send what the center wants to see meanwhile, if that is allowed."""
    if not is_allowed:
        yield
        return
    settings = service.settings
    bringing = Bringing(
        service.catalog,
        service.places,
        Excerpts(settings.excerpt_root, settings.excerpt_bytes),
        center,
        _Start(settings),
        collection=settings.collection,
    )
    # A question that waits at the center does not delay the end of the process.
    thread = threading.Thread(target=_send, args=(bringing, stop), name="moments", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(PATIENCE_S)


def _send(bringing: Bringing, stop: threading.Event) -> None:
    failures = 0
    while not stop.is_set():
        try:
            bringing.turn(WAIT_S)
            failures = 0
        except ClipseekError as error:
            if not failures:
                note(f"indexer: moments are not sent: {error}; it is tried again")
            failures += 1
            longest = min(LONGEST_PAUSE_S, PAUSE_S * 2.0 ** min(failures, 16))
            stop.wait(longest * random.uniform(0.5, 1))


class _Start:
    """Starts the process that writes a span, within the limits of the settings."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def __call__(self, source: Source, recipe: Recipe, target: Path) -> Excerpting:
        """Start it."""
        with source.parts() as file:
            return Excerpting(
                recipe,
                name=source.uri,
                descriptor=file.fileno(),
                target=target,
                limit_s=self._settings.max_excerpt_s,
                memory_bytes=self._settings.max_decode_bytes,
                frame_pixels=self._settings.max_frame_pixels,
            )
