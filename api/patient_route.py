"""A route that waits a moment for a database that is away: most often it restarts."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request
from fastapi.routing import APIRoute
from starlette.responses import Response

from clipseek.errors import ServiceUnavailable
from clipseek.service import Service

WAIT_S = 2.0
"""Maximum number of seconds that a request waits, and not longer than `CLIPSEEK_STALE_S`."""
STEP_S = 0.2


class PatientRoute(APIRoute):
    """Asks its endpoint again while it says that the database cannot be reached.

    For endpoints that only read. A waiting request occupies no thread.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what answers a request."""
        answer = super().get_route_handler()

        async def patient(request: Request) -> Response:
            service: Service = request.app.state.service
            tries = int(min(WAIT_S, service.settings.stale_s) / STEP_S)
            for _ in range(tries):
                try:
                    return await answer(request)
                except ServiceUnavailable:
                    await asyncio.sleep(STEP_S)
            return await answer(request)

        return patient
