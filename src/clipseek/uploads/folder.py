"""The folder of the uploads: begin one, add to it, end it, and delete what was abandoned."""

import os
import secrets
import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from clipseek.errors import (
    UploadBusy,
    UploadExpired,
    UploadNotFound,
    UploadQuotaExceeded,
    UploadTooLarge,
    WrongOffset,
)
from clipseek.uploads.parts import Appending, Parts, is_id
from clipseek.uploads.stored import Stored
from clipseek.uploads.upload import Bounds, Upload


class Uploads:
    """All uploads; processes of one machine, or of machines that share the volume, may share it.

    Every method that changes or reads a file can raise ServiceUnavailable, and DiskFull.
    """

    def __init__(
        self,
        root: Path,
        bounds: Bounds,
        *,
        now: Callable[[], float] = time.time,
        free: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free,
    ) -> None:
        self.bounds = bounds
        self.parts = Parts(root, bounds.reserve_bytes, free)
        self.stored = Stored(self.parts)
        self._now = now

    def create(
        self, owner: str, collection: str, length: int, metadata: Mapping[str, str]
    ) -> Upload:
        """Begin an upload of `length` bytes, unless a bound would be exceeded.

        Raises:
            UploadTooLarge: it is larger than uploads may be.
            UploadQuotaExceeded: the uploads of the owner, or of all, would take too much.
            DiskFull: the disk has not enough space for it.
        """
        if length > self.bounds.file_bytes:
            raise UploadTooLarge(length, self.bounds.file_bytes)
        upload = Upload(secrets.token_hex(16), owner, collection, length, dict(metadata))
        with self.parts.counting():
            self.sweep()
            self._require_quota(upload)
            self.parts.require_space(length)
            with self.parts.translated():
                self.parts.data(upload.id).touch(0o600, exist_ok=False)
            self.parts.note(upload)
        return replace(upload, expires=self._now() + self.bounds.life_s)

    def get(self, upload_id: str, owner: str) -> Upload:
        """Return an upload of an owner; the bytes that it counts are on the disk.

        Raises:
            UploadNotFound: there is none, or it is not theirs.
            UploadExpired: it was not continued in time.
        """
        upload = self._owned(upload_id, owner)
        try:
            with self.parts.translated():
                descriptor = os.open(self.parts.data(upload_id), os.O_RDONLY | os.O_CLOEXEC)
                try:
                    # A process that was killed may have left bytes that are only in memory.
                    os.fsync(descriptor)
                    status = os.fstat(descriptor)
                finally:
                    os.close(descriptor)
        except FileNotFoundError:
            raise UploadNotFound(upload_id) from None
        return self._at(upload, status)

    def append(self, upload_id: str, owner: str, offset: int) -> Appending:
        """Open an upload to add bytes at `offset`; close what is returned.

        Raises:
            UploadNotFound, UploadExpired: as `get` does.
            UploadBusy: another request adds to it, or a job uses it.
            WrongOffset: another number of bytes is stored.
        """
        upload = self._unused(upload_id, owner)
        descriptor = self.parts.open_locked(upload_id)
        try:
            found = self._at(upload, os.fstat(descriptor))
            if found.offset != offset:
                raise WrongOffset(upload_id, found.offset, offset)
        except BaseException:
            os.close(descriptor)
            raise
        return Appending(found, descriptor, self.parts)

    def claim(self, upload_id: str, owner: str, job: str) -> None:
        """Note the job that ingests an upload: nobody can add to it or end it any more."""
        with self.parts.locked(upload_id):
            self.parts.note(replace(self._owned(upload_id, owner), job=job))

    def abandon(self, upload_id: str, owner: str) -> None:
        """Delete an upload and its bytes.

        Raises:
            UploadNotFound: there is none, or it is not theirs.
            UploadBusy: a request adds to it, or a job uses it.
        """
        self._unused(upload_id, owner)
        with self.parts.locked(upload_id):
            self._unused(upload_id, owner)
            self.parts.delete(upload_id)

    def sweep(self, is_needed: Callable[[str], bool] = lambda _job: True) -> int:
        """Delete what has expired, and what belongs to a job that has ended; return how many.

        Args:
            is_needed: Whether a job, by its id, may still read its upload.
        """
        swept = 0
        for path in self.parts.folder.glob("*.*"):
            # Another process may sweep, or end an upload, just now.
            with suppress(FileNotFoundError, UploadNotFound, UploadBusy):
                swept += self._sweep_one(path, is_needed)
        return swept

    def _owned(self, upload_id: str, owner: str) -> Upload:
        upload = self.parts.read(upload_id)
        if upload.owner != owner:
            raise UploadNotFound(upload_id)
        return upload

    def _unused(self, upload_id: str, owner: str) -> Upload:
        """Return an upload that no job uses."""
        upload = self._owned(upload_id, owner)
        if upload.job:
            raise UploadBusy(upload_id, upload.job)
        return upload

    def _at(self, upload: Upload, status: os.stat_result) -> Upload:
        """Return an upload with what its file says; raise UploadExpired."""
        expires = status.st_mtime + self.bounds.life_s
        if expires < self._now() and not upload.job:
            raise UploadExpired(upload.id)
        return replace(upload, offset=status.st_size, expires=expires)

    def _require_quota(self, upload: Upload) -> None:
        """Count all uploads, because a number that is kept elsewhere could differ from them."""
        everybody = theirs = 0
        for path in self.parts.folder.glob("*.json"):
            with suppress(UploadNotFound):
                other = self.parts.read(path.stem)
                everybody += other.counted_bytes
                theirs += other.counted_bytes if other.owner == upload.owner else 0
        asked, bounds = upload.counted_bytes, self.bounds
        if theirs + asked > bounds.owner_bytes:
            raise UploadQuotaExceeded(theirs, bounds.owner_bytes, asked)
        if everybody + asked > bounds.all_bytes:
            raise UploadQuotaExceeded(everybody, bounds.all_bytes, asked, of_all=True)

    def _sweep_one(self, path: Path, is_needed: Callable[[str], bool]) -> int:
        upload_id = path.name.partition(".")[0]
        if path.suffix == ".json" and is_id(upload_id):
            data, job = self.parts.data(upload_id), self.parts.read(upload_id).job
            if not data.exists():  # a job has taken the bytes, and its worker was killed just then
                self.parts.delete(upload_id)
                return 1
            is_over = not is_needed(job) if job else self._is_old(data)
            if is_over:
                with self.parts.locked(upload_id):
                    self.parts.delete(upload_id)
            return int(is_over)
        # What a kill has left: bytes or a note before they were an upload, or what is left of one.
        is_noted = path.suffix == ".part" and path.with_suffix(".json").exists()
        is_left = path.suffix in (".part", ".tmp") and not is_noted and self._is_old(path)
        if is_left:
            with self.parts.translated():
                path.unlink()
        return int(is_left)

    def _is_old(self, path: Path) -> bool:
        return path.stat().st_mtime + self.bounds.life_s < self._now()
