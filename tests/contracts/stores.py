"""The stores of published indexes that the contract runs over, by name, each below a folder."""

import shutil
from collections.abc import Callable
from pathlib import Path

from clipseek import buckets
from clipseek.publishing import BucketStore, FolderStore, IndexStore
from clipseek.testing import MemoryStore
from tests.contracts import milvus, s3
from tests.examples.sqlite_index_store import SqliteIndexStore


def url(path: Path) -> str:
    """Return where the bucket's store keeps what is published for the folder of a test."""
    return f"s3://{s3.BUCKET}/snapshots/{path.name}"


STORES: dict[str, Callable[[Path], IndexStore]] = {
    "bucket": lambda path: BucketStore(lambda: url(path), path),
    "divided": lambda path: FolderStore(path, shards=3),
    "divided bucket": lambda path: BucketStore(lambda: url(path), path, shards=2),
    "folder": FolderStore,
    "milvus": lambda path: milvus.server().store(path),
    "memory": lambda _path: MemoryStore(),
    "sqlite": lambda path: SqliteIndexStore(path / "indexes.db"),
}
DURABLE = ("bucket", "divided", "folder", "sqlite")


def spoil(name: str, path: Path) -> None:
    """Change a byte in the middle of the largest file of a store, or of its largest object."""
    if "bucket" in name:
        bucket = buckets.Folder(url(path))
        largest = max(bucket.list("default"), key=lambda each: each.size_bytes).name
        bucket.put(largest, _spoilt(bucket.get(largest)))
        shutil.rmtree(path / "default")  # what was fetched before
        return
    file = max((p for p in path.rglob("*") if p.is_file()), key=lambda p: p.stat().st_size)
    file.write_bytes(_spoilt(file.read_bytes()))


def _spoilt(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
