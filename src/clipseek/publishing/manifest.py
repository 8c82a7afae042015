"""What a published index was made from and how, and whether it is of a collection's past."""

import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal

from pydantic import TypeAdapter

from clipseek.index import Kind, Reach
from clipseek.protocols import CatalogReader
from clipseek.types import Collection

FORMAT = 3
INDEX = "index.faiss"
"""The file of the vectors, if the index is not divided."""
# Formats that are read, with the names that kinds of index had in them.
_KINDS_WERE: dict[int, dict[str, str]] = {
    1: {"flat": "exact", "ivf": "ivf-flat"},
    2: {},
    FORMAT: {},
}
# How many changes before a snapshot tell whether it is of this database's past.
TAIL = 64


def shard_file(number: int, shards: int) -> str:
    """Return the name of the file of a shard."""
    return f"shard-{number}-of-{shards}.faiss"


@dataclass(frozen=True, slots=True)
class File:
    """What a file of a snapshot must be; `mtime_ns` is 0 if it was not recorded.

    A file with this size and time of change counts as the one that was written, because hashing an
    index of gigabytes takes seconds; `indexer verify` does it.
    """

    bytes: int
    sha256: str
    mtime_ns: int = 0


@dataclass(frozen=True, slots=True)
class Piece:
    """One shard of a divided index, and how its vectors are searched; see `FaissIndex`."""

    count: int
    kind: Kind
    recall_at_10: float
    nprobe: int
    reach: Reach = ()


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a snapshot was made from and how.

    `files` contains the checksums of the other files, if a store has files.
    `history` is the hash of the last changes up to `version`, or empty if it was not recorded.
    `created_at` is in UTC, as RFC 3339 writes it. `kind` is how the index is searched, `asked` what
    was asked for; `bytes_per_vector` is the size of its file over `count`. `scoring` is the hash of
    what the biases were computed with, or empty if that was not recorded. `shards` are the parts of
    a divided index, or none; then `kind` names all kinds of them, and `recall_at_10` is the least.
    `reach` is that of an index that is not divided, or empty if it was not recorded.
    """

    format: int
    collection: str
    model: str
    fingerprint: str
    dim: int
    count: int
    version: int
    kind: str
    recall_at_10: float
    nprobe: int
    history: str
    created_at: str
    files: dict[str, File]
    asked: str = "auto"
    bytes_per_vector: int = 0
    scoring: str = ""
    shards: tuple[Piece, ...] = ()
    reach: Reach = ()

    @property
    def indexes(self) -> tuple[str, ...]:
        """The names of the files of vectors: one, or one for each shard in their order."""
        count = len(self.shards)
        return tuple(shard_file(number, count) for number in range(1, count + 1)) or (INDEX,)

    @classmethod
    def of(
        cls,
        collection: Collection,
        count: int,
        *,
        kind: str,
        recall: float,
        nprobe: int = 0,
        reach: Reach = (),
        history: str,
        asked: Kind | Literal["auto"],
        shards: tuple[Piece, ...] = (),
    ) -> "Manifest":
        """Describe an index over `count` vectors of a collection, which is made now."""
        return cls(
            format=FORMAT,
            collection=collection.key,
            model=collection.model,
            fingerprint=collection.fingerprint,
            dim=collection.dim,
            count=count,
            version=collection.version,
            kind=kind,
            recall_at_10=recall,
            nprobe=nprobe,
            reach=reach,
            history=history,
            created_at=datetime.now(UTC).isoformat(timespec="seconds"),
            files={},
            asked=asked,
            scoring=_hash(collection),
            shards=shards,
        )

    @classmethod
    def parse(cls, content: bytes) -> "Manifest":
        """Read one from JSON, of this format or a former one.

        Raises:
            ValueError: it is not a manifest, or of a format that this release does not read.
        """
        try:
            manifest = TypeAdapter(Manifest).validate_json(content)
        except ValueError as error:
            raise ValueError("it is not a manifest") from error
        if manifest.format not in _KINDS_WERE:
            raise ValueError(f"it has format {manifest.format}, this release reads {FORMAT}")
        kind = _KINDS_WERE[manifest.format].get(manifest.kind, manifest.kind)
        return replace(manifest, kind=kind)


def history(catalog: CatalogReader, name: str, version: int) -> str:
    """Return a hash of a collection's epoch and of its last changes up to a version.

    The epoch distinguishes it from a removed collection of the same name with equal changes.

    If some of them were pruned, the hash differs, so that a reader that is so far behind reads the
    whole catalog again: changes after the version may be gone too.
    """
    digest = hashlib.sha256(catalog.collection(name).epoch.encode())
    start = max(0, version - TAIL)
    found = catalog.changes(name, start)
    if found and found[0].version != start + 1:  # versions have no gaps
        digest.update(f"pruned before {found[0].version}\n".encode())
    for change in found:
        if change.version <= version:
            digest.update(f"{change.version} {change.kind} {change.video_id}\n".encode())
    return digest.hexdigest()


def mismatch(manifest: Manifest, catalog: CatalogReader, collection: Collection) -> str:
    """Return why a snapshot is not of this collection's past, or the empty string."""
    if (manifest.collection, manifest.dim) != (collection.key, collection.dim):
        return f"it is of collection {manifest.collection!r} with {manifest.dim} dimensions"
    if manifest.fingerprint != collection.fingerprint:
        return f"it is of another model, {manifest.model!r} ({manifest.fingerprint[:12]})"
    if manifest.version > collection.version:
        return (
            f"it is of version {manifest.version}, newer than the catalog's {collection.version}: "
            "was an older database restored?"
        )
    if manifest.history and manifest.history != history(catalog, collection.name, manifest.version):
        return f"its changes up to version {manifest.version} are not those of the catalog"
    return ""


def has_biases_of(manifest: Manifest, collection: Collection) -> bool:
    """Whether a snapshot of this collection's past has the biases that the collection has now."""
    return manifest.version >= collection.scored_at and manifest.scoring == _hash(collection)


def _hash(collection: Collection) -> str:
    return "" if collection.scoring is None else collection.scoring.hash
