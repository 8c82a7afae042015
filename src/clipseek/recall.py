"""The recall of real searches: some of them are judged by more thorough ones afterwards.

An approximate index is tuned when it is built, on queries that may differ from real ones. So a
share of the searches is repeated with every segment, or in a large index with much more effort
(`protocols.VectorIndex.truth`), in a separate thread: no request waits for it, and searches that
the thread has no time for are skipped.
"""

import queue
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic

import numpy as np
from numpy.typing import NDArray

from clipseek.library.view import View
from clipseek.threads import Worker
from clipseek.types import Neighbours

K = 10
"""Neighbours that are compared."""
WAITING = 16
"""Maximum number of waiting samples: each keeps a view in memory, maybe that of an old snapshot."""
REST = 9.0
"""Times as long as a comparison took that the thread rests after it: a tenth of a processor."""

_LOOK_S = 0.5  # how long the thread waits for a sample, until it says that it is alive


@dataclass(frozen=True, slots=True, eq=False)
class _Sample:
    """One search: the query float32 (1, dim), and the scores served, float32 (up to K,)."""

    view: View
    query: NDArray[np.float32]
    scores: NDArray[np.float32]


class RecallSampler:
    """Judges a share of the searches in a background thread. Thread-safe.

    `report` is told the name of the collection and the recall@10 of each search judged. A search
    is judged where `chance`, evenly in [0, 1), is below the share.
    """

    def __init__(
        self,
        share: float,
        report: Callable[[str, float], None],
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._share = share
        self._report = report
        self._chance = chance
        self._waiting: queue.Queue[_Sample] = queue.Queue(WAITING)
        self.judging = Worker("recall", self._judge, pause_s=0)

    def offer(self, view: View, queries: NDArray[np.float32], near: Neighbours) -> None:
        """Take some of the searches of one view, or none; never waits.

        Exact answers need no comparison.
        """
        if view.is_exact or self.judging.age_s is None:
            return
        for row, query in enumerate(queries):
            if self._chance() < self._share:
                sample = _Sample(view, query[None].copy(), near.scores[row, :K].copy())
                with suppress(queue.Full):
                    self._waiting.put_nowait(sample)

    def start(self) -> None:
        """Judge in a background thread until `close`."""
        if self._share > 0:
            self.judging.start()

    def close(self) -> None:
        """Stop the thread; what waits is not judged."""
        self.judging.close()

    def _judge(self) -> None:
        """Judge the next sample, if there is one, and rest."""
        try:
            sample = self._waiting.get(timeout=_LOOK_S)
        except queue.Empty:
            return
        started = monotonic()
        try:
            found = judged(sample.view, sample.query, sample.scores)
            self._report(sample.view.collection.name, found)
        finally:
            self.judging.rest(REST * (monotonic() - started))


def judged(view: View, query: NDArray[np.float32], scores: NDArray[np.float32]) -> float:
    """Return recall@10 of one search: the share of the true ten that it found, in [0, 1].

    Judged by score, so that of several equal segments any one is right.

    Args:
        view: What was searched.
        query: float32 (1, dim), a unit row.
        scores: float32 (up to 10,), of what was found, best first.
    """
    truth = view.truth(query, K).scores[0]
    if not len(truth):
        return 1.0
    return float((scores[: len(truth)] >= truth[-1]).sum() / len(truth))
