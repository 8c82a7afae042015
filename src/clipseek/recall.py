"""How much of the truth answers hold: some real queries, compared with exact search afterwards.

An approximate index is tuned when it is built, on queries that may be unlike those that come. So a
share of the searches is done again, compared with every segment, in a thread of its own: no
request waits for it, and what the thread cannot keep up with is left out.
"""

import logging
import queue
import random
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic

import numpy as np
from numpy.typing import NDArray

from clipseek.errors import ClipseekError
from clipseek.types import Neighbours
from clipseek.view import View

K = 10
"""Neighbours that are compared."""
WAITING = 16
"""Samples that wait at most: each holds a view, which may be one of a snapshot that is gone."""
REST = 9.0
"""Times as long as a comparison took that the thread rests after it: a tenth of a processor."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class _Sample:
    """One search: the query float32 (1, dim), and the scores served, float32 (up to K,)."""

    view: View
    query: NDArray[np.float32]
    scores: NDArray[np.float32]


class RecallSampler:
    """Judges a share of the searches in a background thread. Thread-safe.

    `report` is told the name of the collection and the recall@10 of each search judged.
    """

    def __init__(self, share: float, report: Callable[[str, float], None]) -> None:
        self._share = share
        self._report = report
        self._waiting: queue.Queue[_Sample | None] = queue.Queue(WAITING)
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None

    def offer(self, view: View, queries: NDArray[np.float32], near: Neighbours) -> None:
        """Take some of the searches of one view, or none; never waits.

        Exact answers need no judge.
        """
        if view.is_exact or self._thread is None:
            return
        for row, query in enumerate(queries):
            if random.random() < self._share:
                sample = _Sample(view, query[None].copy(), near.scores[row, :K].copy())
                with suppress(queue.Full):
                    self._waiting.put_nowait(sample)

    def start(self) -> None:
        """Judge in a background thread until `close`."""
        if self._share > 0:
            self._thread = threading.Thread(target=self._run, name="recall", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Stop the thread; what waits is not judged."""
        self._ending.set()
        if self._thread is not None:
            with suppress(queue.Full):  # then there is something to wake up for
                self._waiting.put_nowait(None)
            self._thread.join()

    def _run(self) -> None:
        while (sample := self._waiting.get()) is not None and not self._ending.is_set():
            started = monotonic()
            try:
                found = judged(sample.view, sample.query, sample.scores)
            except ClipseekError as error:
                log.warning("a search could not be judged: %s", error)
            else:
                self._report(sample.view.collection.name, found)
            self._ending.wait(REST * (monotonic() - started))


def judged(view: View, query: NDArray[np.float32], scores: NDArray[np.float32]) -> float:
    """Return recall@10 of one search: the share of the true ten that it found, in [0, 1].

    Judged by score, so that of several equal segments any one is right.

    Args:
        view: What was searched.
        query: float32 (1, dim), a unit row.
        scores: float32 (up to 10,), of what was found, best first.
    """
    truth = view.search_exactly(query, K).scores[0]
    if not len(truth):
        return 1.0
    return float((scores[: len(truth)] >= truth[-1]).sum() / len(truth))
