"""A little space that an ingest keeps free, so that videos can be removed when the disk is full."""

import os
from contextlib import suppress

from clipseek.config import Settings

RESERVE = "reserve"
RESERVE_BYTES = 1 << 20
"""SQLite's log of a removal: some 70 kB for a video of 2000 segments, and 32 kB for its index."""


def keep(settings: Settings) -> None:
    """Make the reserve beside a catalog in SQLite, unless it exists or there is no space."""
    path = settings.data_dir / RESERVE
    if settings.database_url is not None or path.exists():
        return
    try:
        with path.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, RESERVE_BYTES)
    except OSError:
        give_back(settings)


def give_back(settings: Settings) -> None:
    """Free the space of the reserve."""
    with suppress(OSError):
        (settings.data_dir / RESERVE).unlink()


__all__ = ["RESERVE", "RESERVE_BYTES", "give_back", "keep"]
