"""FieldRows: what is stored of the fields beside pictures, to read."""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, select

from clipseek.catalog import whole
from clipseek.catalog.curation_tables import segment_tags
from clipseek.catalog.database import Transactions
from clipseek.catalog.object_rows import OBJECTS, as_rows, unpacked
from clipseek.catalog.object_tables import objects
from clipseek.catalog.tables import among, behind
from clipseek.catalog.tables import texts as text_rows
from clipseek.marks import Mark
from clipseek.timed import Field, Span, TimedText
from clipseek.tracked import VideoObjects


class FieldRows:
    """The part of `SqlReader` that reads texts and objects."""

    _database: Transactions

    def texts(
        self, collection: str, *, video_ids: Sequence[str] | None = None
    ) -> Iterator[tuple[str, TimedText]]:
        """Yield the id of a video and what one of its fields says, of all videos or of some."""
        query = select(text_rows).where(*self._of(text_rows.c, collection, video_ids))
        for some in self._streamed(query.order_by(text_rows.c.video_id, text_rows.c.field)):
            yield from ((row.video_id, whole.as_text(row._mapping)) for row in some)

    def text_stamps(self, collection: str, video_ids: Sequence[str]) -> dict[str, dict[Field, str]]:
        """Return for those of the videos that have texts the stamp of each field."""
        columns = text_rows.c.video_id, text_rows.c.field, text_rows.c.stamp
        query = select(*columns).where(*self._of(text_rows.c, collection, video_ids))
        found: dict[str, dict[Field, str]] = {}
        for video_id, field, stamp in self._rows(query):
            found.setdefault(video_id, {})[field] = stamp
        return found

    def objects(
        self, collection: str, *, video_ids: Sequence[str] | None = None
    ) -> Iterator[tuple[str, VideoObjects]]:
        """Yield the id of a video and its objects, of all that were looked at, or of some."""
        query = OBJECTS.where(*self._of(objects.c, collection, video_ids))
        for some in self._streamed(query.order_by(objects.c.video_id)):
            yield from ((row.video_id, unpacked(as_rows(row._mapping))) for row in some)

    def object_stamps(self, collection: str, video_ids: Sequence[str]) -> dict[str, str]:
        """Return the stamps of the objects of those videos that were looked at."""
        query = select(objects.c.video_id, objects.c.stamp)
        query = query.where(*self._of(objects.c, collection, video_ids))
        return {row.video_id: row.stamp for row in self._rows(query)}

    def marks(
        self, collection: str, *, video_ids: Sequence[str] | None = None
    ) -> Iterator[tuple[str, Mark]]:
        """Yield the id of a video and a tag on a span of it, of all videos or of some."""
        of = segment_tags.c
        columns = of.video_id, of.start, of.end, of.rule, of.relevance, of.state
        query = select(*columns).where(*self._of(of, collection, video_ids))
        query = query.where(of.state != "rejected")
        for some in self._streamed(query.order_by(of.video_id, of.start, of.rule, of.id)):
            yield from (
                (row.video_id, Mark(row.rule, Span(row.start, row.end), row.relevance, row.state))
                for row in some
            )

    def _of(
        self, columns: Any, collection: str, video_ids: Sequence[str] | None
    ) -> list[ColumnElement[bool]]:
        """Return the conditions on rows of all videos of a collection, or of some."""
        found = [columns.collection == behind(collection)]
        if video_ids is not None:
            found.append(among(columns.video_id, video_ids, self._database.dialect))
        return found

    def _rows(self, query: Select[Any]) -> Sequence[Any]:
        raise NotImplementedError

    def _streamed(self, query: Select[Any], some: int = ...) -> Iterator[Sequence[Any]]:
        raise NotImplementedError
