"""One collection at one version, ready to be searched: a snapshot and what changed since."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Self

import numpy as np
from numpy.typing import NDArray

from clipseek.errors import SegmentNotFound
from clipseek.filters import Filters
from clipseek.library.fields import Fields
from clipseek.library.names import Names
from clipseek.library.offer import Offer, awaited, seen
from clipseek.library.parts import (
    Delta,
    Part,
    counted,
    joined,
    nearest_of,
    warn_of_many,
    whole,
)
from clipseek.library.passing import Passing
from clipseek.library.reading import delta_of, known_of
from clipseek.nearest import checked, contained
from clipseek.objects.index import ObjectIndex
from clipseek.protocols import CatalogReader
from clipseek.publishing import IndexStore, has_biases_of, history
from clipseek.ranking import Rows
from clipseek.table import SegmentTable
from clipseek.texts.index import WordIndex
from clipseek.types import Change, ChangeKind, Collection, Named, Neighbours, Relevance, Scoring

Progress = Callable[[int, int], None]
"""Hears how many segments were read, and of how many."""


@dataclass(frozen=True, slots=True)
class View:
    """An immutable state of a collection; `refresh` returns the next one. Thread-safe.

    collection: As it is at this version. note: Why the published snapshot is not used, or empty.
    snapshot_version: That of the snapshot in use, or None if the catalog was read in full.
    snapshot_at: When that snapshot was made, in UTC as RFC 3339 writes it, or None.
    asked: The name or the alias that the collection was requested by. `refresh` and `follow` return
    a view of the collection that it stands for then. lacks: The shards whose segments are left out,
    because who searches them does not answer.
    """

    collection: Collection
    note: str
    snapshot_version: int | None
    snapshot_at: str | None
    asked: str
    _seen: str
    _due: int | None
    _history: str
    _base: Part = field(repr=False)
    _delta: tuple[Delta, ...] = field(repr=False)
    _names: Names | None = field(default=None, repr=False)
    fields: Fields = field(default_factory=Fields, repr=False)
    lacks: frozenset[int] = frozenset()

    @classmethod
    def open(
        cls,
        catalog: CatalogReader,
        store: IndexStore,
        name: str,
        *,
        progress: Progress = lambda _done, _total: None,
    ) -> Self:
        """Open a collection: the published snapshot and what changed since, or the whole catalog.

        A snapshot that is damaged, of another model, or not of the catalog's past is not used.
        `progress` is called for each block of a catalog that is read in full.

        Raises:
            CollectionNotFound: there is no such collection.
            ConfigError: the snapshots are to be searched on a GPU, and FAISS sees none.
            ServiceUnavailable: the catalog cannot be read.
        """
        offer = Offer.of(store, catalog.collection(name).key)
        return cls._made(catalog, store, name, offer, progress=progress)

    @classmethod
    def _made(
        cls,
        catalog: CatalogReader,
        store: IndexStore,
        name: str,
        offer: Offer,
        *,
        before: "View | None" = None,
        progress: Progress = lambda _done, _total: None,
    ) -> Self:
        """Read a view; what is said is taken from the one before, if that is of its past."""
        with catalog.consistent(name) as now:
            collection = now.collection(name)
            if offer.name != collection.key:  # the name was switched meanwhile
                offer = Offer.of(store, collection.key)
            offer = offer.judged(now, collection)
            found = offer.found
            if found is None:
                total = now.counts(name)[1]
                warn_of_many(name, total)
                blocks = counted(now.blocks(name), total, progress)
                table, vectors = SegmentTable.of(blocks, collection.dim)
                base = whole(table, vectors, *known_of(now, name, table))
                delta: tuple[Delta, ...] = ()
            else:
                changes = now.changes(name, found.manifest.version)
                changed = _videos_of(changes, "put", "remove")
                known = known_of(now, name, found.table)
                base = Part(found.table, found.index, *known).without(changed)
                if not has_biases_of(found.manifest, collection):
                    base = base.rescored(*now.biases(name))
                delta = joined([delta_of(now, name, collection.dim, changed)])
            past = history(now, name, collection.version)
            if before is not None and before._is_past_of(now, collection):
                fields = before.fields.after(now, before.collection, collection)
            else:
                fields = Fields.of(now, name)
        return cls(
            collection=collection,
            note=offer.note,
            snapshot_version=None if found is None else found.manifest.version,
            snapshot_at=None if found is None else found.manifest.created_at,
            asked=name,
            _seen=offer.seen,
            _due=offer.due,
            _history=past,
            _base=base,
            _delta=delta,
            fields=fields,
        )

    def refresh(self, catalog: CatalogReader, store: IndexStore) -> Self:
        """Return the view of the collection as it is now: itself if nothing changed.

        Raises:
            CollectionNotFound: the collection is gone.
            ServiceUnavailable: the catalog cannot be read.
        """
        name = self.asked
        collection = catalog.collection(name)
        news = seen(store, collection.key)
        is_news = collection.key != self.collection.key or news != self._seen
        if not is_news and (self._due is None or collection.version < self._due):
            return self.follow(catalog, store)
        if collection.key == self.collection.key and awaited(
            self._base.index, store, collection.key
        ):
            return self.follow(catalog, store)  # with the peers, which have not fetched it yet
        offer = Offer.of(store, collection.key)
        with catalog.consistent(name) as now:
            offer = offer.judged(now, now.collection(name))
        followed = None if offer.found else self._followed(catalog)
        if followed is None:
            return self._made(catalog, store, name, offer, before=self)
        return replace(followed, note=offer.note, _seen=offer.seen, _due=offer.due)

    def follow(self, catalog: CatalogReader, store: IndexStore) -> Self:
        """Return the view with what changed since, as `refresh` does, but look for no snapshot.

        So it takes no longer than reading the changes, unless the catalog is another one by now.
        """
        name = self.asked
        same = catalog.collection(name) == self.collection
        # A backup that was put back may be of this very version, with other changes before it.
        if same and history(catalog, name, self.version) == self._history:
            return self
        return self._followed(catalog) or self.open(catalog, store, name)

    def _followed(self, catalog: CatalogReader) -> Self | None:
        """Return the view with the changes since it, or None if it is not of the catalog's past."""
        name = self.asked
        with catalog.consistent(name) as now:
            collection = now.collection(name)
            if not self._is_past_of(now, collection):
                return None
            changes = now.changes(name, self.version)
            changed = _videos_of(changes, "put", "remove")
            delta = delta_of(now, name, collection.dim, changed)
            past = history(now, name, collection.version)
            named = list(
                now.names(name, video_ids=sorted(_videos_of(changes, "relocate") - changed))
            )
            fields = self.fields.after(now, self.collection, collection)
            anew = None if collection.scored_at <= self.version else now.biases(name)
            names = self._names
            if names is not None and names.is_of(self.collection, self._history):
                names = names.changed(now, collection.version, past, changes)
        base = self._base.without(changed).moved(named)
        parts = [part.without(changed).moved(named) for part in self._delta]
        if anew is not None:
            base, parts = base.rescored(*anew), [part.rescored(*anew) for part in parts]
        return replace(
            self,
            collection=collection,
            _history=past,
            _base=base,
            _delta=joined([*parts, delta]),
            _names=names,
            fields=fields,
        )

    def _is_past_of(self, now: CatalogReader, collection: Collection) -> bool:
        """Whether the collection has become what it is now from what this view is."""
        if not _same(collection, self.collection) or collection.version < self.version:
            return False
        return history(now, self.asked, self.version) == self._history

    def named(self, catalog: CatalogReader, before: "View | None" = None) -> Self:
        """Return the view with the names of its videos: its own or another's, brought up to date.

        Raises:
            CollectionNotFound: the collection is gone.
            ServiceUnavailable: the catalog cannot be read.
        """
        known = self._names or (None if before is None else before._names)
        if known is None:
            names = Names.of(catalog, self.asked)
        elif known.is_of(self.collection, self._history):
            names = known
        else:
            names = known.follow(catalog)
        return self if names is self._names else replace(self, _names=names)

    def lacking(self, shards: AbstractSet[int]) -> Self:
        """Return the view without the segments of some shards; answers from it say so."""
        lacks = self.lacks | shards
        return replace(self, _base=self._base.lacking(shards), lacks=lacks)

    def called(self, name: str) -> Self:
        """Return the view as one that was asked for by another name of its collection."""
        names = None if self._names is None else replace(self._names, asked=name)
        return replace(self, asked=name, _names=names)

    @property
    def is_named(self) -> bool:
        """Whether it knows names of videos, of this version or another one."""
        return self._names is not None

    def videos(self, video_ids: Sequence[str]) -> Mapping[str, Named] | None:
        """Return the names of those videos that exist, by id, or None if they are not known.

        The names may be of a later version: then videos removed meanwhile are not among them.
        """
        if self._names is None or self._names.version < self.version:
            return None
        return self._names.find(video_ids)

    @property
    def parts(self) -> tuple[Part, ...]:
        """What is searched: the snapshot, or the whole catalog, and what changed since."""
        return (self._base, *self._delta)

    @property
    def words(self) -> WordIndex:
        """What is said in the videos."""
        return self.fields.words

    @property
    def objects(self) -> ObjectIndex:
        """What a detector has found in the videos."""
        return self.fields.objects

    @property
    def version(self) -> int:
        """The version of the collection that this is."""
        return self.collection.version

    @property
    def model(self) -> str:
        """The model that the collection is indexed with."""
        return self.collection.model

    @property
    def identity(self) -> str:
        """What answers depend on, except the version: the collection, its past and its scoring."""
        collection = self.collection
        return _identity(
            f"{collection.key} {collection.name}",
            collection.fingerprint,
            self._history,
            collection.scoring,
            collection.relevance,
        )

    @property
    def least_bias(self) -> float:
        """The least bias of any segment."""
        return min(part.table.least_bias for part in self.parts)

    @property
    def delta_size(self) -> int:
        """How many segments are searched in addition to the snapshot."""
        beside = len(self._base) if self.snapshot_version is None else 0
        return beside + sum(len(part) for part in self._delta)

    def __len__(self) -> int:
        return sum(len(part) for part in self.parts)

    def search(
        self, queries: NDArray[np.float32], k: int, *, only: Filters | None = None
    ) -> Neighbours:
        """Find the k nearest segments of float32 (Q, dim) unit rows, by a filter if given.

        Rows are ordered by descending score, then ascending id; K is min(k, segments allowed).
        """
        queries = checked(queries, k, self.collection.dim)
        parts = self._passing(only)
        return nearest_of([part.search(queries, k, only, passing) for part, passing in parts], k)

    def passing(self, only: Filters) -> AbstractSet[str]:
        """Return the videos that a filter lets through."""
        found = (part.videos(only, passing) for part, passing in self._passing(only))
        return frozenset[str]().union(*found)

    def those_of(self, ids: NDArray[np.int64], only: Filters | None) -> NDArray[np.int64]:
        """Return those of some segments, of videos that pass, that a filter lets through."""
        if only is None or not only.cuts_videos:
            return ids
        allowed = [part.allowed(only, passing) for part, passing in self._passing(only)]
        return np.intersect1d(ids, np.concatenate([some for some in allowed if some is not None]))

    def _passing(self, only: Filters | None) -> list[tuple[Part, Passing]]:
        return [(part, self.fields.passing(only, part.table)) for part in self.parts]

    @property
    def is_exact(self) -> bool:
        """Whether every search compares with every segment."""
        return self._base.index.recall == 1.0

    def truth(self, queries: NDArray[np.float32], k: int) -> Neighbours:
        """Find the k nearest segments that the recall of `search` is judged by; takes long."""
        queries = checked(queries, k, self.collection.dim)
        return nearest_of([part.truth(queries, k) for part in self.parts], k)

    def rows(self, ids: NDArray[np.int64]) -> Rows:
        """Return what is known of int64 (K,) segments, in their order; raise SegmentNotFound."""
        tables = [part.table for part in self.parts]
        if len(tables) == 1:
            return tables[0].rows(ids)
        # A segment of a chunk that grew keeps its id: it is dead in one part and alive in another.
        held = [contained(part.table.ids, ids) & ~contained(part.dead, ids) for part in self.parts]
        if len(missing := ids[~np.logical_or.reduce(held)]):
            raise SegmentNotFound(int(missing[0]))
        known = [table.rows(ids[mine]) for table, mine in zip(tables, held, strict=True)]
        order = np.argsort(np.concatenate([np.flatnonzero(mine) for mine in held]))
        # All segments of a video are in one part.
        before = np.cumsum([0, *(len(table.videos) for table in tables[:-1])])
        owners = [rows.owners + count for rows, count in zip(known, before, strict=True)]
        return Rows(
            video_ids=np.concatenate([rows.video_ids for rows in known])[order],
            owners=np.concatenate(owners)[order],
            spans=np.concatenate([rows.spans for rows in known])[order],
            best_times=np.concatenate([rows.best_times for rows in known])[order],
            biases=np.concatenate([rows.biases for rows in known])[order],
        )


@lru_cache(maxsize=64)
def _identity(
    name: str,
    fingerprint: str,
    history: str,
    scoring: Scoring | None,
    relevance: Relevance | None,
) -> str:
    """Return it from few views, as it is asked for by every search."""
    return f"{name} {fingerprint} {history} {scoring and scoring.hash} {relevance}"


def _same(one: Collection, other: Collection) -> bool:
    """Whether one is the other at another version: what may change of a collection is left out."""
    return (
        replace(
            one,
            name=other.name,
            version=other.version,
            relevance=other.relevance,
            scoring=other.scoring,
            scored_at=other.scored_at,
        )
        == other
    )


def _videos_of(changes: Iterable[Change], *kinds: ChangeKind) -> set[str]:
    """Return the videos of changes of some kinds."""
    videos = (change.video_id for change in changes if change.kind in kinds)
    return {video_id for video_id in videos if video_id is not None}
