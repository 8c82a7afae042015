"""The statements that store what is new of videos that are still being recorded."""

from collections.abc import Sequence

from sqlalchemy import Connection, delete, func, insert, select, update

from clipseek.catalog import writes
from clipseek.catalog.tables import cameras, frame_vectors, segments, videos
from clipseek.stored import VideoRows


def held(connection: Connection, names: Sequence[str], owner: str) -> set[str]:
    """Return which of the cameras a recorder has, or nobody; nobody takes them before the commit.

    A camera that was paused or released a moment ago is nobody's: its last chunk is stored.
    """
    mine = select(cameras.c.name).where(cameras.c.name.in_(names), cameras.c.owner.in_((owner, "")))
    # In this order in each transaction, because two that lock the same rows could wait for ever.
    found = connection.scalars(mine.order_by(cameras.c.name).with_for_update(read=True))
    return set(found)


def grow(
    connection: Connection, collection: str, rows: VideoRows, since: float, first_frame: int
) -> None:
    """Write the rows of one video from `since` seconds and a frame on, instead of those there."""
    video = rows.video
    this = (videos.c.collection == collection, videos.c.id == video.id)
    if connection.scalar(select(videos.c.id).where(*this)) is None:
        writes.insert_video(connection, collection, rows)
        return
    own = (segments.c.collection == collection, segments.c.video_id == video.id)
    connection.execute(delete(segments).where(*own, segments.c.start >= since))
    if rows.segments:
        connection.execute(insert(segments), writes.segment_rows(collection, rows))
    count = select(func.count()).select_from(segments).where(*own).scalar_subquery()
    connection.execute(
        update(videos)
        .where(*this)
        .values(
            duration=video.duration,
            width=video.width,
            height=video.height,
            size_bytes=video.size_bytes,
            stamp=video.stamp,
            coding=video.coding,
            frame_rate=video.frame_rate,
            state=video.state,
            reason=video.reason,
            segments=count,
        )
    )
    if rows.frames is not None:
        _store_frames(connection, collection, rows, first_frame)


def _store_frames(connection: Connection, collection: str, rows: VideoRows, first: int) -> None:
    """Store frames from a number on instead of those there: a commit may come a second time."""
    assert rows.frames is not None
    of = frame_vectors.c
    own = (of.collection == collection, of.video_id == rows.video.id)
    connection.execute(delete(frame_vectors).where(*own, of.first >= first))
    connection.execute(
        insert(frame_vectors).values(
            collection=collection,
            video_id=rows.video.id,
            first=first,
            times=rows.frames.times.tobytes(),
            vectors=rows.frames.vectors.tobytes(),
        )
    )
