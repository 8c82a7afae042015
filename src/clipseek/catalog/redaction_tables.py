"""The table of what is redacted in the pictures of each collection."""

from sqlalchemy import Column, ForeignKey, Table, Text

from clipseek.catalog.tables import Json, Key, metadata

redactions = Table(
    "redactions",
    metadata,
    Column("collection", Key, ForeignKey("collections.key", ondelete="CASCADE"), primary_key=True),
    Column("kinds", Json, nullable=False),  # such as ["faces"], never empty
    Column("at", Text, nullable=False),  # since when, RFC 3339, UTC
)
