"""The first schema: collections, videos, segments, frame vectors, changes, jobs, keys and audit."""

import secrets

import sqlalchemy as sa
from alembic import op

from clipseek.migrations import curation, drifts, feeds, live, objects, redaction, retention, wishes
from clipseek.migrations.kinds import JSON, KEY, counted

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    _identity()
    _collections()
    _aliases()
    _switches()
    op.create_table("leftovers", sa.Column("key", KEY, primary_key=True))
    _videos()
    _segments()
    _frame_vectors()
    _texts()
    _tags()
    _changes()
    _claims()
    _jobs()
    _keys()
    _audit()
    live.make()
    objects.make()
    curation.make()
    feeds.make()
    drifts.make()
    wishes.make()
    retention.make()
    redaction.make()


def _identity() -> None:
    """Make the table whose one row names this catalog, by 128 random bits."""
    named = op.create_table("identity", sa.Column("id", KEY, primary_key=True))
    op.bulk_insert(named, [{"id": secrets.token_hex(16)}])


def _collections() -> None:
    op.create_table(
        "collections",
        sa.Column("key", KEY, primary_key=True),
        sa.Column("name", KEY, nullable=False, unique=True),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("dim", sa.Integer, nullable=False),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("relevance", JSON),
        sa.Column("scoring", JSON),
        sa.Column("scored_at", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("epoch", sa.Text, nullable=False, server_default=""),
        sa.Column("retain_s", sa.Double),
        sa.Column("retain_bytes", sa.BigInteger),
    )


def _aliases() -> None:
    op.create_table(
        "aliases",
        sa.Column("name", KEY, primary_key=True),
        sa.Column("collection", KEY, sa.ForeignKey("collections.key"), nullable=False),
    )


def _switches() -> None:
    op.create_table(
        "switches",
        sa.Column("name", KEY, primary_key=True),
        sa.Column("old", KEY, sa.ForeignKey("collections.key"), nullable=False),
        sa.Column("new", KEY, sa.ForeignKey("collections.key"), nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("left_out", JSON, nullable=False),
        sa.Column("started_at", sa.Text, nullable=False),
        sa.Column("cut_at", sa.Text, nullable=False),
        sa.Column("cut_version", sa.BigInteger, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("due", sa.Double, nullable=False),
    )


def _videos() -> None:
    op.create_table(
        "videos",
        sa.Column("collection", KEY, sa.ForeignKey("collections.key"), primary_key=True),
        sa.Column("id", KEY, primary_key=True),
        sa.Column("uri", KEY, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("duration", sa.Double, nullable=False),
        sa.Column("width", sa.Integer, nullable=False),
        sa.Column("height", sa.Integer, nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("stamp", sa.Text, nullable=False),
        sa.Column("frame_rate", sa.Text, nullable=False, server_default=""),
        sa.Column("coding", sa.Text, nullable=False, server_default=""),
        sa.Column("timecode", sa.Text, nullable=False, server_default=""),
        sa.Column("recorded_at", sa.Text, nullable=False, server_default=""),
        sa.Column("stream", KEY, nullable=False, server_default=""),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("tags", JSON, nullable=False),
        sa.Column("segments", sa.Integer, nullable=False),
        sa.Column("indexed_at", sa.Text, nullable=False),
        sa.UniqueConstraint("collection", "uri", name="videos_uri"),
    )
    op.create_index("videos_by_stream", "videos", ["collection", "stream", "recorded_at"])


def _of_video(name: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["collection", "video_id"],
        ["videos.collection", "videos.id"],
        name=name,
        ondelete="CASCADE",
    )


def _segments() -> None:
    op.create_table(
        "segments",
        counted("id"),
        sa.Column("collection", KEY, nullable=False),
        sa.Column("video_id", KEY, nullable=False),
        sa.Column("field", sa.Text, nullable=False),
        sa.Column("start", sa.Double, nullable=False),
        sa.Column("end", sa.Double, nullable=False),
        sa.Column("best_time", sa.Double, nullable=False),
        sa.Column("bias", sa.Double, nullable=False),
        sa.Column("thumbnail", sa.Text, nullable=False),
        sa.Column("begins_shot", sa.Boolean, nullable=False),
        sa.Column("vector", sa.LargeBinary, nullable=False),  # codes, see `catalog.codes`
        _of_video("segments_video"),
        sqlite_autoincrement=True,
    )
    op.create_index("segments_by_id", "segments", ["collection", "id"])
    op.create_index("segments_by_video", "segments", ["collection", "video_id"])


def _frame_vectors() -> None:
    op.create_table(
        "frame_vectors",
        sa.Column("collection", KEY, primary_key=True),
        sa.Column("video_id", KEY, primary_key=True),
        sa.Column("first", sa.Integer, primary_key=True),
        sa.Column("times", sa.LargeBinary, nullable=False),
        sa.Column("vectors", sa.LargeBinary, nullable=False),  # codes, see `catalog.codes`
        _of_video("frame_vectors_video"),
    )


def _texts() -> None:
    op.create_table(
        "texts",
        sa.Column("collection", KEY, primary_key=True),
        sa.Column("video_id", KEY, primary_key=True),
        sa.Column("field", KEY, primary_key=True),
        sa.Column("stamp", sa.Text, nullable=False),
        sa.Column("cues", JSON, nullable=False),
        sa.Column("model", sa.Text),
        sa.Column("vectors", sa.LargeBinary),
        _of_video("texts_video"),
    )


def _tags() -> None:
    op.create_table(
        "tags",
        sa.Column("collection", KEY, primary_key=True),
        sa.Column("tag", KEY, primary_key=True),
        sa.Column("video_id", KEY, primary_key=True),
        _of_video("tags_video"),
        sqlite_with_rowid=False,
    )
    op.create_index("tags_by_video", "tags", ["collection", "video_id"])


def _changes() -> None:
    op.create_table(
        "changes",
        sa.Column("collection", KEY, sa.ForeignKey("collections.key"), primary_key=True),
        sa.Column("version", sa.BigInteger, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("video_id", KEY),
        sa.Column("at", sa.Text, nullable=False),
        sa.CheckConstraint(
            "kind IN ('put', 'remove', 'relocate', 'calibrate', 'text', 'tag', 'object')",
            name="changes_kind",
        ),
    )


def _claims() -> None:
    op.create_table(
        "claims",
        sa.Column("collection", KEY, sa.ForeignKey("collections.key"), primary_key=True),
        sa.Column("subject", KEY, primary_key=True),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("due", sa.Double, nullable=False),
    )


def _jobs() -> None:
    op.create_table(
        "jobs",
        counted("number"),
        sa.Column("id", KEY, nullable=False, unique=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("collection", KEY, nullable=False),
        sa.Column("subject", KEY, nullable=False),
        sa.Column("payload", JSON, nullable=False),
        sa.Column("state", KEY, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("is_cancelling", sa.Boolean, nullable=False),
        sa.Column("progress", JSON, nullable=False),
        sa.Column("outcome", JSON),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("principal", KEY, nullable=False),
        sa.Column("idempotency_key", KEY),
        sa.Column("request_id", sa.Text, nullable=False),
        sa.Column("created_at", sa.Text, nullable=False),
        sa.Column("started_at", sa.Text, nullable=False),
        sa.Column("ended_at", sa.Text, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("lease_s", sa.Double, nullable=False),
        sa.Column("due", sa.Double, nullable=False),
        sa.UniqueConstraint("principal", "idempotency_key", name="jobs_idempotency"),
        sqlite_autoincrement=True,
    )
    op.create_index("jobs_by_state", "jobs", ["state", "collection", "number"])
    op.create_index("jobs_by_subject", "jobs", ["collection", "subject", "number"])


def _keys() -> None:
    op.create_table(
        "keys",
        sa.Column("name", KEY, primary_key=True),
        sa.Column("digest", KEY, nullable=False),
        sa.Column("scopes", JSON, nullable=False),
        sa.Column("collections", JSON),
        sa.Column("created_at", sa.Text, nullable=False),
        sa.Column("expires_at", sa.Text),
        sa.Column("rate", sa.Text),
        sa.UniqueConstraint("digest", name="keys_digest"),
    )


def _audit() -> None:
    op.create_table(
        "audit",
        counted("number"),
        sa.Column("at", KEY, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("request_id", sa.Text, nullable=False),
        sa.Column("collection", KEY),
        sa.Column("work", JSON),
        sqlite_autoincrement=True,
    )
    op.create_index("audit_by_time", "audit", ["at", "number"])
    of_work = sa.text("collection IS NOT NULL")
    op.create_index(
        "audit_of_work", "audit", ["number"], sqlite_where=of_work, postgresql_where=of_work
    )
