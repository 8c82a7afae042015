"""Thumbnails of segments: JPEG files of a folder or a bucket, named by what they show."""

import errno
import hashlib
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from clipseek.buckets import Folder, Listed
from clipseek.errors import ServiceUnavailable
from clipseek.files import open_regular

SWEEP_AGE_S = 3600.0
"""A file that no row names is deleted after an hour: the files of a video are written just before
the transaction that names them, which takes seconds."""

_AT_ONCE = 16
"""Pictures that are sent to a bucket at the same time."""

REMOVED = ".removed-"
"""The start of the names of folders whose pictures are being deleted."""


class UnsafeName(OSError):
    """The name is outside the folder of the pictures, or is not the name of a picture."""

    def __init__(self, name: str) -> None:
        super().__init__(errno.EPERM, "the name is outside the folder of thumbnails", name)


def name_of(collection: str, video_id: str, time_s: float, jpeg: bytes) -> str:
    """Return the name of a picture: what it shows, in milliseconds, and a hash of its bytes."""
    digest = hashlib.sha256(jpeg).hexdigest()[:12]
    return f"{collection}/{video_id[:2]}/{video_id}/{round(time_s * 1000):09d}-{digest}.jpg"


class Thumbnails:
    """A folder of JPEG files: `COLLECTION/ab/VIDEO-ID/MILLISECONDS-HASH.jpg`."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, collection: str, video_id: str, time_s: float, jpeg: bytes) -> str:
        """Store one picture and return its name under the root; the same picture, the same name.

        Raises:
            ServiceUnavailable: the folder cannot be written (disk full, no permission).
        """
        name = name_of(collection, video_id, time_s, jpeg)
        self.store(name, jpeg)
        return name

    def store(self, name: str, jpeg: bytes) -> None:
        """Store one picture under the name that `name_of` gave it.

        Raises:
            ServiceUnavailable: it cannot be written.
        """
        path = self.root / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _replace(path, jpeg)
        except OSError as error:
            raise ServiceUnavailable(
                f"thumbnails cannot be written to {self.root}: {error.strerror}; "
                "free some space or set CLIPSEEK_DATA_DIR, then run the same command again"
            ) from error

    def store_all(self, pictures: Mapping[str, bytes]) -> None:
        """Store the pictures of a video; see `store`."""
        for name, jpeg in pictures.items():
            self.store(name, jpeg)

    def read(self, name: str) -> bytes:
        """Return one picture.

        Raises:
            ServiceUnavailable: the file is gone or cannot be read, or the name leads out of the
                folder (its cause is then `UnsafeName`).
        """
        try:
            with open_regular(self._path(name), follow_links=False) as file:
                return file.read()
        except OSError as error:
            raise _unreadable(name, error) from error

    def missing(self, names: Iterator[str]) -> Iterator[str]:
        """Yield those names whose file does not exist or is not a complete JPEG."""
        return (name for name in names if not self._is_whole(name))

    def _is_whole(self, name: str) -> bool:
        try:
            return _is_jpeg(self._path(name))
        except OSError:
            return False

    def _path(self, name: str) -> Path:
        """Return where a picture is, all links followed; a database may say anything.

        Raises:
            UnsafeName: that is not below the root.
        """
        _require_safe(name)
        path = (self.root / name).resolve()
        if not path.is_relative_to(self.root.resolve()):
            raise UnsafeName(name)
        return path

    def remove(self, collection: str) -> None:
        """Delete all pictures of a collection.

        Their folder is renamed first, so that pictures that are stored from now on stay.

        Raises:
            ServiceUnavailable: they cannot be deleted, or the name leads out of the folder.
        """
        folder = self.root / collection
        try:
            if folder.parent != self.root or collection in ("", ".", ".."):
                raise UnsafeName(collection)
            if folder.exists():
                moved = tempfile.mkdtemp(dir=self.root, prefix=REMOVED)
                folder.replace(moved)
            for path in self.root.glob(f"{REMOVED}*"):
                shutil.rmtree(path)
        except OSError as error:
            raise ServiceUnavailable(
                f"the thumbnails of collection {collection!r} in {self.root} cannot be deleted: "
                f"{error.strerror}; correct the permissions, and delete the folder"
            ) from error

    def remove_video(self, collection: str, video_id: str) -> None:
        """Delete all pictures of a video.

        Raises:
            ServiceUnavailable: they cannot be deleted.
        """
        folder = self.root / collection / video_id[:2] / video_id
        try:
            _require_safe(f"{collection}/{video_id}/x.jpg")
            if folder.parent.parent.parent != self.root:
                raise UnsafeName(video_id)
            with suppress(FileNotFoundError):
                shutil.rmtree(folder)
            with suppress(OSError):  # others may have pictures beside it
                folder.parent.rmdir()
        except OSError as error:
            raise _undeleted(video_id, error) from error

    def sweep(self, collection: str, named: set[str]) -> int:
        """Delete files of a collection that no row names, once old enough; return how many."""
        folder = self.root / collection
        oldest = time.time() - SWEEP_AGE_S
        swept = 0
        for path in folder.rglob("*"):
            # Another builder may sweep the same files just now.
            with suppress(FileNotFoundError):
                status = path.stat()
                stale = stat.S_ISREG(status.st_mode) and status.st_mtime < oldest
                if stale and path.relative_to(self.root).as_posix() not in named:
                    path.unlink()
                    swept += 1
        return swept


class LinkedThumbnails(Thumbnails):
    """Pictures of which equal ones are stored for another collection: those are linked, not copied.

    `linked` counts them. Each collection has names of its own for them, so that the pictures of one
    can be deleted.
    """

    def __init__(self, root: Path, collection: str, like: str) -> None:
        """Take the folders of both collections: the one that is written, and the other one."""
        super().__init__(root)
        self._collection = collection
        self._like = like
        self.linked = 0

    def store(self, name: str, jpeg: bytes) -> None:
        """Store one picture; link the other collection's, if it has every byte of it."""
        path, other = self.root / name, self.root / self._like / name[len(self._collection) + 1 :]
        with suppress(OSError):
            if other.read_bytes() == jpeg:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.unlink(missing_ok=True)
                path.hardlink_to(other)
                self.linked += 1
                return
        super().store(name, jpeg)


class BucketThumbnails(Thumbnails):
    """Pictures as objects below the URL of a bucket, under the names that files would have.

    `url` is asked when they are used.
    """

    linked = 0
    """Pictures of another collection that were not copied: a bucket has no links."""

    def __init__(self, url: Callable[[], str]) -> None:
        self._url = url

    @property
    def _bucket(self) -> Folder:
        return Folder(self._url())

    def store(self, name: str, jpeg: bytes) -> None:
        """Store one picture; see `Thumbnails`."""
        try:
            self._bucket.put(name, jpeg)
        except OSError as error:
            raise ServiceUnavailable(
                f"thumbnails cannot be written to {self._url()}: {error.strerror}; correct that, "
                "then run the same command again"
            ) from error

    def store_all(self, pictures: Mapping[str, bytes]) -> None:
        """Store several at once, because each waits for an answer of the store."""
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for _ in pool.map(self.store, pictures, pictures.values()):
                pass

    def read(self, name: str) -> bytes:
        """Return one picture; see `Thumbnails`."""
        try:
            _require_safe(name)
            return self._bucket.get(name)
        except OSError as error:
            raise _unreadable(name, error) from error

    def missing(self, names: Iterator[str]) -> Iterator[str]:
        """Yield those names of which there is no object: objects are whole.

        Each collection is listed once, which takes some 150 bytes of memory for each picture.

        Raises:
            ServiceUnavailable: the bucket cannot be listed.
        """
        there: dict[str, set[str]] = {}
        for name in names:
            collection = name.partition("/")[0]
            if collection not in there:
                there[collection] = {each.name for each in self._listed(collection)}
            if name not in there[collection]:
                yield name

    def remove(self, collection: str) -> None:
        """Delete all pictures of a collection; see `Thumbnails`."""
        try:
            if "/" in collection or collection in ("", ".", ".."):
                raise UnsafeName(collection)
            self._bucket.delete(each.name for each in list(self._bucket.list(collection)))
        except OSError as error:
            raise ServiceUnavailable(
                f"the thumbnails of collection {collection!r} in {self._url()} cannot be deleted: "
                f"{error.strerror}; correct that, and delete them"
            ) from error

    def remove_video(self, collection: str, video_id: str) -> None:
        """Delete all pictures of a video; see `Thumbnails`."""
        try:
            _require_safe(f"{collection}/{video_id}/x.jpg")
            folder = f"{collection}/{video_id[:2]}/{video_id}"
            self._bucket.delete([each.name for each in list(self._bucket.list(folder))])
        except OSError as error:
            raise _undeleted(video_id, error) from error

    def sweep(self, collection: str, named: set[str]) -> int:
        """Delete old objects that no row names; return how many."""
        oldest = datetime.now(UTC) - timedelta(seconds=SWEEP_AGE_S)
        stale = [
            each.name
            for each in self._listed(collection)
            if each.changed < oldest and each.name not in named
        ]
        try:
            self._bucket.delete(stale)
        except OSError as error:
            raise self._unlisted(error) from error
        return len(stale)

    def _listed(self, collection: str) -> Iterator[Listed]:
        try:
            yield from self._bucket.list(collection)
        except OSError as error:
            raise self._unlisted(error) from error

    def _unlisted(self, error: OSError) -> ServiceUnavailable:
        return ServiceUnavailable(
            f"the thumbnails in {self._url()} cannot be listed or deleted: {error.strerror}; "
            "check the bucket and the credentials, then run the same command again"
        )


def _require_safe(name: str) -> None:
    """Raise UnsafeName for what cannot be the name of a picture below a folder."""
    parts = name.split("/")
    if "\0" in name or not {"", ".", ".."}.isdisjoint(parts) or not name.endswith(".jpg"):
        raise UnsafeName(name)


def _unreadable(name: str, error: OSError) -> ServiceUnavailable:
    return ServiceUnavailable(
        f"thumbnail {name!r} cannot be read: {error.strerror}; "
        "`indexer verify` lists what is missing, `indexer ingest --force` makes it again"
    )


def _undeleted(video_id: str, error: OSError) -> ServiceUnavailable:
    return ServiceUnavailable(
        f"the thumbnails of video {video_id} cannot be deleted: {error.strerror}; correct the "
        "permissions, then run the same command again"
    )


def _replace(path: Path, data: bytes) -> None:
    """Write a file so that readers see the whole of it or nothing."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise


def _is_jpeg(path: Path) -> bool:
    """Look for the start and end markers (ITU-T T.81, B.1.1.3)."""
    try:
        with path.open("rb") as file:
            start = file.read(2)
            file.seek(-2, os.SEEK_END)
            return start == b"\xff\xd8" and file.read(2) == b"\xff\xd9"
    except OSError:
        return False
