"""Handover: a collection takes the place of another, with its rules, samples and limits."""

from sqlalchemy import Connection, and_, delete, select, tuple_, update

from clipseek.catalog import curation_rows, writes
from clipseek.catalog.curation_tables import decisions, rules, samples
from clipseek.catalog.tables import collections


def hand_over(connection: Connection, old: str, new: str) -> None:
    """Give one collection what people have said of another; both are given by their keys.

    What the new one has of its own stays, except rules and lists of samples of the same names. How
    long recordings are kept holds for both.
    """
    limits = select(collections.c.retain_s, collections.c.retain_bytes)
    kept_s, kept_bytes = connection.execute(limits.where(collections.c.key == old)).one()
    of_new_one = update(collections).where(collections.c.key == new)
    connection.execute(of_new_one.values(retain_s=kept_s, retain_bytes=kept_bytes))
    _move_rules(connection, old, new)
    listed = select(samples.c.list).where(samples.c.collection == old)
    same = and_(samples.c.collection == new, samples.c.list.in_(listed))
    connection.execute(delete(samples).where(same))
    for table in (samples, decisions):
        own = update(table).where(table.c.collection == old)
        connection.execute(own.values(collection=new))
    if curation_rows.settle(connection, new):
        writes.note(connection, new, writes.next_version(connection, new), "tag")


def _move_rules(connection: Connection, old: str, new: str) -> None:
    """Move all versions of rules; of a rule that both have, the moved one says what is current."""
    named = select(rules.c.name).where(rules.c.collection == old)
    of_new = rules.c.collection == new
    connection.execute(
        update(rules).where(of_new, rules.c.name.in_(named)).values(is_current=False)
    )
    versions = select(rules.c.name, rules.c.version).where(rules.c.collection == old)
    same = tuple_(rules.c.name, rules.c.version).in_(versions)
    connection.execute(delete(rules).where(of_new, same))
    connection.execute(update(rules).where(rules.c.collection == old).values(collection=new))
