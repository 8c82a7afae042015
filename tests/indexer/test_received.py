"""A part that another machine has sent is stored once, whenever its worker is killed."""

import signal
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import pytest

from clipseek.archive.manifest import Origin
from clipseek.archive.parts import Writing
from clipseek.assembly import open_uploads, open_writer
from clipseek.catalog import SqlCatalog
from clipseek.config import Settings
from clipseek.jobs import Job
from clipseek.ledgers import open_jobs
from indexer import worker
from indexer.cli import main
from tests.chaos.program import environment
from tests.contracts.catalogs import DIM, a_video


def _sent(settings: Settings) -> tuple[str, Job]:
    """Upload a part with a video, and add the job that stores it; return both."""
    with tempfile.TemporaryDirectory() as folder:
        with closing(SqlCatalog.open(f"sqlite:///{folder}/catalog.db")) as elsewhere:
            origin = Origin.of(elsewhere.ensure_collection("yard", "toy", DIM, "f1"))
            a_video("one").put_into(elsewhere, "yard")
            (rows,) = elsewhere.stored("yard", limit=1)
        writing = Writing(Path(folder) / "part-00000.zip")
        writing.add(rows, [None] * len(rows.segments))
        part, content = writing.finish(DIM), writing.path.read_bytes()
    uploads = open_uploads(settings)
    upload = uploads.create("edge", "yard", len(content), {}).id
    with closing(uploads.append(upload, "edge", 0)) as appending:
        appending.write(content)
    payload = {
        "upload": upload,
        "part": part.model_dump(mode="json"),
        "origin": origin.model_dump(mode="json"),
    }
    with closing(open_jobs(settings)) as queue:
        job = queue.add("receive", "yard", payload, by="edge", request_id="r")
    uploads.claim(upload, "edge", job.id)
    return upload, job


def test_a_worker_that_is_killed_before_the_end_is_stored_leaves_what_was_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next one stores it again, which changes nothing, and then deletes it."""
    monkeypatch.setenv("CLIPSEEK_JOB_LEASE_S", "1")
    # There is no bundle of this model, and so no snapshot.
    monkeypatch.setattr(worker, "publish", lambda *_args, **_options: {})
    settings = Settings(data_dir=tmp_path, upload_reserve_bytes=0, job_lease_s=1)
    with open_writer(settings, create=True):
        pass
    upload, job = _sent(settings)
    command = [sys.executable, "-m", "tests.indexer.kill_receive", str(tmp_path)]
    env = environment({"CLIPSEEK_JOB_LEASE_S": "1", "CLIPSEEK_UPLOAD_RESERVE_BYTES": "0"})
    assert subprocess.run(command, check=False, env=env).returncode == -signal.SIGKILL
    with open_writer(settings) as service:
        assert [video.id for video in service.catalog.videos("yard")] == ["one"]
    data = open_uploads(settings).parts.data(upload)
    assert data.exists()
    with closing(open_jobs(settings)) as queue:
        while queue.get(job.id).state != "done":
            assert main(["--data-dir", str(tmp_path), "work", "--once", "--quiet"]) == 0
        ended = queue.get(job.id)
    assert ended.outcome is not None
    assert (ended.attempts, ended.outcome["videos"]) == (2, ["one"])
    assert not data.exists()
