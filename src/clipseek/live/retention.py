"""Retention: lets go of what cameras have recorded, by their rules, and leaves nothing of it."""

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from clipseek.errors import ClipseekError, CollectionNotFound, ServiceUnavailable, VideoNotFound
from clipseek.holds import Chunk, Retaining, expired
from clipseek.protocols import CatalogWriter
from clipseek.thumbnails import Thumbnails

EVERY_S = 30.0
"""How often a recorder looks: files and rows are gone so soon (`benchmarks.retention`)."""
AT_ONCE = 16
"""Chunks that are decided in one transaction."""
SPARING = 20.0
"""A large index takes long to build, so the next build waits so many times as long."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Gone:
    """What was let go: videos by collection, and bytes of footage.

    left: Why each video that could not be removed is still there, by collection and id. The next
    run tries it again.
    """

    videos: Mapping[str, int]
    bytes: int
    left: Mapping[tuple[str, str], str] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many videos."""
        return sum(self.videos.values())


class Retention:
    """Removes videos of cameras: the file, pictures, vectors, texts, and the index of them.

    Files go before rows. If it is killed in between, or a file cannot be deleted, the rows still
    name what is left to do, and the next run does it.
    """

    def __init__(
        self,
        rows: Retaining,
        catalog: CatalogWriter,
        thumbnails: Thumbnails,
        *,
        recordings: Path,
        excerpts: Path,
        forget: Callable[[str, str], None],
        publish: Callable[[str], None],
        now: Callable[[], float] = time.time,
    ) -> None:
        """Take the stores.

        recordings: The folder of all footage; no file outside is deleted. excerpts: That of cut
        spans, which do not say what they are of, so all go with footage. forget: Deletes the spans
        that another machine has sent of a video, by the key of its collection and its id. publish:
        Makes a new index of a collection, and deletes the former ones.
        """
        self._rows = rows
        self._catalog = catalog
        self._thumbnails = thumbnails
        self._recordings = recordings.absolute()
        self._excerpts = excerpts
        self._forget = forget
        self._publish = publish
        self._now = now
        self._unpublished: set[str] = set()
        self._pause_until = 0.0

    def run(self, *, sparing: bool = False) -> Gone:
        """Let go of what has expired now; return what.

        With `sparing`, an index that was built a moment ago, and takes long, is built later.

        Raises:
            ServiceUnavailable: the database is away, or an index cannot be published.
        """
        videos: Counter[str] = Counter()
        left: dict[tuple[str, str], str] = {}
        total = 0
        for collection, chunk in self._decided():
            if (collection, chunk.id) in left:  # it was tried a moment ago
                continue
            key = self._key(collection)
            try:
                self._delete(key, chunk)
            except ServiceUnavailable as error:
                left[collection, chunk.id] = str(error)
                continue
            if key is not None and self._remove(collection, key, chunk):
                videos[collection] += 1
                total += chunk.size_bytes
        if videos:
            self._forget_excerpts()
        self._published(sparing=sparing)
        return Gone(videos, total, left)

    def _decided(self) -> Iterator[tuple[str, Chunk]]:
        """Yield what a run before this one has left, and then what the rules let go.

        It is decided a few chunks at a time, so that a hold that comes meanwhile keeps the others.
        """
        yield from self._rows.going()
        for rule in self._rows.rules():
            chunks = self._rows.chunks(rule.collection, rule.camera)
            if rule.is_over(chunks, now=self._now()):
                self._rows.forget(rule)
                continue
            loose = expired(chunks, rule, self._rows.kept(), now=self._now())
            for first in range(0, len(loose), AT_ONCE):
                some = loose[first : first + AT_ONCE]
                for chunk in self._rows.let_go(rule.collection, some):
                    yield rule.collection, chunk

    def turn(self) -> None:
        """Do a run of a recorder, which says what it did in the log."""
        try:
            gone = self.run(sparing=True)
        except ClipseekError as error:
            log.warning("retention: %s", error)
            return
        for collection, videos in gone.videos.items():
            log.info("retention: removed %d videos of cameras from %s", videos, collection)
        if gone.left:
            (_, video_id), reason = next(iter(gone.left.items()))
            log.warning(
                "retention: %d videos of cameras could not be removed; the first is %s: %s",
                len(gone.left),
                video_id,
                reason,
            )

    def _key(self, collection: str) -> str | None:
        """Return the key of a collection; None if it was removed meanwhile."""
        try:
            return self._catalog.collection(collection).key
        except CollectionNotFound:
            return None

    def _delete(self, key: str | None, chunk: Chunk) -> None:
        """Delete the footage and the pictures of a video.

        Raises:
            ServiceUnavailable: one cannot be deleted; others may be gone.
        """
        self._delete_file(chunk)
        if key is not None:
            self._thumbnails.remove_video(key, chunk.id)

    def _remove(self, collection: str, key: str, chunk: Chunk) -> bool:
        """Remove the rows of a video; False if somebody else has removed it meanwhile."""
        self._unpublished.add(collection)
        try:
            self._catalog.remove(collection, chunk.id)
        except (CollectionNotFound, VideoNotFound):
            return False
        self._forget(key, chunk.id)
        return True

    def _delete_file(self, chunk: Chunk) -> None:
        """Delete the footage of a chunk, if it has some, and folders that are empty then."""
        path = Path(chunk.uri)
        if "://" in chunk.uri or ".." in path.parts or not path.is_relative_to(self._recordings):
            return
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise ServiceUnavailable(
                f"the recording {path} cannot be deleted: {error.strerror}; correct the "
                "permissions: the next run of `indexer retain` tries it again"
            ) from error
        for folder in (path.parent, path.parent.parent):
            if folder != self._recordings:
                with suppress(OSError):  # there are others in it
                    folder.rmdir()

    def _forget_excerpts(self) -> None:
        """Delete cut spans: their names do not say of which video they are."""
        found: Iterable[Path] = ()
        with suppress(OSError):
            found = list(self._excerpts.glob("*.mp4"))
        for path in found:
            with suppress(OSError):
                path.unlink()

    def _published(self, *, sparing: bool) -> None:
        if sparing and time.monotonic() < self._pause_until:
            return
        begun = time.monotonic()
        for collection in list(self._unpublished):
            with suppress(CollectionNotFound):
                self._publish(collection)
            self._unpublished.discard(collection)
        self._pause_until = time.monotonic() + SPARING * (time.monotonic() - begun)
