"""A file that appears when it is complete."""

import secrets
from pathlib import Path
from types import TracebackType
from typing import Self


class Sink:
    """Writes beside a new file, and gives it its name at the end; otherwise nothing is left."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
        self._file = self._beside.open("xb")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()
        self._beside.unlink(missing_ok=True)

    def write(self, chunk: bytes) -> None:
        """Add bytes."""
        self._file.write(chunk)

    def keep(self) -> None:
        """Let the file appear."""
        self._file.close()
        self._beside.replace(self._path)
