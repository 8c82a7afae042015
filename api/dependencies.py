"""What endpoints are given: the parts of the application that it was made with."""

from typing import Annotated

from fastapi import Depends, Request

from api.cutter import Cutter
from api.following import Following
from api.receiving import Receiving
from api.suggestions import Suggestions
from clipseek.jobs import JobQueue, JobReader
from clipseek.metrics import Metrics
from clipseek.service import Service


async def opened_service(request: Request) -> Service:
    """Return the service that the application was made with."""
    service: Service = request.app.state.service
    return service


async def opened_metrics(request: Request) -> Metrics:
    """Return the metrics that the application was made with."""
    metrics: Metrics = request.app.state.metrics
    return metrics


async def opened_suggestions(request: Request) -> Suggestions:
    """Return the suggestions that the application was made with."""
    suggestions: Suggestions = request.app.state.suggestions
    return suggestions


async def opened_receiving(request: Request) -> Receiving:
    """Return what stores uploads, that the application was made with."""
    receiving: Receiving = request.app.state.receiving
    return receiving


async def read_jobs(request: Request) -> JobReader:
    """Return what reads jobs, by SELECT alone."""
    jobs: JobReader = request.app.state.jobs
    return jobs


async def opened_queue(request: Request) -> JobQueue:
    """Return what adds and cancels jobs; it is connected to its database when it is used."""
    queue: JobQueue = request.app.state.queue
    return queue


async def opened_following(request: Request) -> Following:
    """Return the open streams of events."""
    following: Following = request.app.state.following
    return following


async def opened_cutter(request: Request) -> Cutter:
    """Return what makes excerpts, that the application was made with."""
    cutter: Cutter = request.app.state.cutter
    return cutter


Opened = Annotated[Service, Depends(opened_service)]
Suggested = Annotated[Suggestions, Depends(opened_suggestions)]
Counted = Annotated[Metrics, Depends(opened_metrics)]
Received = Annotated[Receiving, Depends(opened_receiving)]
Listed = Annotated[JobReader, Depends(read_jobs)]
Queued = Annotated[JobQueue, Depends(opened_queue)]
Followed = Annotated[Following, Depends(opened_following)]
Cutting = Annotated[Cutter, Depends(opened_cutter)]
