"""How many jobs there are: counted now and then, so that no request waits for the database."""

from clipseek.jobs import Counts, JobReader
from clipseek.threads import Worker

PAUSE_S = 5.0
STALE_S = 60.0
"""Counts that are older are not shown."""


class JobCounts:
    """Counts the jobs in a thread of its own."""

    def __init__(self, jobs: JobReader) -> None:
        """Take what reads the jobs; nothing is read yet."""
        self.counting = Worker("jobs", self._count, pause_s=PAUSE_S)
        self._jobs = jobs
        self._last: Counts | None = None

    def latest(self) -> Counts | None:
        """Return the last counts, or None if there are none that are recent."""
        age_s = self.counting.age_s
        return None if age_s is None or age_s > STALE_S else self._last

    def _count(self) -> None:
        self._last = self._jobs.counts()
