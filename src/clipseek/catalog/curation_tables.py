"""The tables of rules, of tags on segments, of samples and of decisions."""

from sqlalchemy import (
    Boolean,
    Column,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    Table,
    Text,
)

from clipseek.catalog.tables import Json, Key, counted, metadata


def _collection() -> Column[str]:
    """Return the key of the collection that rows belong to, and are deleted with."""
    behind = ForeignKey("collections.key", ondelete="CASCADE")
    return Column("collection", Key, behind, primary_key=True)


def _of_video(name: str) -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["collection", "video_id"],
        ["videos.collection", "videos.id"],
        name=name,
        ondelete="CASCADE",
    )


rules = Table(
    "rules",
    metadata,
    _collection(),
    Column("name", Key, primary_key=True),
    Column("version", Key, primary_key=True),
    Column("content", Json, nullable=False),
    Column("is_fitted", Boolean, nullable=False),
    Column("is_current", Boolean, nullable=False),
    Column("principal", Text, nullable=False),
    Column("at", Text, nullable=False),
)

segment_tags = Table(
    "segment_tags",
    metadata,
    Column("collection", Key, primary_key=True),
    Column("id", Key, primary_key=True),
    Column("video_id", Key, nullable=False),
    Column("start", Double, nullable=False),
    Column("end", Double, nullable=False),
    Column("rule", Key, nullable=False),
    Column("version", Key, nullable=False),
    Column("relevance", Double, nullable=False),
    Column("state", Key, nullable=False),
    Column("principal", Text, nullable=False),
    Column("at", Text, nullable=False),
    _of_video("segment_tags_video"),
    Index("segment_tags_by_video", "collection", "video_id", "rule"),
    Index("segment_tags_by_rule", "collection", "rule", "state"),
)

taggings = Table(
    "taggings",  # what the tags of a video by a rule were made from
    metadata,
    Column("collection", Key, primary_key=True),
    Column("video_id", Key, primary_key=True),
    Column("rule", Key, primary_key=True),
    Column("version", Key, nullable=False),
    Column("stamp", Text, nullable=False),
    _of_video("taggings_video"),
)

samples = Table(
    "samples",
    metadata,
    _collection(),
    Column("list", Key, primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("id", Key, nullable=False),
    Column("video_id", Key, nullable=False),  # which may have been removed since
    Column("start", Double, nullable=False),
    Column("end", Double, nullable=False),
    Column("rule", Key, nullable=False),
    Column("relevance", Double, nullable=False),
    Index("samples_by_id", "collection", "id"),
)

decisions = Table(
    "decisions",  # rows are only added; a video that is indexed again keeps them
    metadata,
    counted("number"),
    Column("collection", Key, ForeignKey("collections.key", ondelete="CASCADE"), nullable=False),
    Column("sample", Key, nullable=False),
    Column("video_id", Key, nullable=False),
    Column("start", Double, nullable=False),
    Column("end", Double, nullable=False),
    Column("rule", Key, nullable=False),
    Column("version", Key, nullable=False),
    Column("relevance", Double, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("annotator", Key, nullable=False),
    Column("by_reviewer", Boolean, nullable=False),
    Column("label", Key, nullable=False),
    Column("new_start", Double),
    Column("new_end", Double),
    Column("seconds", Double, nullable=False),
    Column("at", Text, nullable=False),
    Index("decisions_by_sample", "collection", "sample"),
    Index("decisions_by_video", "collection", "video_id"),
    sqlite_autoincrement=True,
)
