"""The opened store and the searcher over it: what both applications work with."""

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self

from clipseek import belonging
from clipseek.cache import NoCache
from clipseek.config import Settings
from clipseek.datafolder import make_folder
from clipseek.errors import NoCatalog
from clipseek.keys import KeyReader, NoKeys
from clipseek.library.collections import Collections
from clipseek.protocols import Cache, CatalogReader, CatalogWriter
from clipseek.publishing import IndexStore, Serving
from clipseek.query import Query
from clipseek.search import Answer, Searcher
from clipseek.sources import LOCAL, LocalDisk, Places
from clipseek.thumbnails import Thumbnails


@dataclass(frozen=True, slots=True)
class Service:
    """What reads: it makes and writes nothing, except the mark of `claim`.

    A context manager, which closes it.
    """

    settings: Settings
    catalog: CatalogReader
    searcher: Searcher
    thumbnails: Thumbnails
    indexes: IndexStore
    places: Places = field(default_factory=lambda: Places({LOCAL: LocalDisk()}))
    cache: Cache = field(default_factory=NoCache)
    keys: KeyReader = field(default_factory=NoKeys)
    serving: Serving = field(default_factory=Serving)

    @property
    def collections(self) -> Collections:
        """The collections that the searcher answers from."""
        return self.searcher.collections

    def search(self, queries: Sequence[Query]) -> list[Answer]:
        """Answer each query; one that cannot be answered has its error in its place."""
        return self.searcher.search(queries)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop the thread that keeps collections current, and give back connections."""
        self.collections.close()
        self.serving.close()
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
