"""SqlCurating: rules, tags, samples and decisions in the database of the catalog."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Self

from sqlalchemy import Connection, RowMapping, Select, and_, delete, func, select, tuple_

from clipseek.catalog import curation_rows, queue_rows, saying_rows, writes
from clipseek.catalog.curation_rows import decision_of, of_samples, rule_of, sample_of, tag_of
from clipseek.catalog.curation_tables import decisions, rules, samples, segment_tags, taggings
from clipseek.catalog.database import WAIT_S, Database
from clipseek.catalog.ledger import Ledger
from clipseek.catalog.object_tables import objects
from clipseek.catalog.rows import storable
from clipseek.catalog.tables import among, behind, segments, videos
from clipseek.curating import (
    Applied,
    Queue,
    Said,
    Sample,
    SampleNotFound,
    SegmentTag,
    Show,
    StoredRule,
    Tagging,
    TagState,
    VideoFacts,
)
from clipseek.decisions import Decision
from clipseek.recorded import known
from clipseek.rules import Rule, RuleNotFound
from clipseek.timed import PICTURE

CONNECTIONS = 4
"""The most connections of one store: most of its transactions take milliseconds."""


class SqlCuratingReader(Ledger):
    """A `CuratingReader`; the right to SELECT is enough. Thread-safe."""

    @classmethod
    def open(cls, url: str, *, wait_s: float = WAIT_S) -> Self:
        """Open the catalog at a URL, which need not exist yet; nothing is made or written."""
        return cls(Database.at(url, read_only=True, wait_s=wait_s, most=CONNECTIONS))

    def rules(self, collection: str) -> list[Rule]:
        """Return the current rules by name."""
        own = (rules.c.collection == behind(collection), rules.c.is_current)
        return [
            rule_of(row) for row in self._mappings(select(rules).where(*own).order_by(rules.c.name))
        ]

    def rule_versions(self, collection: str, name: str) -> list[StoredRule]:
        """Return all versions of a rule, in the order in which they were first stored."""
        own = (rules.c.collection == behind(collection), rules.c.name == name)
        query = select(rules).where(*own).order_by(rules.c.at, rules.c.version)
        return [curation_rows.stored_rule(row) for row in self._mappings(query)]

    def tags(
        self,
        collection: str,
        *,
        rules: Sequence[str] | None = None,
        video_ids: Sequence[str] | None = None,
        states: Sequence[TagState] | None = None,
        after: str = "",
        limit: int | None = None,
    ) -> list[SegmentTag]:
        """Return tags by video, start, rule and id, at most `limit` after the tag `after`."""
        table, dialect = segment_tags.c, self._database.dialect
        order = (table.video_id, table.start, table.rule, table.id)
        query = select(segment_tags).where(table.collection == behind(collection))
        for column, wanted in (
            (table.rule, rules),
            (table.video_id, video_ids),
            (table.state, states),
        ):
            if wanted is not None:
                query = query.where(among(column, list(wanted), dialect))
        if after and (last := self._tag(collection, after)) is not None:
            past = (last.video_id, last.start, last.rule, last.id)
            query = query.where(tuple_(*order) > past)
        return [tag_of(row) for row in self._mappings(query.order_by(*order).limit(limit))]

    def tag(self, collection: str, tag: str) -> SegmentTag:
        """Return the tag with an id; raise SampleNotFound."""
        found = self._tag(collection, tag)
        if found is None:
            raise SampleNotFound(tag, collection)
        return found

    def _tag(self, collection: str, tag: str) -> SegmentTag | None:
        own = (segment_tags.c.collection == behind(collection), segment_tags.c.id == tag)
        return next((tag_of(row) for row in self._mappings(select(segment_tags).where(*own))), None)

    def sample(self, collection: str, sample: str) -> tuple[Sample, str]:
        """Return a sample as it is asked about, and the version of the rule that scored it."""
        tag = self._tag(collection, sample)
        for said in self.decisions(collection, samples=[sample])[:1]:
            relevance, version = (
                (said.relevance, said.version) if tag is None else (tag.relevance, tag.version)
            )
            span = (said.video_id, said.start, said.end, said.rule)
            return Sample(sample, *span, relevance), version
        if tag is not None:
            return Sample(
                sample, tag.video_id, tag.start, tag.end, tag.rule, tag.relevance
            ), tag.version
        own = (samples.c.collection == behind(collection), samples.c.id == sample)
        for row in self._mappings(select(samples).where(*own).order_by(samples.c.list).limit(1)):
            return sample_of(row), ""
        raise SampleNotFound(sample, collection)

    def tag_counts(self, collection: str) -> dict[str, dict[TagState, int]]:
        """Count the tags by rule and state."""
        table = segment_tags.c
        query = (
            select(table.rule, table.state, func.count().label("count"))
            .where(table.collection == behind(collection))
            .group_by(table.rule, table.state)
            .order_by(table.rule, table.state)
        )
        found: dict[str, dict[TagState, int]] = {}
        for row in self._mappings(query):
            found.setdefault(row["rule"], {})[row["state"]] = row["count"]
        return found

    def facts(self, collection: str) -> list[VideoFacts]:
        """Return what decides on the tags of each video, by id."""
        key = behind(collection)
        of_segments = (
            select(segments.c.video_id, func.max(segments.c.id), func.count())
            .where(segments.c.collection == key, segments.c.field == PICTURE)
            .group_by(segments.c.video_id)
        )
        of_decisions = (
            select(decisions.c.video_id, func.max(decisions.c.number))
            .where(decisions.c.collection == key)
            .group_by(decisions.c.video_id)
        )
        of_objects = select(objects.c.video_id, objects.c.stamp).where(objects.c.collection == key)
        named = select(videos.c.id, videos.c.stream, videos.c.recorded_at, videos.c.duration).where(
            videos.c.collection == key
        )
        with self._reading() as connection:
            if connection is None:
                return []
            held = {row[0]: f"{row[1]}/{row[2]}" for row in connection.execute(of_segments)}
            decided = {row[0]: row[1] for row in connection.execute(of_decisions)}
            shown = {row[0]: row[1] for row in connection.execute(of_objects)}
            found = connection.execute(named.order_by(videos.c.id)).all()
        return [
            VideoFacts(
                row.id,
                held.get(row.id, ""),
                row.stream,
                known(row.recorded_at, row.duration),
                decided.get(row.id, 0),
                shown.get(row.id, ""),
            )
            for row in found
        ]

    def taggings(self, collection: str) -> dict[tuple[str, str], tuple[str, str]]:
        """Return version and stamp of what is stored, by video and rule."""
        query = select(taggings).where(taggings.c.collection == behind(collection))
        return {
            (row["video_id"], row["rule"]): (row["version"], row["stamp"])
            for row in self._mappings(query)
        }

    def decisions(
        self,
        collection: str,
        *,
        rules: Sequence[str] | None = None,
        samples: Sequence[str] | None = None,
        video_ids: Sequence[str] | None = None,
    ) -> list[Decision]:
        """Return decisions in the order in which they were stored."""
        wanted = of_samples(rules, samples, video_ids, self._database.dialect)
        query = select(decisions).where(decisions.c.collection == behind(collection), *wanted)
        return [decision_of(row) for row in self._mappings(query.order_by(decisions.c.number))]

    def queue(
        self, collection: str, annotator: str, show: Show, *, rule: str | None = None, limit: int
    ) -> Queue:
        """Return what somebody is asked next, and how much there is."""
        thresholds = {each.name: each.threshold for each in self.rules(collection)}
        with self._reading() as connection:
            if connection is None:
                return Queue((), 0)
            asked = (connection, collection, annotator, show)
            return queue_rows.queue(*asked, rule=rule, thresholds=thresholds, limit=limit)

    def sample_lists(self, collection: str) -> dict[str, int]:
        """Return the names of the lists of samples, with how many samples each has."""
        query = (
            select(samples.c.list, func.count().label("count"))
            .where(samples.c.collection == behind(collection))
            .group_by(samples.c.list)
            .order_by(samples.c.list)
        )
        return {row["list"]: row["count"] for row in self._mappings(query)}

    def samples(self, collection: str, name: str) -> list[Sample]:
        """Return a list of samples in its order; one that does not exist is empty."""
        own = (samples.c.collection == behind(collection), samples.c.list == name)
        query = select(samples).where(*own).order_by(samples.c.position)
        return [sample_of(row) for row in self._mappings(query)]

    def said(self, collection: str) -> Said:
        """Return all that people have said, at one moment."""
        with self._reading() as connection:
            return Said() if connection is None else saying_rows.said(connection, collection)

    def _mappings(self, query: Select[Any]) -> Sequence[RowMapping]:
        return [row._mapping for row in self._rows(query)]


class SqlCurating(SqlCuratingReader):
    """A `Curating` in a SQL database. Thread-safe."""

    @classmethod
    def open(cls, url: str, *, wait_s: float = WAIT_S) -> Self:
        """Open the catalog at a URL, which must exist when something is written."""
        return cls(Database.at(url, create=False, wait_s=wait_s, most=CONNECTIONS))

    def put_rules(self, collection: str, rules: Sequence[Rule], by: str) -> None:
        """Make these versions of the rules the current ones; others stay as they are."""
        for rule in rules:
            curation_rows.require_storable(rule)
        with self._changing(collection) as (connection, key):
            for rule in rules:
                curation_rows.store_rule(connection, key, rule, by)

    def remove_rule(self, collection: str, name: str) -> int:
        """Remove a rule and its tags; return how many these were. Decisions and versions stay."""
        with self._changing(collection) as (connection, key):
            named = and_(rules.c.collection == key, rules.c.name == name, rules.c.is_current)
            if not connection.execute(
                rules.update().where(named).values(is_current=False)
            ).rowcount:
                raise RuleNotFound(name, collection)
            marked = and_(taggings.c.collection == key, taggings.c.rule == name)
            connection.execute(delete(taggings).where(marked))
            own = and_(segment_tags.c.collection == key, segment_tags.c.rule == name)
            removed = connection.execute(delete(segment_tags).where(own)).rowcount
            if removed:
                _note(connection, key)
        return removed

    def apply(self, collection: str, taggings: Sequence[Tagging]) -> Applied:
        """Replace the tags of some videos by some rules."""
        with self._changing(collection) as (connection, key):
            applied = curation_rows.apply(connection, key, taggings)
            if applied.videos:
                _note(connection, key)
        return applied

    def decide(self, collection: str, decision: Decision) -> Decision:
        """Store a decision; return it with its number and time. Its tags follow at once."""
        with self._changing(collection) as (connection, key):
            said = curation_rows.add_decision(connection, key, decision)
            if curation_rows.follow(connection, key, said):
                _note(connection, key, said.video_id)
        return said

    def put_samples(self, collection: str, name: str, samples: Sequence[Sample]) -> None:
        """Store a list of samples instead of the one that has this name; none deletes it."""
        storable(name=name)
        with self._changing(collection) as (connection, key):
            curation_rows.put_samples(connection, key, name, samples)

    def say(self, collection: str, said: Said) -> None:
        """Add what people have said of the same videos elsewhere; their tags follow at once."""
        with self._changing(collection) as (connection, key):
            if saying_rows.add(connection, key, said):
                _note(connection, key)

    @contextmanager
    def _changing(self, collection: str) -> Iterator[tuple[Connection, str]]:
        """Open a writing transaction in which nobody else writes to a collection."""
        with self._writing() as connection:
            yield connection, writes.lock(connection, collection).key


def _note(connection: Connection, key: str, video_id: str | None = None) -> None:
    """Count a new version of a collection whose tags have changed: of one video, or of any."""
    writes.note(connection, key, writes.next_version(connection, key), "tag", video_id)
