"""SqlFeeds: which replica receives the pictures of which webcam, in the database of the catalog."""

from typing import Self

from sqlalchemy import and_, delete, or_, select, update

from clipseek.cameras import CameraNotFound
from clipseek.catalog import leases, upserts
from clipseek.catalog.database import WAIT_S, Database
from clipseek.catalog.feed_tables import feeds
from clipseek.catalog.ledger import Ledger
from clipseek.catalog.tables import cameras
from clipseek.feeds import FeedRefused

CONNECTIONS = 2
"""The most connections: each transaction takes milliseconds."""


class SqlFeeds(Ledger):
    """A `FeedStore` in a SQL database. Thread-safe. Leases are as those of cameras."""

    @classmethod
    def open(cls, url: str, *, wait_s: float = WAIT_S) -> Self:
        """Open the catalog at a URL, which must exist when a feed is offered."""
        return cls(Database.at(url, create=False, wait_s=wait_s, most=CONNECTIONS))

    def offer(self, camera: str, digest: str, valid_s: float) -> None:
        """Store the digest of a ticket; raise FeedRefused or CameraNotFound."""
        with self._writing() as connection:
            clock = leases.clock(connection.dialect.name)
            known = select(cameras.c.name).where(cameras.c.name == camera)
            if connection.scalar(known.with_for_update()) is None:
                raise CameraNotFound(camera)
            values = {"digest": digest, "url": "", "due": clock + float(valid_s)}
            made = upserts.into(connection, feeds).values(camera=camera, **values)
            is_free = or_(feeds.c.url == "", feeds.c.due <= clock)
            made = made.on_conflict_do_update(
                index_elements=[feeds.c.camera], set_=values, where=is_free
            )
            if connection.execute(made.returning(feeds.c.camera)).one_or_none() is None:
                raise FeedRefused(camera, "another browser sends them; stop that one first")

    def begin(self, digest: str, url: str, lease_s: float) -> str | None:
        """Use a ticket; return its camera, or None."""
        clock = leases.clock(self._database.dialect)
        unused = and_(feeds.c.digest == digest, feeds.c.url == "", feeds.c.due > clock)
        if not self._rows(select(feeds.c.camera).where(unused)):
            return None  # so that guesses never wait for a writer
        with self._writing() as connection:
            values = {"url": url, "due": clock + float(lease_s)}
            this = update(feeds).where(unused).values(values).returning(feeds.c.camera)
            found: str | None = connection.scalar(this)
            return found

    def renew(self, digest: str, lease_s: float) -> bool:
        """Renew the lease; False if it is over."""
        with self._writing() as connection:
            clock = leases.clock(connection.dialect.name)
            mine = and_(feeds.c.digest == digest, feeds.c.url != "", feeds.c.due > clock)
            due = {"due": clock + float(lease_s)}
            return bool(connection.execute(update(feeds).where(mine).values(due)).rowcount)

    def end(self, digest: str) -> None:
        """End a feed."""
        with self._writing() as connection:
            connection.execute(delete(feeds).where(feeds.c.digest == digest))

    def url(self, camera: str) -> str | None:
        """Return where the pictures of a camera are received, or None."""
        clock = leases.clock(self._database.dialect)
        there = and_(feeds.c.camera == camera, feeds.c.url != "", feeds.c.due > clock)
        return next((row.url for row in self._rows(select(feeds.c.url).where(there))), None)
