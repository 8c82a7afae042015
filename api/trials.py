"""Watches that are tried over the past: one at a time, because each reads many vectors."""

import threading
import time

from api import problem_kinds
from api.problems import Refused
from clipseek.live.trying import DAY_S, Trial, tried
from clipseek.service import Service
from clipseek.watches import Watch


class Trials:
    """Tries watches. Thread-safe."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._lock = threading.Lock()

    def of(self, watch: Watch, days: float, wanted_a_day: float | None) -> Trial:
        """Return what a watch would have done in the last days.

        Raises:
            Refused: another one is being tried.
            ClipseekError: as `tried` does.
        """
        if not self._lock.acquire(blocking=False):
            raise Refused(
                problem_kinds.TRIALS_BUSY,
                "another watch is being tried over the past; ask again in some seconds",
                {"Retry-After": "5"},
            )
        try:
            searcher, now = self._service.searcher, time.time()
            return tried(
                searcher.collections,
                searcher.texts,
                searcher.senses,
                watch,
                since=now - days * DAY_S,
                until=now + 1.0,
                wanted_a_day=wanted_a_day,
            )
        finally:
            self._lock.release()
