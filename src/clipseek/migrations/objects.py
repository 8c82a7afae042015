"""The table of the objects that videos show."""

import sqlalchemy as sa
from alembic import op

from clipseek.migrations.kinds import JSON, KEY


def make() -> None:
    """Make the table."""
    op.create_table(
        "objects",
        sa.Column("collection", KEY, primary_key=True),
        sa.Column("video_id", KEY, primary_key=True),
        sa.Column("stamp", sa.Text, nullable=False),
        sa.Column("tracks", JSON, nullable=False),
        sa.Column("vectors", sa.LargeBinary, nullable=False),
        sa.ForeignKeyConstraint(
            ["collection", "video_id"],
            ["videos.collection", "videos.id"],
            name="objects_video",
            ondelete="CASCADE",
        ),
    )
