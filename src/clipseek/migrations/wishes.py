"""The tables of spans that are wanted of other machines."""

import sqlalchemy as sa
from alembic import op

from clipseek.migrations.kinds import KEY, counted


def make() -> None:
    """Make the tables."""
    op.create_table(
        "wishes",
        counted("number"),
        sa.Column("id", KEY, nullable=False, unique=True),
        sa.Column("site", KEY, nullable=False),
        sa.Column("collection", KEY, nullable=False),
        sa.Column("video", KEY, nullable=False),
        sa.Column("start", sa.Double, nullable=False),
        sa.Column("end", sa.Double, nullable=False),
        sa.Column("height", sa.Integer, nullable=False),
        sa.Column("is_preview", sa.Boolean, nullable=False),
        sa.Column("by", KEY, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("asked", sa.Double, nullable=False),
        sa.Column("due", sa.Double, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("wishes_by_site", "wishes", ["site", "collection", "number"])
    op.create_table(
        "sites",
        sa.Column("site", KEY, primary_key=True),
        sa.Column("collection", KEY, primary_key=True),
        sa.Column("seen", sa.Double, nullable=False),
    )
