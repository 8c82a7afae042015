"""The table of feeds."""

import sqlalchemy as sa
from alembic import op

from clipseek.migrations.kinds import KEY


def make() -> None:
    """Make the table."""
    camera = sa.ForeignKey("cameras.name", ondelete="CASCADE")
    op.create_table(
        "feeds",
        sa.Column("camera", KEY, camera, primary_key=True),
        sa.Column("digest", KEY, nullable=False, unique=True),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("due", sa.Double, nullable=False),
    )
