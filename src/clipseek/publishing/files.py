"""The files that one published index is made of: written once, compared with their manifest."""

import hashlib
import json
import shutil
import zipfile
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import asdict, fields, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from clipseek.errors import ConfigError, ServiceUnavailable
from clipseek.files import sync
from clipseek.index import FaissIndex
from clipseek.protocols import VectorIndex
from clipseek.publishing.manifest import File, Manifest
from clipseek.publishing.serving import Held, Serving, digests
from clipseek.table import SegmentTable

SEGMENTS, MANIFEST = "segments.npz", "manifest.json"


def write(folder: Path, manifest: Manifest, table: SegmentTable) -> Manifest:
    """Write the files beside those of vectors; return the manifest with the sums of all."""
    np.savez(folder / SEGMENTS, allow_pickle=False, **_arrays(table))
    names = (*manifest.indexes, SEGMENTS)
    manifest = replace(manifest, files={name: _file(folder / name) for name in names})
    manifest = replace(manifest, bytes_per_vector=_bytes_per_vector(manifest))
    (folder / MANIFEST).write_text(json.dumps(asdict(manifest), indent=2) + "\n", "utf-8")
    for path in (*folder.iterdir(), folder):
        sync(path)
    return manifest


def needed_bytes(table: SegmentTable, index: FaissIndex) -> int:
    """Return how large the files will be at least."""
    return index.saved_bytes + sum(array.nbytes for array in _arrays(table).values())


def require_space(folder: Path, needed: int) -> None:
    """Raise ServiceUnavailable if a snapshot of so many bytes does not fit on the disk."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise ServiceUnavailable(
            f"no snapshot can be written to {folder}: the disk is full; it needs {needed} bytes, "
            f"and {free} are free. Searches continue without it; free some space and run "
            "`indexer build`"
        )


def opened(folder: Path, serving: Serving) -> tuple[Manifest, SegmentTable, VectorIndex]:
    """Open the files that this process serves; one that has changed is read to compare its sum.

    Raises:
        ConfigError: FAISS sees no GPU, and one was asked for.
        ServiceUnavailable: they cannot be read or are damaged.
    """
    manifest = read_manifest(folder)
    for problem in problems(folder, manifest, only={SEGMENTS, *serving.here(manifest)}):
        raise damaged(folder, problem)
    table = _read_table(folder / SEGMENTS)
    if len(table) != manifest.count:
        raise damaged(folder, f"it knows {len(table)} segments, its manifest says {manifest.count}")
    index = serving.opened(folder, manifest, table, lambda problem: damaged(folder, problem))
    return manifest, table, index


def shard_in(folder: Path, key: str, digest: str, serving: Serving) -> Held | None:
    """Return the shard that was made from a file of any snapshot in a folder, opened."""
    if (held := serving.held(key, digest)) is not None:
        return held
    for path in folder.glob("snapshot-*"):
        with suppress(ServiceUnavailable, ConfigError):
            if digest in digests(read_manifest(path)).values():
                opened(path, serving)
    return serving.held(key, digest)


def read_manifest(folder: Path) -> Manifest:
    """Return the manifest among the files; raise ServiceUnavailable."""
    try:
        manifest = Manifest.parse((folder / MANIFEST).read_bytes())
    except OSError as error:
        raise damaged(folder, f"{MANIFEST} cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise damaged(folder, f"{MANIFEST}: {error}") from error
    return replace(manifest, bytes_per_vector=_bytes_per_vector(manifest))


def damaged(path: Path, problem: str) -> ServiceUnavailable:
    """Return the error that says what is wrong with a file or a folder."""
    return ServiceUnavailable(f"{path} is damaged: {problem}; run `indexer build`")


def problems(
    folder: Path,
    manifest: Manifest,
    *,
    only: AbstractSet[str] | None = None,
    hash_all: bool = False,
) -> Iterator[str]:
    """Compare the files, or some of them, with the manifest and yield each disagreement.

    Files that are as they were published are hashed with `hash_all` alone.
    """
    if set(manifest.files) != {*manifest.indexes, SEGMENTS}:
        yield f"its manifest lists {sorted(manifest.files)}"
        return
    for name, expected in manifest.files.items():
        if only is not None and name not in only:
            continue
        try:
            found = (folder / name).stat()
            is_as_published = found.st_mtime_ns == expected.mtime_ns and not hash_all
            if found.st_size != expected.bytes:
                yield f"{name} has {found.st_size} bytes, not {expected.bytes}"
            elif not is_as_published and _sha256(folder / name) != expected.sha256:
                yield f"{name} has another checksum than when it was written"
        except OSError as error:
            yield f"{name} cannot be read ({error.strerror})"


def _bytes_per_vector(manifest: Manifest) -> int:
    size = sum(manifest.files[name].bytes for name in manifest.indexes if name in manifest.files)
    return round(size / max(1, manifest.count))


def _read_table(path: Path) -> SegmentTable:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return SegmentTable(**arrays)
    except (OSError, ValueError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise damaged(path, f"it is not a table of segments ({error})") from error


def _arrays(table: SegmentTable) -> dict[str, NDArray[np.generic]]:
    return {field.name: getattr(table, field.name) for field in fields(table)}


def _file(path: Path) -> File:
    status = path.stat()
    return File(bytes=status.st_size, sha256=_sha256(path), mtime_ns=status.st_mtime_ns)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
