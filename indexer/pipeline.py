"""The ingest line: decode ahead, embed in full batches that span films, commit film by film."""

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from clipseek import calibration, segments
from clipseek.errors import ClipseekError, UnreadableVideo
from clipseek.model import Model
from clipseek.protocols import CatalogWriter, FrameSourceOpener
from clipseek.thumbnails import Thumbnails
from clipseek.types import PICTURE, FieldSegments, FrameVectors, Put, Video
from indexer.claims import Claims
from indexer.fates import reason_of
from indexer.film import Film, Report
from indexer.indexed import Indexed
from indexer.reader import End, Failed, Frames, Message, Opened, Reader, same_content

AHEAD = 16
"""Decoded batches that may wait for the model: enough that it does not idle, few enough that
memory stays flat."""
PATIENCE_S = 0.1


@dataclass(frozen=True, slots=True)
class Target:
    """Where films go and by which means: composed by the command from `clipseek.assembly`."""

    collection: str
    catalog: CatalogWriter
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
    keep_frame_vectors: bool = True


_Sent = Message | ClipseekError | None
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
        on_progress: Callable[[Film], None] = lambda _film: None,
    ) -> None:
        """Tell `on_frames` how many frames were embedded, and `on_progress` which film grew."""
        self._to = target
        self._options = options
        self._stop = stop
        self._on_frames = on_frames
        self._on_progress = on_progress
        self._messages: queue.Queue[_Sent] = queue.Queue(maxsize=AHEAD)
        self._claims = Claims()
        self._films: list[Film] = []
        self._waiting: list[tuple[Film, NDArray[np.uint8]]] = []

    def run(self, paths: Sequence[Path]) -> Iterator[Report]:
        """Ingest the files and yield what became of each, as soon as that is committed.

        Setting `stop` ends the run after the transaction in hand; films that are not committed
        by then are left as they were. What goes wrong with one film is its fate, and not that of
        others.

        Raises:
            ServiceUnavailable: the catalog or a disk failed; the film in hand is rolled back.
        """
        workers = max(1, min(self._options.workers, len(paths)))
        reader = Reader(
            self._to.catalog,
            self._to.collection,
            indexed=Indexed(self._to.catalog, self._to.collection, paths),
            open_video=self._to.open_video,
            embedder=self._to.model.embedder,
            fps=self._options.fps,
            force=self._options.force,
            claims=self._claims,
            stop=self._stop,
        )
        decoders: list[Future[None]] = []
        with ThreadPoolExecutor(workers, thread_name_prefix="decode") as pool:
            try:
                while paths and not self._stop.is_set():
                    files = _Shared(paths)
                    decoders += [pool.submit(self._decode, reader, files) for _ in range(workers)]
                    yield from self._consume(workers)
                    # Copies of films that failed are read in their place.
                    paths = self._claims.to_read()
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

    def _send(self, message: _Sent) -> bool:
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
            elif not message.film.is_over:
                yield from self._attempt([message.film], partial(self._take, message))
            yield from self._embed_waiting(everything=not decoders)
            yield from self._commit_complete()

    def _attempt(
        self, films: Sequence[Film], step: Callable[[], Report | None]
    ) -> Iterator[Report]:
        """Take a step, yield its report if it has one; where it fails, that is the films' fate."""
        try:
            report = step()
        except Exception as error:  # noqa: BLE001  one video, one fate
            for film in films:
                yield self._fail(film, reason_of(error, film.file.path))
        else:
            if report is not None:
                yield report

    def _fail(self, film: Film, reason: str) -> Report:
        """Forget a film; a copy of it is read in its place."""
        self._forget(film)
        self._waiting = [pair for pair in self._waiting if pair[0] is not film]
        self._claims.give_back(film.id)
        return Report(str(film.file.path), "failed", film.id, reason)

    def _forget(self, film: Film) -> None:
        film.is_over = True
        film.pictures.close()
        self._films = [other for other in self._films if other is not film]

    def _take(self, message: Opened | Frames | End | Failed) -> Report | None:
        """Note what was read of a film."""
        film = message.film
        match message:
            case Opened():
                self._films.append(film)
                film.claimed = message.duration
            case Frames():
                film.take(message.times, message.cuts, message.jpegs, sampled=message.sampled)
                film.reached = message.reached
                self._waiting.extend((film, picture) for picture in message.pixels)
            case End():
                film.end(message.duration, message.size, message.damage)
            case Failed():
                return self._fail(film, message.reason)
        self._on_progress(film)
        return None

    def _embed_waiting(self, *, everything: bool) -> Iterator[Report]:
        """Embed the full batches in line, or all of it once nothing more will come.

        Where a batch fails, each film's part of it is embedded again: one film spoils no other.
        """
        size = self._options.batch_size
        while len(self._waiting) >= size or (everything and self._waiting):
            batch, self._waiting = self._waiting[:size], self._waiting[size:]
            films = list(dict.fromkeys(film for film, _ in batch))
            if len(films) == 1:
                yield from self._attempt(films, partial(self._embed, batch))
                continue
            try:
                self._embed(batch)
            except Exception as error:  # noqa: BLE001  whose fault it was is seen below
                reason_of(error, films[0].file.path)
                for film in films:
                    part = [pair for pair in batch if pair[0] is film]
                    yield from self._attempt([film], partial(self._embed, part))

    def _embed(self, batch: Sequence[tuple[Film, NDArray[np.uint8]]]) -> None:
        """Give each picture's film its vector, all of them or none."""
        pixels = np.stack([picture for _, picture in batch])
        vectors = self._to.model.embedder.embed_images(pixels)
        if len(vectors) != len(batch) or not np.isfinite(vectors).all():
            raise ValueError(f"the model gave no unit vector for each of {len(batch)} pictures")
        for (film, _), vector in zip(batch, vectors, strict=True):
            film.vectors.append(vector)
        self._on_frames(len(batch))

    def _commit_complete(self) -> Iterator[Report]:
        for film in [film for film in self._films if film.complete]:
            if self._stop.is_set():
                return
            yield from self._attempt([film], partial(self._commit, film))
            if film.is_over:
                continue
            self._forget(film)
            for copy in self._claims.indexed(film.id):
                yield same_content(copy, film.id, film.file.path)

    def _commit(self, film: Film) -> Report:
        """Form the segments of a film and put it into the catalog: one transaction."""
        if not film.vectors:
            raise UnreadableVideo(str(film.file.path), "no frame could be decoded")
        to = self._to
        times, vectors = np.array(film.times), np.stack(film.vectors)
        formed = segments.form(
            times, vectors, np.array(film.cuts), film.duration, coherence=to.model.coherence
        )
        names = [
            to.thumbnails.write(to.collection, film.id, times[i], film.pictures.get(i))
            for i in formed.best
        ]
        biases = calibration.bias(
            formed.vectors, to.model.bank, to.model.logit_scale, to.model.logit_bias
        )
        picture = FieldSegments.of(formed, times, biases=biases, thumbnails=names)
        put = Put(
            self._video(film, len(formed)),
            {PICTURE: picture},
            frames=FrameVectors(times, vectors) if self._options.keep_frame_vectors else None,
            scoring=to.model.scoring,
        )
        to.catalog.put(to.collection, put)
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
            stamp=film.file.stamp,
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
