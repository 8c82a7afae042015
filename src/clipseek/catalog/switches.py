"""SqlSwitches: the switches of models that are under way, in the database of the catalog."""

from collections.abc import Sequence
from typing import Self

from sqlalchemy import Connection, case, delete, insert, update

from clipseek.catalog import schema, writes
from clipseek.catalog.database import WAIT_S, Database
from clipseek.catalog.reader import SqlReader
from clipseek.catalog.rows import now
from clipseek.catalog.switch_rows import switches_of
from clipseek.catalog.tables import aliases, collections, switches
from clipseek.errors import CollectionNotFound, ConfigError
from clipseek.switches import Switch
from clipseek.types import Scoring

_MOVING = ".moving"
"""What the name of a collection ends with inside the transaction that exchanges two names."""


class SqlSwitches:
    """Begins, moves and ends switches of models, one for each collection at most. Thread-safe."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @classmethod
    def open(cls, url: str, *, wait_s: float = WAIT_S) -> Self:
        """Open the catalog at a URL, which must exist; it is not connected to before its use."""
        return cls(Database.at(url, wait_s=wait_s, create=False))

    def close(self) -> None:
        """Give back connections."""
        self._database.close()

    def get(self, name: str) -> Switch | None:
        """Return the switch of a collection, given by its own name, or None."""
        return next(
            (each for each in SqlReader(self._database).switches() if each.name == name), None
        )

    def begin(
        self, name: str, model: str, *, dim: int, fingerprint: str, scoring: Scoring
    ) -> Switch:
        """Return the switch of a collection; begin one if there is none.

        The new collection is made empty, and has no name that people can ask for.

        Raises:
            CollectionNotFound: no collection has this name itself.
        """
        with self._database.writing() as connection:
            schema.hold(connection, self._database.place)
            old = writes.lock(connection, name)
            if old.name != name:
                raise CollectionNotFound(name)
            if (found := _found(connection, name)) is not None:
                return found
            new = writes.free_name(connection, name)
            writes.make_collection(
                connection, new, model, dim=dim, fingerprint=fingerprint, scoring=scoring
            )
            connection.execute(
                insert(switches).values(
                    name=name,
                    old=old.key,
                    new=new,
                    state="embedding",
                    left_out=[],
                    started_at=now(),
                    cut_at="",
                    cut_version=0,
                )
            )
        return Switch(name, new, old.key, new, "embedding")

    def ready(self, name: str, left_out: Sequence[str]) -> None:
        """Note that the new collection has every video, except those that could not be read.

        After the cut nothing is noted: another process was quicker.
        """
        with self._database.writing() as connection:
            schema.hold(connection, self._database.place)
            row = update(switches).where(switches.c.name == name, switches.c.state != "switched")
            connection.execute(row.values(state="ready", left_out=list(left_out)))

    def cut(self, name: str, version: int, *, to: str) -> bool:
        """Exchange the names of both collections in one transaction, and move their aliases.

        `to` is the key of the collection that is to answer. Nothing is done, and False returned, if
        the one that answers is past `version`: what changed since is not in the other one yet.

        Raises:
            ConfigError: another process has made this cut or ended the switch.
        """
        with self._database.writing() as connection:
            schema.hold(connection, self._database.place)
            now_answers = writes.lock(connection, name)
            switch = _found(connection, name)
            if switch is None or to not in {switch.old, switch.new} - {now_answers.key}:
                raise ConfigError(
                    f"another process has completed or ended the switch of collection {name!r} "
                    "meanwhile; `indexer collections` shows the switches"
                )
            if now_answers.version != version:
                return False
            for key, called in (
                (now_answers.key, name + _MOVING),
                (to, name),
                (now_answers.key, switch.other),
            ):
                row = update(collections).where(collections.c.key == key)
                connection.execute(row.values(name=called))
            pair = (now_answers.key, to)
            swapped = case((aliases.c.collection == to, now_answers.key), else_=to)
            moved = update(aliases).where(aliases.c.collection.in_(pair))
            connection.execute(moved.values(collection=swapped))
            state = "switched" if to == switch.new else "ready"
            row = update(switches).where(switches.c.name == name)
            since = writes.lock(connection, name).version
            connection.execute(row.values(state=state, cut_at=now(), cut_version=since))
        return True

    def end(self, name: str) -> str | None:
        """Remove the collection that does not answer, and the switch; return that one's key.

        None if there is no switch.
        """
        with self._database.writing() as connection:
            schema.hold(connection, self._database.place)
            writes.lock(connection, name)
            switch = _found(connection, name)
            if switch is None:
                return None
            connection.execute(delete(switches).where(switches.c.name == name))
            writes.remove_collection(connection, switch.other)
        return switch.old if switch.state == "switched" else switch.new


def _found(connection: Connection, name: str) -> Switch | None:
    return next((switch for switch in switches_of(connection) if switch.name == name), None)
