"""What stores the parts of uploads as they come in: never much in memory, and in few threads."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from anyio import (
    CancelScope,
    CapacityLimiter,
    Event,
    current_time,
    get_cancelled_exc_class,
    to_thread,
)
from starlette.requests import ClientDisconnect, Request

from api import problem_kinds
from api.problems import RETRY_AFTER_S, Refused
from clipseek.errors import ClipseekError
from clipseek.metrics import UploadOutcome
from clipseek.uploads import Appending, Upload, Uploads

BLOCK_BYTES = 1 << 20
"""Bytes that are collected before they are written: at most so many of a request are in memory."""

SYNC_BYTES = 64 << 20
"""Bytes after which they are written to the disk, so that little is left to write at the end."""

IDLE_S = 1.0
"""Seconds without a byte after which a request that adds to an upload makes way for another one."""

AT_ONCE, OF_ONE = 128, 32
"""Parts that are received at the same time, of everybody and of one principal, because each has a
block in memory."""

THREADS = 8
"""Threads for all uploads. They are not those of other requests, so no slow disk delays these."""

T = TypeVar("T")


class Observer(Protocol):
    """Hears what becomes of uploads, on the event loop."""

    def count_upload(self, outcome: UploadOutcome) -> None:
        """Count an upload that has begun, is complete, was refused or was ended by its client."""
        ...

    def count_received(self, size_bytes: int) -> None:
        """Count bytes that were stored."""
        ...


class Receiving:
    """Stores what requests bring, and does everything else with uploads, in threads of its own."""

    def __init__(
        self,
        uploads: Uploads,
        observer: Observer,
        *,
        at_once: int = AT_ONCE,
        of_one: int = OF_ONE,
    ) -> None:
        self.uploads = uploads
        self._observer = observer
        self.at_once = at_once
        self.of_one = of_one
        self._threads = CapacityLimiter(THREADS)
        self._parts: dict[str, _Part] = {}
        self._receiving: Counter[str] = Counter()

    @property
    def receiving(self) -> int:
        """How many parts are received now."""
        return self._receiving.total()

    async def begin(
        self, owner: str, collection: str, length: int, metadata: Mapping[str, str]
    ) -> Upload:
        """Begin an upload; raise as `Uploads.create` does."""
        try:
            upload = await self.call(self.uploads.create, owner, collection, length, metadata)
        except ClipseekError:
            self._observer.count_upload("refused")
            raise
        self._observer.count_upload("begun")
        return upload

    async def end(self, upload_id: str, owner: str) -> None:
        """Delete an upload; raise as `Uploads.abandon` does."""
        await self.call(self.uploads.abandon, upload_id, owner)
        self._observer.count_upload("ended")

    async def call(self, function: Callable[..., T], *given: object) -> T:
        """Call a function that reads or writes files."""
        return await to_thread.run_sync(function, *given, limiter=self._threads)

    async def append(self, request: Request, upload_id: str, owner: str, offset: int) -> Upload:
        """Store the body of a request, and return the upload once its bytes are on the disk.

        Raises:
            Refused: too many parts are received just now; or the client has left before the end of
                the body, or has come again. What came is stored.
            ClipseekError: as `Uploads.append` and `Appending.write`.
        """
        self._require_room(owner)
        self._receiving[owner] += 1
        try:
            return await self._append(request, upload_id, owner, offset)
        finally:
            self._receiving[owner] -= 1

    def _require_room(self, owner: str) -> None:
        received, theirs = self._receiving.total(), self._receiving[owner]
        if received >= self.at_once or theirs >= self.of_one:
            raise Refused(
                problem_kinds.TOO_MANY_PARTS,
                f"{theirs} parts of your uploads are received, and at most {self.of_one} may be "
                f"({self.at_once} of everybody); wait until one has ended",
                {"Retry-After": RETRY_AFTER_S},
            )

    async def _append(self, request: Request, upload_id: str, owner: str, offset: int) -> Upload:
        await self._end_idle(upload_id)
        appending = await self.call(self.uploads.append, upload_id, owner, offset)
        part = self._parts[upload_id] = _Part(appending)
        was_complete = appending.upload.is_complete
        try:
            with part.scope:
                await self._store(request, part)
                upload = await self.call(appending.sync)
                if upload.is_complete and not was_complete:
                    self._observer.count_upload("complete")
                return upload
            raise part.left()
        finally:
            del self._parts[upload_id]
            with CancelScope(shield=True):
                await self.call(appending.close)
            part.ended.set()

    async def _end_idle(self, upload_id: str) -> None:
        """End a request from which nothing comes: its client has come again, and will not go on.

        A connection that broke without a word, as when a phone changes its network, would keep the
        lock for as long as a body may take.
        """
        part = self._parts.get(upload_id)
        if part is not None and current_time() - part.last > IDLE_S:
            part.scope.cancel()
            await part.ended.wait()

    async def _store(self, request: Request, part: "_Part") -> None:
        appending, block = part.appending, bytearray()
        synced = appending.upload.offset
        try:
            async for data in request.stream():
                part.last = current_time()
                block += data
                if len(block) >= BLOCK_BYTES:
                    await self._write(appending, block)
                if appending.upload.offset - synced >= SYNC_BYTES:
                    synced = (await self.call(appending.sync)).offset
        except ClientDisconnect as error:
            await self._write(appending, block)
            raise part.left() from error
        except get_cancelled_exc_class():
            with CancelScope(shield=True):
                await self._write(appending, block)
            raise
        await self._write(appending, block)

    async def _write(self, appending: Appending, block: bytearray) -> None:
        """Write a block, and empty it first: what the disk took of it must not be written again."""
        data, before = bytes(block), appending.upload.offset
        block.clear()
        try:
            await self.call(appending.write, data)
        finally:
            self._observer.count_received(appending.upload.offset - before)


@dataclass(slots=True)
class _Part:
    """A request that adds to an upload. `last` is when bytes came, in seconds of the event loop."""

    appending: Appending
    scope: CancelScope = field(default_factory=CancelScope)
    ended: Event = field(default_factory=Event)
    last: float = field(default_factory=current_time)

    def left(self) -> Refused:
        """Return the answer to a client that has left."""
        return Refused(
            problem_kinds.REQUEST_TIMEOUT,
            f"the client has left; {self.appending.upload.offset} bytes are stored, continue there",
        )
