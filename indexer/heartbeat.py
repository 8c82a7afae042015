"""The heartbeat of a job: it renews the lease, stores the progress, and says when to stop."""

import threading
import time
from dataclasses import replace
from typing import Literal, Self

from clipseek.errors import ClipseekError, ServiceUnavailable
from clipseek.ingest.draft import Draft
from clipseek.jobs import Job, JobQueue, Progress
from indexer.output import note

BEAT_S = 2.0
"""The longest pause between two beats, so that progress can be followed."""
BEATS_PER_LEASE = 4

Why = Literal["", "not ours", "too long", "worker"]
"""Why a job is to stop: it was cancelled or its lease is lost, it takes too long, or the worker was
told to end."""


class Heartbeat:
    """A thread that renews the lease of one job as long as it runs; a context manager.

    stop: Set when the job is not to go on. progress: What is stored with the next beat.
    """

    def __init__(self, queue: JobQueue, job: Job, *, lease_s: float, limit_s: float) -> None:
        self.stop = threading.Event()
        self.progress = Progress()
        self.why: Why = ""
        self._queue = queue
        self._job = job
        self._lease_s = lease_s
        self._limit_s = limit_s
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, name=f"job {job.id}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._ended.set()
        self._thread.join()

    def end(self, why: Why) -> None:
        """Let the job stop; the first reason counts."""
        self.why = self.why or why
        self.stop.set()

    def fetched(self, so_far: int, _size: int | None) -> bool:
        """Note how many bytes of a video were fetched; return whether to continue."""
        self.progress = replace(self.progress, bytes=so_far)
        return not self.stop.is_set()

    def embedded(self, count: int) -> None:
        """Note that more frames are embedded."""
        self.progress = replace(self.progress, frames=self.progress.frames + count)

    def read(self, draft: Draft) -> None:
        """Note how far a video was read, as a share of the length that its container states."""
        share = min(1.0, draft.reached / draft.claimed) if draft.claimed else 0.0
        size = draft.source.size_bytes
        self.progress = replace(self.progress, bytes=int(share * size), share=round(share, 3))

    def _beat(self) -> None:
        began = renewed = time.monotonic()
        while not self._ended.wait(min(BEAT_S, self._lease_s / BEATS_PER_LEASE)):
            now = time.monotonic()
            if now - began > self._limit_s:
                self.end("too long")
            try:
                if not self._queue.beat(self._job, self.progress):
                    self.end("not ours")
                renewed = now
            except ServiceUnavailable as error:
                note(f"indexer: job {self._job.id}: {error}")
                if now - renewed > self._lease_s:
                    self.end("not ours")
            except ClipseekError as error:
                # As after a migration: the end of the job cannot be stored either, and says so.
                note(f"indexer: job {self._job.id}: {error}")
                self.end("not ours")
