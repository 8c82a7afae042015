"""The files of recordings: made before they are needed, and named when their chunk begins."""

import errno
import os
import shutil
import uuid
from pathlib import Path

from clipseek.files import local_stamp, mtime_ns
from clipseek.live import naming

SPARE = ".next-"
"""The start of the names of files whose chunk has not begun."""


class ChunkFiles:
    """The files of one camera, below the folder of recordings."""

    def __init__(self, root: Path, epoch: str, *, reserve_bytes: int) -> None:
        """Take the folder; no file is made while fewer bytes than `reserve_bytes` are free."""
        self._root = root
        self._epoch = epoch
        self._reserve_bytes = reserve_bytes
        self._spare: Path | None = None

    @property
    def folder(self) -> Path:
        """Where the files of the camera are."""
        return self._root / self._epoch

    def spare(self) -> int:
        """Make the file of the next chunk; return its descriptor, which the caller closes.

        Raises:
            OSError: it cannot be made, or the disk has no space for it.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        for left in self.folder.glob(f"{SPARE}*"):
            if left != self._spare:  # of a recorder that was killed: a camera has one recorder
                left.unlink(missing_ok=True)
        if shutil.disk_usage(self.folder).free < self._reserve_bytes:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if self._spare is None:
            self._spare = self.folder / f"{SPARE}{uuid.uuid4().hex}.mp4"
        # Only the API and the user that runs it may look at what cameras see.
        return os.open(self._spare, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o640)

    def begin(self, at: float) -> Path | None:
        """Name the file of the chunk that begins now; None if it is gone."""
        if self._spare is None:
            return None
        spare, self._spare = self._spare, None
        path = naming.chunk_file(self._root, self._epoch, at)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            spare.replace(path)
        except OSError:
            return None
        return path

    def close(self) -> None:
        """Delete the file whose chunk has not begun."""
        if self._spare is not None:
            self._spare.unlink(missing_ok=True)
            self._spare = None


def facts(path: Path) -> tuple[int, str]:
    """Return the bytes and the stamp of a file as sources state them; 0 and "" if it is gone."""
    try:
        found = path.stat()
    except OSError:
        return 0, ""
    return found.st_size, local_stamp(found.st_size, mtime_ns(found))
