"""SqlWishes: the spans that are wanted of other machines, in the database of the catalog."""

from dataclasses import asdict
from typing import Any, Self

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    delete,
    func,
    select,
    update,
)

from clipseek.catalog import leases, upserts
from clipseek.catalog.database import WAIT_S, Database
from clipseek.catalog.ledger import Ledger
from clipseek.catalog.rows import storable
from clipseek.catalog.tables import among
from clipseek.catalog.wish_tables import sites, wishes
from clipseek.wishes import (
    LEASE_S,
    LIFE_S,
    OF_ONE,
    OF_SITE,
    REFUSED_S,
    TooManyWishes,
    Why,
    Wish,
    WishNotFound,
)

CONNECTIONS = 4
"""The most connections: each transaction takes milliseconds."""

_COLUMNS = (
    wishes.c.id,
    wishes.c.site,
    wishes.c.collection,
    wishes.c.video,
    wishes.c.start,
    wishes.c.end,
    wishes.c.height,
    wishes.c.is_preview,
    wishes.c.by,
    wishes.c.why,
)


class SqlWishes(Ledger):
    """A `WishStore` in a SQL database. Thread-safe.

    The times of PostgreSQL are those of the server, so that the clocks of its clients may differ.
    """

    @classmethod
    def open(cls, url: str, *, wait_s: float = WAIT_S) -> Self:
        """Open the catalog at a URL, which must exist when a wish is noted."""
        return cls(Database.at(url, create=False, wait_s=wait_s, most=CONNECTIONS))

    def ask(self, wish: Wish) -> Wish:
        """Note a wish, or that somebody still wants it; return it as it is stored."""
        storable(site=wish.site, collection=wish.collection, video=wish.video, by=wish.by)
        with self._writing() as connection:
            clock = leases.clock(connection.dialect.name)
            connection.execute(delete(wishes).where(wishes.c.asked < clock - LIFE_S))
            this = wishes.c.id == wish.id
            # A refusal that is old is forgotten: the file may be there again.
            old = and_(this, wishes.c.why != "", wishes.c.due <= clock)
            connection.execute(update(wishes).where(old).values(why="", due=0.0))
            if connection.execute(update(wishes).where(this).values(asked=clock)).rowcount:
                return _one(connection, this)
            _require_room(connection, wish)
            values = {**asdict(wish), "why": "", "asked": clock, "due": 0.0}
            # Another process may have noted the same one just now.
            made = upserts.into(connection, wishes).values(values).on_conflict_do_nothing()
            connection.execute(made)
            return _one(connection, this)

    def see(self, site: str, collection: str) -> None:
        """Note that a site asks for the wishes of a collection now."""
        storable(site=site, collection=collection)
        with self._writing() as connection:
            clock = leases.clock(connection.dialect.name)
            row = {"site": site, "collection": collection, "seen": clock}
            made = upserts.into(connection, sites).values(row)
            key = [sites.c.site, sites.c.collection]
            connection.execute(made.on_conflict_do_update(index_elements=key, set_={"seen": clock}))

    def away_s(self, site: str, collection: str) -> float | None:
        """Return how long ago a site last asked for the wishes of a collection; None if never."""
        clock = leases.clock(self._database.dialect)
        this = and_(sites.c.site == site, sites.c.collection == collection)
        rows = self._rows(select(clock - sites.c.seen).where(this))
        return max(0.0, float(rows[0][0])) if rows else None

    def take(self, site: str, collection: str, most: int) -> list[Wish]:
        """Take the oldest wishes that a site has not been told, or has said nothing of since."""
        ready = _ready(site, collection, leases.clock(self._database.dialect))
        if not self._rows(select(wishes.c.number).where(ready).limit(1)):
            return []  # without a writing transaction, because sites ask again and again
        with self._writing() as connection:
            clock = leases.clock(connection.dialect.name)
            oldest = (
                select(wishes.c.id)
                .where(_ready(site, collection, clock))
                .order_by(wishes.c.number)
                .limit(most)
                .with_for_update(skip_locked=True)
            )
            some = among(wishes.c.id, list(connection.scalars(oldest)), connection.dialect.name)
            connection.execute(update(wishes).where(some).values(due=clock + LEASE_S))
            query = select(*_COLUMNS).where(some).order_by(wishes.c.number)
            return [_wish(row) for row in connection.execute(query)]

    def get(self, wish_id: str, site: str) -> Wish:
        """Return a wish that a site is to fulfil; raise WishNotFound."""
        rows = self._rows(select(*_COLUMNS).where(_open(wish_id, site)))
        if not rows:
            raise WishNotFound(wish_id)
        return _wish(rows[0])

    def fulfil(self, wish_id: str, site: str) -> None:
        """Remove a wish, because its span is there; raise WishNotFound."""
        with self._writing() as connection:
            if not connection.execute(delete(wishes).where(_open(wish_id, site))).rowcount:
                raise WishNotFound(wish_id)

    def refuse(self, wish_id: str, site: str, why: Why) -> None:
        """Note why a site cannot fulfil a wish; raise WishNotFound."""
        with self._writing() as connection:
            due = leases.clock(connection.dialect.name) + REFUSED_S
            refused = update(wishes).where(_open(wish_id, site)).values(why=why, due=due)
            if not connection.execute(refused).rowcount:
                raise WishNotFound(wish_id)


def _ready(site: str, collection: str, clock: ColumnElement[float]) -> ColumnElement[bool]:
    """Return the condition that a site may be told a wish."""
    return and_(
        wishes.c.site == site,
        wishes.c.collection == collection,
        wishes.c.why == "",
        wishes.c.due <= clock,
        wishes.c.asked >= clock - LIFE_S,
    )


def _open(wish_id: str, site: str) -> ColumnElement[bool]:
    return and_(wishes.c.id == wish_id, wishes.c.site == site, wishes.c.why == "")


def _require_room(connection: Connection, wish: Wish) -> None:
    """Raise TooManyWishes if as many are open as may be."""
    waits = wishes.c.why == ""
    of_site = and_(waits, wishes.c.site == wish.site, wishes.c.collection == wish.collection)
    for which, most in ((of_site, OF_SITE), (and_(waits, wishes.c.by == wish.by), OF_ONE)):
        count = connection.scalar(select(func.count()).select_from(wishes).where(which))
        if (count or 0) >= most:
            raise TooManyWishes(wish.site)


def _wish(row: Any) -> Wish:  # a row of `_COLUMNS`
    return Wish(**row._mapping)


def _one(connection: Connection, this: ColumnElement[bool]) -> Wish:
    return _wish(connection.execute(select(*_COLUMNS).where(this)).one())
