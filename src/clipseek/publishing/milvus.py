"""Published indexes in Milvus: each is a collection of its own, and an alias swaps it in.

    clipseek_KEY                    an alias: the collection that counts
    clipseek_KEY__TIME_NUMBER       vectors, ids and videos of one index; TIME is when it was begun
    clipseek_KEY__TIME_NUMBER_rows  its manifest, and what is known of its segments, as texts

A collection is complete, stored and loaded before the alias stands for it, so readers see the old
index or the new one. What was replaced stays for `KEPT_S`, because a reader that opened it searches
it until it has opened the new one; then the next builder removes it. Collections are derived from
the catalog, so a damaged one costs a rebuild and no data.
"""

import base64
import fcntl
import hashlib
import io
import json
import math
import re
import secrets
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from clipseek.errors import ServiceUnavailable
from clipseek.index import EXACT_UP_TO, TARGET_RECALL, Kind, tuning
from clipseek.index.layout import LEAST_ROWS
from clipseek.index.milvus import MOST, MilvusIndex
from clipseek.milvus import Milvus
from clipseek.publishing.manifest import File, Manifest
from clipseek.publishing.store import Published
from clipseek.table import SegmentTable
from clipseek.types import Collection

Read = TypeVar("Read")

KEPT_S = 600.0
"""How long a replaced collection stays: far longer than a reader takes to open the new one."""
UNFINISHED_S = 86_400.0
"""After how long a collection that was never published counts as that of a dead builder."""

_ROWS, _TABLE, _VECTORS = "_rows", "segments.npz", "vectors"
_RETIRED = "_retired_"
_NAME = re.compile(r"(clipseek_[a-z0-9_]+)__([0-9a-f]{11})_[0-9a-f]{8}")
# 48 000 bytes are 64 000 characters; Milvus stores 65 535 bytes in a text.
_CHUNK, _CHUNKS_AT_ONCE = 48_000, 64
_BATCH_BYTES = 2**22  # of vectors that are added or read at a time


class MilvusStore:
    """Keeps published indexes in Milvus; builders of one machine wait for each other by `locks`.

    Builders of several machines may build at the same time: who comes second is refused.
    """

    shards = 1  # Milvus divides a collection itself

    def __init__(
        self, milvus: Milvus, locks: Path, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._milvus = milvus
        self._locks = locks
        self._clock = clock

    def pointer(self, key: str) -> str | None:
        """Return the name of the collection that is published; see `IndexStore`."""
        alias = _alias(key)
        return self._milvus.target(alias) if self._milvus.is_there else None

    def manifest(self, key: str) -> Manifest | None:
        """Return the manifest of what is published; see `IndexStore`."""
        return self._current(key, self._manifest)

    def open(self, key: str) -> Published | None:
        """Read what is known of the segments, and search their vectors in Milvus.

        Raises:
            ServiceUnavailable: Milvus does not answer, or what it stores is damaged.
        """
        return self._current(key, self._opened)

    def damage(self, key: str) -> list[str]:
        """Read every vector and compare the check sums; see `IndexStore`."""
        try:
            found = self.open(key)
            if found is not None:
                self._compare(found)
        except ServiceUnavailable as error:
            return [str(error)]
        return []

    @contextmanager
    def building(self, key: str) -> Iterator[Manifest | None]:
        """Hold the lock of a key; see `IndexStore`. Collections that nobody uses are removed."""
        _alias(key)
        try:
            self._locks.mkdir(parents=True, exist_ok=True)
            lock = (self._locks / f"{key}.lock").open("a")
        except OSError as error:
            raise ServiceUnavailable(
                f"{self._locks} cannot be written ({error.strerror}), so no builder of an index "
                "can be alone; correct the permissions, and run `indexer build`"
            ) from error
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._sweep()
            yield self._sound(key)

    def remove(self, key: str) -> None:
        """Remove the alias; what it stood for is removed when no reader searches it any more."""
        alias = _alias(key)
        if not self._milvus.is_there:
            return
        with self.building(key):
            if (name := self._milvus.target(alias)) is not None:
                self._retire(name)
                self._milvus.drop_alias(alias)

    def forget(self, key: str) -> None:
        """Remove what was published before, of all keys, if readers have had time to move on."""
        if self.pointer(key) is not None:
            self._sweep()

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
        """Store an index as a collection of its own, and let the alias stand for it."""
        before = self.pointer(key)
        name = f"{_alias(key)}__{int(self._clock() * 1000):011x}_{secrets.token_hex(4)}"
        try:
            index = self._stored(name, rows, vectors, queries, kind)
            manifest = Manifest.of(
                collection,
                len(rows),
                kind=index.kind,
                recall=index.recall,
                nprobe=index.nprobe,
                history=history,
                asked=kind,
            )
            manifest = self._described(name, manifest, rows, vectors)
            if self.pointer(key) != before:
                raise ServiceUnavailable(
                    f"another builder has published {key!r} in Milvus meanwhile; run "
                    "`indexer build` again"
                )
            self._swap(_alias(key), before, name)
        except BaseException:
            with suppress(ServiceUnavailable):
                self._drop(name)
            raise
        return manifest

    def _swap(self, alias: str, before: str | None, name: str) -> None:
        if before is None:
            self._milvus.add_alias(alias, name)
            return
        self._retire(before)
        self._milvus.move_alias(alias, name)

    def _stored(
        self,
        name: str,
        rows: SegmentTable,
        vectors: NDArray[np.float32],
        queries: NDArray[np.float32] | None,
        kind: Kind | Literal["auto"],
    ) -> MilvusIndex:
        """Store the vectors as a collection that is indexed and complete, and tune its search."""
        milvus, dim, count = self._milvus, vectors.shape[1], len(rows)
        milvus.make_vectors(name, dim)
        step = max(1, _BATCH_BYTES // (4 * dim))
        for start in range(0, count, step):
            part = slice(start, start + step)
            milvus.put_vectors(name, rows.ids[part], rows.owners[part], vectors[part])
        few = count <= EXACT_UP_TO if kind == "auto" else kind == "exact"
        ids, owners = rows.ids, rows.owners
        if few or count < LEAST_ROWS or milvus.is_lite:
            milvus.finish_vectors(name, "FLAT", {})
            index = MilvusIndex(milvus, name, ids=ids, owners=owners, dim=dim)
        else:
            milvus.finish_vectors(name, "IVF_FLAT", {"nlist": _lists_of(count)})
            listed = MilvusIndex(
                *(milvus, name),
                ids=ids,
                owners=owners,
                dim=dim,
                kind="ivf-flat",
                lists=_lists_of(count),
            )
            index = _tuned(listed, tuning.held(vectors, queries))
        self._require_count(name, count)
        return index

    def _described(
        self, name: str, manifest: Manifest, rows: SegmentTable, vectors: NDArray[np.float32]
    ) -> Manifest:
        """Store the manifest and the table; return the manifest with the check sums."""
        buffer = io.BytesIO()
        arrays = {field.name: getattr(rows, field.name) for field in fields(rows)}
        np.savez(buffer, allow_pickle=False, **arrays)
        table = buffer.getvalue()
        manifest = replace(
            manifest,
            files={
                _TABLE: File(len(table), hashlib.sha256(table).hexdigest()),
                _VECTORS: File(vectors.nbytes, _sum(vectors)),
            },
            bytes_per_vector=4 * vectors.shape[1],
        )
        chunks = [table[start : start + _CHUNK] for start in range(0, len(table), _CHUNK)]
        texts = [json.dumps(asdict(manifest)), *(base64.b64encode(c).decode() for c in chunks)]
        self._milvus.make_texts(name + _ROWS)
        for start in range(0, len(texts), _CHUNKS_AT_ONCE):
            self._milvus.put_texts(name + _ROWS, start, texts[start : start + _CHUNKS_AT_ONCE])
        self._milvus.finish_texts(name + _ROWS)
        self._require_count(name + _ROWS, len(texts))
        return manifest

    def _require_count(self, name: str, count: int) -> None:
        if (stored := self._milvus.count(name)) != count:
            raise self._damaged(name, f"it has {stored} rows, not {count}")

    def _current(self, key: str, read: Callable[[str], Read]) -> Read | None:
        """Read what is published; again if a builder replaces and removes it meanwhile."""
        while (name := self.pointer(key)) is not None:
            try:
                return read(name)
            except ServiceUnavailable:
                if self.pointer(key) == name:
                    raise
        return None

    def _manifest(self, name: str) -> Manifest:
        texts = self._milvus.texts(name + _ROWS, 0, 1)
        try:
            return Manifest.parse(texts[0].encode())
        except (IndexError, ValueError) as error:
            raise self._damaged(name, f"{error}") from error

    def _opened(self, name: str) -> Published:
        manifest = self._manifest(name)
        table = self._table(name, manifest)
        self._require_count(name, manifest.count)
        if len(table) != manifest.count:
            raise self._damaged(name, f"it knows {len(table)} of {manifest.count} segments")
        is_exact = manifest.kind == "exact"
        index = MilvusIndex(
            self._milvus,
            name,
            ids=table.ids,
            owners=table.owners,
            dim=manifest.dim,
            kind="exact" if is_exact else "ivf-flat",
            lists=0 if is_exact else _lists_of(manifest.count),
            nprobe=manifest.nprobe,
            recall=manifest.recall_at_10,
        )
        return Published(name, manifest, table, index)

    def _table(self, name: str, manifest: Manifest) -> SegmentTable:
        expected = manifest.files[_TABLE] if _TABLE in manifest.files else File(0, "")
        count = _chunks(manifest)
        chunks: list[bytes] = []
        try:
            for start in range(1, count + 1, _CHUNKS_AT_ONCE):
                end = min(start + _CHUNKS_AT_ONCE, count + 1)
                texts = self._milvus.texts(name + _ROWS, start, end)
                chunks += [base64.b64decode(text) for text in texts]
            content = b"".join(chunks)
            if hashlib.sha256(content).hexdigest() != expected.sha256:
                raise self._damaged(name, "its table has another checksum than when it was written")
            with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
                return SegmentTable(**arrays)
        except (OSError, ValueError, TypeError, EOFError, zipfile.BadZipFile) as error:
            raise self._damaged(name, f"it has no table of segments ({error})") from error

    def _compare(self, found: Published) -> None:
        """Raise ServiceUnavailable unless each vector is the one that was stored."""
        digest = hashlib.sha256()
        ids, dim = found.ids, found.manifest.dim
        step = max(1, _BATCH_BYTES // (4 * dim))
        for start in range(0, len(ids), step):
            some = ids[start : start + step]
            digest.update(found.index.vectors_of(some).tobytes())
        if digest.hexdigest() != found.manifest.files[_VECTORS].sha256:
            raise self._damaged(found.name, "its vectors are not those that were written")

    def _sound(self, key: str) -> Manifest | None:
        """Return the manifest of what is published, if all rows of it are there."""
        try:
            return self._current(key, self._counted)
        except ServiceUnavailable:
            self.pointer(key)  # a Milvus that does not answer is not one that is damaged
            return None

    def _counted(self, name: str) -> Manifest:
        manifest = self._manifest(name)
        self._require_count(name, manifest.count)
        self._require_count(name + _ROWS, 1 + _chunks(manifest))
        return manifest

    def _retire(self, name: str) -> None:
        """Note since when a collection is replaced, as an alias of it, which every Milvus has."""
        self._milvus.add_alias(f"{name}{_RETIRED}{int(self._clock() * 1000):011x}", name)

    def _sweep(self) -> None:
        """Remove the collections that no reader searches any more, of all keys."""
        now = self._clock()
        names = self._milvus.collections()
        for name in names:
            found = _NAME.fullmatch(name)
            if found is None:
                continue
            aliases = self._milvus.aliases(name)
            if found[1] in aliases:
                continue
            since = [int(a.rpartition(_RETIRED)[2], 16) for a in aliases if _RETIRED in a]
            begun = int(found[2], 16)
            if now - max(since, default=begun) / 1000 > (KEPT_S if since else UNFINISHED_S):
                self._drop(name)
        for name in names:
            owner = name.removesuffix(_ROWS)
            if owner != name and _NAME.fullmatch(owner) and owner not in names:
                self._milvus.drop(name)

    def _drop(self, name: str) -> None:
        self._milvus.drop(name + _ROWS)
        self._milvus.drop(name)

    def _damaged(self, name: str, problem: str) -> ServiceUnavailable:
        return ServiceUnavailable(
            f"the collection {name} of Milvus at {self._milvus.address} is damaged: {problem}; "
            "run `indexer build`"
        )


def _tuned(index: MilvusIndex, kinds: list[tuning.Held]) -> MilvusIndex:
    """Return the index with the fewest lists that reach the recall aimed at, or all of them."""
    most, nprobe = _lists_of(len(index)), 1
    while True:
        index.nprobe = min(nprobe, most)
        index.recall = min(_recall(index, kind) for kind in kinds)
        if index.nprobe == most or index.recall >= (1 + TARGET_RECALL) / 2:
            return index
        nprobe *= 2


def _recall(index: MilvusIndex, held: tuning.Held) -> float:
    """Return the share of the ten found that score no less than the true tenth."""
    return held.found(index.search(held.queries, 10).scores)


def _lists_of(count: int) -> int:
    """Return how many lists an index of so many vectors has: four roots, as Milvus advises."""
    return max(1, min(MOST, round(4 * math.sqrt(count))))


def _alias(key: str) -> str:
    """Return the alias of a key, in letters, digits and `_` alone; no two keys have the same."""
    if not key or key.startswith(".") or set(key) & {"/", "\\", "\0"}:
        raise ValueError(f"collection must be a plain name, got {key!r}")
    plain = "".join(
        chr(byte) if chr(byte) in "abcdefghijklmnopqrstuvwxyz0123456789" else f"_{byte:02x}"
        for byte in key.encode()
    )
    return f"clipseek_{plain}"


def _chunks(manifest: Manifest) -> int:
    """Return how many texts the table is stored in."""
    return -(-manifest.files[_TABLE].bytes // _CHUNK) if _TABLE in manifest.files else 0


def _sum(vectors: NDArray[np.float32]) -> str:
    return hashlib.sha256(np.ascontiguousarray(vectors, np.float32).data).hexdigest()
