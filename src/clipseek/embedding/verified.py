"""Which files of model bundles were found to be what their manifests say.

So none is hashed twice: a tower can have gigabytes, and `indexer search` lives for a second.
"""

import json
import os
import tempfile
from contextlib import suppress
from pathlib import Path

RECORD = "verified.json"
"""The record's name in a data folder; it can be deleted at any time."""

_Stamp = list[int | str]


class Verified:
    """A record of files in a folder. If it cannot be written, files are hashed again."""

    def __init__(self, folder: Path) -> None:
        """Take the folder; it is not made."""
        self._folder = folder
        self._path = folder / RECORD

    def has(self, file: Path, sha256: str) -> bool:
        """Whether a file had this hash when it was read, and is as it was then."""
        return self._read().get(str(file.resolve())) == _stamp(file, sha256)

    def add(self, file: Path, sha256: str) -> None:
        """Note that a file has this hash, and forget files that are gone."""
        if not self._folder.is_dir():
            return
        files = {name: stamp for name, stamp in self._read().items() if Path(name).is_file()}
        files[str(file.resolve())] = _stamp(file, sha256)
        with suppress(OSError):
            self._write(json.dumps(files, indent=1) + "\n")

    def _read(self) -> dict[str, _Stamp]:
        try:
            found = json.loads(self._path.read_bytes())
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def _write(self, text: str) -> None:
        """Replace the record; of two processes that write, one has to hash once more."""
        handle, temporary = tempfile.mkstemp(dir=self._folder, prefix=f".{RECORD}-")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
            Path(temporary).chmod(0o644)
            Path(temporary).replace(self._path)
        except OSError:
            Path(temporary).unlink(missing_ok=True)
            raise


def _stamp(file: Path, sha256: str) -> _Stamp:
    status = file.stat()
    return [status.st_size, status.st_mtime_ns, status.st_ino, status.st_dev, sha256]


__all__ = ["RECORD", "Verified"]
