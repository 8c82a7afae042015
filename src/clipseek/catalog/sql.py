"""SqlCatalog: the catalog in SQLite or PostgreSQL."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from pathlib import PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import RowMapping, Select, bindparam, func, select, update

from clipseek.catalog import schema, writes
from clipseek.catalog.database import WAIT_S, Database, Transactions
from clipseek.catalog.rows import (
    Film,
    cleaned,
    require_finite,
    require_model,
    require_scoring,
    storable,
    tag_form,
    unpack,
)
from clipseek.catalog.tables import (
    among,
    bears,
    changes,
    collections,
    frame_vectors,
    identity,
    segments,
    videos,
)
from clipseek.catalog.tables import tags as tag_rows
from clipseek.errors import CollectionNotFound, SegmentNotFound, VideoNotFound
from clipseek.protocols import BiasOf
from clipseek.types import (
    Change,
    Collection,
    Named,
    Relevance,
    Scoring,
    Segment,
    SegmentBlock,
    Segments,
    Span,
    Video,
)

_VIDEO = [videos.c[field.name] for field in fields(Video)]
_SEGMENT = [column for column in segments.c if column.name not in ("collection", "vector")]
_STREAMED = 4096


class SqlCatalog:
    """A `Catalog` in a SQL database. Thread-safe, but for a view from `consistent`.

    Reading a collection that does not exist finds nothing, except by `collection` and
    `consistent`; writing to one raises CollectionNotFound. `put` sets `Video.segments` and
    `Video.indexed_at` itself.
    """

    def __init__(self, database: Transactions) -> None:
        self._database = database

    @classmethod
    def open(
        cls,
        url: str,
        *,
        read_only: bool = False,
        create: bool = True,
        wait_s: float = WAIT_S,
        up_within_s: float = 0.0,
    ) -> "SqlCatalog":
        """Open the catalog at `sqlite:///PATH` or `postgresql://...`, migrated where needed.

        With `read_only`, nothing is written and SELECT is right enough. Without `create`, a
        catalog that is missing is not made. `wait_s` bounds the wait for other writers, in seconds,
        and `up_within_s` the wait for a PostgreSQL that is not up yet.

        Raises:
            ConfigError: the URL names neither kind of database.
            CatalogOutdated: the schema is of a newer release; or it is missing or older and may
                not be written.
            ServiceUnavailable: the database cannot be reached or written.
        """
        database = Database.at(url, read_only=read_only, create=create, wait_s=wait_s)
        try:
            database.wait(up_within_s)
            if read_only:
                schema.check(database)
            else:
                schema.prepare(database, create=create)
        except BaseException:
            database.close()
            raise
        return cls(database)

    def identity(self) -> str:
        """Return the id that this catalog was given when it was made; a backup has the same."""
        with self._database.reading() as connection:
            return str(connection.scalar(select(identity.c.id)))

    def ensure_collection(
        self,
        name: str,
        model: str,
        dim: int,
        fingerprint: str,
        scoring: Scoring | None = None,
    ) -> Collection:
        """Return the collection, made if it is missing; raise ModelMismatch."""
        storable(name=name, model=model, fingerprint=fingerprint)
        try:
            found = self.collection(name)
        except CollectionNotFound:
            with self._database.writing() as connection:
                writes.make_collection(
                    connection, name, model, dim=dim, fingerprint=fingerprint, scoring=scoring
                )
            found = self.collection(name)
        require_model(found, model, dim=dim, fingerprint=fingerprint)
        return found

    def collection(self, name: str) -> Collection:
        """Return the collection, with its version as committed now; raise CollectionNotFound."""
        rows = self._all(_row_of(name))
        if not rows:
            raise CollectionNotFound(name)
        return _collection(rows[0])

    def collections(self) -> list[Collection]:
        """Return all collections by name."""
        rows = self._all(select(collections).order_by(collections.c.name))
        return [_collection(row) for row in rows]

    def set_relevance(self, collection: str, relevance: Relevance) -> int:
        """Store the constants fitted on the user's queries; return the new version."""
        require_finite(relevance)
        with self._database.writing() as connection:
            version = writes.next_version(connection, collection)
            writes.store_relevance(connection, collection, relevance)
            writes.note(connection, collection, version, "calibrate")
        return version

    def rescore(self, collection: str, scoring: Scoring, bias: BiasOf) -> int:
        """Give every segment its bias anew, from its stored vector; return the new version.

        What takes long is computed before other writers have to wait. A vector never changes under
        its id, so only the segments that came meanwhile are left for the transaction.
        """
        judged = dict[int, float]()
        for block in self.blocks(collection):
            judged |= zip(block.ids.tolist(), bias(block.vectors).tolist(), strict=True)
        query = select(segments.c.id).where(segments.c.collection == collection)
        with self._database.writing() as connection:
            version = writes.next_version(connection, collection)
            before = _collection(connection.execute(_row_of(collection)).mappings().one())
            stored = connection.scalars(query).all()
            for segment in (segment for segment in stored if segment not in judged):
                packed = connection.scalar(
                    select(segments.c.vector).where(segments.c.id == segment)
                )
                vector = unpack(np.frombuffer(packed or b"", "<f2")[None])
                judged[segment] = float(bias(vector)[0])
            writes.store_biases(connection, ((segment, judged[segment]) for segment in stored))
            keep = scoring.same_evidence(before.scoring)
            writes.store_scoring(connection, collection, version, scoring, keep_fitted=keep)
            writes.note(connection, collection, version, "calibrate")
        return version

    def biases(self, collection: str) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return all segment ids, ascending, int64 (S,), and their biases float32 (S,)."""
        query = select(segments.c.id, segments.c.bias).where(segments.c.collection == collection)
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(segments.c.id)).all()
        ids = np.array([row[0] for row in rows], np.int64)
        return ids, np.array([row[1] for row in rows], np.float32)

    def put(
        self,
        collection: str,
        video: Video,
        segments: Segments,
        *,
        frame_times: NDArray[np.float64],
        frame_vectors: NDArray[np.float32],
        biases: NDArray[np.float32],
        thumbnails: Sequence[str],
        scoring: Scoring | None = None,
    ) -> int:
        """Store one video and replace what it was before, in one transaction.

        Another video from the same uri is removed first, as a change with its own version.

        Raises:
            ServiceUnavailable: the collection has been judged anew, by other means than `scoring`.
            ValueError: what is given does not belong together (see `Film.of`).
        """
        film = Film.of(
            video,
            segments,
            frame_times=frame_times,
            frame_vectors=frame_vectors,
            biases=biases,
            thumbnails=thumbnails,
        )
        with self._database.writing() as connection:
            film.require_dim(writes.lock(connection, collection))
            if scoring is not None:
                row = connection.execute(_row_of(collection)).mappings().one()
                require_scoring(collection, _collection(row).scoring, scoring)
            writes.evict(connection, collection, video.uri, keep=video.id)
            version = writes.next_version(connection, collection)
            writes.delete_video(connection, collection, video.id)
            writes.insert_film(connection, collection, film)
            writes.note(connection, collection, version, "put", video.id)
        return version

    def relocate(
        self, collection: str, video_id: str, uri: str, size_bytes: int, mtime_ns: int
    ) -> int:
        """Note that the same content now lies at another uri; title follows, vectors stay.

        Another video that was indexed from that uri is removed, as a change of its own.
        """
        storable(uri=uri)
        place = {"uri": uri, "title": PurePath(uri).stem}
        with self._database.writing() as connection:
            writes.lock(connection, collection)
            writes.evict(connection, collection, uri, keep=video_id)
            moved = connection.execute(
                update(videos)
                .where(videos.c.collection == collection, videos.c.id == video_id)
                .values(**place, size_bytes=int(size_bytes), mtime_ns=int(mtime_ns))
            )
            if not moved.rowcount:
                raise VideoNotFound(video_id, collection)
            version = writes.next_version(connection, collection)
            writes.note(connection, collection, version, "relocate", video_id)
        return version

    def remove(self, collection: str, video_id: str) -> int:
        """Remove a video and return the new version; raise VideoNotFound."""
        with self._database.writing() as connection:
            version = writes.next_version(connection, collection)
            if not writes.delete_video(connection, collection, video_id):
                raise VideoNotFound(video_id, collection)
            writes.note(connection, collection, version, "remove", video_id)
        return version

    def video(self, collection: str, video_id: str) -> Video:
        """Return one video; raise VideoNotFound."""
        rows = self._all(_videos_of(collection).where(videos.c.id == video_id))
        if not rows:
            raise VideoNotFound(video_id, collection)
        return _video(rows[0])

    def video_at(self, collection: str, uri: str) -> Video | None:
        """Return the video that was indexed from this uri, if any."""
        rows = self._all(_videos_of(collection).where(videos.c.uri == uri))
        return _video(rows[0]) if rows else None

    def videos_at(self, collection: str, uris: Sequence[str]) -> dict[str, Video]:
        """Return the videos that were indexed from some of these uris, by uri, in one query."""
        wanted = among(videos.c.uri, uris, self._database.dialect)
        return {row["uri"]: _video(row) for row in self._all(_videos_of(collection).where(wanted))}

    def videos_by_id(self, collection: str, video_ids: Sequence[str]) -> dict[str, Video]:
        """Return those of the videos that exist, by id, in one query."""
        wanted = among(videos.c.id, video_ids, self._database.dialect)
        return {row["id"]: _video(row) for row in self._all(_videos_of(collection).where(wanted))}

    def names(self, collection: str, *, video_ids: Sequence[str] | None = None) -> Iterator[Named]:
        """Yield what answers say of all videos, or of some."""
        columns = [videos.c[name] for name in Named._fields]
        query = select(*columns).where(videos.c.collection == collection)
        if video_ids is not None:
            query = query.where(among(videos.c.id, video_ids, self._database.dialect))
        with self._database.reading() as connection:
            for row in connection.execute(query.execution_options(yield_per=_STREAMED)):
                yield Named(*row)

    def videos(
        self, collection: str, *, after: str = "", limit: int = 100, tags: Sequence[str] = ()
    ) -> list[Video]:
        """Return videos in the order of their ids, past `after`, that bear all `tags`."""
        query = _videos_of(collection).where(videos.c.id > after, *(bears(tag) for tag in tags))
        return [_video(row) for row in self._all(query.order_by(videos.c.id).limit(limit))]

    def tagged(
        self, collection: str, tags: Sequence[str], *, video_ids: Sequence[str] | None = None
    ) -> list[str]:
        """Return the ids, in one query, of the videos that bear all `tags`."""
        wanted = {cleaned(tag_form(tag)) for tag in tags}
        rows = tag_rows.c
        query = select(rows.video_id).where(rows.collection == collection)
        if len(wanted) == 1:
            query = query.where(rows.tag == wanted.pop())
        else:
            query = query.where(rows.tag.in_(sorted(wanted))).group_by(rows.video_id)
            query = query.having(func.count() == len(wanted))
        if video_ids is not None:
            query = query.where(among(rows.video_id, video_ids, self._database.dialect))
        with self._database.reading() as connection:
            return [*connection.scalars(query)]

    def tags(self, collection: str) -> list[str]:
        """Return every tag that some video bears, by code points."""
        rows = tag_rows.c
        query = select(rows.tag).where(rows.collection == collection).distinct()
        with self._database.reading() as connection:
            return [*connection.scalars(query.order_by(rows.tag))]

    def segments(self, collection: str, video_id: str) -> list[Segment]:
        """Return a video's segments in the order of time; raise VideoNotFound."""
        query = select(*_SEGMENT).where(
            segments.c.collection == collection, segments.c.video_id == video_id
        )
        # One moment: a film that comes between two would have no segments.
        with self._database.moment() as moment:
            now = SqlCatalog(moment)
            rows = now._all(query.order_by(segments.c.start))
            if not rows:
                now.video(collection, video_id)
        return [_segment(row) for row in rows]

    def segment(self, segment_id: int) -> tuple[str, Segment]:
        """Return the collection's name and the segment; raise SegmentNotFound."""
        fits = 0 < segment_id < 2**63
        query = select(segments.c.collection, *_SEGMENT).where(segments.c.id == segment_id)
        rows = self._all(query) if fits else []
        if not rows:
            raise SegmentNotFound(segment_id)
        return rows[0]["collection"], _segment(rows[0])

    def changes(self, collection: str, after_version: int) -> list[Change]:
        """Return the changes past a version, ascending; no earlier one can appear later."""
        query = select(changes.c.version, changes.c.kind, changes.c.video_id).where(
            changes.c.collection == collection, changes.c.version > after_version
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
            select(*_SEGMENT, segments.c.vector)
            .where(segments.c.collection == collection, segments.c.id > bindparam("last"))
            .order_by(segments.c.id)
            .limit(block)
        )
        if video_ids is not None:
            query = query.where(among(segments.c.video_id, video_ids, self._database.dialect))
        last = 0
        with self._database.reading() as connection:
            while rows := connection.execute(query, {"last": last}).mappings().all():
                yield _block(rows)
                last = rows[-1]["id"]

    @contextmanager
    def consistent(self, collection: str) -> Iterator["SqlCatalog"]:
        """Open a read-only view of one moment, for one thread; raise CollectionNotFound."""
        with self._database.moment() as moment:
            view = SqlCatalog(moment)
            view.collection(collection)  # the first statement is what fixes the moment
            yield view

    def frame_vectors(
        self, collection: str, video_id: str
    ) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        """Return times float64 (N,) and vectors float32 (N, dim); raise VideoNotFound."""
        query = (
            select(frame_vectors.c.times, frame_vectors.c.vectors, collections.c.dim)
            .join(collections, collections.c.name == frame_vectors.c.collection)
            .where(frame_vectors.c.collection == collection, frame_vectors.c.video_id == video_id)
        )
        rows = self._all(query)
        if not rows:
            raise VideoNotFound(video_id, collection)
        times = np.frombuffer(rows[0]["times"], "<f4").astype(np.float64)
        packed = np.frombuffer(rows[0]["vectors"], "<f2").reshape(-1, rows[0]["dim"])
        return times, unpack(packed)

    def thumbnails(self, collection: str) -> Iterator[str]:
        """Yield the thumbnail path of every segment of the collection."""
        query = select(segments.c.thumbnail).where(segments.c.collection == collection)
        streamed = query.order_by(segments.c.id).execution_options(yield_per=_STREAMED)
        with self._database.reading() as connection:
            yield from connection.scalars(streamed)

    def counts(self, collection: str) -> tuple[int, int, float]:
        """Return videos, segments and seconds indexed."""
        query = select(
            func.count(videos.c.id).label("videos"),
            func.coalesce(func.sum(videos.c.segments), 0).label("segments"),
            func.coalesce(func.sum(videos.c.duration), 0.0).label("seconds"),
        )
        row = self._all(query.where(videos.c.collection == collection))[0]
        return row["videos"], int(row["segments"]), float(row["seconds"])

    def check(self) -> None:
        """Raise ServiceUnavailable or CatalogOutdated unless the catalog can be read now."""
        schema.check(self._database)

    def close(self) -> None:
        """Give back connections."""
        self._database.close()

    def _all(self, query: Select[Any]) -> Sequence[RowMapping]:
        with self._database.reading() as connection:
            return connection.execute(query).mappings().all()


def _videos_of(collection: str) -> Select[Any]:
    return select(*_VIDEO).where(videos.c.collection == collection)


def _row_of(name: str) -> Select[Any]:
    return select(collections).where(collections.c.name == name)


def _collection(row: RowMapping) -> Collection:
    values = dict(row)
    relevance, scoring = values.pop("relevance"), values.pop("scoring")
    return Collection(
        **values,
        relevance=Relevance(**relevance) if relevance else None,
        scoring=_scoring(**scoring) if scoring else None,
    )


def _scoring(*, relevance: dict[str, Any], **values: Any) -> Scoring:
    return Scoring(**values, relevance=Relevance(**relevance))


def _video(row: RowMapping) -> Video:
    return Video(**{**row, "tags": tuple(row["tags"])})


def _segment(row: RowMapping) -> Segment:
    return Segment(
        id=row["id"],
        video_id=row["video_id"],
        span=Span(row["start"], row["end"]),
        best_time=row["best_time"],
        bias=row["bias"],
        thumbnail=row["thumbnail"],
    )


def _block(rows: Sequence[RowMapping]) -> SegmentBlock:
    packed = np.frombuffer(b"".join(row["vector"] for row in rows), "<f2")
    return SegmentBlock(
        ids=np.array([row["id"] for row in rows], np.int64),
        video_ids=np.array([row["video_id"] for row in rows], np.str_),
        spans=np.array([(row["start"], row["end"]) for row in rows], np.float64),
        best_times=np.array([row["best_time"] for row in rows], np.float64),
        biases=np.array([row["bias"] for row in rows], np.float32),
        vectors=unpack(packed.reshape(len(rows), -1)),
    )
