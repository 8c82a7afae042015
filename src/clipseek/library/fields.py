"""The fields beside pictures at one version of a collection: what is said, and objects."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self

from clipseek.objects.index import ObjectIndex
from clipseek.protocols import CatalogReader
from clipseek.texts.index import WordIndex
from clipseek.types import Change, ChangeKind, Collection


@dataclass(frozen=True, slots=True)
class Fields:
    """What is said in videos, and which objects they show. Immutable."""

    words: WordIndex = field(default_factory=WordIndex)
    objects: ObjectIndex = field(default_factory=ObjectIndex)

    @classmethod
    def of(cls, now: CatalogReader, name: str) -> Self:
        """Read all of a collection."""
        nothing: frozenset[str] = frozenset()
        words = WordIndex().changed(nothing, now.texts(name))
        return cls(words, ObjectIndex().changed(nothing, now.objects(name)))

    def after(self, now: CatalogReader, before: Collection, collection: Collection) -> Self:
        """Return them after what has changed; objects that were judged again are read again."""
        name = collection.name
        known = now.changes(name, before.version)
        said, shown = _videos_of(known, "text"), _videos_of(known, "object")
        words = self.words.changed(frozenset(said), now.texts(name, video_ids=said))
        if collection.scored_at > before.version:
            return type(self)(words, ObjectIndex().changed(frozenset(), now.objects(name)))
        found = now.objects(name, video_ids=shown)
        return type(self)(words, self.objects.changed(frozenset(shown), found))


def _videos_of(changes: Iterable[Change], kind: ChangeKind) -> list[str]:
    """Return the videos of which a field may be another one, by id."""
    kinds = {"put", "remove", kind}
    return sorted({each.video_id for each in changes if each.kind in kinds and each.video_id})
