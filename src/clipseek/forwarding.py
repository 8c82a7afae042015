"""Sends what is indexed here to a central library: what changes, and what has gone.

Only vectors, texts and thumbnails are sent; files of videos stay here. A file says up to which
version the central library has everything, so what happens without a network is sent later.
"""

import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from clipseek import files
from clipseek.archive.manifest import Origin, Part
from clipseek.archive.parts import Writing, is_picture
from clipseek.errors import ServiceUnavailable
from clipseek.protocols import CatalogReader
from clipseek.sources import LOCAL, scheme_of
from clipseek.stored import VideoRows
from clipseek.thumbnails import Thumbnails
from clipseek.types import Change, Collection

PART_BYTES = 8 << 20
"""A part is sent once it is so large; less is lost if a connection breaks than with larger ones."""

_AT_ONCE = 32
_NAME = "part-00000.zip"
_GONE = "remove"
_TAG = "tag"


class Center(Protocol):
    """The central library.

    Every method may raise ServiceUnavailable (asked again later) or PartRefused (never taken).
    """

    def put(self, part: Part, origin: Origin, content: bytes) -> None:
        """Have the videos of a part stored, and wait until they are."""
        ...

    def remove(self, video_ids: Sequence[str]) -> None:
        """Have videos removed, and wait until they are; one that is not there is no error."""
        ...

    def videos(self) -> Iterator[str]:
        """Yield the ids of the videos that it has from here."""
        ...


@dataclass(frozen=True, slots=True)
class Sent:
    """What one round has sent."""

    videos: int = 0
    removed: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class Mark:
    """Up to which version of which collection everything is sent."""

    epoch: str = ""
    version: int = 0

    @classmethod
    def read(cls, path: Path) -> "Mark":
        """Read a mark; one that is missing or damaged is that of the beginning."""
        try:
            said = json.loads(path.read_text("utf-8"))
            return cls(str(said["epoch"]), int(said["version"]))
        except (OSError, ValueError, KeyError, TypeError):
            return cls()

    def write(self, path: Path) -> None:
        """Write it, to the disk."""
        path.parent.mkdir(parents=True, exist_ok=True)
        said = {"epoch": self.epoch, "version": self.version}
        files.replace(path, json.dumps(said).encode())


class Forwarder:
    """Sends one collection to one central library, as often as it is told to."""

    def __init__(
        self,
        catalog: CatalogReader,
        thumbnails: Thumbnails,
        center: Center,
        *,
        mark: Path,
        part_bytes: int = PART_BYTES,
        on_part: Callable[[Sent], None] = lambda _sent: None,
    ) -> None:
        """Keep what is read and where it goes; `mark` is the file of how far it has come."""
        self._catalog = catalog
        self._thumbnails = thumbnails
        self._center = center
        self._mark = mark
        self._part_bytes = part_bytes
        self._on_part = on_part
        self._shown: dict[str, frozenset[str]] = {}

    def send(self, collection: str) -> Sent:
        """Send what has changed since the last time; return what was sent.

        A video that changes meanwhile is sent again the next time.

        Raises:
            CollectionNotFound: there is none of this name.
            ServiceUnavailable: the central library or the catalog cannot be reached. What was sent
                stays sent.
            PartRefused: the central library does not take it.
        """
        found = self._catalog.collection(collection)
        mark = Mark.read(self._mark)
        if (mark.epoch, mark.version) == (found.epoch, found.version):
            return Sent()
        after = mark.version if mark.epoch == found.epoch else 0
        changes = self._catalog.changes(collection, after)
        whole = _is_whole(changes, after, found)
        put, gone = _apart(changes) if whole else (self._all(collection), self._gone(collection))
        sent = self._put(found, put)
        self._center.remove(gone)
        # Changes that came after `found` was read are sent the next time, some of them again.
        Mark(found.epoch, found.version).write(self._mark)
        return Sent(sent.videos, len(gone), sent.bytes)

    def _all(self, collection: str) -> list[str]:
        self._shown.clear()
        return list(self._ids(collection))

    def _gone(self, collection: str) -> list[str]:
        """Return the videos that the central library has from here, and that are not here."""
        here = set(self._ids(collection))
        return sorted(video_id for video_id in self._center.videos() if video_id not in here)

    def _ids(self, collection: str) -> Iterator[str]:
        after = ""
        while page := self._catalog.videos(collection, after=after, limit=1000):
            yield from (video.id for video in page)
            after = page[-1].id

    def _put(self, collection: Collection, video_ids: Sequence[str]) -> Sent:
        total, ids = Sent(), sorted(video_ids)
        for first in range(0, len(ids), _AT_ONCE):
            some = ids[first : first + _AT_ONCE]
            rows = self._catalog.stored(collection.name, limit=len(some), video_ids=some)
            while rows:
                part, content, rows = self._part(collection, rows)
                self._put_one(part, Origin.of(collection), content)
                total = Sent(total.videos + part.videos, 0, total.bytes + part.bytes)
                self._on_part(total)
        return total

    def _put_one(self, part: Part, origin: Origin, content: bytes) -> None:
        try:
            self._center.put(part, origin, content)
        except BaseException:
            self._shown.clear()  # the pictures are sent again
            raise

    def _part(
        self, collection: Collection, rows: list[VideoRows]
    ) -> tuple[Part, bytes, list[VideoRows]]:
        """Return a part of the first videos, its bytes, and the videos that do not fit."""
        with tempfile.TemporaryDirectory(prefix="clipseek-") as folder:
            path = Path(folder) / _NAME
            writing = Writing(path)
            count = 0
            try:
                while count < len(rows) and (not count or writing.size < self._part_bytes):
                    writing.add(_without_frames(rows[count]), self._pictures(rows[count]))
                    count += 1
                part = writing.finish(collection.dim)
            except BaseException:
                writing.abandon()
                raise
            return part, path.read_bytes(), rows[count:]

    def _pictures(self, rows: VideoRows) -> list[bytes | None]:
        """Read the pictures of a video, but for those that were sent with it the last time."""
        names = [row.thumbnail for row in rows.segments]
        before = self._shown.get(rows.video.id, frozenset())
        self._shown[rows.video.id] = frozenset(names)
        return [None if name in before else self._picture(name) for name in names]

    def _picture(self, name: str) -> bytes | None:
        try:
            jpeg = self._thumbnails.read(name)
        except ServiceUnavailable:
            return None
        return jpeg if is_picture(name, jpeg) else None


def _without_frames(rows: VideoRows) -> VideoRows:
    """Leave out the vectors of frames while a camera is still recorded into the file of a video.

    The whole chunk is sent each second or two as it grows, and most of its bytes are theirs. They
    are sent when the file is complete, which is when it has a stamp.
    """
    video = rows.video
    is_open = video.stream and not video.stamp and scheme_of(video.uri) == LOCAL
    return replace(rows, frames=None) if is_open else rows


def _is_whole(changes: Sequence[Change], after: int, found: Collection) -> bool:
    """Whether the changes are all that happened since a version, each to one video."""
    if not changes or changes[0].version != after + 1 or changes[-1].version < found.version:
        return False
    return all(change.video_id is not None or change.kind == _TAG for change in changes)


def _apart(changes: Sequence[Change]) -> tuple[list[str], list[str]]:
    """Return the videos that are there after these changes, and those that are not."""
    of_videos = (change for change in changes if change.kind != _TAG)
    last = {change.video_id or "": change.kind for change in of_videos}
    put = [video_id for video_id, kind in last.items() if kind != _GONE]
    return put, [video_id for video_id, kind in last.items() if kind == _GONE]
