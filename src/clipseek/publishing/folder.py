"""Published indexes in a folder: each is written beside the old one, and a pointer swaps it in.

    ROOT/COLLECTION/current              one line: the name of the folder that counts
    ROOT/COLLECTION/snapshot-VERSION/    index.faiss, segments.npz, manifest.json; in the place of
                                         the first, shard-1-of-S.faiss and so on if it is divided
    ROOT/COLLECTION/.lock                locked by the one builder

A snapshot is made in a folder that no reader opens, and `current` is replaced last, so readers see
the old one or the new one. Reading writes nothing. A snapshot is derived from the catalog, so a
damaged one costs a rebuild and no data.
"""

import itertools
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from clipseek.errors import ServiceUnavailable
from clipseek.files import locked, replace, sync
from clipseek.index import Kind
from clipseek.publishing import files
from clipseek.publishing.making import make
from clipseek.publishing.manifest import Manifest
from clipseek.publishing.serving import Held, Serving
from clipseek.publishing.store import Published, require_plain
from clipseek.table import SegmentTable
from clipseek.types import Collection

POINTER, LOCK = "current", ".lock"
_UNFINISHED = ".building"
_NAME = re.compile(r"snapshot-[0-9]+(\.[0-9]+)?")


class FolderStore:
    """Keeps published indexes as files below `root`; to read, that may be a read-only volume.

    What is published is divided into `shards`, and what is opened is served as `serving` says.
    """

    def __init__(self, root: Path, *, shards: int = 1, serving: Serving | None = None) -> None:
        self.root = root
        self.shards = shards
        self._serving = Serving() if serving is None else serving

    def pointer(self, key: str) -> str | None:
        """Return the name of the published snapshot's folder; see `IndexStore`."""
        path = self._folder(key) / POINTER
        try:
            name = path.read_text("utf-8").strip()
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise ServiceUnavailable(f"{path} cannot be read: {error}") from error
        if not _NAME.fullmatch(name):
            raise files.damaged(path, f"it does not name a snapshot but {name[:80]!r}")
        return name

    def manifest(self, key: str) -> Manifest | None:
        """Return the manifest of the published snapshot; see `IndexStore`."""
        name = self.pointer(key)
        return None if name is None else files.read_manifest(self._folder(key) / name)

    def open(self, key: str) -> Published | None:
        """Map the published snapshot; see `IndexStore`.

        A file that is not as it was published is compared with its check sum, which reads it once.

        Raises:
            ConfigError: FAISS sees no GPU, and one was asked for.
            ServiceUnavailable: it cannot be read or is damaged.
        """
        while (name := self.pointer(key)) is not None:
            try:
                manifest, table, index = files.opened(self._folder(key) / name, self._serving)
            except ServiceUnavailable:
                if self.pointer(key) == name:
                    raise  # or else a builder has replaced it and swept it away meanwhile
                continue
            return Published(name, manifest, table, index)
        return None

    def shard(self, key: str, digest: str) -> Held | None:
        """Return the shard that was made from a file, for a peer; see `ShardStore`."""
        return files.shard_in(self._folder(key), key, digest, self._serving)

    def damage(self, key: str) -> list[str]:
        """Hash the files and open them; see `IndexStore`."""
        try:
            name = self.pointer(key)
            if name is None:
                return []
            folder = self._folder(key) / name
            manifest = files.read_manifest(folder)
            if found := list(files.problems(folder, manifest, hash_all=True)):
                return [str(files.damaged(folder, problem)) for problem in found]
            files.opened(folder, Serving())
        except ServiceUnavailable as error:
            return [str(error)]
        return []

    @contextmanager
    def building(self, key: str) -> Iterator[Manifest | None]:
        """Hold the lock of a key; see `IndexStore`. What a killed builder left is deleted."""
        folder = self._folder(key)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with locked(folder / LOCK):
                try:
                    _remove(folder / _UNFINISHED)
                    yield self._sound(key)
                finally:
                    _remove(folder / _UNFINISHED)
        except OSError as error:
            raise ServiceUnavailable(
                f"no snapshot can be written to {folder}: {error.strerror or error}; "
                "searches continue without it; free some space or correct the permissions, and run "
                "`indexer build`"
            ) from error

    def remove(self, key: str) -> None:
        """Delete the pointer and then the snapshots; the lock stays, because builders may wait."""
        folder = self._folder(key)
        if not folder.exists():
            return
        with self.building(key):
            (folder / POINTER).unlink(missing_ok=True)
            sync(folder)
            for path in folder.glob("snapshot-*"):
                _remove(path)

    def forget(self, key: str) -> None:
        """Delete all snapshots but the one that the pointer names."""
        if not self._folder(key).exists():
            return
        with self.building(key):
            current = self.pointer(key)
            for path in self._folder(key).glob("snapshot-*"):
                if path.name != current:
                    _remove(path)

    def publish(
        self,
        key: str,
        collection: Collection,
        rows: SegmentTable,
        vectors: NDArray[np.float32],
        *,
        history: str,
        queries: NDArray[np.float32] | None = None,
        kind: Kind | Literal["auto"] = "auto",
    ) -> Manifest:
        """Write the files, move the pointer, and delete all but this and the one before."""
        folder = self._folder(key)
        kept = set[str]()
        with suppress(FileNotFoundError):
            kept.add((folder / POINTER).read_text("utf-8", "replace").strip())
        unfinished = folder / _UNFINISHED
        unfinished.mkdir()
        manifest = make(
            unfinished,
            collection,
            rows,
            vectors,
            shards=self.shards,
            history=history,
            queries=queries,
            kind=kind,
        )
        name = _free_name(folder, manifest.version)
        unfinished.rename(folder / name)
        sync(folder)
        replace(folder / POINTER, f"{name}\n".encode())
        for path in folder.glob("snapshot-*"):
            if path.name not in kept | {name}:
                _remove(path)
        return manifest

    def _sound(self, key: str) -> Manifest | None:
        """Return the manifest of the published snapshot, if there is one without damage."""
        try:
            name = self.pointer(key)
            if name is None:
                return None
            folder = self._folder(key) / name
            manifest = files.read_manifest(folder)
        except ServiceUnavailable:
            return None
        return None if any(files.problems(folder, manifest)) else manifest

    def _folder(self, key: str) -> Path:
        """Return a collection's folder; a name that would lead out of the root is refused."""
        require_plain(key)
        return self.root / key


def _free_name(folder: Path, version: int) -> str:
    """Return a name of no folder yet: one of this version may be damaged, yet in use."""
    name = f"snapshot-{version}"
    numbered = (f"{name}.{number}" for number in itertools.count(2))
    return next(n for n in itertools.chain([name], numbered) if not (folder / n).exists())


def _remove(path: Path) -> None:
    """Delete a folder as far as that goes; the next builder deletes the rest."""
    shutil.rmtree(path, ignore_errors=True)
