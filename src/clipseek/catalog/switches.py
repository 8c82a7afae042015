"""SqlSwitches: the switches of models that are under way, in the database of the catalog."""

import secrets
from collections.abc import Sequence
from typing import Self

from sqlalchemy import Connection, case, delete, insert, or_, select, update
from sqlalchemy.sql.dml import Update

from clipseek.catalog import handover, leases, redaction_rows, writes
from clipseek.catalog.database import WAIT_S, Database
from clipseek.catalog.ledger import Ledger
from clipseek.catalog.reader import SqlReader
from clipseek.catalog.rows import now
from clipseek.catalog.switch_rows import switches_of
from clipseek.catalog.tables import aliases, collections, switches
from clipseek.errors import CollectionNotFound, ConfigError
from clipseek.switches import Switch
from clipseek.types import Scoring

_MOVING = ".moving"
"""What the name of a collection ends with inside the transaction that exchanges two names."""


class SqlSwitches(Ledger):
    """Begins, moves and ends switches of models, one for each collection at most. Thread-safe.

    A switch is changed only by the instance that holds its lease, so that two machines, which have
    nothing in common but the database, do not both work on it.
    """

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._owner = secrets.token_urlsafe(16)

    @classmethod
    def open(cls, url: str, *, wait_s: float = WAIT_S) -> Self:
        """Open the catalog at a URL, which must exist; it is not connected to before its use."""
        return cls(Database.at(url, wait_s=wait_s, create=False))

    def get(self, name: str) -> Switch | None:
        """Return the switch of a collection, given by its own name, or None."""
        return next(
            (each for each in SqlReader(self._database).switches() if each.name == name), None
        )

    def begin(
        self, name: str, model: str, *, dim: int, fingerprint: str, scoring: Scoring
    ) -> Switch:
        """Return the switch of a collection; begin one if there is none. It is not held by that.

        The new collection is made empty, and has no name that people can ask for.

        Raises:
            CollectionNotFound: no collection has this name itself.
        """
        with self._writing() as connection:
            old = writes.lock(connection, name)
            if old.name != name:
                raise CollectionNotFound(name)
            if (found := _found(connection, name)) is not None:
                return found
            new = writes.free_name(connection, name)
            writes.make_collection(
                connection, new, model, dim=dim, fingerprint=fingerprint, scoring=scoring
            )
            redaction_rows.copy(connection, old.key, new)
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
                    owner="",
                    due=0.0,
                )
            )
        return Switch(name, new, old.key, new, "embedding")

    def take(self, name: str, lease_s: float) -> float:
        """Hold a switch for `lease_s` seconds, unless another instance holds it.

        Returns:
            0 if it is held now or does not exist; otherwise for how many seconds the other one
            holds it, unless it renews its lease meanwhile.
        """
        with self._writing() as connection:
            clock = leases.clock(connection.dialect.name)
            is_free = or_(switches.c.due <= clock, switches.c.owner == self._owner)
            mine = {"owner": self._owner, "due": clock + float(lease_s)}
            row = update(switches).where(switches.c.name == name, is_free).values(mine)
            if connection.execute(row).rowcount:
                return 0.0
            left = connection.scalar(
                select(switches.c.due - clock).where(switches.c.name == name, ~is_free)
            )
        return 0.0 if left is None else float(left)

    def beat(self, name: str, lease_s: float) -> bool:
        """Renew the lease; False if another instance has taken the switch or it has ended."""
        with self._writing() as connection:
            due = leases.clock(connection.dialect.name) + float(lease_s)
            return connection.execute(self._held(name).values(due=due)).rowcount > 0

    def give_back(self, name: str) -> None:
        """Let another instance hold the switch at once."""
        with self._writing() as connection:
            connection.execute(self._held(name).values(owner="", due=0.0))

    def ready(self, name: str, left_out: Sequence[str]) -> None:
        """Note that the new collection has every video, except those that could not be read.

        Raises:
            ConfigError: this instance does not hold the switch, or the cut has been made.
        """
        with self._writing() as connection:
            row = self._held(name).where(switches.c.state != "switched")
            values = {"state": "ready", "left_out": list(left_out)}
            if not connection.execute(row.values(values)).rowcount:
                raise _lost(name)

    def cut(self, name: str, version: int, *, to: str) -> bool:
        """Exchange the names of both collections in one transaction, and move their aliases.

        Rules, samples and decisions go to the one that is to answer.

        `to` is the key of the collection that is to answer. Nothing is done, and False returned, if
        the one that answers is past `version`: what changed since is not in the other one yet.

        Raises:
            ConfigError: this instance does not hold the switch, or that one answers already.
        """
        with self._writing() as connection:
            now_answers = writes.lock(connection, name)
            switch = self._mine(connection, name)
            if switch is None or to not in {switch.old, switch.new} - {now_answers.key}:
                raise _lost(name)
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
            handover.hand_over(connection, now_answers.key, to)
            state = "switched" if to == switch.new else "ready"
            row = update(switches).where(switches.c.name == name)
            since = writes.lock(connection, name).version
            connection.execute(row.values(state=state, cut_at=now(), cut_version=since))
        return True

    def end(self, name: str) -> str:
        """Remove the collection that does not answer, and the switch; return that one's key.

        Raises:
            ConfigError: this instance does not hold the switch.
        """
        with self._writing() as connection:
            writes.lock(connection, name)
            switch = self._mine(connection, name)
            if switch is None:
                raise _lost(name)
            connection.execute(delete(switches).where(switches.c.name == name))
            writes.remove_collection(connection, switch.other)
        return switch.old if switch.state == "switched" else switch.new

    def _held(self, name: str) -> Update:
        """Return an update of a switch that this instance holds."""
        return update(switches).where(switches.c.name == name, switches.c.owner == self._owner)

    def _mine(self, connection: Connection, name: str) -> Switch | None:
        """Return a switch if this instance holds it, and lock its row until the end."""
        is_mine = connection.execute(self._held(name).values(owner=self._owner)).rowcount > 0
        return _found(connection, name) if is_mine else None


def _lost(name: str) -> ConfigError:
    return ConfigError(
        f"another process has continued, completed or ended the switch of collection {name!r} "
        "meanwhile; `indexer collections` shows the switches"
    )


def _found(connection: Connection, name: str) -> Switch | None:
    return next((switch for switch in switches_of(connection) if switch.name == name), None)
