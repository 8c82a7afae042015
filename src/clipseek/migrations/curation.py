"""The tables of rules, tags on segments, samples and decisions."""

import sqlalchemy as sa
from alembic import op

from clipseek.migrations.kinds import JSON, KEY, counted


def make() -> None:
    """Make the tables."""
    _rules()
    _tags()
    _samples()
    _decisions()


def _collection() -> sa.Column[str]:
    behind = sa.ForeignKey("collections.key", ondelete="CASCADE")
    return sa.Column("collection", KEY, behind, primary_key=True)


def _of_video(name: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["collection", "video_id"],
        ["videos.collection", "videos.id"],
        name=name,
        ondelete="CASCADE",
    )


def _rules() -> None:
    op.create_table(
        "rules",
        _collection(),
        sa.Column("name", KEY, primary_key=True),
        sa.Column("version", KEY, primary_key=True),
        sa.Column("content", JSON, nullable=False),
        sa.Column("is_fitted", sa.Boolean, nullable=False),
        sa.Column("is_current", sa.Boolean, nullable=False),
        sa.Column("principal", sa.Text, nullable=False),
        sa.Column("at", sa.Text, nullable=False),
    )


def _tags() -> None:
    op.create_table(
        "segment_tags",
        sa.Column("collection", KEY, primary_key=True),
        sa.Column("id", KEY, primary_key=True),
        sa.Column("video_id", KEY, nullable=False),
        sa.Column("start", sa.Double, nullable=False),
        sa.Column("end", sa.Double, nullable=False),
        sa.Column("rule", KEY, nullable=False),
        sa.Column("version", KEY, nullable=False),
        sa.Column("relevance", sa.Double, nullable=False),
        sa.Column("state", KEY, nullable=False),
        sa.Column("principal", sa.Text, nullable=False),
        sa.Column("at", sa.Text, nullable=False),
        _of_video("segment_tags_video"),
    )
    op.create_index("segment_tags_by_video", "segment_tags", ["collection", "video_id", "rule"])
    op.create_index("segment_tags_by_rule", "segment_tags", ["collection", "rule", "state"])
    op.create_table(
        "taggings",
        sa.Column("collection", KEY, primary_key=True),
        sa.Column("video_id", KEY, primary_key=True),
        sa.Column("rule", KEY, primary_key=True),
        sa.Column("version", KEY, nullable=False),
        sa.Column("stamp", sa.Text, nullable=False),
        _of_video("taggings_video"),
    )


def _samples() -> None:
    op.create_table(
        "samples",
        _collection(),
        sa.Column("list", KEY, primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("id", KEY, nullable=False),
        sa.Column("video_id", KEY, nullable=False),
        sa.Column("start", sa.Double, nullable=False),
        sa.Column("end", sa.Double, nullable=False),
        sa.Column("rule", KEY, nullable=False),
        sa.Column("relevance", sa.Double, nullable=False),
    )
    op.create_index("samples_by_id", "samples", ["collection", "id"])


def _decisions() -> None:
    behind = sa.ForeignKey("collections.key", ondelete="CASCADE")
    op.create_table(
        "decisions",
        counted("number"),
        sa.Column("collection", KEY, behind, nullable=False),
        sa.Column("sample", KEY, nullable=False),
        sa.Column("video_id", KEY, nullable=False),
        sa.Column("start", sa.Double, nullable=False),
        sa.Column("end", sa.Double, nullable=False),
        sa.Column("rule", KEY, nullable=False),
        sa.Column("version", KEY, nullable=False),
        sa.Column("relevance", sa.Double, nullable=False),
        sa.Column("verdict", sa.Text, nullable=False),
        sa.Column("annotator", KEY, nullable=False),
        sa.Column("by_reviewer", sa.Boolean, nullable=False),
        sa.Column("label", KEY, nullable=False),
        sa.Column("new_start", sa.Double),
        sa.Column("new_end", sa.Double),
        sa.Column("seconds", sa.Double, nullable=False),
        sa.Column("at", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("decisions_by_sample", "decisions", ["collection", "sample"])
    op.create_index("decisions_by_video", "decisions", ["collection", "video_id"])
