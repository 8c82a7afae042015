"""Published indexes in a bucket: each is uploaded beside the old one, and a pointer swaps it in.

    URL/COLLECTION/current                    the name of the snapshot that counts, and in further
                                              lines its files and the tags of their states
    URL/COLLECTION/snapshot-VERSION-RANDOM/   index.faiss, or a file for each shard, segments.npz,
                                              manifest.json

The pointer is written last, and only if nobody has written it since the builder looked, so that of
two builders on two machines one is refused. A snapshot is made in a local folder, and a reader
fetches it into one, once: FAISS maps files.
"""

import hashlib
import os
import re
import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from clipseek.buckets import Folder
from clipseek.errors import ConfigError, ServiceUnavailable
from clipseek.files import locked
from clipseek.index import Kind
from clipseek.protocols import VectorIndex
from clipseek.publishing import files
from clipseek.publishing.making import make
from clipseek.publishing.manifest import Manifest
from clipseek.publishing.serving import Held, Serving, digests
from clipseek.publishing.store import NotReached, Published, require_plain
from clipseek.table import SegmentTable
from clipseek.types import Collection

POINTER, LOCK = "current", ".lock"
_NAME = re.compile(r"snapshot-[0-9]+-[0-9a-f]{12}")
_MAKING = ".making-"
_ABANDONED_S = 24 * 3600.0
_KEPT = 2
"""Fetched snapshots that stay in the local folder: this one, and the one that is replaced."""


class BucketStore:
    """Keeps published indexes below the URL of a bucket, and fetches them into the folder `local`.

    `url` is asked when the store is used. What is published is divided into `shards`, and of what
    is opened, those files are fetched that `serving` searches here.
    """

    def __init__(
        self,
        url: Callable[[], str],
        local: Path,
        *,
        shards: int = 1,
        serving: Serving | None = None,
    ) -> None:
        self._url = url
        self._local = local
        self.shards = shards
        self._serving = Serving() if serving is None else serving
        self._builder = threading.local()

    @property
    def _bucket(self) -> Folder:
        return Folder(self._url())

    def pointer(self, key: str) -> str | None:
        """Return the name of the published snapshot; see `IndexStore`."""
        lines = self._pointed(key)
        return lines[0] if lines else None

    def manifest(self, key: str) -> Manifest | None:
        """Return the manifest of the published snapshot; see `IndexStore`."""
        while (name := self.pointer(key)) is not None:
            try:
                return self._manifest(key, name)
            except ServiceUnavailable:
                if self.pointer(key) == name:
                    raise  # or else a builder has replaced it and deleted it meanwhile
        return None

    def open(self, key: str) -> Published | None:
        """Map the published snapshot, fetched unless it is here; see `IndexStore`."""
        while (name := self.pointer(key)) is not None:
            try:
                manifest, table, index = self._opened(key, name)
            except ServiceUnavailable:
                if self.pointer(key) == name:
                    raise
                continue
            return Published(name, manifest, table, index)
        return None

    def shard(self, key: str, digest: str) -> Held | None:
        """Return the shard that was made from a file, for a peer, fetched; see `ShardStore`."""
        found = files.shard_in(self._folder(key), key, digest, self._serving)
        if found is not None or (manifest := self.manifest(key)) is None:
            return found
        if digest in digests(manifest).values():
            with suppress(ConfigError):  # nobody may be known for the other shards
                self.open(key)
        return self._serving.held(key, digest)

    def damage(self, key: str) -> list[str]:
        """Fetch the files once more and compare them; see `IndexStore`."""
        try:
            name = self.pointer(key)
            if name is None:
                return []
            manifest = self._manifest(key, name)
            for file, expected in manifest.files.items():
                digest, size = hashlib.sha256(), 0
                for block in self._blocks(key, name, file):
                    digest.update(block)
                    size += len(block)
                if (size, digest.hexdigest()) != (expected.bytes, expected.sha256):
                    return [str(self._damaged(key, name, f"{file} is not as it was written"))]
        except ServiceUnavailable as error:
            return [str(error)]
        return []

    @contextmanager
    def building(self, key: str) -> Iterator[Manifest | None]:
        """Be the one builder of this machine, and remember the pointer; see `IndexStore`."""
        folder = self._folder(key)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with locked(folder / LOCK):
                self._sweep_abandoned(key)
                self._builder.tag, self._builder.before = self._tag(key), None
                with suppress(ServiceUnavailable):  # what is damaged can be replaced
                    self._builder.before = self.pointer(key)
                yield self._sound(key)
        except OSError as error:
            raise self._unwritable(error) from error

    def remove(self, key: str) -> None:
        """Delete the pointer and then the snapshots."""
        if self.pointer(key) is None:
            return
        with self.building(key):
            self._bucket.delete([f"{key}/{POINTER}"])
            self._bucket.delete([each.name for each in self._bucket.list(key)])
        for path in self._folder(key).glob("snapshot-*"):
            shutil.rmtree(path, ignore_errors=True)

    def forget(self, key: str) -> None:
        """Delete all snapshots but the one that the pointer names, here and in the bucket."""
        if (current := self.pointer(key)) is not None:
            with self.building(key):
                self._delete_all_but(key, {current, self.pointer(key) or current})

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
        """Write the files here, upload them, move the pointer, and delete what is older."""
        name = f"snapshot-{collection.version}-{secrets.token_hex(6)}"
        with self._making(key) as made:
            manifest = make(
                made,
                collection,
                rows,
                vectors,
                shards=self.shards,
                history=history,
                queries=queries,
                kind=kind,
            )
            try:
                lines = [name]
                for path in sorted(made.iterdir()):
                    tag = self._bucket.put(f"{key}/{name}/{path.name}", path)
                    lines.append(f"{path.name} {tag}")
                pointer = "".join(f"{line}\n" for line in lines).encode()
                if (
                    not self._bucket.replace(f"{key}/{POINTER}", pointer, self._builder.tag)
                    and self.pointer(key) != name  # the store may have been asked twice
                ):
                    raise ServiceUnavailable(
                        f"another builder has published to {self._bucket.url} meanwhile, which "
                        "counts; run `indexer build` again"
                    )
            except BaseException:
                with suppress(OSError, ServiceUnavailable):
                    if self.pointer(key) != name:  # or else it counts, and the answer was lost
                        self._delete_all_but(key, set(), only=name)
                raise
            with suppress(OSError):
                made.rename(self._folder(key) / name)
        with suppress(OSError):  # the next builder deletes what is left
            self._delete_all_but(key, {name, self._builder.before or name})
        return manifest

    def _pointed(self, key: str) -> list[str]:
        """Return the lines of the pointer; none if nothing is published."""
        require_plain(key)
        where = f"{self._bucket.url}/{key}/{POINTER}"
        try:
            content = self._bucket.get(f"{key}/{POINTER}")
        except FileNotFoundError:
            return []
        except OSError as error:
            raise ServiceUnavailable(f"{where} cannot be read: {error.strerror}") from error
        lines = content.decode("utf-8", "replace").splitlines() or [""]
        if not _NAME.fullmatch(lines[0]):
            problem = f"it does not name a snapshot but {lines[0][:80]!r}; run `indexer build`"
            raise ServiceUnavailable(f"{where} is damaged: {problem}")
        return lines

    def _tag(self, key: str) -> str | None:
        """Return the tag of the pointer, whatever it says."""
        try:
            return self._bucket.tagged(f"{key}/{POINTER}")[1]
        except FileNotFoundError:
            return None

    def _manifest(self, key: str, name: str) -> Manifest:
        return self._parsed(key, name, self._manifest_bytes(key, name))

    def _manifest_bytes(self, key: str, name: str) -> bytes:
        return b"".join(self._blocks(key, name, files.MANIFEST))

    def _parsed(self, key: str, name: str, content: bytes) -> Manifest:
        try:
            return Manifest.parse(content)
        except ValueError as error:
            raise self._damaged(key, name, str(error)) from error

    def _sound(self, key: str) -> Manifest | None:
        """Return the manifest of the published snapshot if its files are in the states written."""
        try:
            lines = self._pointed(key)
            if not lines:
                return None
            name, *wanted = lines
            there = {
                f"{each.name.rpartition('/')[2]} {each.tag}"
                for each in self._bucket.list(f"{key}/{name}")
            }
            manifest = self._manifest(key, name)
            if len(wanted) != 1 + len(manifest.files) or not there >= set(wanted):
                return None
            return manifest
        except ServiceUnavailable:
            return None

    def _opened(self, key: str, name: str) -> tuple[Manifest, SegmentTable, VectorIndex]:
        folder = self._folder(key) / name
        if folder.is_dir():
            with suppress(ServiceUnavailable):
                return files.opened(folder, self._serving)
            shutil.rmtree(folder, ignore_errors=True)  # damaged here, so it is fetched again
        with self._making(key) as made:
            self._fetch(key, name, made)
            with suppress(OSError):  # another process has fetched it, too
                made.rename(folder)
        self._keep_newest(key, name)
        return files.opened(folder, self._serving)

    def _fetch(self, key: str, name: str, into: Path) -> None:
        """Fetch the files of a snapshot that are searched here, and compare each with its sum."""
        content = self._manifest_bytes(key, name)
        manifest = self._parsed(key, name, content)
        (into / files.MANIFEST).write_bytes(content)
        if set(manifest.files) != {files.SEGMENTS, *manifest.indexes}:
            raise self._damaged(key, name, f"its manifest lists {sorted(manifest.files)}")
        for file in (files.SEGMENTS, *self._serving.here(manifest)):
            expected, digest = manifest.files[file], hashlib.sha256()
            with (into / file).open("wb") as target:
                for block in self._blocks(key, name, file):
                    digest.update(block)
                    target.write(block)
            if digest.hexdigest() != expected.sha256:
                raise self._damaged(key, name, f"{file} is not as it was written")
            # It counts as the file that was written, and is not hashed when it is opened.
            os.utime(into / file, ns=(expected.mtime_ns, expected.mtime_ns))

    def _blocks(self, key: str, name: str, file: str) -> Iterator[bytes]:
        try:
            yield from self._bucket.blocks(f"{key}/{name}/{file}")
        except FileNotFoundError as error:
            raise self._damaged(key, name, f"{file} cannot be read ({error.strerror})") from error
        except OSError as error:
            raise NotReached(
                f"{self._bucket.url}/{key}/{name}/{file} cannot be fetched now: {error.strerror}; "
                "it is tried again, and searches continue without it"
            ) from error

    @contextmanager
    def _making(self, key: str) -> Iterator[Path]:
        """Give a new folder beside the fetched snapshots; what is left in it is deleted."""
        folder = self._folder(key)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            made = Path(tempfile.mkdtemp(prefix=_MAKING, dir=folder))
        except OSError as error:
            raise self._unwritable(error) from error
        try:
            yield made
        except OSError as error:
            raise self._unwritable(error) from error
        finally:
            shutil.rmtree(made, ignore_errors=True)

    def _keep_newest(self, key: str, name: str) -> None:
        """Delete fetched snapshots but this one and the newest other; who has one open keeps it."""
        others = [path for path in self._folder(key).glob("snapshot-*") if path.name != name]
        with suppress(OSError):
            others.sort(key=lambda path: path.stat().st_mtime_ns, reverse=True)
        for path in others[_KEPT - 1 :]:
            shutil.rmtree(path, ignore_errors=True)

    def _sweep_abandoned(self, key: str) -> None:
        """Delete what a killed process has left half made."""
        for path in self._folder(key).glob(f"{_MAKING}*"):
            with suppress(OSError):
                if time.time() - path.stat().st_mtime > _ABANDONED_S:
                    shutil.rmtree(path, ignore_errors=True)

    def _delete_all_but(self, key: str, kept: set[str], *, only: str = "") -> None:
        """Delete snapshots of the bucket, and of the local folder; the pointer stays."""
        for each in list(self._bucket.list(f"{key}/{only}" if only else key)):
            name = each.name.split("/")[1]
            if name != POINTER and name not in kept:
                self._bucket.delete([each.name])
        for path in self._folder(key).glob("snapshot-*"):
            if path.name not in kept and not only:
                shutil.rmtree(path, ignore_errors=True)

    def _folder(self, key: str) -> Path:
        require_plain(key)
        return self._local / key

    def _damaged(self, key: str, name: str, problem: str) -> ServiceUnavailable:
        where = f"{self._bucket.url}/{key}/{name}"
        return ServiceUnavailable(f"{where} is damaged: {problem}; run `indexer build`")

    def _unwritable(self, error: OSError) -> ServiceUnavailable:
        return ServiceUnavailable(
            f"no snapshot can be written to {self._bucket.url} by way of {self._local}: "
            f"{error.strerror or error}; searches continue without it; correct that, and run "
            "`indexer build`"
        )
