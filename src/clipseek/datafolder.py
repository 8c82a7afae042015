"""The data folder: whether it can be read and written, said before something else fails over it."""

import os
from pathlib import Path

from clipseek.errors import ServiceUnavailable

OTHER_FOLDER = "set CLIPSEEK_DATA_DIR or --data-dir to a folder that this user can write"


def make_folder(path: Path) -> None:
    """Make the data folder; raise ServiceUnavailable."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ServiceUnavailable(
            f"the data folder {path} cannot be made: {error.strerror}; {OTHER_FOLDER}"
        ) from error


def holds(folder: Path, name: str) -> bool:
    """Whether a file is in the data folder.

    Raises:
        ServiceUnavailable: the folder cannot be looked at, so the file may be there.
    """
    try:
        (folder / name).stat()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise ServiceUnavailable(
            f"the data folder {folder} cannot be read: {error.strerror}; {OTHER_FOLDER}"
        ) from error
    return True


def require_writable(path: Path) -> None:
    """Raise ServiceUnavailable before SQLite does, which only says that it cannot open a file."""
    effective = os.access in os.supports_effective_ids
    if not os.access(path, os.W_OK | os.X_OK, effective_ids=effective):
        raise ServiceUnavailable(f"the data folder {path} cannot be written; {OTHER_FOLDER}")
