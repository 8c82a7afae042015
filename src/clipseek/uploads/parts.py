"""The files of uploads that are not complete, or that no job has taken yet.

`ROOT/.parts/ID.part` contains the bytes of an upload, and `ID.json` beside it what was said of it
when it began. Nothing else counts bytes, so after a kill no number can differ from the file.
"""

import errno
import fcntl
import json
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from clipseek.errors import (
    DiskFull,
    ServiceUnavailable,
    UploadBusy,
    UploadNotFound,
    UploadTooLarge,
)
from clipseek.files import sync
from clipseek.uploads.upload import Upload

PARTS = ".parts"
"""The folder of these files; no collection can have this name."""

_ID = re.compile(r"[0-9a-f]{32}")
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_NOTED = ("owner", "collection", "length", "metadata", "job")
_NOT_THERE = (FileNotFoundError, NotADirectoryError)


class Parts:
    """The folder `.parts`. Its methods translate what the system says into errors of clipseek."""

    def __init__(
        self,
        root: Path,
        reserve_bytes: int,
        free: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free,
    ) -> None:
        """Take the root, how many bytes stay free on its disk, and what says how many are."""
        self.root = root
        self.folder = root / PARTS
        self._reserve_bytes = reserve_bytes
        self._free = free

    def data(self, upload_id: str) -> Path:
        """Return the file of the bytes; raise UploadNotFound for what is not an id."""
        require_id(upload_id)
        return self.folder / f"{upload_id}.part"

    def note_of(self, upload_id: str) -> Path:
        """Return the file of what was said of an upload."""
        require_id(upload_id)
        return self.folder / f"{upload_id}.json"

    def make(self) -> None:
        """Make the folder."""
        with self.translated():
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def read(self, upload_id: str) -> Upload:
        """Return what was noted of an upload; its offset is not looked at. Raise UploadNotFound."""
        with self.translated():
            try:
                noted = json.loads(self.note_of(upload_id).read_text("utf-8"))
            except _NOT_THERE:
                raise UploadNotFound(upload_id) from None
            return Upload(id=upload_id, **noted)

    def note(self, upload: Upload) -> None:
        """Write what is known of an upload, so that readers see all of it or what was before."""
        noted = {name: getattr(upload, name) for name in _NOTED}
        temporary = self.folder / f"{upload.id}.{secrets.token_hex(4)}.tmp"
        with self.translated():
            with temporary.open("x", encoding="utf-8") as file:
                json.dump(noted, file)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self.note_of(upload.id))
            sync(self.folder)

    def delete(self, upload_id: str) -> None:
        """Delete an upload; without its note it is not one any more."""
        with self.translated():
            self.note_of(upload_id).unlink(missing_ok=True)
            self.data(upload_id).unlink(missing_ok=True)

    def open_locked(self, upload_id: str) -> int:
        """Open the bytes of an upload to add some, for this caller alone; a kill ends the lock.

        Raises:
            UploadNotFound: there is no such upload.
            UploadBusy: another request or process has the lock.
        """
        flags = os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        with self.translated():
            try:
                descriptor = os.open(self.data(upload_id), flags)
            except _NOT_THERE:
                raise UploadNotFound(upload_id) from None
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.fstat(descriptor).st_nlink == 0:  # deleted between the two lines above
                    raise UploadNotFound(upload_id)
            except BlockingIOError:
                os.close(descriptor)
                raise UploadBusy(upload_id) from None
            except BaseException:
                os.close(descriptor)
                raise
        return descriptor

    @contextmanager
    def locked(self, upload_id: str) -> Iterator[None]:
        """Have the lock of an upload; raise as `open_locked` does."""
        descriptor = self.open_locked(upload_id)
        try:
            yield
        finally:
            os.close(descriptor)

    @contextmanager
    def reserved(self, upload_id: str) -> Iterator[None]:
        """Have the lock of a file that is fetched, made if it is missing; raise UploadBusy."""
        self.make()
        with self.translated():
            self.data(upload_id).touch(0o600)
        with self.locked(upload_id):
            yield

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Let one process at a time count the uploads and begin one."""
        self.make()
        with self.translated():
            lock = (self.folder / ".lock").open("ab")
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def require_space(self, size_bytes: int) -> None:
        """Raise DiskFull unless the reserve stays free after so many bytes more."""
        with self.translated():
            free = self._free(self.folder)
        if free - size_bytes < self._reserve_bytes:
            raise DiskFull(str(self.root))

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Turn what the system says into errors of clipseek, except that a file is not there."""
        try:
            yield
        except FileNotFoundError:
            raise
        except OSError as error:
            if error.errno in _FULL:
                raise DiskFull(str(self.root)) from error
            raise ServiceUnavailable(
                f"uploads cannot be kept in {self.root}: {error.strerror}; set CLIPSEEK_UPLOAD_DIR "
                "to a folder that this user can write"
            ) from error
        except (ValueError, TypeError) as error:
            raise ServiceUnavailable(
                f"a file beside an upload in {self.folder} is damaged ({error}); delete it"
            ) from error


@dataclass(slots=True)
class Appending:
    """An upload that bytes are added to; nobody else adds to it until it is closed."""

    upload: Upload
    _descriptor: int
    _parts: Parts = field(repr=False)

    def write(self, data: bytes) -> None:
        """Add bytes. If the disk is full, those that it took stay.

        Raises:
            UploadTooLarge: there are more than were announced. None of them is written.
            DiskFull: they do not fit onto the disk.
        """
        reached = self.upload.offset + len(data)
        if reached > self.upload.length:
            raise UploadTooLarge(reached, self.upload.length)
        self._parts.require_space(len(data))
        left = memoryview(data)
        with self._parts.translated():
            while left:
                written = os.write(self._descriptor, left)
                left = left[written:]
                self.upload = replace(self.upload, offset=self.upload.offset + written)

    def sync(self) -> Upload:
        """Return the upload once its bytes are on the disk; only then may a client be told."""
        with self._parts.translated():
            os.fsync(self._descriptor)
        return self.upload

    def close(self) -> None:
        """Let others add to the upload."""
        os.close(self._descriptor)


def require_id(upload_id: str) -> None:
    """Raise UploadNotFound for what cannot be the id of an upload, and so not a file's name."""
    if not is_id(upload_id):
        raise UploadNotFound(upload_id)


def is_id(upload_id: str) -> bool:
    """Whether a text can be the id of an upload."""
    return _ID.fullmatch(upload_id) is not None
