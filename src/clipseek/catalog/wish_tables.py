"""The tables of wishes, and of when the sites last asked for them."""

from sqlalchemy import Boolean, Column, Double, Index, Integer, Table, Text

from clipseek.catalog.tables import Key, counted, metadata

wishes = Table(
    "wishes",
    metadata,
    counted("number"),
    Column("id", Key, nullable=False, unique=True),
    Column("site", Key, nullable=False),
    Column("collection", Key, nullable=False),  # the key of the collection
    Column("video", Key, nullable=False),
    Column("start", Double, nullable=False),
    Column("end", Double, nullable=False),
    Column("height", Integer, nullable=False),
    Column("is_preview", Boolean, nullable=False),
    Column("by", Key, nullable=False),
    Column("why", Text, nullable=False),  # empty: it is waited for
    # Seconds since 1970, by the clock of the database, as `due` of jobs.
    Column("asked", Double, nullable=False),  # when it was last asked for
    Column("due", Double, nullable=False),  # when it may be told, or asked for, again
    Index("wishes_by_site", "site", "collection", "number"),
    sqlite_autoincrement=True,
)

sites = Table(
    "sites",
    metadata,
    Column("site", Key, primary_key=True),
    Column("collection", Key, primary_key=True),  # the key of the collection
    Column("seen", Double, nullable=False),
)
