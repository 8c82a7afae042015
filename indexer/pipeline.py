"""The ingest line: decode ahead, embed in full batches that span films, commit film by film."""

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from clipseek import calibration, segments
from clipseek.errors import ClipseekError
from clipseek.model import Model
from clipseek.protocols import Catalog, FrameSourceOpener
from clipseek.thumbnails import Thumbnails
from clipseek.types import Video
from indexer.film import Film, Report
from indexer.reader import End, Frames, Reader

AHEAD = 16
"""Decoded batches that may wait for the model: enough that it does not idle, few enough that
memory stays flat."""
PATIENCE_S = 0.1


@dataclass(frozen=True, slots=True)
class Target:
    """Where films go and by which means: composed by the command from `clipseek.assembly`."""

    collection: str
    catalog: Catalog
    thumbnails: Thumbnails
    model: Model
    open_video: FrameSourceOpener


@dataclass(frozen=True, slots=True)
class Options:
    """What the user asked of one run."""

    fps: float = 1.0
    force: bool = False
    workers: int = 2
    batch_size: int = 64
    tags: tuple[str, ...] = ()


_Message = Report | Frames | End | ClipseekError | None
"""What a decoding thread tells the model's thread; None is its goodbye."""


class Pipeline:
    """Runs files through decoding, embedding and the catalog. One run per object."""

    def __init__(
        self,
        target: Target,
        options: Options,
        *,
        stop: threading.Event,
        on_frames: Callable[[int], None],
    ) -> None:
        self._to = target
        self._options = options
        self._stop = stop
        self._on_frames = on_frames
        self._messages: queue.Queue[_Message] = queue.Queue(maxsize=AHEAD)
        self._films: list[Film] = []
        self._waiting: list[tuple[Film, NDArray[np.uint8]]] = []

    def run(self, paths: Sequence[Path]) -> Iterator[Report]:
        """Ingest the files and yield what became of each, as soon as that is committed.

        Setting `stop` ends the run after the transaction in hand; films that are not committed
        by then are left as they were.

        Raises:
            ServiceUnavailable: the catalog or a disk failed; the film in hand is rolled back.
        """
        files = _Shared(paths)
        workers = max(1, min(self._options.workers, len(paths)))
        reader = Reader(
            self._to.catalog,
            self._to.collection,
            open_video=self._to.open_video,
            embedder=self._to.model.embedder,
            fps=self._options.fps,
            force=self._options.force,
        )
        with ThreadPoolExecutor(workers, thread_name_prefix="decode") as pool:
            decoders = [pool.submit(self._decode, reader, files) for _ in range(workers)]
            try:
                yield from self._consume(workers)
            finally:
                self._stop.set()
                for film in self._films:
                    film.pictures.close()
        for decoder in decoders:
            decoder.result()

    # A decoding thread.

    def _decode(self, reader: Reader, files: "_Shared") -> None:
        try:
            while (path := files.next()) is not None and not self._stop.is_set():
                for message in reader.read(path):
                    if not self._send(message):
                        return
        except ClipseekError as error:
            self._send(error)
        finally:
            self._send(None)

    def _send(self, message: _Message) -> bool:
        """Put a message in line, waiting while the line is full; False once the run stops."""
        while not self._stop.is_set():
            try:
                self._messages.put(message, timeout=PATIENCE_S)
                return True
            except queue.Full:
                continue
        return False

    # The model's thread.

    def _consume(self, decoders: int) -> Iterator[Report]:
        while decoders and not self._stop.is_set():
            try:
                message = self._messages.get(timeout=PATIENCE_S)
            except queue.Empty:
                continue
            if isinstance(message, ClipseekError):
                raise message
            if isinstance(message, Report):
                yield message
            elif message is None:
                decoders -= 1
            else:
                self._take(message)
            self._embed_waiting(everything=not decoders)
            yield from self._commit_complete()

    def _take(self, message: Frames | End) -> None:
        """Note what was read of a film; a failed one is forgotten."""
        film = message.film
        if isinstance(message, Frames):
            if film not in self._films:
                self._films.append(film)
            film.take(message.times, message.cuts, message.jpegs, sampled=message.sampled)
            self._waiting.extend((film, picture) for picture in message.pixels)
        elif message.failed:
            film.pictures.close()
            self._films = [other for other in self._films if other is not film]
            self._waiting = [pair for pair in self._waiting if pair[0] is not film]
        else:
            film.end(message.duration, message.size, message.damage)

    def _embed_waiting(self, *, everything: bool) -> None:
        """Embed the full batches in line, or all of it once nothing more will come."""
        size = self._options.batch_size
        while len(self._waiting) >= size or (everything and self._waiting):
            batch, self._waiting = self._waiting[:size], self._waiting[size:]
            vectors = self._to.model.embedder.embed_images(
                np.stack([picture for _, picture in batch])
            )
            for (film, _), vector in zip(batch, vectors, strict=True):
                film.vectors.append(vector)
            self._on_frames(len(batch))

    def _commit_complete(self) -> Iterator[Report]:
        for film in [film for film in self._films if film.complete]:
            if self._stop.is_set():
                return
            report = self._commit(film)
            film.pictures.close()
            self._films = [other for other in self._films if other is not film]
            yield report

    def _commit(self, film: Film) -> Report:
        """Form the segments of a film and put it into the catalog: one transaction."""
        to = self._to
        times, vectors = np.array(film.times), np.stack(film.vectors)
        formed = segments.form(
            times, vectors, np.array(film.cuts), film.duration, coherence=to.model.coherence
        )
        names = [
            to.thumbnails.write(to.collection, film.id, times[i], film.pictures.get(i))
            for i in formed.best
        ]
        to.catalog.put(
            to.collection,
            self._video(film, len(formed)),
            formed,
            frame_times=times,
            frame_vectors=vectors,
            biases=calibration.bias(
                formed.vectors, to.model.bank, to.model.logit_scale, to.model.logit_bias
            ),
            thumbnails=names,
            scoring=to.model.scoring,
        )
        return film.report("incomplete" if film.damage else "indexed", film.damage, len(formed))

    def _video(self, film: Film, count: int) -> Video:
        return Video(
            id=film.id,
            uri=str(film.file.path),
            title=film.file.path.stem,
            duration=film.duration,
            width=film.size[0],
            height=film.size[1],
            size_bytes=film.file.size_bytes,
            mtime_ns=film.file.mtime_ns,
            state="incomplete" if film.damage else "indexed",
            reason=film.damage,
            tags=self._options.tags,
            segments=count,
        )


class _Shared:
    """A list that several threads take from."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = iter(paths)
        self._lock = threading.Lock()

    def next(self) -> Path | None:
        """Return the next path, or None when there is none."""
        with self._lock:
            return next(self._paths, None)
