"""Computing a batch of searches, in a worker thread: what the shared cache does not have is new."""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

from api.ready_answer import Ready
from clipseek.errors import ClipseekError
from clipseek.library.view import View
from clipseek.library.views import Sight
from clipseek.metrics import Metrics
from clipseek.query import Query
from clipseek.service import Service
from clipseek.stages import Stage, Stages
from clipseek.types import SearchResult

Source = Literal["hit", "miss", "shared"]


@dataclass(frozen=True, slots=True)
class Found:
    """The answer to one search, or why there is none.

    `source` says whether it came from a cache, was computed, or was computed for another request.
    `stages` are those of the batch that it was found in. An error that is not a ClipseekError
    is a fault of the server, and is logged already.
    """

    answer: Ready | Exception
    source: Source
    stages: Sequence[Stage] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class _Place:
    """The key under which a cache has an answer, and its age if it is stale."""

    key: str
    age_s: float | None


class Computing:
    """Answers batches over an opened service. Thread-safe."""

    def __init__(self, service: Service, metrics: Metrics) -> None:
        self._searcher, self._collections = service.searcher, service.collections
        self._cache = service.cache
        self._ttl_s = service.settings.cache_ttl_s
        self._root = service.settings.root
        self._about = service.searcher.senses.fingerprint + self._root
        self._metrics = metrics

    def batch(self, queries: Sequence[Query]) -> list[Found]:
        """Answer each query: from the cache that replicas share, or computed."""
        stages = Stages()
        sights = self._sights(queries)
        places = self._places(queries, sights)
        with stages.timing("cache"):
            found = self._stored(places)
        unknown = [query for query in queries if query not in found]
        batch = self._searcher.batch(unknown, sights)
        for stage in batch.stages:
            self._metrics.stage(stage.name, stage.seconds)
        results = dict(zip(unknown, batch.answers, strict=True))
        found |= {query: _written(result, self._root) for query, result in results.items()}
        self._store(places, results, found)
        taken = (*stages.done, *batch.stages)
        return [Found(one.answer, one.source, taken) for one in map(found.__getitem__, queries)]

    def _sights(self, queries: Sequence[Query]) -> dict[str, Sight]:
        """Look once from which view each collection is answered."""
        sights: dict[str, Sight] = {}
        for name in {query.collection for query in queries}:
            with contextlib.suppress(ClipseekError):  # the search itself says what is wrong
                sights[name] = self._collections.latest(name)
        return sights

    def _places(self, queries: Sequence[Query], sights: Mapping[str, Sight]) -> dict[Query, _Place]:
        """Return the keys of answers; a query whose collection cannot be opened is left out."""
        known = [(q, sights[q.collection]) for q in queries if q.collection in sights]
        return {
            query: _Place(key_of(sight.view, query, self._about), sight.age_s)
            for query, sight in known
        }

    def _stored(self, places: Mapping[Query, _Place]) -> dict[Query, Found]:
        """Return what the cache knows."""
        values = self._cache.get_many([place.key for place in places.values()])
        return {
            query: Found(Ready(query.text, common, place.age_s), "hit")
            for (query, place), common in zip(places.items(), values, strict=True)
            if common is not None
        }

    def _store(
        self,
        places: Mapping[Query, _Place],
        results: Mapping[Query, SearchResult | ClipseekError],
        found: Mapping[Query, Found],
    ) -> None:
        """Keep what was computed, but no errors, and nothing stale or incomplete."""
        entries = {}
        for query, result in results.items():
            place, answer = places.get(query), found[query].answer
            if isinstance(result, ClipseekError) or not isinstance(answer, Ready):
                continue
            if answer.age_s is not None or answer.is_incomplete:
                continue
            if place is not None:
                entries[place.key] = answer.common
        self._cache.put_many(entries, self._ttl_s)


# Each search asks for its key on the event loop and, if it has to be computed, once more.
_keyed = lru_cache(maxsize=4096)(Query.key)


def key_of(view: View, query: Query, about: str) -> str:
    """Return the key of an answer.

    `about` is what else decides it: the sentence model, and the root of its links.
    """
    return _keyed(query, view.version, f"{view.identity}{about}")


def _written(result: SearchResult | ClipseekError, root: str) -> Found:
    return Found(Ready.of(result, root) if isinstance(result, SearchResult) else result, "miss")
