"""What the API takes and gives about jobs, and about changes that become jobs."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from api.limits import MAX_PAGE, MAX_TAGS, CollectionName, Tag, expect, text
from clipseek.jobs import Job, JobKind, JobState
from clipseek.switches import Step

MAX_TITLE_CHARACTERS = 500
MAX_JOB_ID_CHARACTERS = 64

JobId = Annotated[
    str,
    Field(min_length=1, max_length=MAX_JOB_ID_CHARACTERS, description="A job's id."),
    text(1, MAX_JOB_ID_CHARACTERS),
]
Title = Annotated[
    str,
    Field(
        min_length=1,
        max_length=MAX_TITLE_CHARACTERS,
        description=f"How the video is called: 1 to {MAX_TITLE_CHARACTERS} characters.",
    ),
    text(1, MAX_TITLE_CHARACTERS),
]
Tags = Annotated[
    list[Tag],
    Field(max_length=MAX_TAGS, description=f"All tags of the video, at most {MAX_TAGS}."),
    expect(f"a list of at most {MAX_TAGS} tags"),
]


class JobsPage(BaseModel):
    """Which jobs of the list; the newest come first."""

    model_config = ConfigDict(extra="forbid")

    collection: Annotated[
        CollectionName | None, Field(description="Only jobs of this collection.")
    ] = None
    kind: Annotated[
        JobKind | None,
        Field(description="Only jobs of this kind."),
        expect("one of ingest, remove, edit and switch"),
    ] = None
    state: Annotated[
        JobState | None,
        Field(description="Only jobs in this state."),
        expect("one of waiting, running, done, failed and cancelled"),
    ] = None
    after: JobId | None = Field(default=None, description="The `next` of the page before.")
    limit: Annotated[
        int,
        Field(ge=1, le=MAX_PAGE, description=f"Maximum number of jobs, 1 to {MAX_PAGE}."),
        expect(f"a whole number from 1 to {MAX_PAGE}"),
    ] = 100


class VideoEdit(BaseModel):
    """What is to be changed of a video; what is not named stays."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    title: Title | None = None
    tags: Tags | None = None

    @model_validator(mode="after")
    def _require_one(self) -> Self:
        if self.title is None and self.tags is None:
            raise PydanticCustomError("limits", "must have a title, tags or both")
        return self


class JobProgress(BaseModel):
    """How far a job is."""

    bytes: int = Field(description="Bytes of the video that are fetched or read.")
    frames: int = Field(description="Frames that are embedded.")
    share: float = Field(description="Share of the work that is done, 0 to 1.")


class JobAnswer(BaseModel):
    """One job as it is now."""

    id: str
    kind: JobKind
    collection: str = Field(description="The collection as it was asked for.")
    state: JobState
    cancelling: bool = Field(description="Whether it was cancelled and has not stopped yet.")
    video: str | None = Field(default=None, description="The id of the video that it changes.")
    name: str | None = Field(default=None, description="The name of the file that it indexes.")
    title: str | None = None
    tags: list[str] | None = None
    attempts: int = Field(description="How often a worker has begun it.")
    progress: JobProgress
    videos: list[str] = Field(description="The ids of the videos that it has indexed or changed.")
    fate: str | None = Field(
        default=None,
        description="What became of the video: indexed, incomplete, unchanged, received, removed "
        "or edited.",
    )
    step: Step | None = Field(default=None, description="The step of a switch.")
    model: str | None = Field(
        default=None, description="The model to prepare, or the one that answers after the step."
    )
    reason: str = Field(description="Why it failed or is tried again, in a sentence.")
    by: str = Field(description="The name of the key that asked for it.")
    request_id: str = Field(description="The id of the request that asked for it.")
    created_at: str
    started_at: str | None = None
    ended_at: str | None = None

    @classmethod
    def of(cls, job: Job) -> Self:
        """Describe a job; addresses that were given with it are left out, as they may be secret."""
        asked, outcome = job.payload, job.outcome or {}
        return cls.model_validate(
            {
                "id": job.id,
                "kind": job.kind,
                "collection": job.collection,
                "state": job.state,
                "cancelling": job.is_cancelling,
                **{name: asked.get(name) for name in ("video", "name", "title", "tags")},
                "attempts": job.attempts,
                "progress": {
                    "bytes": job.progress.bytes,
                    "frames": job.progress.frames,
                    "share": job.progress.share,
                },
                "videos": outcome.get("videos", []),
                "fate": outcome.get("fate"),
                "step": asked.get("step"),
                "model": asked.get("model") or outcome.get("model"),
                "reason": job.reason,
                "by": job.by,
                "request_id": job.request_id,
                "created_at": job.created_at,
                "started_at": job.started_at or None,
                "ended_at": job.ended_at or None,
            }
        )


class JobsAnswer(BaseModel):
    """A page of jobs."""

    jobs: list[JobAnswer]
    next: str | None = Field(
        default=None, description="Pass it as `after` for the next page; null at the end."
    )
