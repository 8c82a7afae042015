"""The query path: sentences, moments and pictures in, ranked moments out."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from clipseek import ranking, wider
from clipseek.answers import result_of
from clipseek.cache import NoCache, TextVectors
from clipseek.composition import Curves
from clipseek.errors import (
    ClipseekError,
    NothingIndexed,
    ServiceUnavailable,
    VersionGone,
)
from clipseek.following import Following
from clipseek.fused import Fused
from clipseek.index import ShardsMissing
from clipseek.library.collections import Collections
from clipseek.library.view import View
from clipseek.library.views import Sight
from clipseek.matching import MATCHING, Judged, Lookup, Match, Together, made
from clipseek.model import Model
from clipseek.ordering import Matched, Ordered
from clipseek.paging import lost
from clipseek.protocols import Cache, SentenceEmbedder
from clipseek.query import Query
from clipseek.senses import Senses
from clipseek.sharpening import sharpened
from clipseek.stages import Stage, Stages
from clipseek.texts.meanings import Sense
from clipseek.timed import OBJECT, PICTURE
from clipseek.types import (
    Named,
    Neighbours,
    SearchResult,
    Video,
)
from clipseek.vectors import Asked, asked

_WAS_EMPTY = (
    "the database cannot be reached, and nothing was indexed when it last was; ask again in a "
    "moment"
)
log = logging.getLogger(__name__)

Key = TypeVar("Key")
Answer = SearchResult | ClipseekError
Sample = Callable[[View, NDArray[np.float32], Neighbours], None]


@dataclass(frozen=True, slots=True)
class Batch:
    """Answers in the order of their queries, and the stages that they took together."""

    answers: list[Answer]
    stages: list[Stage]


class Searcher:
    """Answers searches of collections that are kept current. Thread-safe.

    Sentences whose vectors are in the `cache` are not embedded again; new ones stay there for
    `cache_ttl_s`. If shards of an index do not answer, that is an error or, `without_shards`,
    the answer comes from the others and says so.
    """

    def __init__(
        self,
        collections: Collections,
        *,
        cache: Cache | None = None,
        cache_ttl_s: float = 3600.0,
        sentences: SentenceEmbedder | None = None,
        without_shards: bool = False,
    ) -> None:
        self.collections = collections
        self._without_shards = without_shards
        self._sample: Sample = lambda _view, _queries, _near: None
        self.texts = TextVectors(NoCache() if cache is None else cache, cache_ttl_s)
        self.senses = Senses(sentences, self.texts)

    def search(self, queries: Sequence[Query]) -> list[Answer]:
        """Answer every query; one that cannot be answered has its error in its place."""
        return self.batch(queries, {}).answers

    def batch(self, queries: Sequence[Query], sights: Mapping[str, Sight]) -> Batch:
        """Answer every query, as `search` does, and say what that took.

        Requests of one collection share one embedding batch, and those with the same filter
        share one index search. `sights` are the views to answer from, if the caller has
        looked them up already. The stages are `embed`, `search` and `catalog`, in this order.
        """
        answers: dict[int, Answer] = {}
        stages = Stages()
        for name, positions in _grouped(query.collection for query in queries).items():
            members = [queries[i] for i in positions]
            found = self._answer(name, members, sights.get(name), stages)
            answers.update(zip(positions, found, strict=True))
        return Batch([answers[i] for i in range(len(queries))], stages.done)

    def _answer(
        self,
        name: str,
        queries: Sequence[Query],
        sight: Sight | None,
        stages: Stages,
    ) -> list[Answer]:
        """Answer queries of one collection, errors in their places."""
        answers: list[Answer | None] = [query.problem() for query in queries]
        valid = [i for i, answer in enumerate(answers) if answer is None]
        if valid:
            asked = [queries[i] for i in valid]
            try:
                sight = sight or self.collections.latest(name)
                results: Sequence[Answer] = self._results(sight, asked, stages)
            except ClipseekError as error:
                results = [error] * len(asked)
            for i, result in zip(valid, results, strict=True):
                answers[i] = result
        return [answer for answer in answers if answer is not None]

    def _results(self, sight: Sight, queries: Sequence[Query], stages: Stages) -> Sequence[Answer]:
        """Answer valid queries of one collection."""
        view = sight.view
        if not len(view):
            name = view.collection.name
            if sight.age_s is None:
                raise NothingIndexed(name)
            raise ServiceUnavailable(_WAS_EMPTY, for_all=True)
        gone = [lost(query, view, self.senses.fingerprint) for query in queries]
        model = self.collections.models.get(view.collection)
        with stages.timing("embed"):
            asks = [parts for query in queries for parts in query.steps]
            each = iter(asked(asks, view.collection, model, self.texts, self.collections.catalog))
            read = [[next(each) for _ in query.steps] for query in queries]
            senses = self.senses.of(queries) if len(view.words) else {}
        errors = [
            gone[i] or next((one for one in steps if not isinstance(one, Asked)), None)
            for i, steps in enumerate(read)
        ]
        known = [i for i, error in enumerate(errors) if error is None]
        vectors = [[one for one in read[i] if isinstance(one, Asked)] for i in known]
        found = self._complete(view, model, [queries[i] for i in known], vectors, senses, stages)
        if sight.age_s is not None:
            age_s = sight.age_s
            found = [replace(o, age_s=age_s) if isinstance(o, SearchResult) else o for o in found]
        results = iter(found)
        return [next(results) if error is None else error for error in errors]

    def _complete(
        self,
        view: View,
        model: Model,
        queries: Sequence[Query],
        read: Sequence[Sequence[Asked]],
        senses: Mapping[str, Sense],
        stages: Stages,
    ) -> list[Answer]:
        """Search all shards or, if one does not answer and that is wanted, the others.

        A page after another one is of the same shards, so it is an error then.
        """
        try:
            return self._found(view, model, queries, read, senses, stages)
        except ShardsMissing as error:
            if not self._without_shards:
                raise
            first = [i for i, query in enumerate(queries) if query.after is None]
            some = [queries[i] for i in first], [read[i] for i in first]
            less = view.lacking(error.shards)
            found = iter(self._complete(less, model, *some, senses, stages))
            return [next(found) if query.after is None else error for query in queries]

    def _found(
        self,
        view: View,
        model: Model,
        queries: Sequence[Query],
        read: Sequence[Sequence[Asked]],
        senses: Mapping[str, Sense],
        stages: Stages,
    ) -> list[Answer]:
        """Search for what has a vector."""
        if not queries:
            return []
        found = self._matches(view, model, queries, read, senses, stages)
        matches = self._ordered(view, queries, found, stages)
        pages = [match.page(query) for match, query in zip(matches, queries, strict=True)]
        moments = _made(matches, pages)
        videos, gone = self._videos(view, _videos_of(moments), stages)
        if gone:
            # What was left out for the limits takes the place of what is gone.
            moments = _made(matches, [slice(page.start, None) for page in pages])
            videos, gone = self._videos(view, _videos_of(moments), stages)
        sentences = self.senses.fingerprint
        results: list[Answer] = [
            result_of(query, steps[0], match, hits, videos, gone, view, sentences)
            if not isinstance(match, Ordered) or match.has_last(query)
            else VersionGone(query.collection, view.version, view.version)
            for query, steps, match, hits in zip(queries, read, matches, moments, strict=True)
        ]
        for i, one in enumerate(results):
            if queries[i].sharpen and isinstance(one, SearchResult):
                with stages.timing("catalog"):
                    scoring, vector = model.scoring_of(view.collection), read[i][0].vector
                    results[i] = sharpened(one, vector, scoring, view, self.collections.catalog)
        return results

    def _ordered(
        self, view: View, queries: Sequence[Query], matches: Sequence[Matched], stages: Stages
    ) -> list[Matched | Ordered]:
        """Arrange what matches those queries that ask for it."""
        ordered: list[Matched | Ordered] = list(matches)
        for i, query in enumerate(queries):
            if query.is_arranged:
                ids = sorted(set(matches[i].found().video_ids))
                videos, _ = self._videos(view, ids, stages)
                ordered[i] = Ordered.of(matches[i], query, videos)
        return ordered

    def _videos(
        self, view: View, ids: Sequence[str], stages: Stages
    ) -> tuple[Mapping[str, Video | Named], set[str]]:
        """Return videos by id, and which of them are gone."""
        with stages.timing("catalog"):
            videos: Mapping[str, Video | Named] | None = view.videos(ids)
            if videos is None:
                videos = self.collections.catalog.videos_by_id(view.collection.name, ids)
        return videos, set(ids) - videos.keys()

    def _matches(
        self,
        view: View,
        model: Model,
        queries: Sequence[Query],
        read: Sequence[Sequence[Asked]],
        senses: Mapping[str, Sense],
        stages: Stages,
    ) -> list[Matched]:
        """Search, judge and merge: for each query what matches it."""
        lookups = [
            Lookup.of(
                query,
                parts,
                one,
                place,
                is_fused=_is_fused(query, view),
                is_heard=_is_heard(query, view),
            )
            for place, (query, steps) in enumerate(zip(queries, read, strict=True))
            if PICTURE in query.fields
            for parts, one in zip(query.steps, steps, strict=True)
        ]
        looked = self._looked_up(view, model, lookups, senses, stages)
        found = iter(zip(lookups, looked, strict=True))
        matches: list[Matched] = []
        scoring = model.scoring_of(view.collection)
        for query, steps in zip(queries, read, strict=True):
            pairs = [next(found) for _ in steps] if PICTURE in query.fields else []
            own, each = [lookup for lookup, _ in pairs], [match for _, match in pairs]
            if any(lookup.is_composed for lookup in own):
                with stages.timing("search"):
                    each = wider.away(view, own, each, scoring, model.coherence)
            if _is_fused(query, view):
                with stages.timing("search"):
                    seen = each[0] if each else None
                    sense = senses.get(query.text)
                    matches.append(Fused.of(query, seen, steps[0], view, scoring, sense))
            elif query.then:
                curves = Curves.of(scoring, model.coherence)
                with stages.timing("search"):
                    each = wider.around(view, query, own, each, scoring, model.coherence)
                    matches.append(Following.of(query, each, curves))
            else:
                matches.append(each[0])
        return matches

    def _looked_up(
        self,
        view: View,
        model: Model,
        lookups: Sequence[Lookup],
        senses: Mapping[str, Sense],
        stages: Stages,
    ) -> list[Match]:
        """Search for vectors, those of one kind and filter together, and merge what is near."""
        found: dict[int, Match] = {}
        grouped = _grouped(
            # Of what is said, each compares other segments.
            (one.only, one.is_seen, one.is_composed, one.alone, i if one.sentences else -1)
            for i, one in enumerate(lookups)
        )
        scoring = model.scoring_of(view.collection)
        for (only, is_seen, is_composed, *_), positions in grouped.items():
            some = [lookups[i] for i in positions]
            vectors = np.stack([one.asked.vector for one in some])
            # Its own number of neighbours, so that other searches of the batch do not change it.
            counts = [one.neighbours for one in some]
            with stages.timing("search"):
                near = view.search(vectors, max(counts), only=only)
            if only is None:
                self._sample(view, vectors, near)
            if is_composed:
                parts = [one.asked for one in some]
                with stages.timing("search"):
                    spoken = some[0].spoken(view, senses, scoring)
                together = Together.composed(
                    view, near, parts, scoring, model.coherence, is_seen=is_seen, spoken=spoken
                )
                if spoken is not None:
                    counts = [together.near.ids.shape[1]]
            else:
                together = Together.of(view, near, None if is_seen else scoring)
            grown = ranking.grow(together.near, together.rows, counts)
            best = together.best_beyond(counts)
            for row, (i, one, beyond) in enumerate(zip(positions, some, best, strict=True)):
                enough = model.coherence if is_seen else one.least or MATCHING
                found[i] = Match.of(
                    together, grown, row, beyond, enough, asked=one.asked, is_all=one.is_all
                )
        return [found[i] for i in range(len(lookups))]

    def sample(self, sample: Sample) -> None:
        """Give `sample` the view, the queries and the neighbours of each search without a filter.

        It is called by the thread that searches, so it must not take long.
        """
        self._sample = sample


def _is_fused(query: Query, view: View) -> bool:
    """Whether words are searched for beside pictures, or in place of them."""
    return PICTURE not in query.fields or (query.is_plain and _has_others(query, view))


def _is_heard(query: Query, view: View) -> bool:
    """Whether words count for the parts of a query of several parts or steps."""
    return not query.is_plain and _has_others(query, view)


def _has_others(query: Query, view: View) -> bool:
    """Whether other fields than pictures are asked for, and the collection has some."""
    has_objects = OBJECT in query.fields and len(view.objects) > 0
    return query.asks_text and (has_objects or len(view.words) > 0)


def _made(matches: Sequence[Matched | Ordered], pages: Sequence[slice]) -> list[list[Judged]]:
    """Make the hits of some places of each query."""
    plain = [i for i, match in enumerate(matches) if isinstance(match, Match)]
    moments = made([m for m in matches if isinstance(m, Match)], [pages[i] for i in plain])
    found = dict(zip(plain, moments, strict=True))
    for i, match in enumerate(matches):
        if not isinstance(match, Match):
            found[i] = match.made(pages[i])
    return [found[i] for i in range(len(matches))]


def _videos_of(moments: Sequence[Sequence[Judged]]) -> list[str]:
    return sorted({one.moment.video_id for found in moments for one in found})


def _grouped(keys: Iterable[Key]) -> dict[Key, list[int]]:
    """Return for each distinct key its positions, in order."""
    groups: dict[Key, list[int]] = {}
    for position, key in enumerate(keys):
        groups.setdefault(key, []).append(position)
    return groups
