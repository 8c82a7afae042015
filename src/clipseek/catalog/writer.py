"""SqlCatalog: the catalog in SQLite or PostgreSQL, to read and to write."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import PurePath
from typing import Self

from sqlalchemy import Connection, delete, select, update

from clipseek.catalog import claims, growing, object_rows, schema, writes
from clipseek.catalog.codes import read, unpack
from clipseek.catalog.database import WAIT_S, Database
from clipseek.catalog.reader import SqlReader
from clipseek.catalog.rows import (
    check_texts,
    check_timed,
    packed,
    require_fingerprint,
    require_finite,
    require_model,
    require_scoring,
    storable,
    tag_form,
)
from clipseek.catalog.tables import behind, leftovers, segments, videos
from clipseek.errors import CollectionNotFound, NoCatalog, VideoNotFound
from clipseek.protocols import BiasOf
from clipseek.stored import Growth, VideoRows
from clipseek.timed import TimedText
from clipseek.tracked import VideoObjects
from clipseek.types import ChangeKind, Collection, Put, Relevance, Scoring


class SqlCatalog(SqlReader):
    """A `CatalogWriter` in a SQL database. Thread-safe.

    Writing to a collection that does not exist raises CollectionNotFound. `put` sets
    `Video.segments` and `Video.indexed_at` itself.
    """

    def __init__(self, database: Database, *, seen: bool = False) -> None:
        """Take the database; `seen` says that it is known to have a catalog."""
        super().__init__(database, seen=seen)
        self._store = database

    @classmethod
    def open(
        cls, url: str, *, create: bool = True, wait_s: float = WAIT_S, up_within_s: float = 0.0
    ) -> Self:
        """Open the catalog at `sqlite:///PATH` or `postgresql://...`.

        In an empty database one is made; without `create`, it must exist. `wait_s` limits the
        wait for other writers, in seconds, and `up_within_s` the wait for a PostgreSQL that is not
        up yet.

        Raises:
            ConfigError: the URL names neither kind of database.
            CatalogOutdated: there is a catalog with another revision.
            NoCatalog: there is none, and `create` is false.
            ServiceUnavailable: the database cannot be reached or written.
        """
        database = Database.at(url, create=create, wait_s=wait_s)
        try:
            database.wait(up_within_s)
            if create:
                schema.create(database)
            elif not schema.is_there(database):
                raise NoCatalog(database.place)
        except BaseException:
            database.close()
            raise
        return cls(database, seen=True)

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
            with self._writing() as connection:
                writes.make_collection(
                    connection, name, model, dim=dim, fingerprint=fingerprint, scoring=scoring
                )
            found = self.collection(name)
        require_model(found, model, dim=dim, fingerprint=fingerprint)
        return found

    def set_alias(self, name: str, collection: str) -> None:
        """Let a name stand for a collection from now on.

        Raises:
            CollectionNotFound: no collection has this name itself.
            ValueError: the name is that of a collection, or cannot be stored.
        """
        storable(name=name)
        with self._writing() as connection:
            writes.set_alias(connection, name, collection)

    def remove_collection(self, name: str) -> None:
        """Remove a collection, given by its own name, with all that is stored of it.

        Raises:
            CollectionNotFound: no collection has this name itself.
        """
        with self._writing() as connection:
            writes.remove_collection(connection, name)

    def forget_leftover(self, key: str) -> None:
        """Note that the files of a removed collection are deleted."""
        with self._writing() as connection:
            connection.execute(delete(leftovers).where(leftovers.c.key == key))

    def set_relevance(self, collection: str, relevance: Relevance) -> int:
        """Store the constants fitted on the user's queries; return the new version."""
        require_finite(relevance)
        with self._changing(collection) as (connection, found):
            version = writes.next_version(connection, found.key)
            writes.store_relevance(connection, found.key, relevance)
            writes.note(connection, found.key, version, "calibrate")
        return version

    def rescore(self, collection: str, scoring: Scoring, bias: BiasOf) -> int:
        """Compute every bias again, from the stored vectors; return the new version.

        The slow part is done before other writers have to wait. The vector of an id never changes,
        so only the segments that were added meanwhile are left for the transaction.
        """
        judged = dict[int, float]()
        for block in self.blocks(collection):
            judged |= zip(block.ids.tolist(), bias(block.vectors).tolist(), strict=True)
        with self._changing(collection) as (connection, found):
            version = writes.next_version(connection, found.key)
            query = select(segments.c.id).where(segments.c.collection == found.key)
            stored = connection.scalars(query).all()
            for segment in (segment for segment in stored if segment not in judged):
                row = connection.scalar(select(segments.c.vector).where(segments.c.id == segment))
                vector = unpack(read(row or b"", 1, found.dim))
                judged[segment] = float(bias(vector)[0])
            object_rows.rescore(connection, found.key, bias)
            writes.store_biases(connection, ((segment, judged[segment]) for segment in stored))
            keep = scoring.same_evidence(found.scoring)
            writes.store_scoring(connection, found.key, version, scoring, keep_fitted=keep)
            writes.note(connection, found.key, version, "calibrate")
        return version

    def claim(self, collection: str, subject: str, *, by: str, lease_s: float) -> bool:
        """Claim a subject, unless another one's lease of it is valid."""
        with self._writing() as connection:
            key = writes.key_of(connection, collection)
            return claims.take(connection, key, subject, by, float(lease_s))

    def renew_claims(self, by: str, lease_s: float) -> None:
        """Renew the leases that an owner still has."""
        with self._writing() as connection:
            claims.renew(connection, by, float(lease_s))

    def claimed(self, collection: str, subjects: Sequence[str], *, by: str) -> set[str]:
        """Return which of the subjects are claimed now by somebody else."""
        with self._store.reading() as connection:
            return claims.others(connection, behind(collection), subjects, by)

    def release(self, collection: str, subjects: Sequence[str], *, by: str) -> None:
        """Give up the claims that an owner has on some subjects."""
        with self._writing() as connection:
            claims.release(connection, behind(collection), subjects, by)

    def release_all(self, by: str) -> None:
        """Give up all claims of an owner, and delete those that are long forgotten."""
        with self._writing() as connection:
            claims.release_all(connection, by)

    def put(self, collection: str, put: Put, *, by: str = "") -> int:
        """Store one video and replace what it was before, in one transaction.

        Another video from the same uri is removed first, as a change with its own version.
        """
        rows, video = packed(put), put.video
        with self._changing(collection) as (connection, found):
            require_fingerprint(found, put.fingerprint)
            rows.require_dim(found.dim)
            require_scoring(found.name, found.scoring, put.scoring)
            if by:
                claims.require(connection, found.key, video, by)
            writes.evict(connection, found.key, video.uri, keep=video.id)
            version = writes.next_version(connection, found.key)
            writes.delete_video(connection, found.key, video.id)
            writes.insert_video(connection, found.key, rows)
            writes.note(connection, found.key, version, "put", video.id)
        return version

    def grow(self, collection: str, growths: Sequence[Growth], *, by: str) -> frozenset[str]:
        """Store what is new of chunks of cameras that a recorder has; return the ids of others."""
        rows = [(packed(each.put), each) for each in growths]
        with self._changing(collection) as (connection, found):
            held = growing.held(connection, sorted({row.video.stream for row, _ in rows}), by)
            for row, growth in rows:
                require_fingerprint(found, growth.put.fingerprint)
                row.require_dim(found.dim)
                require_scoring(found.name, found.scoring, growth.put.scoring)
                if row.video.stream in held:
                    version = writes.next_version(connection, found.key)
                    growing.grow(connection, found.key, row, growth.since, growth.first_frame)
                    writes.note(connection, found.key, version, "put", row.video.id)
        return frozenset(row.video.id for row, _ in rows if row.video.stream not in held)

    def restore(self, collection: str, rows: Sequence[VideoRows]) -> int:
        """Store videos as they were stored elsewhere, each as a change; return the last version."""
        for each in rows:
            check_texts(each.video)
            check_timed(each.texts)
            if each.objects is not None:
                object_rows.check(each.objects)
            storable(**{f"thumbnail {n}": row.thumbnail for n, row in enumerate(each.segments)})
        with self._changing(collection) as (connection, found):
            version = found.version
            for each in rows:
                each.require_dim(found.dim)
                writes.evict(connection, found.key, each.video.uri, keep=each.video.id)
                version = writes.next_version(connection, found.key)
                writes.delete_video(connection, found.key, each.video.id)
                writes.insert_video(connection, found.key, each, indexed_at=each.video.indexed_at)
                writes.note(connection, found.key, version, "put", each.video.id)
        return version

    def relocate(
        self, collection: str, video_id: str, uri: str, size_bytes: int, stamp: str
    ) -> int:
        """Note that the same content is now at another uri; title follows, vectors stay.

        Another video that was indexed from that uri is removed, as a change of its own.
        """
        storable(uri=uri, stamp=stamp)
        place = {"uri": uri, "title": PurePath(uri).stem, "stamp": stamp}
        with self._changing(collection) as (connection, found):
            writes.evict(connection, found.key, uri, keep=video_id)
            moved = connection.execute(
                update(videos)
                .where(videos.c.collection == found.key, videos.c.id == video_id)
                .values(**place, size_bytes=int(size_bytes))
            )
            if not moved.rowcount:
                raise VideoNotFound(video_id, collection)
            version = writes.next_version(connection, found.key)
            writes.note(connection, found.key, version, "relocate", video_id)
        return version

    def edit(
        self,
        collection: str,
        video_id: str,
        *,
        title: str | None = None,
        tags: Sequence[str] | None = None,
    ) -> int:
        """Give a video another title, other tags or both, as one change; return the version."""
        wanted = None if tags is None else tuple(dict.fromkeys(map(tag_form, tags)))
        storable(title=title or "", **{f"tag {n}": tag for n, tag in enumerate(wanted or ())})
        with self._changing(collection) as (connection, found):
            before = writes.title_and_tags(connection, found.key, video_id)
            if before is None:
                raise VideoNotFound(video_id, collection)
            is_titled = title not in (None, before[0])
            is_tagged = wanted is not None and list(wanted) != before[1]
            if not is_titled and not is_tagged:
                return found.version
            if title is not None:
                writes.retitle(connection, found.key, video_id, title)
            if wanted is not None and is_tagged:
                writes.retag(connection, found.key, video_id, wanted)
            version = writes.next_version(connection, found.key)
            kind: ChangeKind = "put" if is_tagged else "relocate"
            writes.note(connection, found.key, version, kind, video_id)
        return version

    def put_text(self, collection: str, video_id: str, text: TimedText) -> int:
        """Store what one field of a video says, instead of what it said; return the version."""
        check_timed([text])
        with self._changing(collection) as (connection, found):
            is_other = writes.replace_text(connection, found.key, video_id, text)
            if is_other is None:
                raise VideoNotFound(video_id, collection)
            if not is_other:
                return found.version
            version = writes.next_version(connection, found.key)
            writes.note(connection, found.key, version, "text", video_id)
        return version

    def put_objects(self, collection: str, video_id: str, objects: VideoObjects) -> int:
        """Store the objects of a video, instead of those before; return the new version."""
        with self._changing(collection) as (connection, found):
            made = object_rows.packed(objects, found.dim)
            is_other = object_rows.replace_objects(connection, found.key, video_id, made)
            if is_other is None:
                raise VideoNotFound(video_id, collection)
            if not is_other:
                return found.version
            version = writes.next_version(connection, found.key)
            writes.note(connection, found.key, version, "object", video_id)
        return version

    def remove(self, collection: str, video_id: str) -> int:
        """Remove a video and return the new version; raise VideoNotFound."""
        with self._changing(collection) as (connection, found):
            if not writes.delete_video(connection, found.key, video_id):
                raise VideoNotFound(video_id, collection)
            version = writes.next_version(connection, found.key)
            writes.note(connection, found.key, version, "remove", video_id)
        return version

    def prune(self, collection: str, version: int) -> None:
        """Delete the changes up to a version, except the last one."""
        with self._changing(collection) as (connection, found):
            writes.prune(connection, found.key, version)

    @contextmanager
    def _changing(self, collection: str) -> Iterator[tuple[Connection, Collection]]:
        """Open a writing transaction in which nobody else writes to a collection; yield this."""
        with self._writing() as connection:
            yield connection, writes.lock(connection, collection)

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        """Open a writing transaction, during which the catalog is not migrated."""
        with self._store.writing() as connection:
            schema.hold(connection, self._store.place)
            yield connection
