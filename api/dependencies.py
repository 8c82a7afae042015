"""What endpoints are given: the parts of the application that it was made with."""

from typing import Annotated

from fastapi import Depends, Request

from api.receiving import Receiving
from api.suggestions import Suggestions
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


Opened = Annotated[Service, Depends(opened_service)]
Suggested = Annotated[Suggestions, Depends(opened_suggestions)]
Counted = Annotated[Metrics, Depends(opened_metrics)]
Received = Annotated[Receiving, Depends(opened_receiving)]
