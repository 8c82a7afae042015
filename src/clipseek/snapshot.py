"""The published index of a collection: written beside the old one, and swapped in by a pointer.

    ROOT/COLLECTION/current              one line: the name of the folder that counts
    ROOT/COLLECTION/snapshot-VERSION/    index.faiss, segments.npz, manifest.json
    ROOT/COLLECTION/.lock                held by the one builder

A snapshot is made in a folder that no reader looks at, and `current` is replaced last: readers see
the old one or the new one. Reading writes nothing. A snapshot is derived from the catalog, so that
one that is damaged costs a rebuild and no data.
"""

import fcntl
import hashlib
import itertools
import json
import os
import re
import shutil
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from clipseek.errors import ServiceUnavailable
from clipseek.index import FaissIndex, Kind
from clipseek.protocols import CatalogReader
from clipseek.table import SegmentTable
from clipseek.types import Collection, SegmentBlock

FORMAT = 3
# Formats that are read, with the names that kinds of index had in them.
_KINDS_WERE: dict[int, dict[str, str]] = {
    1: {"flat": "exact", "ivf": "ivf-flat"},
    2: {},
    FORMAT: {},
}
POINTER, LOCK, MANIFEST = "current", ".lock", "manifest.json"
INDEX, SEGMENTS = "index.faiss", "segments.npz"
# How many changes before a snapshot tell whether it is of this database's past.
_TAIL = 64
_UNFINISHED, _NEXT_POINTER = ".building", ".current"
_NAME = re.compile(r"snapshot-[0-9]+(\.[0-9]+)?")


@dataclass(frozen=True, slots=True)
class File:
    """What a file of a snapshot must be; `mtime_ns` is 0 where it was not recorded.

    A file of this size and time of change is taken to be the one that was written: hashing an
    index of gigabytes takes seconds, and `indexer verify` does it.
    """

    bytes: int
    sha256: str
    mtime_ns: int = 0


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a snapshot was made from and how; `files` holds the check sums of the others.

    `history` is the hash of the last changes up to `version`, or empty where it was not recorded.
    `created_at` is in UTC, as RFC 3339 writes it. `kind` is how the index is searched, `asked` what
    was asked for; `bytes_per_vector` is the size of its file over `count`. `scoring` is the hash of
    what the biases were made by, or empty where that was not recorded.
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


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One opened snapshot; the index is mapped, and stays readable when the files are deleted."""

    name: str
    manifest: Manifest
    table: SegmentTable
    index: FaissIndex

    @property
    def ids(self) -> NDArray[np.int64]:
        """The segment ids, ascending: int64 (N,)."""
        return self.table.ids


def write(
    root: Path,
    collection: Collection,
    blocks: Iterable[SegmentBlock],
    *,
    queries: NDArray[np.float32] | None = None,
    kind: Kind | Literal["auto"] = "auto",
    history: str = "",
) -> Manifest:
    """Make a snapshot of a collection at its version, publish it and return its manifest.

    One builder works at a time, others wait. Where a sound snapshot of this version or a later one
    is already published, for which the same kind was asked, nothing is done and its manifest is
    returned.

    Args:
        root: The folder of all snapshots.
        collection: As it was when `blocks` were read.
        blocks: All segments.
        queries: Vectors of sentences to tune the index for; see `FaissIndex.build`.
        kind: Of the index; see there.
        history: `history` of the changes of the collection, to recognise a restored database.

    Raises:
        ServiceUnavailable: the folder cannot be written, or the disk is full. What was published
            before still is.
    """
    with _builder(root, collection.name) as folder:
        published = _sound(root, collection.name)
        wanted = (collection.version, kind)
        if published is not None and (published.version, published.asked) == wanted:
            return published
        if published is not None and published.version > collection.version:
            return published
        table, vectors = SegmentTable.of(blocks, collection.dim)
        index = FaissIndex.build(vectors, table.ids, queries=queries, kind=kind)
        return _publish(folder, _manifest(collection, index, history, kind), table, index)


def build(
    catalog: CatalogReader,
    root: Path,
    name: str,
    *,
    queries: Callable[[], NDArray[np.float32]] | None = None,
    kind: Kind | Literal["auto"] = "auto",
) -> Manifest:
    """Make and publish a snapshot of a collection as its catalog is now, like `write`.

    `queries` is called where an index is built. Where the snapshot that is published is of the
    catalog as it is now, this costs a few rows and a look at each file.

    The one builder reads the catalog itself, so that it knows a published snapshot that is not of
    the catalog's past (an older database was restored), and replaces even one of a later version.
    """
    with _builder(root, name) as folder:
        published = _sound(root, name)
        with catalog.consistent(name) as now:
            collection = now.collection(name)
            past = history(now, name, collection.version)
            wanted = (collection.version, kind)
            same = published is not None and (published.version, published.asked) == wanted
            if published is not None and same and not mismatch(published, now, collection):
                return published
            table, vectors = SegmentTable.of(now.blocks(name), collection.dim)
        asked = None if queries is None else queries()
        index = FaissIndex.build(vectors, table.ids, queries=asked, kind=kind)
        return _publish(folder, _manifest(collection, index, past, kind), table, index)


def open_current(root: Path, collection: str) -> Snapshot | None:
    """Open the published snapshot of a collection, or return None where there is none.

    A file that is not as it was published is compared with its check sum, which reads it once.
    The folder `root` of all snapshots may be read-only.

    Raises:
        ServiceUnavailable: it cannot be read or is damaged.
    """
    while (name := pointer(root, collection)) is not None:
        try:
            return _open(_folder(root, collection) / name)
        except ServiceUnavailable:
            if pointer(root, collection) == name:
                raise  # or else a builder has replaced it and swept it away meanwhile
    return None


def pointer(root: Path, collection: str) -> str | None:
    """Return the name of the published snapshot's folder, or None; raise ServiceUnavailable."""
    path = _folder(root, collection) / POINTER
    try:
        name = path.read_text("utf-8").strip()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise ServiceUnavailable(f"{path} cannot be read: {error}") from error
    if not _NAME.fullmatch(name):
        raise _damaged(path, f"it names no snapshot but {name[:80]!r}")
    return name


def current_manifest(root: Path, collection: str) -> Manifest | None:
    """Return the manifest of the published snapshot, or None; raise ServiceUnavailable."""
    name = pointer(root, collection)
    return None if name is None else _read_manifest(_folder(root, collection) / name)


def verify(root: Path, collection: str) -> list[str]:
    """Return what is wrong with the published snapshot, if there is one."""
    try:
        name = pointer(root, collection)
        if name is None:
            return []
        folder = _folder(root, collection) / name
        if found := list(_problems(folder, _read_manifest(folder), hash_all=True)):
            return [str(_damaged(folder, problem)) for problem in found]
        _open(folder)
    except ServiceUnavailable as error:
        return [str(error)]
    return []


def history(catalog: CatalogReader, name: str, version: int) -> str:
    """Return a hash of the last changes of a collection up to a version."""
    digest = hashlib.sha256()
    for change in catalog.changes(name, max(0, version - _TAIL)):
        if change.version <= version:
            digest.update(f"{change.version} {change.kind} {change.video_id}\n".encode())
    return digest.hexdigest()


def mismatch(manifest: Manifest, catalog: CatalogReader, collection: Collection) -> str:
    """Return why a snapshot is not of this collection's past, or the empty string."""
    if (manifest.collection, manifest.dim) != (collection.name, collection.dim):
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


def _open(folder: Path) -> Snapshot:
    manifest = _read_manifest(folder)
    for problem in _problems(folder, manifest):
        raise _damaged(folder, problem)
    table = _read_table(folder / SEGMENTS)
    index = FaissIndex.load(folder / INDEX, table.ids, recall=manifest.recall_at_10)
    if (len(table), index.dim, index.kind) != (manifest.count, manifest.dim, manifest.kind):
        raise _damaged(
            folder,
            f"it holds {len(table)} vectors of {index.dim} dimensions ({index.kind}), its manifest "
            f"says {manifest.count} of {manifest.dim} ({manifest.kind})",
        )
    return Snapshot(folder.name, manifest, table, index)


def _problems(folder: Path, manifest: Manifest, *, hash_all: bool = False) -> Iterator[str]:
    """Compare the files with the manifest and yield each disagreement.

    Files that are as they were published are hashed with `hash_all` alone.
    """
    if set(manifest.files) != {INDEX, SEGMENTS}:
        yield f"its manifest lists {sorted(manifest.files)}"
        return
    for name, expected in manifest.files.items():
        try:
            found = (folder / name).stat()
            is_as_published = found.st_mtime_ns == expected.mtime_ns and not hash_all
            if found.st_size != expected.bytes:
                yield f"{name} has {found.st_size} bytes, not {expected.bytes}"
            elif not is_as_published and _sha256(folder / name) != expected.sha256:
                yield f"{name} has another check sum than when it was written"
        except OSError as error:
            yield f"{name} cannot be read ({error.strerror})"


def _read_manifest(folder: Path) -> Manifest:
    path = folder / MANIFEST
    try:
        manifest = TypeAdapter(Manifest).validate_json(path.read_bytes())
    except OSError as error:
        raise _damaged(folder, f"{MANIFEST} cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise _damaged(folder, f"{MANIFEST} is no manifest") from error
    if manifest.format not in _KINDS_WERE:
        raise _damaged(folder, f"it has format {manifest.format}, this release reads {FORMAT}")
    kind = _KINDS_WERE[manifest.format].get(manifest.kind, manifest.kind)
    return replace(manifest, kind=kind, bytes_per_vector=_bytes_per_vector(manifest))


def _bytes_per_vector(manifest: Manifest) -> int:
    size = manifest.files[INDEX].bytes if INDEX in manifest.files else 0
    return round(size / max(1, manifest.count))


def _read_table(path: Path) -> SegmentTable:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return SegmentTable(**arrays)
    except (OSError, ValueError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise _damaged(path, f"it holds no table of segments ({error})") from error


def _damaged(path: Path, problem: str) -> ServiceUnavailable:
    return ServiceUnavailable(f"{path} is damaged: {problem}; run `indexer build`")


def _folder(root: Path, collection: str) -> Path:
    """Return a collection's folder; a name that would lead out of the root is refused."""
    if not collection or collection.startswith(".") or set(collection) & {"/", "\\", "\0"}:
        raise ValueError(f"collection must be a plain name, got {collection!r}")
    return root / collection


@contextmanager
def _builder(root: Path, collection: str) -> Iterator[Path]:
    """Be the one builder of a collection; what a killed one left behind is swept."""
    folder = _folder(root, collection)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / LOCK).open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            try:
                _remove(folder / _UNFINISHED)
                yield folder
            finally:
                _remove(folder / _UNFINISHED)
    except OSError as error:
        raise ServiceUnavailable(
            f"no snapshot can be written to {folder}: {error.strerror or error}; "
            "searches go on without it, free the disk or fix its rights and run `indexer build`"
        ) from error


def _sound(root: Path, collection: str) -> Manifest | None:
    """Return the manifest of the published snapshot where there is one without damage."""
    try:
        name = pointer(root, collection)
        if name is None:
            return None
        folder = _folder(root, collection) / name
        manifest = _read_manifest(folder)
    except ServiceUnavailable:
        return None
    return None if any(_problems(folder, manifest)) else manifest


def _manifest(
    collection: Collection, index: FaissIndex, past: str, asked: Kind | Literal["auto"]
) -> Manifest:
    return Manifest(
        format=FORMAT,
        collection=collection.name,
        model=collection.model,
        fingerprint=collection.fingerprint,
        dim=collection.dim,
        count=len(index),
        version=collection.version,
        kind=index.kind,
        recall_at_10=index.recall,
        nprobe=index.nprobe,
        history=past,
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        files={},
        asked=asked,
        scoring=_hash(collection),
    )


def _publish(folder: Path, manifest: Manifest, table: SegmentTable, index: FaissIndex) -> Manifest:
    """Write the files, then move the pointer, then delete all but this and the one before."""
    kept = set[str]()
    with suppress(FileNotFoundError):
        kept.add((folder / POINTER).read_text("utf-8", "replace").strip())
    unfinished = folder / _UNFINISHED
    unfinished.mkdir()
    # Looked at before, because FAISS prints in words of its own that it could write no more.
    _require_space(folder, index.saved_bytes + sum(a.nbytes for a in _arrays(table).values()))
    index.save(unfinished / INDEX)
    np.savez(unfinished / SEGMENTS, allow_pickle=False, **_arrays(table))
    manifest = replace(
        manifest, files={name: _file(unfinished / name) for name in (INDEX, SEGMENTS)}
    )
    manifest = replace(manifest, bytes_per_vector=_bytes_per_vector(manifest))
    (unfinished / MANIFEST).write_text(json.dumps(asdict(manifest), indent=2) + "\n", "utf-8")
    for path in (*unfinished.iterdir(), unfinished):
        _sync(path)
    name = _free_name(folder, manifest.version)
    unfinished.rename(folder / name)
    _sync(folder)
    _point(folder, name)
    for path in folder.glob("snapshot-*"):
        if path.name not in kept | {name}:
            _remove(path)
    return manifest


def _require_space(folder: Path, needed: int) -> None:
    """Raise ServiceUnavailable where a snapshot of so many bytes does not fit on the disk."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise ServiceUnavailable(
            f"no snapshot can be written to {folder}: the disk is full; it needs {needed} bytes, "
            f"and {free} are free. Searches go on without it; free some space and run "
            "`indexer build`"
        )


def _arrays(table: SegmentTable) -> dict[str, NDArray[np.generic]]:
    return {field.name: getattr(table, field.name) for field in fields(table)}


def _free_name(folder: Path, version: int) -> str:
    """Return a name of no folder yet: one of this version may be damaged, yet in use."""
    name = f"snapshot-{version}"
    numbered = (f"{name}.{number}" for number in itertools.count(2))
    return next(n for n in itertools.chain([name], numbered) if not (folder / n).exists())


def _point(folder: Path, name: str) -> None:
    following = folder / _NEXT_POINTER
    following.write_text(f"{name}\n", "utf-8")
    _sync(following)
    following.replace(folder / POINTER)
    _sync(folder)


def _file(path: Path) -> File:
    status = path.stat()
    return File(bytes=status.st_size, sha256=_sha256(path), mtime_ns=status.st_mtime_ns)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    """Have the file, or the names in the folder, on the disk before going on."""
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _remove(path: Path) -> None:
    """Delete a folder as far as that goes; the next builder deletes the rest."""
    shutil.rmtree(path, ignore_errors=True)
