"""What the API takes and gives about the history of ingests and jobs."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from api.limits import MAX_PAGE, MAX_SEGMENT_ID, CollectionName, expect
from clipseek.audit import Entry, Work, WorkState, stamp
from clipseek.jobs import JobKind


class HistoryPage(BaseModel):
    """Which part of the history; the newest comes first."""

    model_config = ConfigDict(extra="forbid")

    collection: Annotated[
        CollectionName | None, Field(description="Only what was done in this collection.")
    ] = None
    after: Annotated[
        int | None,
        Field(ge=1, le=MAX_SEGMENT_ID, description="The `next` of the page before."),
        expect(f"a whole number from 1 to {MAX_SEGMENT_ID}"),
    ] = None
    limit: Annotated[
        int,
        Field(ge=1, le=MAX_PAGE, description=f"Maximum number of entries, 1 to {MAX_PAGE}."),
        expect(f"a whole number from 1 to {MAX_PAGE}"),
    ] = 50


class WorkAnswer(BaseModel):
    """One ingest or job that has ended."""

    id: int
    kind: JobKind
    command: Literal["ingest", "watch", "work"] = Field(
        description="The command of the indexer that did it; `work` runs jobs."
    )
    collection: str = Field(description="The collection as it was asked for.")
    name: str | None = Field(
        default=None,
        description="The title, file, model or video that a job was about; null for a command.",
    )
    state: WorkState = Field(
        description="`failed` if an error ended it or no video could be indexed; `interrupted` if "
        "a signal ended a command."
    )
    reason: str = Field(
        description="The sentence of the indexer: why it failed, or of the first video that did."
    )
    by: str | None = Field(
        default=None, description="The key that asked for the job; null for a command."
    )
    started_at: str = Field(description="RFC 3339, UTC.")
    ended_at: str = Field(description="RFC 3339, UTC.")
    seconds: float = Field(description="How long it took.")
    video_seconds: float = Field(description="Seconds of the videos that were indexed.")
    indexed: int = Field(description="Videos that were indexed in full.")
    incomplete: int = Field(description="Videos of which a part was indexed.")
    unchanged: int = Field(description="Videos that were skipped: they are indexed already.")
    failed: int = Field(description="Videos that could not be indexed.")
    frames: int = Field(description="Frames that were sampled.")
    segments: int = Field(description="Segments that were stored.")

    @classmethod
    def of(cls, number: int, entry: Entry, work: Work) -> Self:
        """Describe an entry of the audit that has figures."""
        program, _, verb = entry.what.partition(" ")
        began = datetime.fromisoformat(entry.at) - timedelta(seconds=work.seconds)
        return cls.model_validate(
            {
                "id": number,
                "kind": work.kind,
                "command": verb if program == "indexer" else "work",
                "collection": work.collection,
                "name": work.name or None,
                "state": work.state,
                "reason": work.reason,
                "by": None if program == "indexer" else entry.who,
                "started_at": stamp(began),
                "ended_at": entry.at,
                "seconds": work.seconds,
                "video_seconds": work.video_s,
                "indexed": work.indexed,
                "incomplete": work.incomplete,
                "unchanged": work.unchanged,
                "failed": work.failed,
                "frames": work.frames,
                "segments": work.segments,
            }
        )


class HistoryAnswer(BaseModel):
    """A page of the history."""

    history: list[WorkAnswer]
    next: int | None = Field(
        default=None, description="Pass it as `after` for the next page; null at the end."
    )


HISTORY_ANSWER: dict[str, Any] = {
    "history": [
        {
            "id": 41,
            "kind": "ingest",
            "command": "ingest",
            "collection": "default",
            "name": None,
            "state": "done",
            "reason": "notes.mp4: it is not a video",
            "by": None,
            "started_at": "2025-03-02T10:14:18Z",
            "ended_at": "2025-03-02T10:15:00Z",
            "seconds": 42.5,
            "video_seconds": 1842.0,
            "indexed": 12,
            "incomplete": 0,
            "unchanged": 3,
            "failed": 1,
            "frames": 1842,
            "segments": 260,
        }
    ],
    "next": None,
}
