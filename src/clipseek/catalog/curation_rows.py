"""Rules, tags, samples and decisions as rows: the statements of a writing transaction."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Table,
    and_,
    delete,
    exists,
    insert,
    select,
)

from clipseek.catalog import upserts
from clipseek.catalog.curation_tables import decisions, rules, samples, segment_tags, taggings
from clipseek.catalog.rows import now, storable
from clipseek.catalog.tables import among, videos
from clipseek.curating import (
    Applied,
    Sample,
    SegmentTag,
    StoredRule,
    Tagging,
    difference,
    settled_tags,
)
from clipseek.decisions import Decision
from clipseek.rules import Rule


def store_rule(connection: Connection, key: str, rule: Rule, by: str) -> None:
    """Make a version of a rule the current one."""
    named = and_(rules.c.collection == key, rules.c.name == rule.name)
    connection.execute(rules.update().where(named).values(is_current=False))
    made = upserts.into(connection, rules)
    row = {
        "collection": key,
        "name": rule.name,
        "version": rule.version,
        "content": rule.content(),
        "is_fitted": rule.is_fitted,
        "is_current": True,
        "principal": by,
        "at": now(),
    }
    again = {"is_current": True, "is_fitted": rule.is_fitted}
    connection.execute(
        made.values(row).on_conflict_do_update(
            index_elements=["collection", "name", "version"], set_=again
        )
    )


def require_storable(rule: Rule) -> None:
    """Raise ValueError for a text of a rule that a database cannot store."""
    sentences = [text for some in rule.sentences().values() for text in some]
    texts = {f"sentence {n}": text for n, text in enumerate(sentences)}
    cameras = {f"camera {n}": name for n, name in enumerate(rule.cameras or ())}
    classes = {} if rule.relation is None else {"of": rule.relation.of, "to": rule.relation.to}
    storable(name=rule.name, **texts, **cameras, **classes)


def rule_of(row: RowMapping) -> Rule:
    """Return the rule that a row is of."""
    return Rule.of(row["content"], is_fitted=row["is_fitted"])


def stored_rule(row: RowMapping) -> StoredRule:
    """Return the version of a rule that a row is of."""
    return StoredRule(rule_of(row), row["at"], row["principal"], row["is_current"])


def tag_of(row: RowMapping) -> SegmentTag:
    """Return the tag that a row is of."""
    values = {name: value for name, value in row.items() if name not in ("collection", "principal")}
    return SegmentTag(**values, by=row["principal"])


def decision_of(row: RowMapping) -> Decision:
    """Return the decision that a row is of."""
    return Decision(**{name: value for name, value in row.items() if name != "collection"})


def sample_of(row: RowMapping) -> Sample:
    """Return the sample that a row is of."""
    names = ("id", "video_id", "start", "end", "rule", "relevance")
    return Sample(**{name: row[name] for name in names})


def apply(connection: Connection, key: str, given: Sequence[Tagging]) -> Applied:
    """Replace the tags of videos by rules: those that are still there."""
    dialect = connection.dialect.name
    ids = sorted({each.video_id for each in given})
    some = (videos.c.collection == key, among(videos.c.id, ids, dialect))
    there = set(connection.scalars(select(videos.c.id).where(*some)))
    versions = _versions(connection, key)
    changed, added, removed = set[str](), 0, 0
    for each in given:
        if each.video_id in there and versions.get(each.rule, "") == each.version:
            plus, minus = _replace(connection, key, each)
            added, removed = added + plus, removed + minus
            if plus or minus:
                changed.add(each.video_id)
    return Applied(len(changed), added, removed)


def _replace(connection: Connection, key: str, given: Tagging) -> tuple[int, int]:
    """Store the tags of one video by one rule; return how many came and went."""
    own = and_(
        segment_tags.c.collection == key,
        segment_tags.c.video_id == given.video_id,
        segment_tags.c.rule == given.rule,
    )
    before = [tag_of(row) for row in connection.execute(select(segment_tags).where(own)).mappings()]
    news = difference(before, given.tags)
    if news.added or news.removed:
        gone = among(segment_tags.c.id, [tag.id for tag in news.removed], connection.dialect.name)
        connection.execute(delete(segment_tags).where(own, gone))
        _insert(connection, segment_tags, [_tag_row(key, tag) for tag in news.added])
    this = {"collection": key, "video_id": given.video_id, "rule": given.rule}
    same = and_(*(taggings.c[name] == value for name, value in this.items()))
    connection.execute(delete(taggings).where(same))
    stamp = {"version": given.version, "stamp": given.stamp}
    connection.execute(insert(taggings).values({**this, **stamp}))
    return len(news.added), len(news.removed)


def _tag_row(key: str, tag: SegmentTag) -> dict[str, Any]:
    row = asdict(tag)
    by = row.pop("by")
    return {**row, "collection": key, "principal": by, "at": tag.at or now()}


def _insert(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        connection.execute(insert(table), list(rows))


def add_decision(connection: Connection, key: str, decision: Decision) -> Decision:
    """Append a decision; return it with its number and time."""
    said = replace(decision, at=now())
    storable(sample=said.sample, label=said.label, rule=said.rule, annotator=said.annotator)
    row = {**asdict(said), "collection": key}
    del row["number"]
    added = insert(decisions).values(row).returning(decisions.c.number)
    number: int = connection.execute(added).scalar_one()
    return replace(said, number=number)


def follow(connection: Connection, key: str, decision: Decision) -> bool:
    """Bring the tags that a decision is about to what is settled now; say whether there are any.

    What rules propose beside them is left to the next time that they are applied.
    """
    is_there = (videos.c.collection == key, videos.c.id == decision.video_id)
    if connection.scalar(select(videos.c.id).where(*is_there)) is None:
        return False
    of_sample = and_(decisions.c.collection == key, decisions.c.sample == decision.sample)
    rows = connection.execute(select(decisions).where(of_sample)).mappings()
    said = [decision_of(row) for row in rows]
    versions = _versions(connection, key)
    before = settled_tags((each for each in said if each.number != decision.number), versions)
    after = settled_tags(said, versions)
    own = segment_tags.c.collection == key
    this = and_(own, segment_tags.c.id == decision.sample)
    is_proposed = connection.scalar(select(segment_tags.c.id).where(this)) is not None
    stale = {tag.id for tag in (*before, *after)} - ({decision.sample} if not after else set())
    gone = among(segment_tags.c.id, sorted(stale), connection.dialect.name)
    connection.execute(delete(segment_tags).where(own, gone))
    _insert(connection, segment_tags, [_tag_row(key, tag) for tag in after])
    if not after:
        again: dict[str, Any] = {"state": "proposed", "principal": "", "at": now()}
        again |= {"start": decision.start, "end": decision.end}
        connection.execute(segment_tags.update().where(this).values(again))
    return is_proposed or bool(before or after)


def settle(connection: Connection, key: str) -> bool:
    """Bring all tags that people have decided on to what is settled; say whether any changed.

    What rules propose beside them is left to the next time that they are applied.
    """
    rows = connection.execute(select(decisions).where(decisions.c.collection == key)).mappings()
    there = set(connection.scalars(select(videos.c.id).where(videos.c.collection == key)))
    said = [each for each in map(decision_of, rows) if each.video_id in there]
    after = {tag.id: tag for tag in settled_tags(said, _versions(connection, key))}
    own = segment_tags.c.collection == key
    decided = select(segment_tags).where(own, segment_tags.c.state != "proposed")
    before = {tag.id: tag for tag in map(tag_of, connection.execute(decided).mappings())}
    same = {its for its in before.keys() & after.keys() if _same(before[its], after[its])}
    fresh = [tag for its, tag in after.items() if its not in same]
    stale = sorted((before.keys() | after.keys()) - same)
    gone = among(segment_tags.c.id, stale, connection.dialect.name)
    connection.execute(delete(segment_tags).where(own, gone))
    _insert(connection, segment_tags, [_tag_row(key, tag) for tag in fresh])
    return bool(stale)


def _same(one: SegmentTag, other: SegmentTag) -> bool:
    """Whether two tags say the same; relevance may have been computed again meanwhile."""
    return replace(one, relevance=0.0, at="") == replace(other, relevance=0.0, at="")


def _versions(connection: Connection, key: str) -> dict[str, str]:
    current = and_(rules.c.collection == key, rules.c.is_current)
    rows = connection.execute(select(rules.c.name, rules.c.version).where(current))
    return {row.name: row.version for row in rows}


def put_samples(connection: Connection, key: str, name: str, given: Iterable[Sample]) -> None:
    """Store a list of samples instead of the one of this name."""
    own = and_(samples.c.collection == key, samples.c.list == name)
    connection.execute(delete(samples).where(own))
    rows = [
        {**asdict(sample), "collection": key, "list": name, "position": position}
        for position, sample in enumerate(given)
    ]
    for row in rows:
        storable(rule=row["rule"], sample=row["id"])
    _insert(connection, samples, rows)


def of_samples(
    rules_named: Sequence[str] | None,
    ids: Sequence[str] | None,
    video_ids: Sequence[str] | None,
    dialect: str,
) -> list[ColumnElement[bool]]:
    """Return the conditions of the decisions that are asked for."""
    found: list[ColumnElement[bool]] = []
    if rules_named is not None:
        other = decisions.alias()
        is_same = and_(
            other.c.collection == decisions.c.collection, other.c.sample == decisions.c.sample
        )
        labelled = exists().where(is_same, among(other.c.label, rules_named, dialect))
        found.append(among(decisions.c.rule, rules_named, dialect) | labelled)
    if ids is not None:
        found.append(among(decisions.c.sample, ids, dialect))
    if video_ids is not None:
        found.append(among(decisions.c.video_id, video_ids, dialect))
    return found
