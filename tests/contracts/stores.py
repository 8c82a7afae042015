"""The stores of published indexes that the contract runs over, by name, each below a folder."""

from collections.abc import Callable
from pathlib import Path

from clipseek.publishing import FolderStore, IndexStore
from clipseek.testing import MemoryStore
from tests.examples.sqlite_index_store import SqliteIndexStore

STORES: dict[str, Callable[[Path], IndexStore]] = {
    "folder": FolderStore,
    "memory": lambda _path: MemoryStore(),
    "sqlite": lambda path: SqliteIndexStore(path / "indexes.db"),
}
DURABLE = ("folder", "sqlite")
