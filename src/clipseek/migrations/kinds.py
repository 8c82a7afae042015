"""Kinds of columns that the steps of the schema have in common."""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

KEY = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def counted(name: str) -> sa.Column[int]:
    """Return the key of rows that are numbered in the order in which they are added."""
    number = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    return sa.Column(name, number, sa.Identity(always=True), primary_key=True)
