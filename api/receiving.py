"""What stores the parts of uploads as they come in: never much in memory, and in few threads."""

from collections.abc import Callable
from typing import TypeVar

from anyio import CapacityLimiter, to_thread
from starlette.requests import ClientDisconnect, Request

from api import problem_kinds
from api.problems import Refused
from clipseek.uploads import Appending, Upload, Uploads

BLOCK_BYTES = 1 << 20
"""Bytes that are collected before they are written: at most so many of a request are in memory."""

SYNC_BYTES = 64 << 20
"""Bytes after which they are written to the disk, so that little is left to write at the end."""

THREADS = 8
"""Threads for all uploads. They are not those of other requests, so no slow disk delays these."""

T = TypeVar("T")


class Receiving:
    """Stores what requests bring, and does everything else with uploads, in threads of its own."""

    def __init__(self, uploads: Uploads) -> None:
        self.uploads = uploads
        self._threads = CapacityLimiter(THREADS)

    async def call(self, function: Callable[..., T], *given: object) -> T:
        """Call a function that reads or writes files."""
        return await to_thread.run_sync(function, *given, limiter=self._threads)

    async def append(self, request: Request, upload_id: str, owner: str, offset: int) -> Upload:
        """Store the body of a request, and return the upload once its bytes are on the disk.

        Raises:
            Refused: the client has left before the end of the body. What came is stored.
            ClipseekError: as `Uploads.append` and `Appending.write`.
        """
        appending = await self.call(self.uploads.append, upload_id, owner, offset)
        try:
            await self._store(request, appending)
            return await self.call(appending.sync)
        finally:
            await self.call(appending.close)

    async def _store(self, request: Request, appending: Appending) -> None:
        block, synced = bytearray(), appending.upload.offset
        try:
            async for data in request.stream():
                block += data
                if len(block) >= BLOCK_BYTES:
                    await self.call(appending.write, bytes(block))
                    block.clear()
                if appending.upload.offset - synced >= SYNC_BYTES:
                    synced = (await self.call(appending.sync)).offset
        except ClientDisconnect as error:
            await self.call(appending.write, bytes(block))
            raise Refused(
                problem_kinds.REQUEST_TIMEOUT,
                f"the client has left; {appending.upload.offset} bytes are stored, continue there",
            ) from error
        await self.call(appending.write, bytes(block))
