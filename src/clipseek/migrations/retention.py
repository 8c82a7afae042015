"""The tables of what retention has decided to remove, and of cameras that were removed."""

import sqlalchemy as sa
from alembic import op

from clipseek.migrations.kinds import KEY


def make() -> None:
    """Make the tables."""
    op.create_table(
        "expiring",
        sa.Column("collection", KEY, primary_key=True),
        sa.Column("video_id", KEY, primary_key=True),
        sa.ForeignKeyConstraint(
            ["collection", "video_id"],
            ["videos.collection", "videos.id"],
            name="expiring_video",
            ondelete="CASCADE",
        ),
    )
    op.create_table(
        "departed",
        sa.Column("collection", KEY, primary_key=True),
        sa.Column("camera", KEY, primary_key=True),
        sa.Column("before", sa.Double, nullable=False),
    )
