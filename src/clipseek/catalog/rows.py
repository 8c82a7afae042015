"""What stands in a row: vectors at half precision, and a video checked before it is stored."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from unicodedata import normalize

import numpy as np
from numpy.typing import NDArray

from clipseek.errors import ModelMismatch, ServiceUnavailable
from clipseek.types import Collection, Relevance, Scoring, Segments, Span, Video

# PostgreSQL's text and jsonb hold no NUL, and UTF-8 no lone surrogates, which stand in names of
# files that are not UTF-8 (os.fsdecode).
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def now() -> str:
    """Return the time as RFC 3339 in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def cleaned(text: str) -> str:
    """Return the text with U+FFFD for every character that a database cannot hold."""
    return _UNSTORABLE.sub("\ufffd", text)


def tag_form(tag: str) -> str:
    """Return a tag as it is stored and looked for: letters composed (NFC), as people mean them."""
    return normalize("NFC", tag)


def storable(**texts: str) -> None:
    """Raise ValueError, naming it, for a text that a database cannot hold."""
    for name, text in texts.items():
        if _UNSTORABLE.search(text):
            raise ValueError(
                f"{name} must be Unicode text without NUL and lone surrogates, got {text!r}; "
                "if it comes from the name of a file, rename the file"
            )


def pack(vectors: NDArray[np.float32], name: str = "vectors") -> NDArray[np.float16]:
    """Return the rows of float32 (N, dim) at unit length as little-endian float16 (N, dim).

    Each component is off by at most 2^-11 of itself afterwards (IEEE 754-2019, binary16), so a
    cosine with such a row is off by at most 4.9e-4.

    Raises:
        ValueError: not a matrix, or a row has NaN, infinity or no length.
    """
    if vectors.ndim != 2:
        raise ValueError(f"{name} must be (N, dim), got {vectors.shape}")
    lengths = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    if not np.isfinite(lengths).all() or (lengths == 0).any():
        raise ValueError(f"{name} must be finite and not zero in every row")
    packed: NDArray[np.float16] = (vectors / lengths).astype("<f2")
    return packed


def unpack(packed: NDArray[np.float16]) -> NDArray[np.float32]:
    """Return float16 (N, dim) rows as float32 (N, dim), unit rows."""
    rows = packed.astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows


def require_finite(relevance: Relevance) -> None:
    """Raise ValueError unless both constants are numbers."""
    if not np.isfinite([relevance.scale, relevance.offset]).all():
        raise ValueError(f"the constants of relevance must be finite, got {relevance}")


def require_model(found: Collection, model: str, *, dim: int, fingerprint: str) -> None:
    """Raise ModelMismatch for a collection of another model, or of other weights by its name."""
    if found.model != model:
        raise ModelMismatch(found.name, found.model, model)
    if (found.dim, found.fingerprint) != (dim, fingerprint):
        raise ModelMismatch(
            found.name, found.model, model, weights=(found.fingerprint, fingerprint)
        )


def require_scoring(collection: str, found: Scoring | None, scoring: Scoring | None) -> None:
    """Raise ServiceUnavailable for biases made by other means than those of the collection."""
    if scoring is not None and found is not None and not scoring.same_evidence(found):
        raise ServiceUnavailable(
            f"another process has judged collection {collection!r} anew by another bank meanwhile; "
            "run the same command again"
        )


@dataclass(frozen=True, slots=True)
class Film:
    """One video with everything that is stored of it, checked and packed.

    video: `segments` counted. spans: (S,). best_times, biases: float64 (S,). thumbnails: (S,).
    vectors: float16 (S, dim). times: little-endian float32 (N,), seconds.
    frame_vectors: float16 (N, dim).
    """

    video: Video
    spans: tuple[Span, ...]
    best_times: NDArray[np.float64]
    biases: NDArray[np.float64]
    thumbnails: tuple[str, ...]
    vectors: NDArray[np.float16]
    times: NDArray[np.float32]
    frame_vectors: NDArray[np.float16]

    @classmethod
    def of(
        cls,
        video: Video,
        segments: Segments,
        *,
        frame_times: NDArray[np.float64],
        frame_vectors: NDArray[np.float32],
        biases: NDArray[np.float32],
        thumbnails: Sequence[str],
    ) -> "Film":
        """Check and pack what `CatalogWriter.put` was given.

        Raises:
            ValueError: rows do not belong together, a number is not finite, `best` points past
                the frames, or a text cannot be stored.
        """
        _check_rows(segments, frame_times, frame_vectors, biases, thumbnails)
        _check_texts(video, thumbnails)
        return cls(
            video=_plain(video, len(segments)),
            spans=tuple(Span(float(start), float(end)) for start, end in segments.spans),
            best_times=frame_times[segments.best].astype(np.float64),
            biases=biases.astype(np.float64),
            thumbnails=tuple(thumbnails),
            vectors=pack(segments.vectors, "segment vectors"),
            times=frame_times.astype("<f4"),
            frame_vectors=pack(frame_vectors, "frame vectors"),
        )

    def require_dim(self, dim: int) -> None:
        """Raise ValueError unless all vectors have the length of their collection's."""
        if {self.vectors.shape[1], self.frame_vectors.shape[1]} != {dim}:
            raise ValueError(
                f"vectors of this collection have {dim} components, got "
                f"{self.vectors.shape} for segments and {self.frame_vectors.shape} for frames"
            )


def _check_rows(
    segments: Segments,
    frame_times: NDArray[np.float64],
    frame_vectors: NDArray[np.float32],
    biases: NDArray[np.float32],
    thumbnails: Sequence[str],
) -> None:
    count, frames = len(segments), len(frame_times)
    if biases.shape != (count,) or len(thumbnails) != count:
        raise ValueError(f"{count} segments, {biases.shape} biases, {len(thumbnails)} thumbnails")
    if frame_times.shape != (frames,) or len(frame_vectors) != frames:
        raise ValueError(f"frame times {frame_times.shape} and vectors {frame_vectors.shape}")
    if count and not 0 <= segments.best.min() <= segments.best.max() < frames:
        raise ValueError(f"segments.best must point into {frames} frames")
    if not (np.isfinite(frame_times).all() and np.isfinite(biases).all()):
        raise ValueError("frame times and biases must be finite")
    if not np.isfinite(segments.spans).all():
        raise ValueError("spans must be finite")


def _check_texts(video: Video, thumbnails: Sequence[str]) -> None:
    storable(id=video.id, uri=video.uri, title=video.title, reason=video.reason, stamp=video.stamp)
    for tag in video.tags:
        storable(tag=tag)
    for thumbnail in thumbnails:
        storable(thumbnail=thumbnail)


def _plain(video: Video, segments: int) -> Video:
    """Return the video with its segments counted and Python's own numbers, which drivers take."""
    if not np.isfinite(video.duration):
        raise ValueError(f"duration must be finite, got {video.duration}")
    return replace(
        video,
        duration=float(video.duration),
        width=int(video.width),
        height=int(video.height),
        size_bytes=int(video.size_bytes),
        mtime_ns=int(video.mtime_ns),
        tags=tuple(map(tag_form, video.tags)),
        segments=segments,
    )
