"""The catalog: the SQL database that is the truth about videos, segments and vectors."""

from clipseek.catalog.sql import SqlCatalog

__all__ = ["SqlCatalog"]
