"""The desk where searches get their answers: a ready one, one shared with others, or a new one."""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Literal

from api.answers import Ready
from api.batching import Batcher
from api.tracing import NoTracing, Stage, Stages, Tracing
from clipseek.assembly import Service
from clipseek.cache.keys import result_key
from clipseek.errors import ClipseekError
from clipseek.metrics import Metrics
from clipseek.types import SearchRequest, SearchResult
from clipseek.view import View

Source = Literal["hit", "miss", "shared"]


@dataclass(frozen=True, slots=True)
class Found:
    """The answer to one search, or why there is none.

    `source` says whether it came from a cache, was computed, or was computed for another request.
    `stages` are those of the batch that it was found in. An error that is none of ours is a fault
    of the server, and is logged already.
    """

    answer: Ready | Exception
    source: Source
    stages: Sequence[Stage] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class _Place:
    """The key under which a cache has an answer, and the version that it is of."""

    key: str
    version: int


class Desk:
    """Answers searches on the event loop; what takes time is done in one worker thread."""

    def __init__(self, service: Service, metrics: Metrics, tracing: Tracing | None = None) -> None:
        self._searcher = service.searcher
        self._stages = Stages()
        self._tracing = NoTracing() if tracing is None else tracing
        self._cache = service.cache
        self._ttl_s = service.settings.cache_ttl_s
        self._root = service.settings.root
        self._metrics = metrics
        self._batcher = Batcher(
            self._compute,
            metrics,
            queue=service.settings.search_queue,
            deadline_s=service.settings.search_deadline_s,
        )
        metrics.watch_queue(lambda: self._batcher.waiting)
        self._searcher.watch(self._note)

    async def answer(self, requests: Sequence[SearchRequest]) -> list[Found]:
        """Return for each request its answer or its error.

        Raises:
            Refused: the server has more to do than it can.
        """
        known = [self._at_hand(request) for request in requests]
        unknown = [r for r, found in zip(requests, known, strict=True) if found is None]
        computed = iter(await self._batcher.answer(unknown) if unknown else [])
        found = [one or _shared(*next(computed)) for one in known]
        for one in found:
            self._metrics.count_search(one.source, answered=isinstance(one.answer, Ready))
        # The searches of one request were computed in one batch, unless it was too large for one.
        for stages in {id(one.stages): one.stages for one in found}.values():
            self._tracing.draw(stages)
        return found

    async def close(self) -> None:
        """Finish what is being computed."""
        await self._batcher.close()

    def _at_hand(self, request: SearchRequest) -> Found | None:
        """Return the answer that is in this process already, without waiting for anything."""
        view = self._searcher.opened(request.collection)
        common = None if view is None else self._cache.peek(self._key(view, request))
        return None if common is None else Found(Ready(request.query, common), "hit")

    def _key(self, view: View, request: SearchRequest) -> str:
        """Return the key of an answer; its links are part of it."""
        return _keyed(request.collection, view.version, f"{view.identity}{self._root}", request)

    def _note(self, name: str, seconds: float) -> None:
        """Hear of a stage of the searcher."""
        self._metrics.stage(name, seconds)
        self._stages.note(name, seconds)

    def _compute(self, requests: Sequence[SearchRequest]) -> list[Found]:
        """Answer a batch, in the worker thread: from the cache that replicas share, or anew."""
        with self._stages.noting() as stages:
            places = self._places(requests)
            with self._stages.timing("cache"):
                found = self._stored(places)
            unknown = [request for request in requests if request not in found]
            results = dict(zip(unknown, self._searcher.search(unknown), strict=True))
            found |= {request: _written(result, self._root) for request, result in results.items()}
            self._store(places, results, found)
        mine = [found[request] for request in requests]
        return [Found(one.answer, one.source, stages) for one in mine]

    def _places(self, requests: Sequence[SearchRequest]) -> dict[SearchRequest, _Place]:
        """Return where answers lie; a request whose collection cannot be opened is left out."""
        views: dict[str, View] = {}
        for name in {request.collection for request in requests}:
            with contextlib.suppress(ClipseekError):  # the search itself says what is wrong
                views[name] = self._searcher.view(name)
        known = [(r, views[r.collection]) for r in requests if r.collection in views]
        return {request: _Place(self._key(view, request), view.version) for request, view in known}

    def _stored(self, places: Mapping[SearchRequest, _Place]) -> dict[SearchRequest, Found]:
        """Return what the cache knows."""
        values = self._cache.get_many([place.key for place in places.values()])
        return {
            request: Found(Ready(request.query, common), "hit")
            for request, common in zip(places, values, strict=True)
            if common is not None
        }

    def _store(
        self,
        places: Mapping[SearchRequest, _Place],
        results: Mapping[SearchRequest, SearchResult | ClipseekError],
        found: Mapping[SearchRequest, Found],
    ) -> None:
        """Keep what was computed; errors, and what is of another version by now, are not kept."""
        entries = {}
        for request, result in results.items():
            place, answer = places.get(request), found[request].answer
            if isinstance(result, ClipseekError) or not isinstance(answer, Ready):
                continue
            if place is not None and place.version == result.version:
                entries[place.key] = answer.common
        self._cache.put_many(entries, self._ttl_s)


# Each search asks for its key on the event loop and, if it has to be computed, once more.
_keyed = lru_cache(maxsize=4096)(result_key)


def _written(result: SearchResult | ClipseekError, root: str) -> Found:
    return Found(Ready.of(result, root) if isinstance(result, SearchResult) else result, "miss")


def _shared(found: Found | Exception, is_shared: bool) -> Found:
    if isinstance(found, Exception):
        found = Found(found, "miss")
    return replace(found, source="shared") if is_shared else found
