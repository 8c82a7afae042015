"""The examples of jobs in the OpenAPI document."""

import json
from typing import Any

from api import openapi_examples
from api.upload_kinds import Kind
from clipseek import errors

JOB_ID = "pN3v0cZ7Q2mX5hJd9sLwAg"
_VIDEO_ID = "3b1f0a52c7d94e6886a1f2d03c5be917"
_WAITING: dict[str, Any] = {
    "id": JOB_ID,
    "kind": "ingest",
    "collection": "default",
    "state": "waiting",
    "cancelling": False,
    "video": None,
    "name": "holiday.mp4",
    "title": "A day at the sea",
    "tags": ["sea"],
    "attempts": 0,
    "progress": {"bytes": 0, "frames": 0, "share": 0.0},
    "videos": [],
    "fate": None,
    "step": None,
    "model": None,
    "reason": "",
    "by": "anonymous",
    "request_id": "9f2c1a7be04d5568",
    "created_at": "2025-03-02T10:15:00Z",
    "started_at": None,
    "ended_at": None,
}
_RUNNING = {
    **_WAITING,
    "state": "running",
    "attempts": 1,
    "progress": {"bytes": 24105165, "frames": 88, "share": 0.5},
    "started_at": "2025-03-02T10:15:01Z",
}
JOB_ANSWER = {
    **_RUNNING,
    "state": "done",
    "progress": {"bytes": 48210331, "frames": 176, "share": 1.0},
    "videos": [_VIDEO_ID],
    "fate": "indexed",
    "ended_at": "2025-03-02T10:15:21Z",
}
CANCELLED_ANSWER = {
    **_WAITING,
    "state": "cancelled",
    "reason": "it was cancelled",
    "ended_at": "2025-03-02T10:15:02Z",
}
INGEST_ANSWER = _WAITING
JOBS_ANSWER = {"jobs": [JOB_ANSWER], "next": JOB_ID}
_CHANGE = {**_WAITING, "video": "abc", "name": None, "title": None, "tags": None}
REMOVE_ANSWER = {**_CHANGE, "kind": "remove"}
RECEIVE_ANSWER = {**_CHANGE, "kind": "receive", "video": None}
EDIT_ANSWER = {**_CHANGE, "kind": "edit", "title": "A day at the sea", "tags": ["sea"]}
SWITCH_JOB = {
    **_CHANGE,
    "kind": "switch",
    "video": None,
    "step": "prepare",
    "model": "PE-Core-B-16/meta@int8",
}
EDIT = {"title": "A day at the sea", "tags": ["sea"]}
EVENTS = (
    f"retry: 2000\n\nevent: progress\ndata: {json.dumps(_RUNNING)}\n\n"
    f"event: end\ndata: {json.dumps(JOB_ANSWER)}\n\n"
)


def accepted(
    path: str, *kinds: Kind | type[errors.ClipseekError], success: dict[str, Any]
) -> dict[int | str, dict[str, Any]]:
    """Document the answers of an endpoint that adds a job: 202 with the job, and its problems."""
    location = {"description": "Where the job is.", "schema": {"type": "string"}}
    return {
        202: {
            "description": "The job that does it.",
            "headers": {"Location": location},
            "content": {"application/json": {"example": success}},
        },
        **openapi_examples.responses(path, *kinds),
    }
