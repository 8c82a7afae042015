"""What is stored in a row: vectors as codes, and texts that a database can store."""

import itertools
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from unicodedata import normalize

import numpy as np

from clipseek.catalog.codes import pack
from clipseek.errors import ModelMismatch, ServiceUnavailable
from clipseek.stored import FrameRows, SegmentRow, VideoRows
from clipseek.timed import TimedText
from clipseek.types import (
    Collection,
    Field,
    FieldSegments,
    FrameVectors,
    Put,
    Relevance,
    Scoring,
    Span,
    Video,
)

# PostgreSQL's text and jsonb cannot store NUL, and UTF-8 no lone surrogates, which are in names of
# files that are not UTF-8 (os.fsdecode).
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def now() -> str:
    """Return the time as RFC 3339 in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def cleaned(text: str) -> str:
    """Return the text with U+FFFD for every character that a database cannot store."""
    return _UNSTORABLE.sub("\ufffd", text)


def tag_form(tag: str) -> str:
    """Return a tag as it is stored and looked for: letters composed (NFC), as people mean them."""
    return normalize("NFC", tag)


def storable(**texts: str) -> None:
    """Raise ValueError, with its name, for a text that a database cannot store."""
    for name, text in texts.items():
        if _UNSTORABLE.search(text):
            raise ValueError(
                f"{name} must be Unicode text without NUL and lone surrogates, got {text!r}; "
                "if it comes from the name of a file, rename the file"
            )


def require_finite(relevance: Relevance) -> None:
    """Raise ValueError unless both constants are numbers."""
    if not np.isfinite([relevance.scale, relevance.offset]).all():
        raise ValueError(f"the constants of relevance must be finite, got {relevance}")


def require_alias(name: str, *, is_collection: bool) -> None:
    """Raise ValueError for an alias by which a collection could not be found any more."""
    if is_collection:
        raise ValueError(
            f"an alias needs a name that no collection has itself, got {name!r}; give the alias "
            "another name"
        )


def require_model(found: Collection, model: str, *, dim: int, fingerprint: str) -> None:
    """Raise ModelMismatch for a collection of another model, or of other weights by its name."""
    if found.model != model:
        raise ModelMismatch(found.name, found.model, model)
    if (found.dim, found.fingerprint) != (dim, fingerprint):
        raise ModelMismatch(
            found.name, found.model, model, weights=(found.fingerprint, fingerprint)
        )


def require_fingerprint(found: Collection, fingerprint: str | None) -> None:
    """Raise ModelMismatch for vectors of other weights than those of the collection."""
    if fingerprint not in (None, found.fingerprint):
        raise ModelMismatch(
            found.name, found.model, found.model, weights=(found.fingerprint, fingerprint)
        )


def require_scoring(collection: str, found: Scoring | None, scoring: Scoring | None) -> None:
    """Raise ServiceUnavailable for biases made by other means than those of the collection."""
    if scoring is not None and found is not None and not scoring.same_evidence(found):
        raise ServiceUnavailable(
            f"another process has judged collection {collection!r} anew by another bank meanwhile; "
            "run the same command again"
        )


def packed(put: Put) -> VideoRows:
    """Pack what `CatalogWriter.put` was given.

    Raises:
        ValueError: a vector has no direction, or a text cannot be stored.
    """
    check_texts(put.video)
    rows = tuple(itertools.chain(*(_segment_rows(*of) for of in put.fields.items())))
    frames = None if put.frames is None else packed_frames(put.frames)
    check_timed(put.texts)
    return VideoRows(_plain(put.video, len(rows)), rows, frames, put.texts)


def packed_frames(frames: FrameVectors) -> FrameRows:
    """Pack the frame vectors of one video."""
    return FrameRows(frames.times.astype("<f4"), pack(frames.vectors, "frame vectors"))


def _segment_rows(field: Field, segments: FieldSegments) -> Iterator[SegmentRow]:
    vectors = pack(segments.vectors, "segment vectors")
    for i, (start, end) in enumerate(segments.spans.tolist()):
        storable(thumbnail=segments.thumbnails[i])
        yield SegmentRow(
            field,
            Span(start, end),
            best_time=float(segments.best_times[i]),
            bias=float(segments.biases[i]),
            thumbnail=segments.thumbnails[i],
            vector=vectors[i],
            begins_shot=segments.shots is not None and bool(segments.shots[i]),
        )


def check_timed(texts: Iterable[TimedText]) -> None:
    """Raise ValueError for a timed text that a database cannot store."""
    for text in texts:
        storable(stamp=text.stamp)
        for cue in text.cues:
            storable(text=cue.text, language=cue.language)


def check_texts(video: Video) -> None:
    """Raise ValueError for a text of a video that a database cannot store."""
    storable(id=video.id, uri=video.uri, title=video.title, reason=video.reason, stamp=video.stamp)
    storable(frame_rate=video.frame_rate, coding=video.coding, timecode=video.timecode)
    storable(recorded_at=video.recorded_at, stream=video.stream)
    for tag in video.tags:
        storable(tag=tag)


def _plain(video: Video, segments: int) -> Video:
    """Return the video with its segments counted and Python's own numbers, which drivers take."""
    return replace(
        video,
        duration=float(video.duration),
        width=int(video.width),
        height=int(video.height),
        size_bytes=int(video.size_bytes),
        tags=tuple(map(tag_form, video.tags)),
        segments=segments,
    )
