"""Finishing and committing videos, while the next ones are read and embedded."""

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace

from clipseek.errors import ClipseekError, RequestError, UnreadableVideo
from clipseek.ingest import steps
from clipseek.ingest.draft import Draft
from clipseek.ingest.fates import Report
from clipseek.ingest.tools import Options, Tools

COMMITS_AHEAD = 4
"""Videos that may wait to be committed, so that the memory stays flat."""


class _NotBegun(Exception):
    """The run was stopped before a commit began."""


class Commits:
    """Finishes and commits videos one after another, in a separate thread.

    An error that affects all videos, such as a full disk, ends it.
    """

    def __init__(
        self,
        tools: Tools,
        options: Options,
        stop: threading.Event,
        on_end: Callable[[], None],
        *,
        by: str = "",
    ) -> None:
        """Commit as the run `by`, which must have claimed the videos; and tell of each end."""
        self._by = by
        self._tools = tools
        self._options = options
        self._stop = stop
        self._on_end = on_end
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="commit")
        self._line: deque[tuple[Draft, Future[Report]]] = deque()
        self._failure: ClipseekError | None = None

    @property
    def is_full(self) -> bool:
        """Whether as many videos wait as may."""
        return len(self._line) >= COMMITS_AHEAD

    def holds(self, draft: Draft) -> bool:
        """Whether a video was handed over and not taken back by `next`."""
        return any(other is draft for other, _ in self._line)

    def add(self, draft: Draft) -> None:
        """Hand over a complete video."""
        future = self._pool.submit(self._commit, draft)
        future.add_done_callback(lambda _: self._on_end())
        self._line.append((draft, future))

    def next(self, *, until_done: bool) -> "tuple[Draft, Future[Report]] | None":
        """Return the next video whose commit has ended; None if there is none.

        With `until_done`, a running commit is waited for. Once the run stops, no commit is started.
        """
        while self._line:
            _, future = self._line[0]
            if self._stop.is_set() and future.cancel():
                self._line.popleft()
                continue
            if until_done:
                wait([future])
            if not future.done():
                return None
            ended = self._line.popleft()
            if not isinstance(future.exception(), _NotBegun):
                return ended
        return None

    def close(self) -> None:
        """Wait for the commit that runs; begin no other."""
        self._pool.shutdown(cancel_futures=True)

    def _commit(self, draft: Draft) -> Report:
        if self._stop.is_set():
            raise _NotBegun
        if self._failure is not None:
            raise self._failure
        tools = self._tools
        try:
            finished = steps.finish(draft.embedded(), tools.model, tools.folder, self._options)
            finished = replace(finished, put=tools.amend(finished.put))
            steps.commit(finished, tools.catalog, tools.thumbnails, tools.collection, by=self._by)
        except ClipseekError as error:
            if not isinstance(error, UnreadableVideo | RequestError):
                self._failure = error
            raise
        return draft.report(finished.put.video)
