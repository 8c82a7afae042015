"""Pictures that are searched for: decoded one at a time, and few of them under way."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

from api import problem_kinds
from api.batching import RETRY_AFTER
from api.problems import Refused
from clipseek import pictures
from clipseek.metrics import Metrics
from clipseek.parts import Picture

AT_ONCE = 8
"""Pictures of searches under way in a process. Each keeps its file and up to 3 MB of pixels."""


class Looking:
    """Decodes pictures in a thread of its own, off the event loop."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._under_way = 0
        self._decoder = ThreadPoolExecutor(1, thread_name_prefix="picture")

    @asynccontextmanager
    async def decoding(self, files: Sequence[bytes]) -> AsyncIterator[list[Picture]]:
        """Give the pictures of files; they count as under way until the caller has its answer.

        Raises:
            Refused: too many are under way.
            InvalidQuery: as `pictures.decoded` does.
        """
        if self._under_way + len(files) > AT_ONCE:
            self._metrics.shed("full", 1)
            detail = f"{AT_ONCE} pictures to search for may be under way, and there would be more"
            raise Refused(problem_kinds.OVERLOADED, f"{detail}; ask again in a second", RETRY_AFTER)
        self._under_way += len(files)
        try:
            loop = asyncio.get_running_loop()
            yield [
                Picture.of(await loop.run_in_executor(self._decoder, pictures.decoded, data))
                for data in files
            ]
        finally:
            self._under_way -= len(files)

    def close(self) -> None:
        """Wait for the picture that is being decoded."""
        self._decoder.shutdown()
