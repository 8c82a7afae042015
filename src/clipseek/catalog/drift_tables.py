"""The table of what was measured of cameras and folders in a week."""

from sqlalchemy import Column, ForeignKey, Table, Text

from clipseek.catalog.tables import Json, Key, metadata

drifts = Table(
    "drifts",
    metadata,
    Column("collection", Key, ForeignKey("collections.key", ondelete="CASCADE"), primary_key=True),
    Column("group", Key, primary_key=True),  # a camera, a folder or the collection
    Column("week", Key, primary_key=True),  # as ISO 8601 writes it: in the order of time
    Column("figures", Json, nullable=False),
    Column("measured_at", Text, nullable=False),
)
