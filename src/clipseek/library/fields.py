"""What is beside pictures at one version of a collection: what is said, objects, and tags."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np

from clipseek.filters import Filters
from clipseek.library.marks import Marks
from clipseek.library.passing import ALL, Passing
from clipseek.objects.index import Found, ObjectIndex
from clipseek.protocols import CatalogReader
from clipseek.table import SegmentTable
from clipseek.texts.index import Said, WordIndex
from clipseek.types import Change, ChangeKind, Collection

OnSpan = Said | Found


@dataclass(frozen=True, slots=True)
class Fields:
    """What is said in videos, which objects they show, and tags on their spans. Immutable."""

    words: WordIndex = field(default_factory=WordIndex)
    objects: ObjectIndex = field(default_factory=ObjectIndex)
    marks: Marks = field(default_factory=Marks)

    @classmethod
    def of(cls, now: CatalogReader, name: str) -> Self:
        """Read all of a collection."""
        nothing: frozenset[str] = frozenset()
        words = WordIndex().changed(nothing, now.texts(name))
        objects = ObjectIndex().changed(nothing, now.objects(name))
        return cls(words, objects, Marks.of(now.marks(name)))

    def after(self, now: CatalogReader, before: Collection, collection: Collection) -> Self:
        """Return them after what has changed; objects that were judged again are read again."""
        name = collection.name
        known = now.changes(name, before.version)
        said, shown = _videos_of(known, "text"), _videos_of(known, "object")
        words = self.words.changed(frozenset(said), now.texts(name, video_ids=said))
        marks = self._marks_after(now, name, known)
        if collection.scored_at > before.version:
            return type(self)(words, ObjectIndex().changed(frozenset(), now.objects(name)), marks)
        found = now.objects(name, video_ids=shown)
        return type(self)(words, self.objects.changed(frozenset(shown), found), marks)

    def _marks_after(self, now: CatalogReader, name: str, known: Iterable[Change]) -> Marks:
        """Return the tags on spans after what has changed, which is not always said by video."""
        if any(each.kind == "tag" and each.video_id is None for each in known):
            return Marks.of(now.marks(name))
        tagged = _videos_of(known, "tag")
        return self.marks.changed(frozenset(tagged), now.marks(name, video_ids=tagged))

    def passing(self, only: Filters | None, table: SegmentTable) -> Passing:
        """Return which videos and segments of a table pass what a filter asks of this."""
        if only is None or (only.language is None and not only.segment_tags):
            return ALL
        videos = segments = None
        if only.language is not None:
            videos = self.words.spoken_in.mask(only.language, table.videos)
        if only.segment_tags:
            segments = self.marks.met(only.segment_tags, table)
            tagged = np.zeros(len(table.videos), np.bool_)
            tagged[table.owners[segments]] = True
            videos = tagged if videos is None else videos & tagged
        return Passing(videos, segments)

    def spans(self, found: Sequence[OnSpan], only: Filters | None) -> list[OnSpan]:
        """Return those passages and objects that overlap the tags of a filter; all if it has none.

        They are of videos that pass.
        """
        tags = () if only is None else only.segment_tags
        if not tags:
            return list(found)
        return [each for each in found if self.marks.are_over(tags, each.video_id, each.hit.span)]


def _videos_of(changes: Iterable[Change], kind: ChangeKind) -> list[str]:
    """Return the videos of which a field may be another one, by id."""
    kinds = {"put", "remove", kind}
    return sorted({each.video_id for each in changes if each.kind in kinds and each.video_id})
