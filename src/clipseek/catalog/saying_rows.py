"""All that people have said of a collection as rows, which go to another catalog with it."""

from dataclasses import asdict, replace

from sqlalchemy import Connection, and_, delete, insert, select

from clipseek.catalog import curation_rows
from clipseek.catalog.curation_rows import decision_of, sample_of, stored_rule
from clipseek.catalog.curation_tables import decisions, rules, samples
from clipseek.catalog.rows import storable
from clipseek.catalog.tables import behind
from clipseek.curating import Said, Sample, StoredRule


def said(connection: Connection, collection: str) -> Said:
    """Return all that people have said of a collection, given by its name or an alias."""
    found = []
    for table, order in (
        (rules, (rules.c.name, rules.c.at, rules.c.version)),
        (samples, (samples.c.list, samples.c.position)),
        (decisions, (decisions.c.number,)),
    ):
        query = select(table).where(table.c.collection == behind(collection)).order_by(*order)
        found.append(connection.execute(query).mappings().all())
    listed: dict[str, list[Sample]] = {}
    for row in found[1]:
        listed.setdefault(row["list"], []).append(sample_of(row))
    return Said([stored_rule(row) for row in found[0]], listed, [decision_of(r) for r in found[2]])


def add(connection: Connection, key: str, said: Said) -> bool:
    """Add what people have said of the same videos elsewhere; say whether tags have changed."""
    for stored in said.rules:
        _add_rule(connection, key, stored)
    for name, listed in said.samples.items():
        storable(name=name)
        curation_rows.put_samples(connection, key, name, listed)
    own = select(decisions).where(decisions.c.collection == key)
    there = {replace(decision_of(row), number=0) for row in connection.execute(own).mappings()}
    for each in said.decisions:
        fresh = replace(each, number=0)
        if fresh not in there:
            texts = (each.sample, each.video_id, each.rule, each.label, each.annotator, each.at)
            storable(decision="".join(texts))
            row = {**asdict(fresh), "collection": key}
            del row["number"]
            connection.execute(insert(decisions).values(row))
    return curation_rows.settle(connection, key)


def _add_rule(connection: Connection, key: str, stored: StoredRule) -> None:
    """Store a version of a rule as it was stored elsewhere."""
    rule = stored.rule
    curation_rows.require_storable(rule)
    named = and_(rules.c.collection == key, rules.c.name == rule.name)
    if stored.is_current:
        connection.execute(rules.update().where(named).values(is_current=False))
    connection.execute(delete(rules).where(named, rules.c.version == rule.version))
    row = {
        "collection": key,
        "name": rule.name,
        "version": rule.version,
        "content": rule.content(),
        "is_fitted": rule.is_fitted,
        "is_current": stored.is_current,
        "principal": stored.by,
        "at": stored.at,
    }
    connection.execute(insert(rules).values(row))
