"""The server of `python -m api`: uvicorn with bounded connections."""

import asyncio
import os
import socket
from collections.abc import Callable
from types import FrameType

import uvicorn
from fastapi import FastAPI

from api import feed_sockets
from api.connections import Connection, sweep
from api.readiness import LISTEN_S
from clipseek.errors import ServiceUnavailable

GRACE_S = 10
"""Seconds that requests in flight get when the server stops."""

_TICKS = 10
"""Ticks of uvicorn between two looks for late connections: a second."""


class Server(uvicorn.Server):
    """Serves an application; `request_timeout_s` is how long headers, and then a body, may take.

    `listening` is called once connections are taken.
    """

    def __init__(
        self,
        app: FastAPI,
        request_timeout_s: float,
        listening: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=Connection,
                ws="websockets-sansio" if feed_sockets.is_installed() else "none",
                ws_max_size=feed_sockets.MOST_BYTES,
                ws_per_message_deflate=False,  # a few bytes could become a GiB
                access_log=False,
                log_config=None,
                proxy_headers=False,  # nothing here needs the address of the client
                server_header=False,
                timeout_graceful_shutdown=GRACE_S,
            )
        )
        self._app = app
        app.state.readiness.listen_s = LISTEN_S
        self._request_timeout_s = request_timeout_s
        self._listening = listening

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the application, then listen.

        Raises:
            ServiceUnavailable: another process has begun to listen there meanwhile.
        """
        try:
            await super().startup(sockets)
        except OSError as error:
            reason = os.strerror(error.errno or 0)
            raise ServiceUnavailable(
                f"cannot listen: {reason}; choose another --port (CLIPSEEK_API_PORT)"
            ) from error
        if not self.should_exit:
            self._listening()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Say that the server ends before it closes its port and finishes what it has."""
        self._app.state.readiness.end()
        super().handle_exit(sig, frame)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the streams, whatever ends the server, and finish what else there is."""
        self._app.state.readiness.end()
        await super().shutdown(sockets)

    async def on_tick(self, counter: int) -> bool:
        """End the connections whose request does not come."""
        if counter % _TICKS == 0:
            now = asyncio.get_running_loop().time()
            sweep(self.server_state.connections, now, self._request_timeout_s)
        return await super().on_tick(counter)
