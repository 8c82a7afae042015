"""The table of the objects that videos show."""

from sqlalchemy import Column, ForeignKeyConstraint, LargeBinary, Table, Text

from clipseek.catalog.tables import Json, Key, metadata

objects = Table(
    "objects",
    metadata,
    Column("collection", Key, primary_key=True),
    Column("video_id", Key, primary_key=True),
    Column("stamp", Text, nullable=False),  # which detector looked, and by which rules
    # [[label, confidence, start, end, best, bias, [time, ...], [[left, top, right, bottom], ...]]]
    Column("tracks", Json, nullable=False),
    Column("vectors", LargeBinary, nullable=False),  # int8 (tracks, dim), codes
    ForeignKeyConstraint(
        ["collection", "video_id"],
        ["videos.collection", "videos.id"],
        name="objects_video",
        ondelete="CASCADE",
    ),
)
