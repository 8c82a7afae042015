"""Claims: which videos are worked on, and by whom, as rows of the catalog.

Leases are judged by the clock of the database, so that the clocks of the machines may differ.
"""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, delete, or_, select, tuple_, update

from clipseek.catalog import upserts
from clipseek.catalog.leases import clock
from clipseek.catalog.rows import cleaned
from clipseek.catalog.tables import among, claims
from clipseek.protocols import ClaimLost
from clipseek.types import Video

FORGOTTEN_S = 3600.0
"""A claim whose owner has given no sign of life for so long after its end is deleted."""


def take(connection: Connection, key: str, subject: str, owner: str, lease_s: float) -> bool:
    """Claim a subject for an owner, unless another one's lease of it is valid."""
    made = upserts.into(connection, claims)
    at = clock(connection.dialect.name)
    values = {"collection": key, "subject": cleaned(subject), "owner": owner, "due": at + lease_s}
    taken = made.values(values).on_conflict_do_update(
        index_elements=[claims.c.collection, claims.c.subject],
        set_={"owner": owner, "due": at + lease_s},
        where=or_(claims.c.due <= at, claims.c.owner == owner),
    )
    return connection.execute(taken.returning(claims.c.subject)).one_or_none() is not None


def renew(connection: Connection, owner: str, lease_s: float) -> None:
    """Renew the leases that an owner still has, except where another transaction writes now.

    That one ends the claim, most likely, because it stores the video. It locks the rows in an order
    of its own, so to wait for it with other rows locked could be a deadlock, which would end the
    ingest.
    """
    row = claims.c.collection, claims.c.subject
    free = select(*row).where(claims.c.owner == owner).with_for_update(skip_locked=True)
    due = clock(connection.dialect.name) + lease_s
    connection.execute(update(claims).where(tuple_(*row).in_(free)).values(due=due))


def release(
    connection: Connection, key: str | ColumnElement[str], subjects: Sequence[str], owner: str
) -> set[str]:
    """Delete those claims of the subjects that an owner has; return which these are."""
    mine = (
        claims.c.collection == key,
        among(claims.c.subject, subjects, connection.dialect.name),
        claims.c.owner == owner,
    )
    ended = delete(claims).where(*mine).returning(claims.c.subject)
    return set(connection.scalars(ended))


def release_all(connection: Connection, owner: str) -> None:
    """Delete all claims of an owner, and those that nobody has renewed for long."""
    old = claims.c.due <= clock(connection.dialect.name) - FORGOTTEN_S
    connection.execute(delete(claims).where(or_(claims.c.owner == owner, old)))


def require(connection: Connection, key: str, video: Video, owner: str) -> None:
    """Release the claim on a video that is stored in this transaction.

    Raises:
        ClaimLost: the owner has it no more, so another one may store the video.
    """
    if video.id not in release(connection, key, [video.id, video.uri], owner):
        raise ClaimLost(video.uri)


def others(
    connection: Connection, key: ColumnElement[str], subjects: Sequence[str], owner: str
) -> set[str]:
    """Return which of the subjects are claimed now by somebody else."""
    held = select(claims.c.subject).where(
        claims.c.collection == key,
        among(claims.c.subject, subjects, connection.dialect.name),
        claims.c.owner != owner,
        claims.c.due > clock(connection.dialect.name),
    )
    return set(connection.scalars(held))
