"""The endpoint of the traffic: requests and latencies of the last minutes."""

from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, Field

from api import openapi_examples
from api.dependencies import Counted
from api.principal import Asking, permit_all
from api.problem_kinds import FORBIDDEN
from api.reading_router import ReadingRouter
from clipseek.audit import stamp
from clipseek.traffic import STEP_S

router = ReadingRouter()


class TrafficStep(BaseModel):
    """What was answered in a few seconds."""

    at: str = Field(description="When they began: RFC 3339, UTC.")
    requests: int = Field(description="Requests to the API, but those of the status view.")
    failures: int = Field(description="Those answered by a status of 500 or more.")
    searches: int = Field(description="Searches and batches of them that were answered.")
    p50_seconds: float | None = Field(
        default=None, description="Half of the searches were answered within it; null if none was."
    )
    p95_seconds: float | None = Field(
        default=None, description="95 of 100 searches were answered within it; null if none was."
    )


class TrafficAnswer(BaseModel):
    """The last five minutes of one server."""

    replica: str = Field(
        description="A name of the server that answers; behind one address there may be several."
    )
    step_seconds: int = Field(description="The length of a step.")
    steps: list[TrafficStep] = Field(
        description="At most 60 that are over, the oldest first; fewer after the start."
    )


TRAFFIC_ANSWER: dict[str, Any] = {
    "replica": "5c1e90ab",
    "step_seconds": 5,
    "steps": [
        {
            "at": "2025-03-02T10:15:00Z",
            "requests": 42,
            "failures": 0,
            "searches": 30,
            "p50_seconds": 0.011,
            "p95_seconds": 0.034,
        }
    ],
}


@router.get(
    "/v1/traffic",
    tags=["operation"],
    summary="Show requests and latencies of the last minutes",
    responses=openapi_examples.responses("/v1/traffic", FORBIDDEN, success=TRAFFIC_ANSWER),
)
async def traffic(asking: Asking, measured: Counted) -> TrafficAnswer:
    """Return what this server has answered; others behind the same address have their own.

    It counts the requests of everybody, so a key needs the scope `admin` and every collection.
    """
    permit_all(asking, "admin")
    return TrafficAnswer(
        replica=measured.traffic.replica,
        step_seconds=STEP_S,
        steps=[
            TrafficStep(
                at=stamp(datetime.fromtimestamp(step.at, UTC)),
                requests=step.requests,
                failures=step.failures,
                searches=step.searches,
                p50_seconds=_rounded(step.p50_s),
                p95_seconds=_rounded(step.p95_s),
            )
            for step in measured.traffic.steps()
        ],
    )


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 4)
