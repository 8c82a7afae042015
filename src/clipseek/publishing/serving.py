"""Serving: which shards of published indexes this process searches, and who searches the others."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from clipseek.errors import ConfigError, ServiceUnavailable
from clipseek.index import FaissIndex, ShardedIndex
from clipseek.index.peers import PeerIndex, Peers
from clipseek.protocols import VectorIndex
from clipseek.publishing.manifest import Manifest
from clipseek.sharding import shards_of
from clipseek.table import SegmentTable

_KEPT = 2
"""Indexes of a collection whose shards stay open for peers: this one, and the one before."""


@dataclass(frozen=True, slots=True)
class Held:
    """A shard that is open here, and its number."""

    number: int
    index: FaissIndex


class Serving:
    """Opens published indexes: the shards of `only`, or all, here, and the others at `peers`.

    What is open is kept for peers that ask, because they may be one index behind. With `on_gpu`,
    what is opened here is searched on a GPU. Thread-safe.
    """

    def __init__(
        self,
        only: frozenset[int] | None = None,
        peers: Peers | None = None,
        *,
        on_gpu: bool = False,
    ) -> None:
        self.only = only
        self.peers = peers
        self._on_gpu = on_gpu
        self._held: dict[str, deque[dict[str, Held]]] = {}
        self._lock = Lock()

    def here(self, manifest: Manifest) -> tuple[str, ...]:
        """Return the names of the files of vectors that are opened here."""
        return tuple(
            name
            for number, name in enumerate(manifest.indexes, 1)
            if not manifest.shards or self.only is None or number in self.only
        )

    def opened(
        self,
        folder: Path,
        manifest: Manifest,
        table: SegmentTable,
        damaged: Callable[[str], ServiceUnavailable],
    ) -> VectorIndex:
        """Open the index in a folder, which was compared with its manifest.

        Raises:
            ConfigError: FAISS sees no GPU, and one was asked for; or nobody searches a shard.
            ServiceUnavailable: a file is damaged.
        """
        if not manifest.shards:
            (name,) = manifest.indexes
            index = FaissIndex.load(
                folder / name, table.ids, recall=manifest.recall_at_10, reach=manifest.reach
            )
            if (index.dim, index.kind) != (manifest.dim, manifest.kind):
                raise damaged(_other(index, manifest.dim, manifest.kind))
            return index.to_gpu() if self._on_gpu else index
        return self._divided(folder, manifest, table, damaged)

    def _divided(
        self,
        folder: Path,
        manifest: Manifest,
        table: SegmentTable,
        damaged: Callable[[str], ServiceUnavailable],
    ) -> ShardedIndex:
        numbers = shards_of(table.videos.tolist(), len(manifest.shards))[table.owners]
        mine = self.here(manifest)
        here: dict[int, FaissIndex] = {}
        elsewhere: dict[int, NDArray[np.int64]] = {}
        for number, (file, piece) in enumerate(
            zip(manifest.indexes, manifest.shards, strict=True), 1
        ):
            ids: NDArray[np.int64] = table.ids[numbers == number]
            if len(ids) != piece.count:
                raise damaged(f"{file} has {piece.count} of {len(ids)} segments of its shard")
            if file not in mine:
                elsewhere[number] = ids
                continue
            index = FaissIndex.load(
                folder / file, ids, recall=piece.recall_at_10, reach=piece.reach
            )
            if (index.dim, index.kind) != (manifest.dim, piece.kind):
                raise damaged(_other(index, manifest.dim, piece.kind))
            here[number] = index.to_gpu() if self._on_gpu else index
        # Peers may ask for them even if this process knows nobody for the others.
        self._hold(manifest, here)
        away = {number: self._away(number, ids, manifest) for number, ids in elsewhere.items()}
        threads = None if self.peers is None else self.peers.threads
        return ShardedIndex(manifest.dim, here, away, threads)

    def _away(self, number: int, ids: NDArray[np.int64], manifest: Manifest) -> PeerIndex:
        """Return a shard of a peer."""
        peer = None if self.peers is None else self.peers.of(number)
        if peer is None:
            raise ConfigError(
                f"the index of collection {manifest.collection!r} has {len(manifest.shards)} "
                f"shards, and nobody searches shard {number} of them: name it in CLIPSEEK_SHARD, "
                "or a peer for it in CLIPSEEK_SHARD_PEERS"
            )
        piece = manifest.shards[number - 1]
        recall = 1.0 if piece.kind == "exact" else piece.recall_at_10
        return PeerIndex(
            peer,
            number,
            key=manifest.collection,
            digest=manifest.files[manifest.indexes[number - 1]].sha256,
            ids=ids,
            dim=manifest.dim,
            recall=recall,
        )

    def _hold(self, manifest: Manifest, here: dict[int, FaissIndex]) -> None:
        """Keep what is open for peers, beside that of the index before."""
        held = {
            manifest.files[manifest.indexes[number - 1]].sha256: Held(number, index)
            for number, index in here.items()
        }
        with self._lock:
            kept = self._held.setdefault(manifest.collection, deque(maxlen=_KEPT))
            others = [each for each in kept if each.keys() != held.keys()]
            kept.clear()
            kept.extend([*others, held])

    def close(self) -> None:
        """Close the connections to peers."""
        if self.peers is not None:
            self.peers.close()

    def held(self, key: str, digest: str) -> Held | None:
        """Return the open shard of a collection, given by its key, that was made from a file."""
        with self._lock:
            return next((each[digest] for each in self._held.get(key, ()) if digest in each), None)


def digests(manifest: Manifest) -> dict[int, str]:
    """Return the check sums of the files of a divided index, by the number of their shard."""
    files = manifest.indexes if manifest.shards else ()
    return {number: manifest.files[file].sha256 for number, file in enumerate(files, 1)}


def _other(index: FaissIndex, dim: int, kind: str) -> str:
    return (
        f"an index of {index.dim} dimensions ({index.kind}) is in it, its manifest says {dim} "
        f"({kind})"
    )
