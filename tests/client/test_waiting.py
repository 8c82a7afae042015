"""How a job is waited for, step by step."""

import pytest

from clipseek_client import JobFailed
from clipseek_client.calls import done
from tests.client.driving import SERVER, answer, drive

JOB = {
    "id": "j1",
    "kind": "ingest",
    "collection": "default",
    "cancelling": False,
    "attempts": 1,
    "progress": {"bytes": 0, "frames": 0, "share": 0.0},
    "videos": [],
    "reason": "",
    "by": "",
    "request_id": "r1",
    "created_at": "2025-01-02T03:04:05Z",
}


def test_a_job_is_looked_at_less_and_less_often() -> None:
    """Soon at first, because a job may be short; every two seconds in the end."""
    running = answer(200, body=JOB | {"state": "running"})
    *pauses, job = drive(
        done(SERVER, "j1", None), *[running] * 8, answer(200, body=JOB | {"state": "done"})
    )
    assert pauses == pytest.approx([0.2, 0.3, 0.45, 0.675, 1.0125, 1.51875, 2.0, 2.0])
    assert job.state == "done"


def test_a_job_that_fails_is_an_error() -> None:
    """At once."""
    with pytest.raises(JobFailed, match="is failed: the disk is full"):
        drive(
            done(SERVER, "j1", None),
            answer(200, body=JOB | {"state": "failed", "reason": "the disk is full"}),
        )
