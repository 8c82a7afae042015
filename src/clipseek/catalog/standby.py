"""How far a standby of PostgreSQL is behind the server that is written."""

from typing import Self

from sqlalchemy import text

from clipseek.catalog.database import Database

_LAG = text(
    """
    SELECT CASE
        WHEN NOT pg_is_in_recovery() THEN NULL
        WHEN EXISTS (SELECT 1 FROM pg_stat_wal_receiver WHERE pid IS NOT NULL)
            AND pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0
        ELSE extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())
    END
    """
)
"""Nothing if it is not a standby; 0 if it is connected and has replayed what has come; else the age
of the last transaction that it has replayed, which is too much where nothing was written since.

https://www.postgresql.org/docs/current/functions-admin.html#FUNCTIONS-RECOVERY-CONTROL
"""


class Standby:
    """Asks the database of the catalog, by SELECT alone, whether it is behind another one."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @classmethod
    def open(cls, url: str) -> Self:
        """Take the URL of the catalog; it is connected to when it is used."""
        return cls(Database.at(url, read_only=True, create=False, most=1))

    def lag_s(self) -> float | None:
        """Return how many seconds it may be behind; None if it is not a standby.

        Raises:
            ServiceUnavailable: it cannot be reached.
        """
        if self._database.dialect != "postgresql":
            return None
        with self._database.reading() as connection:
            found = connection.execute(_LAG).scalar_one()
        return None if found is None else max(0.0, float(found))

    def close(self) -> None:
        """Close the connection."""
        self._database.close()
