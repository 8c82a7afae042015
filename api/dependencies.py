"""What endpoints are given: the parts of the application that it was made with."""

from typing import Annotated, Any

from fastapi import Depends, Request

from api.cutter import Cutter
from api.following import Following
from api.receiving import Receiving
from api.suggestions import Suggestions
from clipseek.audit import History
from clipseek.jobs import JobQueue, JobReader
from clipseek.metrics import Metrics
from clipseek.service import Service


def _part(name: str) -> Any:
    """Return the dependency on what `create_app` has stored under a name."""

    async def stored(request: Request) -> Any:
        return getattr(request.app.state, name)

    return Depends(stored)


Opened = Annotated[Service, _part("service")]
Suggested = Annotated[Suggestions, _part("suggestions")]
Counted = Annotated[Metrics, _part("metrics")]
Received = Annotated[Receiving, _part("receiving")]
Listed = Annotated[JobReader, _part("jobs")]
"""Reads jobs, by SELECT alone."""
Queued = Annotated[JobQueue, _part("queue")]
"""Adds and cancels jobs; it is connected to its database when it is used."""
Past = Annotated[History, _part("history")]
"""Reads the ingests and jobs that have ended, by SELECT alone."""
Followed = Annotated[Following, _part("following")]
Cutting = Annotated[Cutter, _part("cutter")]
