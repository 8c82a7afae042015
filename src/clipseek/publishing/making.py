"""Making the files of an index, whole or shard by shard: one index is in memory at a time."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from clipseek.index import FaissIndex, Kind
from clipseek.publishing import files
from clipseek.publishing.manifest import INDEX, Manifest, Piece, shard_file
from clipseek.sharding import shards_of
from clipseek.table import SegmentTable
from clipseek.types import Collection


def make(
    folder: Path,
    collection: Collection,
    rows: SegmentTable,
    vectors: NDArray[np.float32],
    *,
    shards: int,
    history: str,
    queries: NDArray[np.float32] | None,
    kind: Kind | Literal["auto"],
) -> Manifest:
    """Index vectors in so many shards, write all files to an empty folder; return the manifest.

    Raises:
        ServiceUnavailable: the disk is full.
        OSError: the folder cannot be written.
    """
    pieces = []
    for name, some in _parts(rows, shards):
        index = FaissIndex.build(vectors[some], rows.ids[some], queries=queries, kind=kind)
        # Checked before, because FAISS prints its own message when it cannot write.
        files.require_space(folder, files.needed_bytes(rows, index))
        index.save(folder / name)
        pieces.append(Piece(len(index), index.kind, index.recall, index.nprobe, index.reach))
    manifest = Manifest.of(
        collection,
        len(rows),
        kind=" and ".join(dict.fromkeys(piece.kind for piece in pieces)),
        recall=min(piece.recall_at_10 for piece in pieces),
        nprobe=max(piece.nprobe for piece in pieces),
        reach=pieces[0].reach if shards == 1 else (),
        history=history,
        asked=kind,
        shards=tuple(pieces) if shards > 1 else (),
    )
    return files.write(folder, manifest, rows)


def _parts(rows: SegmentTable, shards: int) -> Iterator[tuple[str, NDArray[np.int64] | slice]]:
    """Yield for each shard the name of its file and its rows, ascending."""
    if shards == 1:
        yield INDEX, slice(None)
        return
    numbers = shards_of(rows.videos.tolist(), shards)[rows.owners]
    for number in range(1, shards + 1):
        yield shard_file(number, shards), np.flatnonzero(numbers == number)
