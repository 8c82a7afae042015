"""The queue of a review: the statements that find what somebody is asked next.

They read the samples of a page and the decisions on these, however many there are. A decision that
counts is the last one of its annotator on its sample, unless it takes back or skips.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Select,
    and_,
    case,
    exists,
    func,
    literal,
    select,
)

from clipseek.catalog.curation_rows import decision_of, of_samples, sample_of
from clipseek.catalog.curation_tables import decisions, segment_tags
from clipseek.catalog.tables import behind, videos
from clipseek.curating import Queue, Sample, Show
from clipseek.decisions import disputed
from clipseek.rules import THRESHOLD

_NOTHING = ("undo", "skip")
_PAGE = 200


def queue(
    connection: Connection,
    collection: str,
    annotator: str,
    show: Show,
    *,
    rule: str | None,
    thresholds: Mapping[str, float],
    limit: int,
) -> Queue:
    """Return the first samples that somebody has not decided on, and how many there are."""
    if show == "open":
        found = _proposed(collection, annotator, rule, thresholds)
    elif show == "second":
        found = _decided(collection, annotator, rule).where(
            _stands(collection, decisions.c.sample, others_than=annotator), _is_left(annotator)
        )
    else:
        return _disputed(connection, collection, annotator, rule, limit)
    count = connection.scalar(select(func.count()).select_from(found.order_by(None).subquery()))
    rows = connection.execute(found.limit(limit)).mappings()
    return Queue([sample_of(row) for row in rows], count or 0)


def _proposed(
    collection: str, annotator: str, rule: str | None, thresholds: Mapping[str, float]
) -> Select[Any]:
    """Find proposed tags, those that their rules are least sure of first."""
    of = segment_tags.c
    threshold: ColumnElement[float] = literal(THRESHOLD)
    if thresholds:
        threshold = case(dict(thresholds), value=of.rule, else_=THRESHOLD)
    last = _last_word(of.collection, of.id, annotator)
    query = select(of.id, of.video_id, of.start, of.end, of.rule, of.relevance).where(
        of.collection == behind(collection),
        of.state == "proposed",
        last.is_(None) | last.in_(_NOTHING),
    )
    if rule is not None:
        query = query.where(of.rule == rule)
    skipped = case((last == "skip", 1), else_=0)
    return query.order_by(skipped, func.abs(of.relevance - threshold), of.id)


def _decided(collection: str, annotator: str, rule: str | None) -> Select[Any]:
    """Find samples that somebody has decided on, in the order of the first decisions."""
    of = decisions.c
    ends = (
        select(of.sample, func.min(of.number).label("first"), func.max(of.number).label("last"))
        .where(of.collection == behind(collection))
        .group_by(of.sample)
        .subquery()
    )
    there = exists().where(videos.c.collection == of.collection, videos.c.id == of.video_id)
    query = (
        select(of.sample.label("id"), of.video_id, of.start, of.end, of.rule, of.relevance)
        .join(ends, of.number == ends.c.last)
        .where(there)
    )
    if rule is not None:
        query = query.where(of.rule == rule)
    last = _last_word(of.collection, of.sample, annotator)
    return query.order_by(case((last == "skip", 1), else_=0), ends.c.first)


def _is_left(annotator: str) -> ColumnElement[bool]:
    """Whether somebody has no decision that counts on a sample that was decided on."""
    last = _last_word(decisions.c.collection, decisions.c.sample, annotator)
    return last.is_(None) | last.in_(_NOTHING)


def _last_word(
    collection: ColumnElement[str], sample: ColumnElement[str], annotator: str
) -> ColumnElement[str]:
    """Return the last verdict of somebody on a sample, NULL if there is none."""
    own = decisions.alias()
    return (
        select(own.c.verdict)
        .where(own.c.collection == collection, own.c.sample == sample)
        .where(own.c.annotator == annotator)
        .order_by(own.c.number.desc())
        .limit(1)
        .scalar_subquery()
    )


def _standing(collection: str) -> tuple[FromClause, ColumnElement[bool]]:
    """Return decisions under another name, and the condition that they count."""
    one, later = decisions.alias(), decisions.alias()
    is_replaced = exists().where(
        later.c.collection == one.c.collection,
        later.c.sample == one.c.sample,
        later.c.annotator == one.c.annotator,
        later.c.number > one.c.number,
    )
    return one, and_(
        one.c.collection == behind(collection), one.c.verdict.not_in(_NOTHING), ~is_replaced
    )


def _stands(
    collection: str, sample: ColumnElement[str], *, others_than: str
) -> ColumnElement[bool]:
    """Whether a decision of somebody else on a sample counts."""
    one, stands = _standing(collection)
    return exists().where(stands, one.c.sample == sample, one.c.annotator != others_than)


def _disputed(
    connection: Connection, collection: str, annotator: str, rule: str | None, limit: int
) -> Queue:
    """Find samples that annotators disagree on: of those whose answers differ, as few pages."""
    one, stands = _standing(collection)
    said = one.c
    differ = (
        select(said.sample)
        .where(stands)
        .group_by(said.sample)
        .having(
            func.sum(case((said.by_reviewer, 1), else_=0)) == 0,
            _differ(said.verdict)
            | _differ(said.label)
            | _differ(func.coalesce(said.new_start, said.start))
            | _differ(func.coalesce(said.new_end, said.end)),
        )
    )
    found = _decided(collection, annotator, rule).where(decisions.c.sample.in_(differ))
    samples: list[Sample] = []
    count = 0
    for page in _pages(connection, found):
        own = of_samples(None, [each.id for each in page], None, connection.dialect.name)
        query = select(decisions).where(decisions.c.collection == behind(collection), *own)
        rows = connection.execute(query).mappings()
        wanted = disputed(decision_of(row) for row in rows)
        left = [each for each in page if each.id in wanted]
        count += len(left)
        samples += left[: limit - len(samples)]
    return Queue(samples, count)


def _differ(value: ColumnElement[Any]) -> ColumnElement[bool]:
    return func.min(value) != func.max(value)


def _pages(connection: Connection, query: Select[Any]) -> Iterator[list[Sample]]:
    first = 0
    while rows := connection.execute(query.limit(_PAGE).offset(first)).mappings().all():
        yield [sample_of(row) for row in rows]
        first += _PAGE
