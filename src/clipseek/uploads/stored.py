"""The files that jobs have taken: `ROOT/COLLECTION/ID/NAME`. The videos are played from there."""

import re
import time
from contextlib import suppress
from pathlib import Path

from clipseek.errors import UploadNotFound
from clipseek.files import sync
from clipseek.uploads.parts import Parts, is_id

DAY_S = 86400.0
_MAX_NAME_BYTES = 200
_MAX_SUFFIX_BYTES = 20


class Stored:
    """Moves complete uploads to their place, and deletes them there."""

    def __init__(self, parts: Parts) -> None:
        self._root = parts.root
        self._parts = parts

    def take(self, upload_id: str, collection: str, name: str) -> Path:
        """Move the bytes of an upload to their place and return it; asked again, do nothing.

        Raises:
            UploadNotFound: there is no such upload, neither here nor there.
            ServiceUnavailable: it cannot be moved.
        """
        part = self._parts.data(upload_id)
        path = self.place(upload_id, collection, name)
        with self._parts.translated():
            if not path.exists():
                if not part.exists():
                    raise UploadNotFound(upload_id)
                path.parent.mkdir(parents=True, exist_ok=True)
                part.chmod(0o644)
                part.rename(path)
                sync(path.parent)
            self._parts.note_of(upload_id).unlink(missing_ok=True)
        return path

    def place(self, upload_id: str, collection: str, name: str) -> Path:
        """Return where the bytes of an upload are once they were taken."""
        return self._root / collection / upload_id / safe_name(name)

    def contains(self, path: Path) -> bool:
        """Whether a file was taken from an upload, and is not one of a user's own folders."""
        root, found = self._root.resolve(), path.resolve()
        return found.is_relative_to(root) and len(found.relative_to(root).parts) == 3

    def older_than_a_day(self, upload_id: str, collection: str) -> list[Path]:
        """Return the file of an upload if it was taken more than a day ago."""
        folder = self.place(upload_id, collection, "").parent
        with suppress(FileNotFoundError), self._parts.translated():
            if is_id(upload_id) and folder.stat().st_mtime < time.time() - DAY_S:
                return list(folder.iterdir())
        return []

    def remove(self, path: Path) -> bool:
        """Delete a taken file; leave others alone. Return whether it was a taken one."""
        if not self.contains(path):
            return False
        with self._parts.translated():
            path.unlink(missing_ok=True)
        # Those that contain nothing more; rmdir refuses all others.
        with suppress(OSError):
            path.parent.rmdir()
            path.parent.parent.rmdir()
        return True


def safe_name(name: str) -> str:
    """Return a name that can be a file's in any folder: no path, no hidden file, not too long."""
    last = re.split(r"[/\\]", name)[-1]
    plain = "".join(letter for letter in last if letter.isprintable()).strip().lstrip(".")
    stem, dot, suffix = plain.rpartition(".")
    if not stem:
        stem, dot, suffix = plain, "", ""
    ending = _cut(f"{dot}{suffix}", _MAX_SUFFIX_BYTES)
    room = _MAX_NAME_BYTES - len(ending.encode())
    return f"{_cut(stem, room)}{ending}".strip() or "video"


def _cut(text: str, size_bytes: int) -> str:
    """Return as many characters as fit into so many bytes of UTF-8."""
    return text.encode("utf-8", "ignore")[:size_bytes].decode("utf-8", "ignore")
