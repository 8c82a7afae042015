"""The objects of a video as they are stored, and the statements that write them."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from sqlalchemy import Connection, RowMapping, delete, insert, select, update

from clipseek.catalog.codes import pack, read, unpack
from clipseek.catalog.object_tables import objects
from clipseek.catalog.rows import storable
from clipseek.catalog.tables import among, behind, collections, videos
from clipseek.protocols import BiasOf
from clipseek.stored import ObjectRows, TrackRow
from clipseek.timed import Span
from clipseek.tracked import Track, VideoObjects

OBJECTS = select(objects, collections.c.dim).join(
    collections, collections.c.key == objects.c.collection
)
"""Rows for `as_rows`."""

_TIME, _EDGE = 3, 4
"""Digits of seconds, and of fractions of a frame: a tenth of a pixel of 1000."""


def packed(found: VideoObjects, dim: int) -> ObjectRows:
    """Return what is stored of the objects of a video.

    Raises:
        ValueError: a name cannot be stored, or a vector has another length, or none.
    """
    vectors = np.array([track.vector for track in found.tracks], np.float32).reshape(
        len(found.tracks), -1 if found.tracks else dim
    )
    if vectors.shape[1] != dim:
        raise ValueError(
            f"vectors of this collection have {dim} components, got {vectors.shape[1]}"
        )
    tracks = tuple(map(_row, found.tracks))
    rows = ObjectRows(found.stamp, tracks, pack(vectors, "vectors of objects"))
    check(rows)
    return rows


def check(rows: ObjectRows) -> None:
    """Raise ValueError for a name that cannot be stored."""
    storable(stamp=rows.stamp, **{f"label {n}": row.label for n, row in enumerate(rows.tracks)})


def _row(track: Track) -> TrackRow:
    return TrackRow(
        track.label,
        round(float(track.confidence), _EDGE),
        round(track.span.start, _TIME),
        round(track.span.end, _TIME),
        int(track.best),
        float(track.bias),
        [round(time, _TIME) for time in track.times.tolist()],
        # PostgreSQL has no negative zero, so that the same is stored in every database.
        [[round(edge, _EDGE) + 0.0 for edge in box] for box in track.boxes.tolist()],
    )


def as_rows(row: RowMapping) -> ObjectRows:
    """Return what a row of `OBJECTS` has.

    Raises:
        ServiceUnavailable: its vectors are of another length.
    """
    tracks = tuple(TrackRow(*line) for line in row["tracks"])
    return ObjectRows(row["stamp"], tracks, read(row["vectors"], len(tracks), row["dim"]))


def unpacked(rows: ObjectRows) -> VideoObjects:
    """Return the objects of a video as they were found."""
    if not rows.tracks:
        return VideoObjects(rows.stamp)
    return VideoObjects(
        rows.stamp,
        tuple(
            Track(
                label=row.label,
                confidence=row.confidence,
                span=Span(row.start, row.end),
                times=np.array(row.times, np.float64),
                boxes=np.array(row.boxes, np.float32).reshape(-1, 4),
                best=row.best,
                vector=vector,
                bias=row.bias,
            )
            for row, vector in zip(rows.tracks, unpack(rows.vectors), strict=True)
        ),
    )


def of_videos(connection: Connection, collection: str, ids: Sequence[str]) -> dict[str, ObjectRows]:
    """Return the objects of those of the videos that were looked at."""
    of = objects.c
    query = OBJECTS.where(
        of.collection == behind(collection), among(of.video_id, ids, connection.dialect.name)
    )
    return {row["video_id"]: as_rows(row) for row in connection.execute(query).mappings()}


def insert_objects(
    connection: Connection, collection: str, video_id: str, rows: ObjectRows
) -> None:
    """Write the objects of a video that has none."""
    row = {"stamp": rows.stamp, "tracks": rows.tracks, "vectors": rows.vectors.tobytes()}
    connection.execute(insert(objects).values(collection=collection, video_id=video_id, **row))


def replace_objects(
    connection: Connection, collection: str, video_id: str, rows: ObjectRows
) -> bool | None:
    """Write the objects of a video instead of those before; say whether there are or were some.

    None if there is no such video.
    """
    this = (videos.c.collection == collection, videos.c.id == video_id)
    if connection.scalar(select(videos.c.id).where(*this)) is None:
        return None
    own = objects.c.collection == collection, objects.c.video_id == video_id
    before = connection.scalar(select(objects.c.tracks).where(*own))
    connection.execute(delete(objects).where(*own))
    insert_objects(connection, collection, video_id, rows)
    return bool(before or rows.tracks)


def rescore(connection: Connection, collection: str, bias: BiasOf) -> None:
    """Write the bias of each object of a collection again."""
    ids = connection.scalars(
        select(objects.c.video_id).where(objects.c.collection == collection)
    ).all()
    for video_id in ids:
        own = objects.c.collection == collection, objects.c.video_id == video_id
        row = connection.execute(OBJECTS.where(*own)).mappings().one()
        judged = rescored(as_rows(row), bias)
        connection.execute(update(objects).where(*own).values(tracks=judged.tracks))


def rescored(rows: ObjectRows, bias: BiasOf) -> ObjectRows:
    """Return the objects with their biases computed again."""
    if not rows.tracks:
        return rows
    biases = bias(unpack(rows.vectors)).tolist()
    tracks = zip(rows.tracks, biases, strict=True)
    return replace(rows, tracks=tuple(row._replace(bias=value) for row, value in tracks))
