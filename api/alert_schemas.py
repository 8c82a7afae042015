"""What the API gives about alerts, and about watches that were tried over the past."""

from typing import Annotated, Self
from urllib.parse import quote, urlencode

from pydantic import BaseModel, ConfigDict, Field

from api.limits import MAX_PAGE, CollectionName, expect
from api.schemas import play_url
from api.watch_schemas import Id
from clipseek.live.trying import SHOWN, Trial
from clipseek.types import Span
from clipseek.watches import Alert, DeliveryState, alert_json, delivery_json, moment_json


class AlertsAsked(BaseModel):
    """Which alerts."""

    model_config = ConfigDict(extra="forbid")

    collection: Annotated[
        CollectionName | None, Field(description="Only alerts of this collection.")
    ] = None
    watch: Annotated[Id | None, Field(description="Only alerts of this watch.")] = None


class AlertsPage(AlertsAsked):
    """Which page of the alerts; the newest come first."""

    after: Annotated[Id | None, Field(description="The `next` of the page before.")] = None
    limit: Annotated[
        int,
        Field(ge=1, le=MAX_PAGE, description=f"Maximum number of alerts, 1 to {MAX_PAGE}."),
        expect(f"a whole number from 1 to {MAX_PAGE}"),
    ] = 100


class MomentAnswer(BaseModel):
    """The moment of an alert."""

    collection: str
    video_id: str
    camera: str | None = Field(description="The camera that recorded it; null for other videos.")
    start: float = Field(description="Seconds from the start of the video.")
    end: float = Field(description="Seconds; it grows while the event goes on in this video.")
    best_time: float = Field(
        description="Seconds; the frame that fits best. The thumbnail is of its segment."
    )
    start_at: str | None = Field(
        description="When it began, RFC 3339, UTC; null if the video does not say."
    )
    end_at: str | None = Field(description="When it ended, as far as is known now.")
    relevance: float = Field(description="How well the best frame fits, 0 to 1.")
    thumbnail_url: str
    play_url: str = Field(description="The video file, playing from `start` to `end`.")


class AlertAnswer(MomentAnswer):
    """One event that a watch has fired for."""

    id: str
    watch: str
    watch_name: str
    keeps: bool = Field(description="Whether retention keeps its footage.")
    created_at: str
    delivery: DeliveryState = Field(
        description="Whether the webhook has it: `none` if there is no webhook, `waiting` until it "
        "has answered, `failed` if it never did."
    )
    attempts: int
    reason: str = Field(description="Why the last attempt failed, in a sentence.")

    @classmethod
    def of(cls, alert: Alert, root: str) -> Self:
        """Describe an alert, with links below `root`."""
        picture = f"{root}/v1/alerts/{quote(alert.id, safe='')}/thumbnail"
        said = alert_json(alert) | delivery_json(alert) | _links(alert, picture, root)
        return cls.model_validate(said)


def _links(alert: Alert, thumbnail: str, root: str) -> dict[str, object]:
    span = Span(alert.start, alert.end)
    return {
        "thumbnail_url": thumbnail,
        "play_url": play_url(alert.video_id, alert.collection, span, root),
    }


class AlertsAnswer(BaseModel):
    """A page of alerts."""

    alerts: list[AlertAnswer]
    next: str | None = Field(
        default=None, description="Pass it as `after` for the next page; null at the end."
    )


class ProposalAnswer(BaseModel):
    """A threshold, and how often it would have fired."""

    threshold: float
    alerts: int
    alerts_per_day: float


class TrialAnswer(BaseModel):
    """What a watch would have done."""

    days: float = Field(
        description="How many days it looked at: less than was asked for if nothing is older."
    )
    videos: int
    alerts: int = Field(description="How often it would have fired.")
    alerts_per_day: float
    moments: list[MomentAnswer] = Field(
        description=f"The last {SHOWN} times at most, the newest first."
    )
    proposed: ProposalAnswer | None = Field(
        description="With `alerts_per_day`: a threshold that would have fired about so often, "
        "where the events that are left out and those that are not are furthest apart. Null if "
        "nothing was asked for, or nothing was recorded."
    )

    @classmethod
    def of(cls, trial: Trial, root: str) -> Self:
        """Describe a trial."""
        proposed = trial.proposed
        return cls(
            days=round(trial.days, 3),
            videos=trial.videos,
            alerts=trial.fired,
            alerts_per_day=round(trial.fired / trial.days, 3),
            moments=[
                MomentAnswer.model_validate(
                    moment_json(alert) | _links(alert, _frame_url(alert, root), root)
                )
                for alert in trial.alerts
            ],
            proposed=None
            if proposed is None
            else ProposalAnswer(
                threshold=proposed.threshold,
                alerts=proposed.alerts,
                alerts_per_day=round(proposed.alerts / trial.days, 3),
            ),
        )


def _frame_url(alert: Alert, root: str) -> str:
    """Return the picture of a moment that is not an alert."""
    asked = urlencode({"collection": alert.collection, "at": f"{alert.best_time:.3f}"})
    return f"{root}/v1/videos/{quote(alert.video_id, safe='')}/thumbnail?{asked}"
