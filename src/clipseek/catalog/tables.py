"""The tables of the catalog, the same in SQLite and PostgreSQL."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Dialect,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    any_,
    exists,
    func,
    literal,
    select,
    text,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.sql.expression import ColumnElement, Select

from clipseek.catalog.rows import cleaned, tag_form

metadata = MetaData()

Json = JSON().with_variant(postgresql.JSONB(), "postgresql")


class Key(TypeDecorator[str]):
    """Text that rows are found and ordered by: byte by byte, never by the rules of a language.

    Characters that a database cannot store are replaced when bound, so that a search for them finds
    nothing instead of failing; stored texts were checked before (`rows.storable`).
    """

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> postgresql.TEXT | Text:
        """Return text that is compared by code points in both databases."""
        return postgresql.TEXT(collation="C") if dialect.name == "postgresql" else Text()

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Replace what cannot be bound."""
        return None if value is None else cleaned(value)


def counted(name: str) -> Column[int]:
    """Return the key of rows that are numbered in the order in which they are added."""
    number = BigInteger().with_variant(Integer, "sqlite")
    return Column(name, number, Identity(always=True), primary_key=True)


identity = Table("identity", metadata, Column("id", Key, primary_key=True))

collections = Table(
    "collections",
    metadata,
    Column("key", Key, primary_key=True),  # what all rows of it are stored under, for ever
    Column("name", Key, nullable=False, unique=True),  # what it is called now
    Column("model", Text, nullable=False),
    Column("dim", Integer, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("relevance", Json),
    Column("scoring", Json),
    Column("scored_at", BigInteger, nullable=False, server_default="0"),
    Column("epoch", Text, nullable=False, server_default=""),
    Column("retain_s", Double),  # of what cameras have recorded in it; NULL: for ever
    Column("retain_bytes", BigInteger),  # of all of them together; NULL: all
)

aliases = Table(
    "aliases",
    metadata,
    Column("name", Key, primary_key=True),  # that people use
    Column("collection", Key, ForeignKey("collections.key"), nullable=False),
)

switches = Table(
    "switches",
    metadata,
    Column("name", Key, primary_key=True),  # that both collections of a switch have in turns
    Column("old", Key, ForeignKey("collections.key"), nullable=False),
    Column("new", Key, ForeignKey("collections.key"), nullable=False),
    Column("state", Text, nullable=False),
    Column("left_out", Json, nullable=False),
    Column("started_at", Text, nullable=False),
    Column("cut_at", Text, nullable=False),
    # The version, at the last cut, of the collection that has answered since.
    Column("cut_version", BigInteger, nullable=False),
    # The process that works on it, and when its lease expires, as `due` of jobs.
    Column("owner", Text, nullable=False),
    Column("due", Double, nullable=False),
)

leftovers = Table(
    "leftovers",
    metadata,
    # Of a removed collection whose index and thumbnails may not be deleted yet.
    Column("key", Key, primary_key=True),
)

videos = Table(
    "videos",
    metadata,
    Column("collection", Key, ForeignKey("collections.key"), primary_key=True),
    Column("id", Key, primary_key=True),
    Column("uri", Key, nullable=False),
    Column("title", Text, nullable=False),
    Column("duration", Double, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("stamp", Text, nullable=False),
    Column("frame_rate", Text, nullable=False, server_default=""),
    Column("coding", Text, nullable=False, server_default=""),
    Column("timecode", Text, nullable=False, server_default=""),
    Column("recorded_at", Text, nullable=False, server_default=""),  # RFC 3339, UTC
    Column("stream", Key, nullable=False, server_default=""),  # the camera that it is a chunk of
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("tags", Json, nullable=False),
    Column("segments", Integer, nullable=False),
    Column("indexed_at", Text, nullable=False),
    UniqueConstraint("collection", "uri", name="videos_uri"),
    Index("videos_by_stream", "collection", "stream", "recorded_at"),
)

segments = Table(
    "segments",
    metadata,
    counted("id"),
    Column("collection", Key, nullable=False),
    Column("video_id", Key, nullable=False),
    Column("field", Text, nullable=False),  # what the segment's evidence is made of
    Column("start", Double, nullable=False),
    Column("end", Double, nullable=False),
    Column("best_time", Double, nullable=False),
    Column("bias", Double, nullable=False),
    Column("thumbnail", Text, nullable=False),
    Column("begins_shot", Boolean, nullable=False),
    Column("vector", LargeBinary, nullable=False),
    ForeignKeyConstraint(
        ["collection", "video_id"],
        ["videos.collection", "videos.id"],
        name="segments_video",
        ondelete="CASCADE",
    ),
    Index("segments_by_id", "collection", "id"),
    Index("segments_by_video", "collection", "video_id"),
    sqlite_autoincrement=True,
)

frame_vectors = Table(
    "frame_vectors",
    metadata,
    Column("collection", Key, primary_key=True),
    Column("video_id", Key, primary_key=True),
    Column("first", Integer, primary_key=True, default=0),  # how many frames are in rows before
    Column("times", LargeBinary, nullable=False),
    Column("vectors", LargeBinary, nullable=False),
    ForeignKeyConstraint(
        ["collection", "video_id"],
        ["videos.collection", "videos.id"],
        name="frame_vectors_video",
        ondelete="CASCADE",
    ),
)

texts = Table(
    "texts",
    metadata,
    Column("collection", Key, primary_key=True),
    Column("video_id", Key, primary_key=True),
    Column("field", Key, primary_key=True),
    Column("stamp", Text, nullable=False),  # what the text was read from
    Column("cues", Json, nullable=False),  # [[start, end, text, language], ...], by time
    Column("model", Text),  # the fingerprint of the sentence model of the vectors, or NULL
    Column("vectors", LargeBinary),  # float16 (passages, dim), row by row, or NULL
    ForeignKeyConstraint(
        ["collection", "video_id"],
        ["videos.collection", "videos.id"],
        name="texts_video",
        ondelete="CASCADE",
    ),
)

tags = Table(
    "tags",
    metadata,
    Column("collection", Key, primary_key=True),
    Column("tag", Key, primary_key=True),
    Column("video_id", Key, primary_key=True),
    ForeignKeyConstraint(
        ["collection", "video_id"],
        ["videos.collection", "videos.id"],
        name="tags_video",
        ondelete="CASCADE",
    ),
    Index("tags_by_video", "collection", "video_id"),
    sqlite_with_rowid=False,
)

changes = Table(
    "changes",
    metadata,
    Column("collection", Key, ForeignKey("collections.key"), primary_key=True),
    Column("version", BigInteger, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("video_id", Key),
    Column("at", Text, nullable=False),
    CheckConstraint(
        "kind IN ('put', 'remove', 'relocate', 'calibrate', 'text', 'tag', 'object')",
        name="changes_kind",
    ),
)

claims = Table(
    "claims",
    metadata,
    Column("collection", Key, ForeignKey("collections.key"), primary_key=True),
    Column("subject", Key, primary_key=True),  # the id of a video, or a uri that is not read yet
    Column("owner", Text, nullable=False),  # a run of an ingest
    Column("due", Double, nullable=False),  # when its lease expires, as `due` of jobs
)

jobs = Table(
    "jobs",
    metadata,
    counted("number"),
    Column("id", Key, nullable=False, unique=True),
    Column("kind", Text, nullable=False),
    Column("collection", Key, nullable=False),  # as it was asked for, so it may be an alias
    Column(
        "subject", Key, nullable=False
    ),  # the video or the switch that is changed; empty for an ingest
    Column("payload", Json, nullable=False),
    Column("state", Key, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("is_cancelling", Boolean, nullable=False),
    Column("progress", Json, nullable=False),
    Column("outcome", Json),
    Column("reason", Text, nullable=False),
    Column("principal", Key, nullable=False),
    Column("idempotency_key", Key),
    Column("request_id", Text, nullable=False),
    Column("created_at", Text, nullable=False),
    Column("started_at", Text, nullable=False),
    Column("ended_at", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("lease_s", Double, nullable=False),
    # When a job that waits may be taken, when the lease of one that runs expires, and when one has
    # ended: seconds since 1970, by the clock of the database.
    Column("due", Double, nullable=False),
    UniqueConstraint("principal", "idempotency_key", name="jobs_idempotency"),
    Index("jobs_by_state", "state", "collection", "number"),
    Index("jobs_by_subject", "collection", "subject", "number"),
    sqlite_autoincrement=True,
)

audit = Table(
    "audit",
    metadata,
    counted("number"),
    Column("at", Key, nullable=False),
    Column("who", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("request_id", Text, nullable=False),
    # Of an ingest or a job: the collection as it was asked for, and its figures.
    Column("collection", Key),
    Column("work", Json),
    Index("audit_by_time", "at", "number"),
    Index(
        "audit_of_work",
        "number",
        sqlite_where=text("collection IS NOT NULL"),
        postgresql_where=text("collection IS NOT NULL"),
    ),
    sqlite_autoincrement=True,
)

keys = Table(
    "keys",
    metadata,
    Column("name", Key, primary_key=True),
    Column("digest", Key, nullable=False),  # SHA-256 of the secret, as hexadecimal text
    Column("scopes", Json, nullable=False),
    Column("collections", Json),  # null: all
    Column("created_at", Text, nullable=False),
    Column("expires_at", Text),
    Column("rate", Text),  # such as 20/s; NULL: no limit
    UniqueConstraint("digest", name="keys_digest"),
)

cameras = Table(
    "cameras",
    metadata,
    Column("name", Key, primary_key=True),
    Column("collection", Key, nullable=False),  # as it was asked for, so it may be an alias
    Column("address", Text, nullable=False),  # what people see of the URL
    Column("sealed", LargeBinary, nullable=False),  # the whole URL, encrypted
    Column("fps", Double),  # NULL: the sampling of the settings
    Column("records", Boolean, nullable=False),
    Column("retain_s", Double),  # NULL: for ever
    Column("retain_bytes", BigInteger),  # NULL: all
    Column("paused", Boolean, nullable=False),
    Column("epoch", Text, nullable=False),
    Column("created_at", Text, nullable=False),
    # The recorder that runs it, and when its lease expires, as `due` of jobs.
    Column("owner", Text, nullable=False),
    Column("due", Double, nullable=False),
    Column("state", Json, nullable=False),
    Column("state_at", Text, nullable=False),
)

recorders = Table(
    "recorders",
    metadata,
    Column("owner", Key, primary_key=True),
    Column("most", Integer, nullable=False),  # how many cameras it can run
    Column("due", Double, nullable=False),  # when it counts as dead, as `due` of jobs
)

holds = Table(
    "holds",  # spans of recordings that are kept, whatever their age
    metadata,
    counted("number"),
    Column("id", Key, nullable=False, unique=True),
    Column("camera", Key, nullable=False),
    Column("start_at", Text, nullable=False),  # RFC 3339, UTC
    Column("end_at", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("principal", Text, nullable=False),
    Column("created_at", Text, nullable=False),
    Index("holds_by_camera", "camera", "start_at"),
    sqlite_autoincrement=True,
)

_ELEMENTS = {"sqlite": func.json_each, "postgresql": func.jsonb_array_elements_text}


def elements(array: ColumnElement[object], dialect: str) -> Select[Any]:
    """Return a query for the texts in a JSON array."""
    return select(_ELEMENTS[dialect](array).table_valued("value").c.value)


def among(column: Column[str], texts: Sequence[str], dialect: str) -> ColumnElement[bool]:
    """Return the condition that a column is one of the texts, however many: one parameter.

    PostgreSQL is given an array, of which it knows how many texts it has: of an expression that
    yields them it assumes a hundred, and reads the whole table instead of its index.
    """
    given = [cleaned(text) for text in texts]
    if dialect == "postgresql":
        return column == any_(literal(given, postgresql.ARRAY(Text)))
    return column.in_(elements(literal(given, Json), dialect))


def behind(name: str) -> ColumnElement[str]:
    """Return the key of the collection that has a name or an alias; NULL if none has.

    It is part of the statement that uses it, so both see the same moment.
    """
    aliased = select(aliases.c.collection).where(aliases.c.name == name).scalar_subquery()
    called = select(collections.c.key).where(collections.c.name == name).scalar_subquery()
    return func.coalesce(aliased, called, type_=Key)


def bears(tag: str) -> ColumnElement[bool]:
    """Return the condition that a video bears a tag."""
    return exists().where(
        tags.c.collection == videos.c.collection,
        tags.c.tag == cleaned(tag_form(tag)),
        tags.c.video_id == videos.c.id,
    )
