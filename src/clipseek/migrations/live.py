"""The tables of cameras, recorders, holds, watches and alerts."""

import sqlalchemy as sa
from alembic import op

from clipseek.migrations.kinds import JSON, KEY, counted


def make() -> None:
    """Make the tables."""
    _watches()
    _alerts()
    _cameras()
    _holds()


def _watches() -> None:
    op.create_table(
        "watches",
        sa.Column("id", KEY, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("collection", KEY, nullable=False),
        sa.Column("asked", JSON, nullable=False),
        sa.Column("threshold", sa.Double, nullable=False),
        sa.Column("margin", sa.Double, nullable=False),
        sa.Column("cameras", JSON),
        sa.Column("hours", JSON),
        sa.Column("cooldown_s", sa.Double, nullable=False),
        sa.Column("keeps", sa.Boolean, nullable=False),
        sa.Column("webhook", sa.Text),
        sa.Column("host", KEY, nullable=False),
        sa.Column("secret", sa.Text, nullable=False),
        sa.Column("is_on", sa.Boolean, nullable=False),
        sa.Column("principal", sa.Text, nullable=False),
        sa.Column("created_at", sa.Text, nullable=False),
        sa.Column("since", sa.Double, nullable=False),
    )
    op.create_table(
        "watch_turns",
        sa.Column("collection", KEY, primary_key=True),
        sa.Column("epoch", sa.Text, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("due", sa.Double, nullable=False),
    )
    watch = sa.ForeignKey("watches.id", ondelete="CASCADE")
    op.create_table(
        "watch_states",
        sa.Column("watch", KEY, watch, primary_key=True),
        sa.Column("stream", KEY, primary_key=True),
        sa.Column("until", sa.Double, nullable=False),
        sa.Column("is_up", sa.Boolean, nullable=False),
        sa.Column("alert", sa.Text, nullable=False),
        sa.Column("fired_at", sa.Double),
    )


def _alerts() -> None:
    op.create_table(
        "alerts",
        counted("number"),
        sa.Column("id", KEY, nullable=False, unique=True),
        sa.Column("watch", KEY, nullable=False),
        sa.Column("watch_name", sa.Text, nullable=False),
        sa.Column("collection", KEY, nullable=False),
        sa.Column("video_id", KEY, nullable=False),
        sa.Column("stream", KEY, nullable=False),
        sa.Column("start", sa.Double, nullable=False),
        sa.Column("end", sa.Double, nullable=False),
        sa.Column("best_time", sa.Double, nullable=False),
        sa.Column("start_at", sa.Text, nullable=False),
        sa.Column("end_at", sa.Text, nullable=False),
        sa.Column("relevance", sa.Double, nullable=False),
        sa.Column("keeps", sa.Boolean, nullable=False),
        sa.Column("created_at", KEY, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("alerts_by_collection", "alerts", ["collection", "number"])
    op.create_index("alerts_by_watch", "alerts", ["watch", "number"])
    op.create_index("alerts_by_video", "alerts", ["video_id"])
    alert = sa.ForeignKey("alerts.id", ondelete="CASCADE")
    op.create_table(
        "deliveries",
        sa.Column("alert", KEY, alert, primary_key=True),
        sa.Column("state", KEY, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("due", sa.Double, nullable=False),
    )
    op.create_index("deliveries_by_due", "deliveries", ["state", "due"])


def _cameras() -> None:
    op.create_table(
        "cameras",
        sa.Column("name", KEY, primary_key=True),
        sa.Column("collection", KEY, nullable=False),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("fps", sa.Double),
        sa.Column("records", sa.Boolean, nullable=False),
        sa.Column("retain_s", sa.Double),
        sa.Column("retain_bytes", sa.BigInteger),
        sa.Column("paused", sa.Boolean, nullable=False),
        sa.Column("epoch", sa.Text, nullable=False),
        sa.Column("created_at", sa.Text, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("due", sa.Double, nullable=False),
        sa.Column("state", JSON, nullable=False),
        sa.Column("state_at", sa.Text, nullable=False),
    )
    op.create_table(
        "recorders",
        sa.Column("owner", KEY, primary_key=True),
        sa.Column("most", sa.Integer, nullable=False),
        sa.Column("due", sa.Double, nullable=False),
    )


def _holds() -> None:
    op.create_table(
        "holds",
        counted("number"),
        sa.Column("id", KEY, nullable=False, unique=True),
        sa.Column("camera", KEY, nullable=False),
        sa.Column("start_at", sa.Text, nullable=False),
        sa.Column("end_at", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("principal", sa.Text, nullable=False),
        sa.Column("created_at", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("holds_by_camera", "holds", ["camera", "start_at"])
