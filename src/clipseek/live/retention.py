"""Retention: lets go of what cameras have recorded, by their rules, and leaves nothing of it."""

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from clipseek.errors import ClipseekError, CollectionNotFound, ServiceUnavailable, VideoNotFound
from clipseek.holds import Chunk, Retaining, expired
from clipseek.protocols import CatalogWriter
from clipseek.thumbnails import Thumbnails

EVERY_S = 30.0
"""How often a recorder looks: what has expired is gone within a minute of that."""
AT_ONCE = 16
"""Chunks that are decided in one transaction."""
SPARING = 20.0
"""A large index takes long to build, so the next build waits so many times as long."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Gone:
    """What was let go: videos by collection, and bytes of footage."""

    videos: Mapping[str, int]
    bytes: int

    @property
    def count(self) -> int:
        """How many videos."""
        return sum(self.videos.values())


class Retention:
    """Removes videos of cameras: the file, pictures, vectors, texts, and the index of them.

    Files go before rows. If it is killed in between, the rows still name what is left to do, and
    the next run does it.
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
            ServiceUnavailable: a file or a picture cannot be deleted, or the database is away.
        """
        videos: Counter[str] = Counter()
        total = 0
        for collection, chunk in self._decided():
            self._unpublished.add(collection)
            if self._remove(collection, chunk):
                videos[collection] += 1
                total += chunk.size_bytes
        if videos:
            self._forget_excerpts()
        self._published(sparing=sparing)
        return Gone(videos, total)

    def _decided(self) -> Iterator[tuple[str, Chunk]]:
        """Yield what a run before this one has left, and then what the rules let go.

        It is decided a few chunks at a time, so that a hold that comes meanwhile keeps the others.
        """
        yield from self._rows.going()
        for rule in self._rows.rules():
            chunks = self._rows.chunks(rule.collection, rule.camera)
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

    def _remove(self, collection: str, chunk: Chunk) -> bool:
        """Remove a video; False if somebody else has removed it meanwhile."""
        self._delete_file(chunk)
        try:
            key = self._catalog.collection(collection).key
            self._thumbnails.remove_video(key, chunk.id)
            self._catalog.remove(collection, chunk.id)
            self._forget(key, chunk.id)
        except (CollectionNotFound, VideoNotFound):
            return False
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
                "permissions, then run `indexer retain`"
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
