"""What the API takes and gives about watches and alerts."""

import re
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, Field, model_validator

from api.filter_schemas import StrictModel
from api.limits import DefaultCollection, expect, limits, text
from api.search_schemas import AskedWith, Then, images_of
from clipseek.live.asking import described
from clipseek.live.trying import MAX_DAYS
from clipseek.parts import Picture
from clipseek.query import MAX_THEN, Query, Step
from clipseek.sources.guard import MAX_URL_CHARACTERS
from clipseek.timed import FIELDS
from clipseek.timed import Field as FieldName
from clipseek.watches import (
    DAYS,
    MARGIN,
    MAX_CAMERAS,
    MAX_COOLDOWN_S,
    MAX_NAME_CHARACTERS,
    Day,
    Hours,
    Watch,
)

MAX_ID_CHARACTERS = 64
MAX_CAMERA_CHARACTERS = 64
MOST_A_DAY = 100_000.0
_CLOCK = re.compile(r"([01][0-9]|2[0-4]):([0-5][0-9])")

Id = Annotated[str, Field(min_length=1, max_length=MAX_ID_CHARACTERS), text(1, MAX_ID_CHARACTERS)]
Name = Annotated[
    str,
    Field(
        min_length=1,
        max_length=MAX_NAME_CHARACTERS,
        description=f"How people call it: 1 to {MAX_NAME_CHARACTERS} characters.",
    ),
    text(1, MAX_NAME_CHARACTERS),
]
Threshold = Annotated[
    float,
    Field(gt=0, le=1, description="The relevance from which on it fires, more than 0 to 1."),
    expect("a number, more than 0 and at most 1"),
]
Margin = Annotated[
    float,
    Field(
        ge=0,
        le=1,
        description="An event is over when the relevance is so far below the threshold, or below "
        "half of the threshold.",
    ),
    expect("a number from 0 to 1"),
]
Cooldown = Annotated[
    float,
    Field(
        ge=0,
        le=MAX_COOLDOWN_S,
        description="Seconds after the beginning of an alert in which the same camera, or the same "
        "video, causes no other.",
    ),
    expect(f"a number of seconds from 0 to {MAX_COOLDOWN_S:g}"),
]
Cameras = Annotated[
    list[Annotated[str, text(1, MAX_CAMERA_CHARACTERS)]],
    Field(
        min_length=1,
        max_length=MAX_CAMERAS,
        description="Only these cameras; without it, all videos, recorded or not.",
    ),
    expect(f"a list of 1 to {MAX_CAMERAS} names"),
]


def _clock(value: object) -> str:
    if not isinstance(value, str) or not _CLOCK.fullmatch(value) or value > "24:00":
        raise limits(f"must be a time such as 22:30, got {value!r:.40}")
    return value


Clock = Annotated[str, Field(pattern=_CLOCK.pattern), BeforeValidator(_clock)]


class HoursModel(StrictModel):
    """When a watch fires. Hours that end before they start run over midnight."""

    days: Annotated[
        list[Annotated[Day, expect("one of mon, tue, wed, thu, fri, sat and sun")]],
        Field(min_length=1, max_length=7, description="The days on which they begin; all without."),
        expect("a list of 1 to 7 days"),
    ] = list(DAYS)  # noqa: RUF012  pydantic copies it
    start: Clock = "00:00"
    end: Clock = "24:00"
    zone: Annotated[
        str, Field(max_length=64, description="A time zone such as `Europe/Vienna`."), text(1, 64)
    ] = "UTC"

    @model_validator(mode="after")
    def _require_known(self) -> Self:
        if (wrong := self.hours().problem()) is not None:
            raise limits(wrong.removeprefix("hours."))
        return self

    def hours(self) -> Hours:
        """Return the hours in the words of the core."""
        days = tuple(day for day in DAYS if day in self.days)
        return Hours(days, _minutes(self.start), _minutes(self.end), self.zone)

    @classmethod
    def of(cls, hours: Hours) -> Self:
        """Return the hours as JSON says them."""
        days: Any = list(hours.days)
        return cls(days=days, start=_told(hours.start), end=_told(hours.end), zone=hours.zone)


def _minutes(clock: str) -> int:
    return int(clock[:2]) * 60 + int(clock[3:])


def _told(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _secret(value: object) -> str:
    """Require a secret as Standard Webhooks writes it: 24 to 64 bytes in base64."""
    if not isinstance(value, str) or not value.startswith("whsec_"):
        raise limits("must begin with whsec_ and go on with 24 to 64 bytes in base64")
    try:
        length = len(b64decode(value.removeprefix("whsec_"), validate=True))
    except (NotBase64, ValueError):
        length = 0
    if not 24 <= length <= 64:
        raise limits("must begin with whsec_ and go on with 24 to 64 bytes in base64")
    return value


class WebhookModel(StrictModel):
    """Where alerts are sent: by POST, signed as Standard Webhooks says."""

    url: Annotated[
        str,
        Field(
            min_length=1,
            max_length=MAX_URL_CHARACTERS,
            description="`https://…` at a public address. The operator may allow others.",
        ),
        text(1, MAX_URL_CHARACTERS),
    ]
    secret: Annotated[
        str | None,
        Field(
            description="`whsec_` and 24 to 64 random bytes in base64, which sign what is sent. "
            "Without it one is made, and told in the answer to this request alone."
        ),
        BeforeValidator(lambda value: value if value is None else _secret(value)),
    ] = None


class WatchQuery(AskedWith):
    """What a watch asks for, as a search does."""

    then: Then | None = Field(
        default=None,
        description=f"What must follow in the same video or camera, nested at most {MAX_THEN} "
        "times: it fires with the last step.",
    )
    collection: DefaultCollection = None
    fields: Annotated[
        list[FieldName] | None,
        Field(
            min_length=1,
            max_length=len(FIELDS),
            description="Where sentences are looked for; in all fields by default.",
        ),
        expect(f"a list of some of {', '.join(FIELDS)}"),
    ] = None

    @property
    def following(self) -> list[Then]:
        """The steps after the first, in order."""
        steps, step = [], self.then
        while step is not None:
            steps.append(step)
            step = step.then
        return steps

    @property
    def images(self) -> list[bytes | str]:
        """The files or URLs of all pictures, in the order in which `asked` takes the pictures."""
        return [image for each in (self, *self.following) for image in images_of(each)]

    def asked(self, collection: str, pictures: Sequence[Picture]) -> Query:
        """Return the query in the words of the core."""
        shown = iter(pictures)
        parts = self.asked_parts(shown)
        return Query.of(
            parts,
            collection=collection,
            fields=FIELDS if self.fields is None else tuple(dict.fromkeys(self.fields)),
            then=[Step(step.asked_parts(shown), step.within) for step in self.following],
        )


class WatchBody(WatchQuery):
    """A watch that is to be made."""

    name: Name
    threshold: Threshold
    margin: Margin = MARGIN
    cameras: Cameras | None = None
    hours: HoursModel | None = None
    cooldown: Cooldown = 0.0
    keeps: Annotated[
        bool,
        Field(description="Whether retention keeps the footage of its alerts."),
        expect("true or false"),
    ] = False
    webhook: WebhookModel | None = None
    on: Annotated[bool, Field(description="Whether it fires."), expect("true or false")] = True


class WatchEdit(StrictModel):
    """What is to be changed of a watch; what is not named stays, and null takes it away."""

    name: Name | None = None
    threshold: Threshold | None = None
    margin: Margin | None = None
    cameras: Cameras | None = None
    hours: HoursModel | None = None
    cooldown: Cooldown | None = None
    keeps: Annotated[bool | None, expect("true or false")] = None
    webhook: WebhookModel | None = None
    on: Annotated[bool | None, expect("true or false")] = None

    @model_validator(mode="after")
    def _require_one(self) -> Self:
        if not self.model_fields_set:
            raise limits("must have something that is to be changed")
        for name in ("name", "threshold", "margin", "cooldown", "keeps", "on"):
            if name in self.model_fields_set and getattr(self, name) is None:
                raise limits(f"must have no {name} that is null; leave it out to keep it")
        return self

    def changed(self, watch: Watch) -> Watch:
        """Return a watch with the changes, apart from its webhook."""
        given = self.model_fields_set
        names = {"cooldown": "cooldown_s", "on": "is_on"}
        plain = ("name", "threshold", "margin", "cooldown", "keeps", "on")
        values: dict[str, Any] = {
            names.get(name, name): getattr(self, name) for name in plain if name in given
        }
        if "cameras" in given:
            values["cameras"] = None if self.cameras is None else tuple(self.cameras)
        if "hours" in given:
            values["hours"] = None if self.hours is None else self.hours.hours()
        return replace(watch, **values)


class TrialBody(WatchQuery):
    """A watch that is tried over the past; nothing is stored."""

    threshold: Threshold = 0.5
    margin: Margin = MARGIN
    cameras: Cameras | None = None
    hours: HoursModel | None = None
    cooldown: Cooldown = 0.0
    days: Annotated[
        float,
        Field(
            gt=0,
            le=MAX_DAYS,
            description="How far back: what was recorded since or, of videos that do not say when, "
            "indexed since.",
        ),
        expect(f"a number of days, more than 0 and at most {MAX_DAYS:g}"),
    ] = 7.0
    alerts_per_day: Annotated[
        float | None,
        Field(
            gt=0,
            le=MOST_A_DAY,
            description="How many alerts a day are wanted: the answer proposes a threshold.",
        ),
        expect(f"a number, more than 0 and at most {MOST_A_DAY:g}"),
    ] = None


class LikeAnswer(BaseModel):
    """A moment whose like is watched for."""

    video_id: str
    time: float


class WatchedPart(BaseModel):
    """One part of the query: a sentence, a moment or a picture, which is not repeated."""

    weight: float
    text: str | None = None
    like: LikeAnswer | None = None
    picture: bool = Field(description="Whether it is a picture.")


class WatchedStep(BaseModel):
    """The parts of a step that must follow."""

    within: float
    parts: list[WatchedPart]


class WebhookAnswer(BaseModel):
    """Where alerts are sent; shown to those who may change the watch."""

    url: str
    secret: str | None = Field(
        default=None, description="What signs; only in the answer to the request that made it."
    )


class WatchAnswer(BaseModel):
    """One watch."""

    id: str
    name: str
    collection: str = Field(description="The collection as it was asked for.")
    described: str = Field(description="The query in words.")
    parts: list[WatchedPart]
    then: list[WatchedStep] = Field(description="The steps that must follow, in order.")
    fields: list[FieldName]
    threshold: float
    margin: float
    cameras: list[str] | None
    hours: HoursModel | None
    cooldown: float
    keeps: bool
    webhook: WebhookAnswer | None
    on: bool
    by: str = Field(description="The name of the key that made it.")
    created_at: str

    @classmethod
    def of(cls, watch: Watch, *, is_writer: bool, secret: str | None = None) -> Self:
        """Describe a watch; its webhook is shown to a writer, its secret if it is given."""
        asked: Any = watch.asked
        hook = None
        if watch.webhook is not None and is_writer:
            hook = WebhookAnswer(url=watch.webhook, secret=secret)
        return cls(
            id=watch.id,
            name=watch.name,
            collection=watch.collection,
            described=described(watch.asked),
            parts=[_part(each) for each in asked["parts"]],
            then=[
                WatchedStep(within=step["within"], parts=[_part(each) for each in step["parts"]])
                for step in asked.get("then", ())
            ],
            fields=list(asked.get("fields", FIELDS)),
            threshold=watch.threshold,
            margin=watch.margin,
            cameras=None if watch.cameras is None else list(watch.cameras),
            hours=None if watch.hours is None else HoursModel.of(watch.hours),
            cooldown=watch.cooldown_s,
            keeps=watch.keeps,
            webhook=hook,
            on=watch.is_on,
            by=watch.by,
            created_at=watch.created_at,
        )


def _part(part: dict[str, Any]) -> WatchedPart:
    like = part.get("like")
    return WatchedPart(
        weight=part["weight"],
        text=part.get("text"),
        like=None if like is None else LikeAnswer(**like),
        picture="image" in part,
    )


class WatchesAnswer(BaseModel):
    """The watches of the collections that may be searched, by name."""

    watches: list[WatchAnswer]
