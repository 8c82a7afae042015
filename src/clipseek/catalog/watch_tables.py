"""The tables of watches, of what is known of their streams, and of their alerts."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
)

from clipseek.catalog.tables import Json, Key, counted, metadata

watches = Table(
    "watches",
    metadata,
    Column("id", Key, primary_key=True),
    Column("name", Text, nullable=False),
    Column("collection", Key, nullable=False),  # as it was asked for, so it may be an alias
    Column("asked", Json, nullable=False),
    Column("threshold", Double, nullable=False),
    Column("margin", Double, nullable=False),
    Column("cameras", Json),  # NULL: all videos
    Column("hours", Json),  # NULL: always
    Column("cooldown_s", Double, nullable=False),
    Column("keeps", Boolean, nullable=False),
    Column("webhook", Text),
    Column("host", Key, nullable=False),  # of the webhook
    Column("secret", Text, nullable=False),  # encrypted if there is a key for it
    Column("is_on", Boolean, nullable=False),
    Column("principal", Text, nullable=False),
    Column("created_at", Text, nullable=False),
    # Seconds since 1970, by the clock of the database: what is older is not judged.
    Column("since", Double, nullable=False),
)

watch_turns = Table(
    "watch_turns",
    metadata,
    Column("collection", Key, primary_key=True),  # the key of the collection
    Column("epoch", Text, nullable=False),
    Column("version", BigInteger, nullable=False),  # the last one that was judged
    Column("at", Double, nullable=False),
    Column("owner", Text, nullable=False),
    Column("due", Double, nullable=False),  # when its lease expires, as `due` of jobs
)

watch_states = Table(
    "watch_states",
    metadata,
    Column("watch", Key, ForeignKey("watches.id", ondelete="CASCADE"), primary_key=True),
    Column("stream", Key, primary_key=True),
    Column("until", Double, nullable=False),
    Column("is_up", Boolean, nullable=False),
    Column("alert", Text, nullable=False),
    Column("fired_at", Double),  # NULL: never
)

alerts = Table(
    "alerts",
    metadata,
    counted("number"),
    Column("id", Key, nullable=False, unique=True),
    Column("watch", Key, nullable=False),  # which may have been removed since
    Column("watch_name", Text, nullable=False),
    Column("collection", Key, nullable=False),  # as the watch names it
    Column("video_id", Key, nullable=False),
    Column("stream", Key, nullable=False),
    Column("start", Double, nullable=False),
    Column("end", Double, nullable=False),
    Column("best_time", Double, nullable=False),
    Column("start_at", Text, nullable=False),
    Column("end_at", Text, nullable=False),
    Column("relevance", Double, nullable=False),
    Column("keeps", Boolean, nullable=False),  # whether retention keeps the moment
    Column("created_at", Key, nullable=False),
    Index("alerts_by_collection", "collection", "number"),
    Index("alerts_by_watch", "watch", "number"),
    Index("alerts_by_video", "video_id"),
    sqlite_autoincrement=True,
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("alert", Key, ForeignKey("alerts.id", ondelete="CASCADE"), primary_key=True),
    Column("state", Key, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("reason", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("due", Double, nullable=False),  # when it may be taken, as `due` of jobs
    Index("deliveries_by_due", "state", "due"),
)
