"""Whole videos as they are stored: the statements that read them, a page at a time."""

from collections.abc import Sequence
from dataclasses import fields
from itertools import groupby
from operator import itemgetter
from typing import Any

import numpy as np
from sqlalchemy import Connection, RowMapping, select

from clipseek.catalog import codes, object_rows
from clipseek.catalog.tables import (
    among,
    behind,
    collections,
    frame_vectors,
    segments,
    texts,
    videos,
)
from clipseek.recorded import known
from clipseek.stored import FrameRows, SegmentRow, Some, VideoRows
from clipseek.timed import Cue, Meaning, TimedText
from clipseek.types import Named, Span, Video

VIDEO = [videos.c[field.name] for field in fields(Video)]
"""The columns that `as_video` takes."""


def read(
    connection: Connection, collection: str, after: str, limit: int, video_ids: Some
) -> list[VideoRows]:
    """Return videos in the order of their ids, past `after`, with all that is stored of them.

    Of all videos, or of some.
    """
    query = select(*VIDEO).where(videos.c.collection == behind(collection), videos.c.id > after)
    if video_ids is not None:
        query = query.where(among(videos.c.id, video_ids, connection.dialect.name))
    found = connection.execute(query.order_by(videos.c.id).limit(limit)).mappings().all()
    if not found:
        return []
    ids = [row["id"] for row in found]
    parts, frames = _segments(connection, collection, ids), _frames(connection, collection, ids)
    said = _texts(connection, collection, ids)
    shown = object_rows.of_videos(connection, collection, ids)
    return [
        VideoRows(
            as_video(row),
            parts.get(row["id"], ()),
            frames.get(row["id"]),
            said.get(row["id"], ()),
            shown.get(row["id"]),
        )
        for row in found
    ]


def as_video(row: RowMapping) -> Video:
    """Return the video of a row; a time of recording that is none is left out."""
    recorded = known(row["recorded_at"], row["duration"])
    return Video(**{**row, "tags": tuple(row["tags"]), "recorded_at": recorded})


def as_named(row: Sequence[Any]) -> Named:
    """Return what answers say of the video of a row, whose columns are those of `Named`."""
    named = Named(*row)
    recorded = known(named.recorded_at, named.duration)
    return named if recorded == named.recorded_at else named._replace(recorded_at=recorded)


def as_text(row: RowMapping) -> TimedText:
    """Return the timed text of a row of `texts`."""
    meaning = None if row["model"] is None else Meaning(row["model"], bytes(row["vectors"]))
    cues = tuple(Cue(*cue) for cue in row["cues"])
    return TimedText(row["field"], row["stamp"], cues, meaning)


def _texts(
    connection: Connection, collection: str, ids: Sequence[str]
) -> dict[str, tuple[TimedText, ...]]:
    of = texts.c
    query = (
        select(texts)
        .where(
            of.collection == behind(collection),
            among(of.video_id, ids, connection.dialect.name),
        )
        .order_by(of.video_id, of.field)
    )
    rows = connection.execute(query).mappings()
    return {
        video_id: tuple(map(as_text, some))
        for video_id, some in groupby(rows, itemgetter("video_id"))
    }


def _segments(
    connection: Connection, collection: str, ids: Sequence[str]
) -> dict[str, tuple[SegmentRow, ...]]:
    of = segments.c
    query = (
        select(segments, collections.c.dim)
        .join(collections, collections.c.key == of.collection)
        .where(
            of.collection == behind(collection),
            among(of.video_id, ids, connection.dialect.name),
        )
        .order_by(of.video_id, of.id)
    )
    rows = connection.execute(query).mappings()
    return {
        video_id: tuple(map(_segment, some))
        for video_id, some in groupby(rows, itemgetter("video_id"))
    }


def _segment(row: RowMapping) -> SegmentRow:
    return SegmentRow(
        field=row["field"],
        span=Span(row["start"], row["end"]),
        best_time=row["best_time"],
        bias=row["bias"],
        thumbnail=row["thumbnail"],
        vector=codes.read(row["vector"], 1, row["dim"])[0],
        begins_shot=row["begins_shot"],
    )


def _frames(connection: Connection, collection: str, ids: Sequence[str]) -> dict[str, FrameRows]:
    of = frame_vectors.c
    query = (
        select(of.video_id, of.times, of.vectors, collections.c.dim)
        .join(collections, collections.c.key == of.collection)
        .where(
            of.collection == behind(collection), among(of.video_id, ids, connection.dialect.name)
        )
        .order_by(of.video_id, of.first)
    )
    rows = connection.execute(query).mappings()
    return {
        video_id: _joined(list(some)) for video_id, some in groupby(rows, itemgetter("video_id"))
    }


def _joined(rows: Sequence[RowMapping]) -> FrameRows:
    times = np.frombuffer(b"".join(row["times"] for row in rows), "<f4")
    vectors = b"".join(row["vectors"] for row in rows)
    return FrameRows(times, codes.read(vectors, len(times), rows[0]["dim"]))
