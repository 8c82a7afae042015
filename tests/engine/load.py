"""Searches through nginx while something happens, and counts the answers."""

import threading
import time
from collections import Counter
from collections.abc import Callable

from tests.chaos.client import Client
from tests.chaos.program import wait_until
from tests.deploy.trial import QUESTION
from tests.engine.tried import PATIENCE_S

THREADS = 4


class Load:
    """Threads that ask one new question after another. Use it as a context."""

    def __init__(self, make: Callable[[], Client]) -> None:
        self._make = make
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._number = 0
        self.statuses: Counter[int] = Counter()
        self.seconds: list[float] = []
        self._threads = [threading.Thread(target=self._ask) for _ in range(THREADS)]

    def __enter__(self) -> "Load":
        """Start, and return when searches are answered."""
        for thread in self._threads:
            thread.start()
        self.wait_for(20)
        return self

    def __exit__(self, *_: object) -> None:
        """End."""
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def wait_for(self, more: int) -> None:
        """Return when so many more searches have been answered."""
        wanted = self.asked + more
        wait_until(lambda: self.asked >= wanted, f"{more} answers", deadline_s=PATIENCE_S)

    @property
    def asked(self) -> int:
        """The number of answers, and of searches without one."""
        return len(self.seconds)

    @property
    def failed(self) -> int:
        """The number of searches that were not answered with hits."""
        return sum(count for status, count in self.statuses.items() if status != 200)

    def __str__(self) -> str:
        """What was answered, in words."""
        ordered = sorted(self.seconds)
        slow = ordered[int(len(ordered) * 0.99)]
        return (
            f"{self.asked} searches, {self.failed} failed {dict(self.statuses)}; "
            f"median {ordered[len(ordered) // 2] * 1000:.0f} ms, "
            f"99th percentile {slow * 1000:.0f} ms"
        )

    def _ask(self) -> None:
        client = self._make()
        while not self._ended.is_set():
            with self._lock:
                self._number += 1
                number = self._number
            started = time.monotonic()
            answer = client.search(f"{QUESTION} {number}", limit=5)
            found = answer.status == 200 and not answer.body["hits"]
            with self._lock:
                self.statuses[204 if found else answer.status] += 1
                self.seconds.append(time.monotonic() - started)
        client.close()
