"""SqlReader: the catalog in SQLite or PostgreSQL, to read."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from operator import itemgetter
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import RowMapping, Select, bindparam, func, select

from clipseek.catalog import codes, frames, schema, sizes, whole
from clipseek.catalog.collection_rows import as_collection, collection_row, is_of
from clipseek.catalog.database import WAIT_S, Database, Transactions
from clipseek.catalog.fields import FieldRows
from clipseek.catalog.switch_rows import switches_of
from clipseek.catalog.tables import aliases as alias_rows
from clipseek.catalog.tables import (
    among,
    bears,
    behind,
    changes,
    collections,
    identity,
    leftovers,
    segments,
    videos,
)
from clipseek.catalog.tables import tags as tag_rows
from clipseek.errors import CollectionNotFound, NoCatalog, SegmentNotFound, VideoNotFound
from clipseek.stored import FrameBlocks, SegmentBlock, Some, VideoRows
from clipseek.switches import Switch
from clipseek.types import Change, Collection, Named, Segment, Span, Video

_SEGMENT = [column for column in segments.c if column.name not in ("collection", "vector")]
_STREAMED = 4096


class SqlReader(FieldRows):
    """A `CatalogReader` in a SQL database. Thread-safe, except a view from `consistent`.

    A name that is an alias is resolved by the statement that reads (`tables.behind`).

    Reading a collection that does not exist finds nothing, except by `collection` and
    `consistent`; the same is true for a catalog that does not exist yet. One that has existed and
    is gone is an error: it does not count as an empty one.
    """

    def __init__(self, database: Transactions, *, seen: bool = False) -> None:
        """Take the database; `seen` says that it is known to have a catalog."""
        self._database = database
        self._seen = seen

    @property
    def database(self) -> Transactions:
        """What the catalog is read from; readers of other tables share its connections."""
        return self._database

    @classmethod
    def open(cls, url: str, *, wait_s: float = WAIT_S, up_within_s: float = 0.0) -> Self:
        """Open the catalog at `sqlite:///PATH` or `postgresql://...`, which may not exist yet.

        Nothing is made or written, and the right to SELECT is enough. `wait_s` limits the wait for
        a connection, in seconds, and `up_within_s` the wait for a PostgreSQL that is not up yet.

        Raises:
            ConfigError: the URL names neither kind of database.
        """
        database = Database.at(url, read_only=True, wait_s=wait_s)
        try:
            database.wait(up_within_s)
        except BaseException:
            database.close()
            raise
        return cls(database)

    def identity(self) -> str:
        """Return the id that this catalog was given when it was made; raise NoCatalog."""
        rows = self._rows(select(identity.c.id))
        if not rows:
            raise NoCatalog(self._database.place)
        return str(rows[0][0])

    def collection(self, name: str) -> Collection:
        """Return the collection, with its version as committed now; raise CollectionNotFound."""
        rows = self._all(collection_row(name))
        if not rows:
            raise CollectionNotFound(name)
        return as_collection(rows[0])

    def collections(self) -> list[Collection]:
        """Return all collections by name."""
        rows = self._all(select(collections).order_by(collections.c.name))
        return [as_collection(row) for row in rows]

    def aliases(self, names: Sequence[str] | None = None) -> dict[str, str]:
        """Return the name of the collection behind each alias, of all or of some names."""
        query = (
            select(alias_rows.c.name, collections.c.name)
            .join(collections, collections.c.key == alias_rows.c.collection)
            .order_by(alias_rows.c.name)
        )
        if names is not None:
            query = query.where(among(alias_rows.c.name, names, self._database.dialect))
        return {row[0]: row[1] for row in self._rows(query)}

    def switches(self) -> list[Switch]:
        """Return the switches of models that are under way, by name."""
        if not self._is_there():
            return []
        with self._database.reading() as connection:
            return switches_of(connection)

    def leftovers(self) -> list[str]:
        """Return the keys of removed collections whose files may not be deleted yet."""
        return [row["key"] for row in self._all(select(leftovers.c.key).order_by(leftovers.c.key))]

    def biases(self, collection: str) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return all segment ids, ascending, int64 (S,), and their biases float32 (S,)."""
        query = select(segments.c.id, segments.c.bias).where(
            segments.c.collection == behind(collection)
        )
        rows = self._rows(query.order_by(segments.c.id))
        ids = np.array([row[0] for row in rows], np.int64)
        return ids, np.array([row[1] for row in rows], np.float32)

    def video(self, collection: str, video_id: str) -> Video:
        """Return one video; raise VideoNotFound."""
        rows = self._all(_videos_of(collection).where(videos.c.id == video_id))
        if not rows:
            raise VideoNotFound(video_id, collection)
        return whole.as_video(rows[0])

    def video_at(self, collection: str, uri: str) -> Video | None:
        """Return the video that was indexed from this uri, if any."""
        rows = self._all(_videos_of(collection).where(videos.c.uri == uri))
        return whole.as_video(rows[0]) if rows else None

    def newest(self, collection: str, stream: str) -> Video | None:
        """Return the chunk of a camera that begins last, if any."""
        its = _videos_of(collection).where(videos.c.stream == stream)
        rows = self._all(its.order_by(videos.c.recorded_at.desc()).limit(1))
        return whole.as_video(rows[0]) if rows else None

    def videos_at(self, collection: str, uris: Sequence[str]) -> dict[str, Video]:
        """Return the videos that were indexed from some of these uris, by uri, in one query."""
        wanted = among(videos.c.uri, uris, self._database.dialect)
        rows = self._all(_videos_of(collection).where(wanted))
        return {row["uri"]: whole.as_video(row) for row in rows}

    def videos_by_id(self, collection: str, video_ids: Sequence[str]) -> dict[str, Video]:
        """Return those of the videos that exist, by id, in one query."""
        wanted = among(videos.c.id, video_ids, self._database.dialect)
        rows = self._all(_videos_of(collection).where(wanted))
        return {row["id"]: whole.as_video(row) for row in rows}

    def names(self, collection: str, *, video_ids: Sequence[str] | None = None) -> Iterator[Named]:
        """Yield what answers say of all videos, or of some."""
        columns = [videos.c[name] for name in Named._fields]
        query = select(*columns).where(videos.c.collection == behind(collection))
        if video_ids is not None:
            query = query.where(among(videos.c.id, video_ids, self._database.dialect))
        yield from (whole.as_named(row) for some in self._streamed(query) for row in some)

    def videos(
        self, collection: str, *, after: str = "", limit: int = 100, tags: Sequence[str] = ()
    ) -> list[Video]:
        """Return videos in the order of their ids, past `after`, that bear all `tags`."""
        query = _videos_of(collection).where(videos.c.id > after, *(bears(tag) for tag in tags))
        return [whole.as_video(row) for row in self._all(query.order_by(videos.c.id).limit(limit))]

    def tagged(
        self, collection: str, *, video_ids: Sequence[str] | None = None
    ) -> Iterator[tuple[str, Sequence[str]]]:
        """Yield each tag with the ids of some of the videos that have it, until all were named."""
        rows = tag_rows.c
        query = select(rows.tag, rows.video_id).where(rows.collection == behind(collection))
        if video_ids is None:
            query = query.order_by(rows.tag)
        else:
            # By an expression: for the order of a column SQLite would read all tags by its index.
            query = query.where(among(rows.video_id, video_ids, self._database.dialect))
            query = query.order_by(rows.tag.concat(""))
        for some in self._streamed(query):
            for tag, found in groupby(some, itemgetter(0)):
                yield tag, [video_id for _, video_id in found]

    def tags(self, collection: str) -> list[str]:
        """Return every tag that some video bears, by code points."""
        rows = tag_rows.c
        query = select(rows.tag).where(rows.collection == behind(collection)).distinct()
        return [row[0] for row in self._rows(query.order_by(rows.tag))]

    def segments(self, collection: str, video_id: str) -> list[Segment]:
        """Return a video's segments in the order of time; raise VideoNotFound."""
        query = select(*_SEGMENT).where(
            segments.c.collection == behind(collection), segments.c.video_id == video_id
        )
        if not self._is_there():
            raise VideoNotFound(video_id, collection)
        # One moment: a video stored between two statements would have no segments.
        with self._database.moment() as moment:
            now = SqlReader(moment, seen=True)
            rows = now._all(query.order_by(segments.c.start))
            if not rows:
                now.video(collection, video_id)
        return [_segment(row) for row in rows]

    def shots(self, collection: str, video_id: str) -> list[float]:
        """Return where the shots of a video begin, seconds, ascending; none if it is not there."""
        query = select(segments.c.start).where(
            segments.c.collection == behind(collection),
            segments.c.video_id == video_id,
            segments.c.begins_shot,
        )
        return sorted(row[0] for row in self._rows(query))

    def segment(
        self, segment_id: int, *, within: Sequence[str] | None = None
    ) -> tuple[str, Segment]:
        """Return the collection's name and the segment; raise SegmentNotFound."""
        fits = 0 < segment_id < 2**63
        query = (
            select(collections.c.name.label("collection"), *_SEGMENT)
            .join(collections, collections.c.key == segments.c.collection)
            .where(segments.c.id == segment_id)
        )
        if within is not None:
            query = query.where(is_of(within))
        rows = self._all(query) if fits else []
        if not rows:
            raise SegmentNotFound(segment_id)
        return rows[0]["collection"], _segment(rows[0])

    def changes(self, collection: str, after_version: int) -> list[Change]:
        """Return the changes past a version, ascending; no earlier one can appear later."""
        query = select(changes.c.version, changes.c.kind, changes.c.video_id).where(
            changes.c.collection == behind(collection), changes.c.version > after_version
        )
        rows = self._all(query.order_by(changes.c.version))
        return [Change(**row) for row in rows]

    def blocks(
        self, collection: str, *, video_ids: Sequence[str] | None = None, block: int = 4096
    ) -> Iterator[SegmentBlock]:
        """Yield all segments, or those of some videos, by ascending id, in bounded blocks.

        The blocks come from one transaction that stays open until the last was taken.
        """
        query = (
            select(*_SEGMENT, segments.c.vector, collections.c.dim)
            .join(collections, collections.c.key == segments.c.collection)
            .where(segments.c.collection == behind(collection))
        )
        if video_ids is not None:
            query = query.where(among(segments.c.video_id, video_ids, self._database.dialect))
            # Not by the id itself: its index would have all segments of the collection read.
            ordered = query.order_by(segments.c.id + 0)
            for some in self._streamed(ordered, block):
                yield _block([row._mapping for row in some])
            return
        if not self._is_there():
            return
        query = query.where(segments.c.id > bindparam("last"))
        query, last = query.order_by(segments.c.id).limit(block), 0
        with self._database.reading() as connection:
            while rows := connection.execute(query, {"last": last}).mappings().all():
                yield _block(rows)
                last = rows[-1]["id"]

    @contextmanager
    def consistent(self, collection: str) -> Iterator["SqlReader"]:
        """Open a view of one moment, for one thread; raise CollectionNotFound."""
        if not self._is_there():
            raise CollectionNotFound(collection)
        with self._database.moment() as moment:
            view = SqlReader(moment, seen=True)
            view.collection(collection)  # the first statement is what fixes the moment
            yield view

    def frame_vectors(
        self, collection: str, video_id: str
    ) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        """Return times float64 (N,) and vectors float32 (N, dim); raise VideoNotFound."""
        return frames.matrix(self._frames(collection, video_id))

    def frame_blocks(self, collection: str, video_id: str) -> FrameBlocks:
        """Return times float64 (N,) and blocks (n, dim) of vectors; raise VideoNotFound."""
        return frames.blocks(self._frames(collection, video_id))

    def _frames(self, collection: str, video_id: str) -> Sequence[RowMapping]:
        rows = self._all(frames.of_video(collection, video_id))
        if not rows:
            raise VideoNotFound(video_id, collection)
        return rows

    def stored(
        self, collection: str, *, after: str = "", limit: int = 100, video_ids: Some = None
    ) -> list[VideoRows]:
        """Return videos past `after`, by id, with all that is stored of them, unchanged."""
        if not self._is_there():
            return []
        with self._database.reading() as connection:
            return whole.read(connection, collection, after, limit, video_ids)

    def thumbnails(self, collection: str) -> Iterator[str]:
        """Yield the thumbnail path of every segment of the collection."""
        query = select(segments.c.thumbnail).where(segments.c.collection == behind(collection))
        rows = self._streamed(query.order_by(segments.c.id))
        yield from (row[0] for some in rows for row in some)

    def counts(self, collection: str) -> tuple[int, int, float]:
        """Return videos, segments and seconds indexed."""
        query = select(
            func.count(videos.c.id).label("videos"),
            func.coalesce(func.sum(videos.c.segments), 0).label("segments"),
            func.coalesce(func.sum(videos.c.duration), 0.0).label("seconds"),
        )
        rows = self._rows(query.where(videos.c.collection == behind(collection)))
        return (rows[0][0], int(rows[0][1]), float(rows[0][2])) if rows else (0, 0, 0.0)

    def part_bytes(self, collection: str) -> dict[str, int]:
        """Return how many bytes frame vectors, segments, texts and objects have."""
        rows = self._all(sizes.of(collection, self._database.dialect))
        return {name: int(count) for row in rows for name, count in row.items()}

    def check(self) -> None:
        """Raise ServiceUnavailable or CatalogOutdated unless the catalog can be read now."""
        there = schema.is_there(self._database)
        if self._seen and not there:
            raise NoCatalog(self._database.place)
        self._seen = there

    def close(self) -> None:
        """Give back connections."""
        self._database.close()

    def _is_there(self) -> bool:
        """Whether there is a catalog, or was one once; raise CatalogOutdated at its first sight."""
        if not self._seen:
            self._seen = schema.is_there(self._database)
        return self._seen

    def _rows(self, query: Select[Any]) -> Sequence[Any]:
        if not self._is_there():
            return []
        with self._database.reading() as connection:
            return connection.execute(query).all()

    def _all(self, query: Select[Any]) -> Sequence[RowMapping]:
        return [row._mapping for row in self._rows(query)]

    def _streamed(self, query: Select[Any], some: int = _STREAMED) -> Iterator[Sequence[Any]]:
        """Yield the rows of a large answer, some at a time."""
        if self._is_there():
            streamed = query.execution_options(yield_per=some)
            # The result is closed even if not all of it is taken: it is a cursor on the server.
            with self._database.reading() as connection, connection.execute(streamed) as found:
                yield from found.partitions()


def _videos_of(collection: str) -> Select[Any]:
    return select(*whole.VIDEO).where(videos.c.collection == behind(collection))


def _segment(row: RowMapping) -> Segment:
    return Segment(
        id=row["id"],
        video_id=row["video_id"],
        span=Span(row["start"], row["end"]),
        best_time=row["best_time"],
        bias=row["bias"],
        thumbnail=row["thumbnail"],
        begins_shot=row["begins_shot"],
    )


def _block(rows: Sequence[RowMapping]) -> SegmentBlock:
    vectors = b"".join(row["vector"] for row in rows)
    return SegmentBlock(
        ids=np.array([row["id"] for row in rows], np.int64),
        video_ids=np.array([row["video_id"] for row in rows], np.str_),
        spans=np.array([(row["start"], row["end"]) for row in rows], np.float64),
        best_times=np.array([row["best_time"] for row in rows], np.float64),
        biases=np.array([row["bias"] for row in rows], np.float32),
        vectors=codes.unpack(codes.read(vectors, len(rows), rows[0]["dim"])),
    )
