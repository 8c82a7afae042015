"""The catalog: the SQL database that is the truth about videos, segments and vectors."""

from clipseek.catalog.curating import SqlCurating, SqlCuratingReader
from clipseek.catalog.feeds import SqlFeeds
from clipseek.catalog.keys import SqlKeyReader, SqlKeys
from clipseek.catalog.reader import SqlReader
from clipseek.catalog.watches import SqlWatches, SqlWatchReader
from clipseek.catalog.wishes import SqlWishes
from clipseek.catalog.writer import SqlCatalog

__all__ = [
    "SqlCatalog",
    "SqlCurating",
    "SqlCuratingReader",
    "SqlFeeds",
    "SqlKeyReader",
    "SqlKeys",
    "SqlReader",
    "SqlWatchReader",
    "SqlWatches",
    "SqlWishes",
]
