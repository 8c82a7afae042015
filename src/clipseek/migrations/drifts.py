"""The table of what was measured of cameras and folders in a week."""

import sqlalchemy as sa
from alembic import op

from clipseek.migrations.kinds import JSON, KEY


def make() -> None:
    """Make the table."""
    collection = sa.ForeignKey("collections.key", ondelete="CASCADE")
    op.create_table(
        "drifts",
        sa.Column("collection", KEY, collection, primary_key=True),
        sa.Column("group", KEY, primary_key=True),
        sa.Column("week", KEY, primary_key=True),
        sa.Column("figures", JSON, nullable=False),
        sa.Column("measured_at", sa.Text, nullable=False),
    )
