"""Pictures that are searched for: decoded one at a time, and few of them under way."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
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
    """Decodes pictures in a thread of its own, off the event loop.

    fetch: Returns the bytes at a URL.
    """

    def __init__(self, metrics: Metrics, fetch: Callable[[str], bytes]) -> None:
        self._metrics = metrics
        self._fetch = fetch
        self._fetchers = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="picture-url")
        self._under_way = 0
        self._decoder = ThreadPoolExecutor(1, thread_name_prefix="picture")

    @asynccontextmanager
    async def decoding(self, files: Sequence[bytes | str]) -> AsyncIterator[list[Picture]]:
        """Give the pictures of files or URLs; they are under way until the caller has its answer.

        Raises:
            Refused: too many are under way.
            InvalidQuery: as `pictures.decoded` and `PictureUrls.fetch` do.
            UrlNotAllowed, ServiceUnavailable: as `PictureUrls.fetch` does.
        """
        if self._under_way + len(files) > AT_ONCE:
            self._metrics.shed("full", 1)
            detail = f"{AT_ONCE} pictures to search for may be under way, and there would be more"
            raise Refused(problem_kinds.OVERLOADED, f"{detail}; ask again in a second", RETRY_AFTER)
        self._under_way += len(files)
        try:
            loop = asyncio.get_running_loop()
            read = [
                await loop.run_in_executor(self._fetchers, self._fetch, each)
                if isinstance(each, str)
                else each
                for each in files
            ]
            yield [
                Picture.of(await loop.run_in_executor(self._decoder, pictures.decoded, data))
                for data in read
            ]
        finally:
            self._under_way -= len(files)

    def close(self) -> None:
        """Wait for the pictures that are being fetched and decoded."""
        self._fetchers.shutdown()
        self._decoder.shutdown()
