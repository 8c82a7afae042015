"""The tables of what retention has decided to remove, and of cameras that were removed."""

from sqlalchemy import Column, Double, ForeignKeyConstraint, Table

from clipseek.catalog.tables import Key, metadata

expiring = Table(
    "expiring",
    metadata,
    Column("collection", Key, primary_key=True),
    Column("video_id", Key, primary_key=True),
    ForeignKeyConstraint(
        ["collection", "video_id"],
        ["videos.collection", "videos.id"],
        name="expiring_video",
        ondelete="CASCADE",
    ),
)

departed = Table(
    "departed",
    metadata,
    Column("collection", Key, primary_key=True),  # its name, or an alias, as the camera had it
    Column("camera", Key, primary_key=True),
    Column("before", Double, nullable=False),  # what began before it goes; seconds since 1970
)
