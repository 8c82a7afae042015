"""The table of feeds: the pictures that browsers send of their webcams."""

from sqlalchemy import Column, Double, ForeignKey, Table, Text

from clipseek.catalog.tables import Key, metadata

feeds = Table(
    "feeds",
    metadata,
    Column("camera", Key, ForeignKey("cameras.name", ondelete="CASCADE"), primary_key=True),
    Column("digest", Key, nullable=False, unique=True),  # SHA-256 of the ticket, in hexadecimal
    Column("url", Text, nullable=False),  # empty until the ticket is used
    Column("due", Double, nullable=False),  # when the ticket or the lease expires, as `due` of jobs
)
