"""The vectors of a video's sampled frames: which rows have them, and their arrays.

While a chunk is recorded, each growth adds a row; its end, and a file, is one row.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import RowMapping, Select, select

from clipseek.catalog.codes import read, unpack
from clipseek.catalog.tables import behind, collections, frame_vectors, videos
from clipseek.stored import FrameBlocks

_AT_ONCE = 512
"""Rows of a block: 2 MB of 1024 components, which are allocated again without a page fault."""


def of_video(collection: str, video_id: str) -> Select[Any]:
    """Return the query for the rows of a video: one, whose arrays are null, if none were kept."""
    kept = frame_vectors.c
    is_its = (kept.collection == videos.c.collection) & (kept.video_id == videos.c.id)
    return (
        select(kept.times, kept.vectors, collections.c.dim)
        .select_from(videos)
        .join(collections, collections.c.key == videos.c.collection)
        .outerjoin(frame_vectors, is_its)
        .where(videos.c.collection == behind(collection), videos.c.id == video_id)
        .order_by(kept.first)
    )


def matrix(rows: Sequence[RowMapping]) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Return times float64 (N,) and vectors float32 (N, dim)."""
    times, packed = _arrays(rows)
    return times, unpack(packed)


def blocks(rows: Sequence[RowMapping]) -> FrameBlocks:
    """Return times float64 (N,) and the vectors in blocks, which are made as they are taken."""
    times, packed = _arrays(rows)
    starts = range(0, len(packed), _AT_ONCE)
    return times, (unpack(packed[start : start + _AT_ONCE]) for start in starts)


def _arrays(rows: Sequence[RowMapping]) -> tuple[NDArray[np.float64], NDArray[np.int8]]:
    times = np.frombuffer(b"".join(row["times"] or b"" for row in rows), "<f4")
    vectors = b"".join(row["vectors"] or b"" for row in rows)
    return times.astype(np.float64), read(vectors, len(times), rows[0]["dim"])
