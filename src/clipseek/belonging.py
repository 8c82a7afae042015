"""Which catalog a data folder belongs to: files of two would be mixed, or swept."""

import json
import os
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from clipseek.errors import ConfigError, ServiceUnavailable

MARK = "catalog.json"
"""The file in a data folder that names its catalog."""


@dataclass(frozen=True, slots=True)
class Owner:
    """A catalog, and whether it is the database inside the folder, `catalog.db`."""

    id: str
    embedded: bool


def owner(data_dir: Path) -> Owner | None:
    """Return the catalog that a data folder belongs to, None where nobody has claimed it.

    Raises:
        ServiceUnavailable: the mark cannot be read.
    """
    path = data_dir / MARK
    try:
        found = json.loads(path.read_text("utf-8"))
        return Owner(str(found["id"]), bool(found["embedded"]))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ServiceUnavailable(
            f"{path} cannot be read as the mark of a catalog ({error}); restore the file, or "
            "delete it if the folder belongs to the database that you use now"
        ) from error


def claim(data_dir: Path, catalog: Owner) -> None:
    """Make sure that the folder belongs to this catalog; one without an owner is taken.

    A database inside the folder that was replaced by another one takes the folder over.

    Raises:
        ConfigError: it belongs to another catalog. Nothing was changed.
        ServiceUnavailable: the mark cannot be read or written.
    """
    require(data_dir, catalog)
    if owner(data_dir) != catalog:
        _write(data_dir / MARK, json.dumps(asdict(catalog)) + "\n")


def require(data_dir: Path, catalog: Owner) -> None:
    """Make sure that the folder does not belong to another catalog; nothing is written.

    Raises:
        ConfigError: it belongs to another catalog.
        ServiceUnavailable: the mark cannot be read.
    """
    found = owner(data_dir)
    if found not in (None, catalog) and not (found.embedded and catalog.embedded):
        raise ConfigError(
            f"the data folder {data_dir} belongs to another catalog: its pictures and snapshots "
            "would be mixed with this one's, or deleted. Set CLIPSEEK_DATA_DIR (--data-dir) to a "
            f"folder of this database's own; or delete {data_dir / MARK} if that catalog is gone"
        )


def _write(path: Path, text: str) -> None:
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except OSError as error:
        raise ServiceUnavailable(
            f"{path} cannot be written: {error.strerror}; free some space, or let this user write "
            "in the data folder"
        ) from error
