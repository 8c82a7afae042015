"""The objects of a video as they are stored, and the statements that write them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, RowMapping, delete, insert, select, update

from clipseek.catalog.object_tables import objects
from clipseek.catalog.rows import pack, storable, unpack
from clipseek.catalog.tables import videos
from clipseek.protocols import BiasOf
from clipseek.timed import Span
from clipseek.tracked import Track, VideoObjects

_TIME, _EDGE = 3, 4
"""Digits of seconds, and of fractions of a frame: a tenth of a pixel of 1000."""


def packed(found: VideoObjects, dim: int) -> tuple[list[Any], NDArray[np.float16]]:
    """Return the tracks as JSON, and their vectors.

    Raises:
        ValueError: a name cannot be stored, or a vector has another length, or none.
    """
    storable(stamp=found.stamp, **{f"label {n}": t.label for n, t in enumerate(found.tracks)})
    vectors = np.array([track.vector for track in found.tracks], np.float32).reshape(
        len(found.tracks), -1 if found.tracks else dim
    )
    if vectors.shape[1] != dim:
        raise ValueError(
            f"vectors of this collection have {dim} components, got {vectors.shape[1]}"
        )
    return [_line(track) for track in found.tracks], pack(vectors, "vectors of objects")


def _line(track: Track) -> list[Any]:
    return [
        track.label,
        round(float(track.confidence), _EDGE),
        round(track.span.start, _TIME),
        round(track.span.end, _TIME),
        int(track.best),
        float(track.bias),
        [round(time, _TIME) for time in track.times.tolist()],
        [[round(edge, _EDGE) for edge in box] for box in track.boxes.tolist()],
    ]


def unpacked(row: RowMapping) -> VideoObjects:
    """Return the objects of a row."""
    lines = row["tracks"]
    if not lines:
        return VideoObjects(row["stamp"])
    vectors = unpack(np.frombuffer(row["vectors"], "<f2").reshape(len(lines), -1))
    return VideoObjects(
        row["stamp"],
        tuple(
            Track(
                label=label,
                confidence=confidence,
                span=Span(start, end),
                times=np.array(times, np.float64),
                boxes=np.array(boxes, np.float32).reshape(-1, 4),
                best=best,
                vector=vector,
                bias=bias,
            )
            for (label, confidence, start, end, best, bias, times, boxes), vector in zip(
                lines, vectors, strict=True
            )
        ),
    )


def replace_objects(
    connection: Connection, collection: str, video_id: str, stamp: str, made: Sequence[Any]
) -> bool | None:
    """Write what `packed` made of a video's objects; say whether there are some, or were.

    None if there is no such video.
    """
    this = (videos.c.collection == collection, videos.c.id == video_id)
    if connection.scalar(select(videos.c.id).where(*this)) is None:
        return None
    own = objects.c.collection == collection, objects.c.video_id == video_id
    before = connection.scalar(select(objects.c.tracks).where(*own))
    tracks, vectors = made
    connection.execute(delete(objects).where(*own))
    row = {"stamp": stamp, "tracks": tracks, "vectors": vectors.tobytes()}
    connection.execute(insert(objects).values(collection=collection, video_id=video_id, **row))
    return bool(before or tracks)


def rescore(connection: Connection, collection: str, bias: BiasOf) -> None:
    """Write the bias of each object of a collection again."""
    ids = connection.scalars(
        select(objects.c.video_id).where(objects.c.collection == collection)
    ).all()
    for video_id in ids:
        own = objects.c.collection == collection, objects.c.video_id == video_id
        row = connection.execute(select(objects).where(*own)).mappings().one()
        found = rescored(unpacked(row), bias)
        lines = [_line(track) for track in found.tracks]
        connection.execute(update(objects).where(*own).values(tracks=lines))


def rescored(found: VideoObjects, bias: BiasOf) -> VideoObjects:
    """Return the objects with their biases computed again."""
    if not found.tracks:
        return found
    biases = bias(np.stack([track.vector for track in found.tracks])).tolist()
    tracks = zip(found.tracks, biases, strict=True)
    return replace(found, tracks=tuple(replace(track, bias=value) for track, value in tracks))
