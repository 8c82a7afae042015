"""How many bytes the values of a collection's columns have, by what they are stored for.

Of what videos have many of: a row of a video is as large as one of a segment. A database adds keys,
indexes and free space to that; no database reads a vector to know its length.
"""

from typing import Any

from sqlalchemy import ColumnElement, LargeBinary, Select, String, Table, cast, func, select

from clipseek.catalog.object_tables import objects
from clipseek.catalog.tables import behind, frame_vectors, segments, texts

SEGMENT_NUMBERS = 5 * 8 + 1
"""The id, four numbers and a truth value of a segment."""


def of(collection: str, dialect: str) -> Select[Any]:
    """Return the query for one row, with a column for each part."""
    frames, seg, said, seen = frame_vectors.c, segments.c, texts.c, objects.c

    def written(column: ColumnElement[Any]) -> ColumnElement[int]:
        return _written(column, dialect)

    sums = [
        _sum(collection, frame_vectors, _length(frames.times), _length(frames.vectors)),
        _sum(
            collection,
            segments,
            _length(seg.vector),
            *map(written, (seg.collection, seg.video_id, seg.field, seg.thumbnail)),
            SEGMENT_NUMBERS,
        ),
        _sum(collection, texts, written(said.cues), func.coalesce(_length(said.vectors), 0)),
        _sum(collection, objects, written(seen.tracks), _length(seen.vectors)),
    ]
    return select().add_columns(*sums)


def _sum(collection: str, table: Table, *parts: ColumnElement[int] | int) -> ColumnElement[int]:
    whole = sum(parts[1:], start=parts[0])
    own = select(func.coalesce(func.sum(whole), 0)).where(table.c.collection == behind(collection))
    return own.scalar_subquery().label(table.name)


def _length(column: ColumnElement[Any]) -> ColumnElement[int]:
    return func.length(column)


def _written(column: ColumnElement[Any], dialect: str) -> ColumnElement[int]:
    """Return the bytes of a text, whose `length` is that of its characters.

    SQLite has `octet_length` since 3.43 only, and PostgreSQL casts no text with a backslash.
    """
    text = cast(column, String)
    if dialect == "postgresql":
        return func.octet_length(text)
    return func.length(cast(text, LargeBinary))
