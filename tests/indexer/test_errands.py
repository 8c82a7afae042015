"""What a job does stops when it is told to, whatever happens at the same moment."""

import threading
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from clipseek.catalog.jobs import SqlJobs
from clipseek.config import Settings
from clipseek.errors import ModelMismatch
from clipseek.ingest import Report
from clipseek.jobs import Job
from clipseek.uploads import Bounds, Uploads
from indexer.collection_models import CollectionModels
from indexer.errands import Errands
from indexer.heartbeat import Heartbeat
from indexer.incoming import Incoming


def test_a_job_that_is_told_to_stop_while_its_collection_is_switched_stops(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told once, and so it must not be forgotten before the second try."""
    job = Job("job-1", "ingest", "city", {"upload": "0" * 32})
    heart = Heartbeat(cast("SqlJobs", None), job, lease_s=1, limit_s=1)

    class Clearing(threading.Event):
        def clear(self) -> None:
            """Clear it, just after the worker was told to end."""
            heart.end("worker")
            super().clear()

    heart.stop = Clearing()
    tries: list[str] = []

    def switched(_errands: Errands, _job: Job, uri: str, *_: object) -> list[Report]:
        tries.append(uri)
        raise ModelMismatch("city", "one", "two")

    monkeypatch.setattr(Errands, "_reports", switched)
    uploads = Uploads(tmp_path, Bounds(1, 1, 1, 0))
    incoming = cast("Incoming", SimpleNamespace(uploads=uploads, bring=lambda *_: tmp_path / "v"))
    service = SimpleNamespace(settings=Settings(data_dir=tmp_path))
    errands = Errands(service, cast("CollectionModels", None), incoming)  # type: ignore[arg-type]  # its settings alone are used
    assert errands.do(job, heart) is None
    assert len(tries) == 1
