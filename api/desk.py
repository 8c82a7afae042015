"""The desk where searches get their answers: a ready one, one shared with others, or a new one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from api.answers import Ready
from api.batching import Batcher
from clipseek.config import Settings
from clipseek.errors import ClipseekError
from clipseek.metrics import Metrics
from clipseek.search import Searcher
from clipseek.types import SearchRequest, SearchResult

Source = Literal["local", "remote", "computed", "shared"]


@dataclass(frozen=True, slots=True)
class Found:
    """The answer to one search, or why there is none, and where it came from."""

    answer: Ready | ClipseekError
    source: Source


class Desk:
    """Answers searches on the event loop; what must be computed is, in one worker thread."""

    def __init__(self, searcher: Searcher, metrics: Metrics, settings: Settings) -> None:
        self._searcher = searcher
        self._metrics = metrics
        self._batcher = Batcher(
            self._compute,
            metrics,
            queue=settings.search_queue,
            deadline_s=settings.search_deadline_s,
        )
        metrics.watch_queue(lambda: self._batcher.waiting)

    async def answer(self, requests: Sequence[SearchRequest]) -> list[Found]:
        """Return for each request its answer or its error.

        Raises:
            Refused: the server has more to do than it can.
        """
        computed = await self._batcher.answer(requests)
        found = [Found(one.answer, "shared") if shared else one for one, shared in computed]
        for one in found:
            self._metrics.count_search(one.source, answered=isinstance(one.answer, Ready))
        return found

    async def close(self) -> None:
        """Finish what is being computed."""
        await self._batcher.close()

    def _compute(self, requests: Sequence[SearchRequest]) -> list[Found]:
        """Answer a batch, in the worker thread."""
        answers = self._searcher.search(requests)
        return [Found(_written(answer), "computed") for answer in answers]


def _written(answer: SearchResult | ClipseekError) -> Ready | ClipseekError:
    return Ready.of(answer) if isinstance(answer, SearchResult) else answer
