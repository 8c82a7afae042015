"""The opened store and the searcher over it: what both applications work with."""

import os
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from clipseek import belonging
from clipseek.cache import NoCache
from clipseek.config import Settings
from clipseek.errors import NoCatalog, ServiceUnavailable
from clipseek.library.collections import Collections
from clipseek.protocols import Cache, CatalogReader, CatalogWriter
from clipseek.publishing import IndexStore
from clipseek.search import Searcher
from clipseek.sources import LOCAL, LocalDisk, Places
from clipseek.thumbnails import Thumbnails

OTHER_FOLDER = "set CLIPSEEK_DATA_DIR or --data-dir to a folder that this user may write"


@dataclass(frozen=True, slots=True)
class Service:
    """What reads: it makes and writes nothing, but for the mark of `claim`."""

    settings: Settings
    catalog: CatalogReader
    searcher: Searcher
    thumbnails: Thumbnails
    indexes: IndexStore
    places: Places = field(default_factory=lambda: Places({LOCAL: LocalDisk()}))
    cache: Cache = field(default_factory=NoCache)

    @property
    def collections(self) -> Collections:
        """The collections that the searcher answers from."""
        return self.searcher.collections

    def close(self) -> None:
        """Stop the thread that keeps collections current, and give back connections."""
        self.collections.close()
        self.cache.close()
        self.catalog.close()

    def check(self) -> None:
        """Raise unless the catalog can be read now; one that is not there yet counts as empty.

        Raises:
            ConfigError: the data folder belongs to another catalog.
            CatalogOutdated: it is of another revision.
            ServiceUnavailable: the database cannot be reached, or the data folder not be read.
        """
        self.catalog.check()
        with suppress(NoCatalog):
            belonging.require(self.settings.data_dir, self.owner())

    def owner(self) -> belonging.Owner:
        """Return whose files are in the data folder; raise NoCatalog."""
        embedded = self.settings.database_url is None
        return belonging.Owner(self.catalog.identity(), embedded=embedded)

    def claim(self) -> None:
        """Make the data folder, and mark it as that of this catalog.

        Raises:
            ConfigError: the folder belongs to another catalog.
            ServiceUnavailable: it cannot be made or written.
        """
        folder = self.settings.data_dir
        make_folder(folder)
        if os.access(folder, os.W_OK):
            belonging.claim(folder, self.owner())
        else:
            belonging.require(folder, self.owner())


@dataclass(frozen=True, slots=True)
class WritingService(Service):
    """A service whose catalog can be changed."""

    catalog: CatalogWriter


def make_folder(path: Path) -> None:
    """Make the data folder; raise ServiceUnavailable."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ServiceUnavailable(
            f"the data folder {path} cannot be made: {error.strerror}; {OTHER_FOLDER}"
        ) from error
