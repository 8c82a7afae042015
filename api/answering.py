"""How a search gets its answer: a ready one, one shared with others, or a new one."""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Literal

from api import problem_kinds
from api.batching import RETRY_AFTER, Batcher
from api.problems import Refused
from api.ready_answer import Ready
from api.tracing import NoTracing, Tracing
from clipseek.errors import ClipseekError
from clipseek.library.view import View
from clipseek.library.views import PATIENCE_S, Sight
from clipseek.metrics import Metrics
from clipseek.query import Query
from clipseek.service import Service
from clipseek.stages import Stage, Stages
from clipseek.types import SearchResult

_OPENED_AT_ONCE = 8
"""Collections that are opened side by side; each may wait for the database or a model's files."""

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


class Answering:
    """Answers searches on the event loop; what takes time is done in worker threads.

    default: The collection of a search that names none.

    A collection that is not open yet, or late, is opened in a separate thread, so searches of other
    collections do not wait for that.
    """

    def __init__(self, service: Service, metrics: Metrics, tracing: Tracing | None = None) -> None:
        self.default = service.settings.collection
        self._searcher, self._collections = service.searcher, service.collections
        self._tracing = NoTracing() if tracing is None else tracing
        self._cache = service.cache
        self._ttl_s = service.settings.cache_ttl_s
        self._root = service.settings.root
        self._deadline_s = service.settings.search_deadline_s
        self._metrics = metrics
        self._batcher = Batcher(
            self._compute,
            metrics,
            queue=service.settings.search_queue,
            deadline_s=self._deadline_s,
        )
        self._openers = ThreadPoolExecutor(_OPENED_AT_ONCE, thread_name_prefix="open")
        self._opening: dict[str, Future[Exception | None]] = {}
        metrics.watch_queue(lambda: self._batcher.waiting)

    async def answer(self, queries: Sequence[Query]) -> list[Found]:
        """Return for each query its answer or its error.

        Raises:
            Refused: the server has more to do than it can.
        """
        known = list(map(self._at_hand, queries))
        found = [one for one in known if one is not None]
        if len(found) < len(known):
            found = await self._completed(queries, known)
        for one in found:
            self._metrics.count_search(one.source, answered=isinstance(one.answer, Ready))
            if isinstance(one.answer, Ready) and one.answer.age_s is not None:
                self._metrics.count_stale()
        return found

    async def _completed(
        self, queries: Sequence[Query], known: Sequence[Found | None]
    ) -> list[Found]:
        """Return what is known already, and compute the rest."""
        failed = await self._open({query.collection for query in queries})
        given = [
            Found(failed[query.collection], "miss")
            if one is None and query.collection in failed
            else one
            for query, one in zip(queries, known, strict=True)
        ]
        unknown = [query for query, one in zip(queries, given, strict=True) if one is None]
        computed = iter(await self._batcher.answer(unknown) if unknown else [])
        found = [one or _shared(*next(computed)) for one in given]
        # The searches of one request were computed in one batch, unless it was too large for one.
        for stages in {id(one.stages): one.stages for one in found}.values():
            self._tracing.draw(stages)
        return found

    async def close(self) -> None:
        """Finish what is being computed."""
        await self._batcher.close()
        await asyncio.to_thread(self._openers.shutdown)

    async def _open(self, names: AbstractSet[str]) -> dict[str, Exception]:
        """Wait until collections are open, and return the errors of those that cannot be.

        Raises:
            Refused: it takes longer than a search may wait.
        """
        closed = [name for name in sorted(names) if not self._collections.is_open(name)]
        if not closed:
            return {}
        found = await asyncio.gather(*(self._opened(name) for name in closed))
        return {name: error for name, error in zip(closed, found, strict=True) if error is not None}

    async def _opened(self, name: str) -> Exception | None:
        """Wait until one collection is open; a stale view is enough if the database is silent."""
        opening = self._opening.get(name)
        if opening is None:
            opening = self._opening[name] = self._openers.submit(self._tried, name)
            opening.add_done_callback(lambda _: self._opening.pop(name, None))
        waiting = asyncio.wrap_future(opening)
        for seconds in (PATIENCE_S, self._deadline_s - PATIENCE_S):
            await asyncio.wait([waiting], timeout=max(0.0, seconds))
            if waiting.done():
                return waiting.result()
            if self._collections.doubt(name):
                return None
        self._metrics.shed("deadline", 1)
        detail = f"collection {name} was being opened for {self._deadline_s:g} s; ask again"
        raise Refused(problem_kinds.DEADLINE, detail, RETRY_AFTER)

    def _tried(self, name: str) -> Exception | None:
        """Open a collection, in a thread; return the error, which all waiting requests share."""
        try:
            self._collections.open(name)
        except Exception as error:  # noqa: BLE001  the caller is told, and a fault is logged
            return error
        return None

    def _at_hand(self, query: Query) -> Found | None:
        """Return the answer that is in this process already, without waiting for anything."""
        sight = self._collections.sight(query.collection)
        if sight is None or (common := self._cache.peek(self._key(sight.view, query))) is None:
            return None
        return Found(Ready(query.text, common, sight.age_s), "hit")

    def _key(self, view: View, query: Query) -> str:
        """Return the key of an answer; its links are part of it."""
        return _keyed(query, view.version, f"{view.identity}{self._root}")

    def _compute(self, queries: Sequence[Query]) -> list[Found]:
        """Answer a batch, in the worker thread: from the cache that replicas share, or computed."""
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
        return {query: _Place(self._key(sight.view, query), sight.age_s) for query, sight in known}

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
        """Keep what was computed, but no errors, and nothing stale."""
        entries = {}
        for query, result in results.items():
            place, answer = places.get(query), found[query].answer
            if isinstance(result, ClipseekError) or not isinstance(answer, Ready):
                continue
            if answer.age_s is not None:
                continue
            if place is not None:
                entries[place.key] = answer.common
        self._cache.put_many(entries, self._ttl_s)


# Each search asks for its key on the event loop and, if it has to be computed, once more.
_keyed = lru_cache(maxsize=4096)(Query.key)


def _written(result: SearchResult | ClipseekError, root: str) -> Found:
    return Found(Ready.of(result, root) if isinstance(result, SearchResult) else result, "miss")


def _shared(found: Found | Exception, is_shared: bool) -> Found:
    if isinstance(found, Exception):
        found = Found(found, "miss")
    return replace(found, source="shared") if is_shared else found
