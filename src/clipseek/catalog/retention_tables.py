"""The table of what retention has decided to remove, and has not removed yet."""

from sqlalchemy import Column, ForeignKeyConstraint, Table

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
