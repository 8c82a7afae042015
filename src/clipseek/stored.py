"""One video as it is stored, vectors at half precision: what moves between catalogs unchanged."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clipseek.types import Field, Span, Video


@dataclass(frozen=True, slots=True)
class SegmentRow:
    """One segment as it is stored. vector: little-endian float16 (dim,)."""

    field: Field
    span: Span
    best_time: float
    bias: float
    thumbnail: str
    vector: NDArray[np.float16]


@dataclass(frozen=True, slots=True)
class FrameRows:
    """The frame vectors of one video as they are stored.

    times: little-endian float32 (N,), seconds. vectors: little-endian float16 (N, dim).
    """

    times: NDArray[np.float32]
    vectors: NDArray[np.float16]


@dataclass(frozen=True, slots=True)
class VideoRows:
    """One video as the rows that are stored of it. video: with its `segments` counted."""

    video: Video
    segments: tuple[SegmentRow, ...]
    frames: FrameRows | None

    def require_dim(self, dim: int) -> None:
        """Raise ValueError unless all vectors have the length of their collection's."""
        lengths = {len(row.vector) for row in self.segments}
        if self.frames is not None:
            lengths.add(self.frames.vectors.shape[1])
        if lengths - {dim}:
            raise ValueError(
                f"vectors of this collection have {dim} components, got some of {sorted(lengths)}"
            )
