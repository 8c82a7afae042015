"""Explaining: what an answer says of why its moments matched, computed once the hits are known."""

import asyncio
import time
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from pydantic_core import from_json, to_json

from api import problem_kinds
from api.batching import RETRY_AFTER
from api.problems import Refused
from api.ready_answer import Ready
from clipseek.explaining import IS_LATE, Explainer, Matched, Said
from clipseek.metrics import Metrics
from clipseek.query import Query
from clipseek.service import Service
from clipseek.types import Span

AT_ONCE = 4
"""Answers that are being explained, or wait for it, in a process."""
KEPT = 64
"""Explained answers that are kept. One of ten hits has up to 40 kB."""


class Explaining:
    """Explains answers in a thread of its own, so that other searches do not wait for it."""

    def __init__(self, service: Service, metrics: Metrics) -> None:
        self._explainer = Explainer(service.collections, service.searcher.texts, service.thumbnails)
        self._limit_s = service.settings.search_deadline_s
        self._metrics = metrics
        self._under_way = 0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="explain")
        self._kept: OrderedDict[tuple[Query, str], bytes] = OrderedDict()

    async def explained(self, query: Query, answer: Ready, asked_at: float) -> Ready:
        """Return the answer with an explanation of each hit.

        asked_at: When the search came, by `time.perf_counter`. Its deadline is counted from then,
        so waiting here counts too: nginx gives up a search two seconds after the deadline.

        Raises:
            Refused: too many are under way.
            ClipseekError: as `Explainer.explain` does.
        """
        key = query, answer.etag
        if (known := self._kept.get(key)) is not None:
            self._kept.move_to_end(key)
            return replace(answer, common=known)
        if self._under_way >= AT_ONCE:
            self._metrics.shed("full", 1)
            detail = f"{AT_ONCE} answers are being explained, and no more may be; ask again"
            raise Refused(problem_kinds.OVERLOADED, f"{detail} in a second", RETRY_AFTER)
        self._under_way += 1
        try:
            loop = asyncio.get_running_loop()
            common, is_whole = await loop.run_in_executor(
                self._thread, self._computed, query, answer.common, asked_at
            )
        finally:
            self._under_way -= 1
        if is_whole:
            self._kept[key] = common
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return replace(answer, common=common)

    def close(self) -> None:
        """Wait for what is being explained."""
        self._thread.shutdown()

    def _computed(self, query: Query, common: bytes, asked_at: float) -> tuple[bytes, bool]:
        """Return the explained answer, and whether there was time for all pictures."""
        answer = from_json(common)
        hits: list[dict[str, Any]] = answer["hits"]
        places = [each for hit in hits for each in hit["steps"] or [hit]]
        matched = [each for hit in hits for each in _matched(hit)]
        left_s = asked_at + self._limit_s - time.perf_counter()
        found = self._explainer.explain(query, matched, limit_s=left_s)
        for place, explanation in zip(places, found, strict=True):
            place["explanation"] = explanation.plain()
        return to_json(answer), all(each.reason != IS_LATE for each in found)


def _matched(hit: dict[str, Any]) -> tuple[Matched, ...]:
    fields = [
        Said(field["field"], float(field["relevance"]), _span(field))
        for field in hit.get("fields") or ()
    ]
    moments = [(each["segment_id"], _span(each)) for each in hit["steps"] or [hit]]
    return Matched.all(hit["video"]["id"], moments, fields)


def _span(moment: dict[str, Any]) -> Span:
    return Span(moment["start"], moment["end"])
