"""The runner of one machine: threads decode ahead, one embeds full batches, and one commits.

The model does not wait for a disk, and a video with few frames does not wait until others have
filled its batch.
"""

import queue
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial

import numpy as np
from numpy.typing import NDArray

from clipseek.errors import ClipseekError
from clipseek.ingest import steps
from clipseek.ingest.claims import Claims
from clipseek.ingest.committing import Commits
from clipseek.ingest.draft import Draft
from clipseek.ingest.fates import Report, reason_of, same_content
from clipseek.ingest.indexed import Indexed
from clipseek.ingest.passing import Gear, Part, Pass, passing
from clipseek.ingest.reading import Failed, Of, Reading
from clipseek.ingest.recognition import Recognition
from clipseek.ingest.sharing import Sharing
from clipseek.ingest.steps import Ended, Frames, Opened
from clipseek.ingest.tools import Options, Tools
from clipseek.protocols import ClaimLost
from clipseek.sources import Source

AHEAD = 16
"""Decoded batches that may wait for the model: enough that it does not idle, few enough that memory
stays flat."""
FLUSH_S = 1.0
"""A frame waits this long for others to fill its batch."""
PATIENCE_S = 0.1


_Picture = tuple[Draft, NDArray[np.uint8], float]
"""A frame that waits for its vector, its video, and when it came, in seconds."""


class _Committed:
    """A commit has ended."""


_Sent = Report | Of | ClipseekError | _Committed | None
"""What the thread of the model is told; None is the goodbye of a decoding thread."""


class Run:
    """Takes sources through all steps. One run per object."""

    def __init__(
        self,
        tools: Tools,
        options: Options,
        *,
        stop: threading.Event,
        on_frames: Callable[[int], None] = lambda _count: None,
        on_progress: Callable[[Draft], None] = lambda _draft: None,
        on_wait: Callable[[int], None] = lambda _count: None,
        through: Pass | None = None,
    ) -> None:
        """Tell `on_frames` how many frames were embedded, and `on_progress` which video grew.

        `on_wait` is told how many videos are waited for that other runs work on. `through` reads
        sources elsewhere; without it, they are read and embedded here.
        """
        self._tools = tools
        self._options = options
        self._stop = stop
        self._through = through or self._here
        self._on_frames = on_frames
        self._on_progress = on_progress
        self._messages: queue.Queue[_Sent] = queue.Queue(maxsize=AHEAD)
        self._claims = Claims()
        self._drafts: list[Draft] = []
        self._waiting: list[_Picture] = []
        self._sharing = Sharing(
            tools.catalog, tools.collection, lease_s=options.lease_s, on_wait=on_wait
        )
        self._commits = Commits(tools, options, stop, self._wake, by=self._sharing.name)

    def reports(self, uris: Sequence[str], listed: Sequence[Source] = ()) -> Iterator[Report]:
        """Ingest what is at the uris and yield what became of each, as soon as that is committed.

        `listed` are those sources that were looked at already. Setting `stop` ends the run after
        the transaction in hand; videos that are not committed by then are left as they were. What
        goes wrong with one video is its fate, and not that of others.

        Raises:
            ServiceUnavailable: the catalog or a disk failed; the video in hand is rolled back.
        """
        workers = max(1, min(self._options.workers, len(uris)))
        reading = self._reading(uris, listed)
        decoders: list[Future[None]] = []
        with ThreadPoolExecutor(workers, thread_name_prefix="decode") as pool:
            try:
                while uris and not self._stop.is_set():
                    line = _Shared(uris)
                    decoders += [pool.submit(self._decode, reading, line) for _ in range(workers)]
                    yield from self._consume(workers)
                    # Copies of videos that failed are read in their place, and then what was left
                    # to other runs is looked at again.
                    uris = self._claims.to_read() or self._sharing.wait(self._stop)
                yield from self._committed(everything=True)
            except ClipseekError:
                # What is committed by now is reported, although the run fails.
                self._stop.set()
                yield from self._committed(everything=True)
                raise
            finally:
                self._stop.set()
                self._commits.close()
                self._sharing.close()
                for draft in self._drafts:
                    draft.pictures.close()
        for decoder in decoders:
            decoder.result()

    def _reading(self, uris: Sequence[str], listed: Sequence[Source]) -> Reading:
        tools = self._tools
        indexed = Indexed(tools.catalog, tools.collection, uris)
        recognition = Recognition(
            tools.catalog,
            tools.collection,
            tools.places,
            indexed=indexed,
            known=Indexed(tools.catalog, tools.known_in, uris) if tools.known_in else indexed,
            claims=self._claims,
            sharing=self._sharing,
            force=self._options.force,
        )
        found = {source.uri: source for source in listed}
        return Reading(tools, recognition, found, self._through, self._claims, self._sharing)

    def _here(self, source: Source, known: str) -> Generator[Part]:
        tools = self._tools
        gear = Gear(tools.open_video, tools.model.embedder, tools.places, tools.texts)
        return passing(source, known, gear, self._options, lambda: not self._stop.is_set())

    # A decoding thread.

    def _decode(self, reading: Reading, line: "_Shared") -> None:
        try:
            while (uri := line.next()) is not None and not self._stop.is_set():
                for message in reading.messages(uri):
                    if not self._send(message):
                        return
        except ClipseekError as error:
            self._send(error)
        finally:
            self._send(None)

    def _send(self, message: _Sent) -> bool:
        """Put a message in line, waiting while the line is full; False once the run stops."""
        while not self._stop.is_set():
            try:
                self._messages.put(message, timeout=PATIENCE_S)
                return True
            except queue.Full:
                continue
        return False

    def _wake(self) -> None:
        """Wake the thread of the model, which looks at the commits; a full line does it, too."""
        with suppress(queue.Full):
            self._messages.put_nowait(_Committed())

    # The thread of the model.

    def _consume(self, decoders: int) -> Iterator[Report]:
        """Take what is read until all decoders are done and what they read has its fate."""
        while (decoders or self._drafts) and not self._stop.is_set():
            try:
                message = self._messages.get(timeout=PATIENCE_S)
            except queue.Empty:
                pass
            else:
                if isinstance(message, ClipseekError):
                    raise message
                if isinstance(message, Report):
                    yield message
                elif message is None:
                    decoders -= 1
                elif isinstance(message, Of) and not message.draft.is_over:
                    step = partial(self._take, message.draft, message.part)
                    yield from self._attempt([message.draft], step)
            yield from self._embed_waiting(everything=not decoders)
            yield from self._committed()
            self._finish_complete()

    def _attempt(
        self, drafts: Sequence[Draft], step: Callable[[], Report | None]
    ) -> Iterator[Report]:
        """Take a step, yield its report if it has one; if it fails, that is the videos' fate."""
        try:
            report = step()
        except Exception as error:  # noqa: BLE001  one video, one fate
            for draft in drafts:
                yield self._fail(draft, reason_of(error, draft.source.uri))
        else:
            if report is not None:
                yield report

    def _fail(self, draft: Draft, reason: str) -> Report:
        """Forget a video; a copy of it is read in its place."""
        self._forget(draft)
        self._waiting = [pair for pair in self._waiting if pair[0] is not draft]
        self._claims.give_back(draft.video.id)
        self._sharing.release(draft.source.uri)
        return Report(draft.source.uri, "failed", draft.video.id, reason)

    def _leave(self, draft: Draft) -> None:
        """Leave a video to the run that has taken it over, because this one was too slow."""
        self._forget(draft)
        self._claims.give_back(draft.video.id)
        self._sharing.release(draft.source.uri)
        self._sharing.leave(draft.source.uri, draft.video.id)

    def _forget(self, draft: Draft) -> None:
        draft.is_over = True
        draft.pictures.close()
        self._drafts = [other for other in self._drafts if other is not draft]

    def _take(self, draft: Draft, part: Opened | Frames | Ended | Failed) -> Report | None:
        """Note what was read of a video."""
        match part:
            case Opened():
                self._drafts.append(draft)
                draft.claimed = part.duration
            case Frames():
                draft.take(part)
                if part.vectors is not None:
                    draft.vectors.extend(part.vectors)
                    self._on_frames(len(part.vectors))
                now = time.monotonic()
                self._waiting.extend((draft, picture, now) for picture in part.pixels)
            case Ended():
                draft.ended = part
            case Failed():
                # All of it was read before its source failed to close, if it has ended.
                return None if draft.ended else self._fail(draft, part.reason)
        self._on_progress(draft)
        return None

    def _embed_waiting(self, *, everything: bool) -> Iterator[Report]:
        """Embed the full batches in line, or all of it if nothing more comes or it waited long.

        If a batch fails, each video's part of it is embedded again: one video spoils no other.
        """
        size = self._options.batch_size
        if self._waiting and time.monotonic() - self._waiting[0][2] >= FLUSH_S:
            everything = True
        while len(self._waiting) >= size or (everything and self._waiting):
            batch, self._waiting = self._waiting[:size], self._waiting[size:]
            drafts = list(dict.fromkeys(draft for draft, _, _ in batch))
            if len(drafts) == 1:
                yield from self._attempt(drafts, partial(self._embed, batch))
                continue
            try:
                self._embed(batch)
            except Exception as error:  # noqa: BLE001  whose fault it was is seen below
                reason_of(error, drafts[0].source.uri)
                for draft in drafts:
                    part = [pair for pair in batch if pair[0] is draft]
                    yield from self._attempt([draft], partial(self._embed, part))

    def _embed(self, batch: Sequence[_Picture]) -> None:
        """Give each picture's video its vector, all of them or none."""
        pixels = np.stack([picture for _, picture, _ in batch])
        vectors = steps.embed(self._tools.model.embedder, pixels)
        for (draft, _, _), vector in zip(batch, vectors, strict=True):
            draft.vectors.append(vector)
        self._on_frames(len(batch))

    def _finish_complete(self) -> None:
        """Hand over the videos that are complete, as many as may wait to be committed."""
        for draft in self._drafts:
            if draft.is_complete and not self._commits.holds(draft):
                if self._commits.is_full:
                    return
                self._commits.add(draft)

    def _committed(self, *, everything: bool = False) -> Iterator[Report]:
        """Yield what became of videos that were handed over; with `everything`, wait for it."""
        while (ended := self._commits.next(until_done=everything)) is not None:
            draft, commit = ended
            if isinstance(commit.exception(), ClaimLost):
                self._leave(draft)
                continue
            yield from self._attempt([draft], commit.result)
            if draft.is_over:
                continue
            self._forget(draft)
            self._sharing.stored(draft.source.uri)
            for copy in self._claims.indexed(draft.video.id):
                yield same_content(copy, draft.video.id, draft.source.uri)


class _Shared:
    """A list that several threads take from."""

    def __init__(self, uris: Sequence[str]) -> None:
        self._uris = iter(uris)
        self._lock = threading.Lock()

    def next(self) -> str | None:
        """Return the next uri, or None when there is none."""
        with self._lock:
            return next(self._uris, None)
