"""The table of what is redacted in the pictures of each collection."""

import sqlalchemy as sa
from alembic import op

from clipseek.migrations.kinds import JSON, KEY


def make() -> None:
    """Make the table."""
    collection = sa.ForeignKey("collections.key", ondelete="CASCADE")
    op.create_table(
        "redactions",
        sa.Column("collection", KEY, collection, primary_key=True),
        sa.Column("kinds", JSON, nullable=False),
        sa.Column("at", sa.Text, nullable=False),
    )
