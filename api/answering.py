"""How a search gets its answer: a ready one, one shared with others, or a new one."""

import asyncio
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

from api import problem_kinds
from api.batching import RETRY_AFTER, Batcher
from api.computing import Computing, Found, key_of
from api.problems import Refused
from api.ready_answer import Ready
from api.shards import ShardMetrics
from api.tracing import NoTracing, Tracing
from clipseek.cache.recent import RecentQueries
from clipseek.library.views import PATIENCE_S
from clipseek.metrics import Metrics
from clipseek.query import Query
from clipseek.service import Service

_OPENED_AT_ONCE = 8
"""Collections that are opened side by side; each may wait for the database or a model's files."""


class Answering:
    """Answers searches on the event loop; what takes time is done in worker threads.

    default: The collection of a search that names none.

    A collection that is not open yet, or late, is opened in a separate thread, so searches of other
    collections do not wait for that.
    """

    def __init__(
        self,
        service: Service,
        metrics: Metrics,
        tracing: Tracing | None = None,
        recent: RecentQueries | None = None,
        *,
        shards: ShardMetrics | None = None,
    ) -> None:
        self.default = service.settings.collection
        self._collections = service.collections
        self._tracing = NoTracing() if tracing is None else tracing
        self._recent = recent
        self._shards = ShardMetrics(None) if shards is None else shards
        self._cache = service.cache
        self._about = service.searcher.senses.fingerprint + service.settings.root
        self._deadline_s = service.settings.search_deadline_s
        self._metrics = metrics
        self._batcher = Batcher(
            Computing(service, metrics).batch,
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
            if isinstance(one.answer, Ready) and one.answer.is_incomplete:
                self._shards.incomplete += 1
        if self._recent is not None:
            self._note(self._recent, queries, found)
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

    def _note(
        self, recent: RecentQueries, queries: Sequence[Query], found: Sequence[Found]
    ) -> None:
        """Note the sentences that were answered, for the collections that answered them."""
        for query, one in zip(queries, found, strict=True):
            collection = self._collections.last(query.collection)
            if collection is not None and isinstance(one.answer, Ready) and query.text:
                recent.note(collection, query.text)

    def _at_hand(self, query: Query) -> Found | None:
        """Return the answer that is in this process already, without waiting for anything."""
        sight = self._collections.sight(query.collection)
        if (
            sight is None
            or (common := self._cache.peek(key_of(sight.view, query, self._about))) is None
        ):
            return None
        return Found(Ready(query.text, common, sight.age_s), "hit")


def _shared(found: Found | Exception, is_shared: bool) -> Found:
    if isinstance(found, Exception):
        found = Found(found, "miss")
    return replace(found, source="shared") if is_shared else found
