"""How a server ends: everything is closed, and nothing is waited for longer than there is time."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from time import monotonic

import anyio
from anyio import to_thread

from clipseek.errors import ClipseekError

WITHIN_S = 4.0
"""Seconds for all of it. With the 10 s of requests in flight (`server.GRACE_S`) it is less than the
15 s after which docker-compose.yml has a replica killed."""

LEAST_S = 0.5
"""Seconds that the last things get when the time is up."""

log = logging.getLogger("clipseek.api")


class Ending:
    """Closes things in threads, those of one call side by side, until its time is up.

    What does not end in time is named in the log and left to the end of the process: a thread may
    wait for a name server that does not answer, which nothing can interrupt.
    """

    def __init__(self, within_s: float = WITHIN_S) -> None:
        """Begin to count the seconds."""
        self._until = monotonic() + within_s

    async def wait(self, *things: Awaitable[object]) -> None:
        """Wait for what runs or is begun here, for half of the time at most."""
        tasks = [asyncio.ensure_future(each) for each in things]
        done, late = await asyncio.wait(tasks, timeout=(self._until - monotonic()) / 2)
        for task in done:
            if not task.cancelled() and (error := task.exception()):
                log.error("%s did not end well", task, exc_info=error)
        for task in late:
            log.warning("%s does not end, and is left behind", task)

    async def close(self, closings: Iterable[Callable[[], object]]) -> None:
        """Call each, and return when all have ended or the time is up, half a second at least."""
        async with anyio.create_task_group() as group:
            for close in closings:
                group.start_soon(self._close, close)

    async def _close(self, close: Callable[[], object]) -> None:
        name = _name(close)
        with anyio.move_on_after(max(LEAST_S, self._until - monotonic())) as limit:
            try:
                await to_thread.run_sync(close, abandon_on_cancel=True)
            except ClipseekError as error:
                log.warning("%s did not end well: %s", name, error)
            except Exception:
                log.exception("%s did not end well", name)
        if limit.cancelled_caught:
            log.warning("%s does not end, and is left behind", name)


def _name(close: Callable[[], object]) -> str:
    """Return the name of what a method closes, as of a thread, or else of its class."""
    owner = getattr(close, "__self__", None)
    if owner is None:
        return close.__name__
    return str(getattr(owner, "name", type(owner).__name__))
