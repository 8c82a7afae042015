"""`indexer work`: what was asked for over HTTP is done by the steps of an ingest."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from clipseek.assembly import open_uploads
from clipseek.catalog import SqlReader
from clipseek.catalog.jobs import SqlJobs
from clipseek.config import Settings
from clipseek.demo.videos import make_videos
from clipseek.jobs import Job, JobKind
from clipseek.ledgers import open_audit, open_jobs
from clipseek.types import Video
from tests.chaos.program import wait_until
from tests.e2e.conftest import Library

Capture = pytest.CaptureFixture[str]


class Asking:
    """Asks for jobs over a library, as the API does."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self.settings = Settings(data_dir=library.data_dir)
        self.queue: SqlJobs = open_jobs(self.settings)
        self.uploads = open_uploads(self.settings)

    def add(self, kind: JobKind, payload: dict[str, object], collection: str = "default") -> Job:
        """Add a job."""
        return self.queue.add(kind, collection, payload, by="ann", request_id="r1")

    def upload(self, content: bytes, collection: str = "default", **said: object) -> Job:
        """Upload a file and ask for it to be indexed."""
        upload = self.uploads.create("ann", collection, len(content), {})
        with closing(self.uploads.append(upload.id, "ann", 0)) as part:
            part.write(content)
            part.sync()
        job = self.add("ingest", {"upload": upload.id, "name": "holiday.mp4", **said}, collection)
        self.uploads.claim(upload.id, "ann", job.id)
        return job

    def work(self, code: int = 0) -> None:
        """Run what is waiting."""
        assert self.library.run("work", "--once", "--quiet") == code

    def videos(self, collection: str = "default") -> dict[str, Video]:
        """Return all videos by id."""
        with closing(SqlReader.open(self.settings.catalog_url)) as catalog:
            return {video.id: video for video in catalog.videos(collection)}

    def files(self) -> list[str]:
        """Return the names of all uploaded files, complete or not."""
        found = self.settings.upload_root.rglob("*")
        return sorted(path.name for path in found if path.is_file() and path.name != ".lock")


@pytest.fixture
def asking(library: Library) -> Iterator[Asking]:
    """Ask for jobs over a library of six videos."""
    made = Asking(library)
    yield made
    made.queue.close()


@pytest.fixture(scope="session")
def another(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The content of a video that is not in the library."""
    folder = tmp_path_factory.mktemp("another")
    make_videos(1, 99, folder)
    return next(folder.glob("*.mp4")).read_bytes()


def test_an_upload_is_indexed(asking: Asking, another: bytes) -> None:
    """Under its title, with its tags; it is played from its place, and the snapshot has it."""
    job = asking.upload(another, title="A day at the sea", tags=["sea"])
    before = set(asking.videos())
    asking.work()
    ended = asking.queue.get(job.id)
    assert (ended.state, ended.reason, ended.attempts) == ("done", "", 1)
    assert ended.progress.share == 1.0
    assert ended.progress.frames > 0
    (new,) = set(asking.videos()) - before
    assert ended.outcome is not None
    assert (ended.outcome["videos"], ended.outcome["fate"]) == ([new], "indexed")
    video = asking.videos()[new]
    assert (video.title, video.tags) == ("A day at the sea", ("sea",))
    assert Path(video.uri).read_bytes() == another
    assert Path(video.uri).is_relative_to(asking.settings.upload_root / "default")
    with closing(open_audit(asking.settings, read_only=True)) as audit:
        (_, job_told), (_, command_told) = audit.history()
    told, commanded = job_told.work, command_told.work
    assert told is not None
    assert (told.name, told.indexed, told.video_s) == ("A day at the sea", 1, video.duration)
    assert (told.frames, told.segments) == (ended.outcome["frames"], video.segments)
    assert command_told.what == "indexer ingest"
    assert commanded is not None
    assert (commanded.indexed, commanded.failed) == (len(before), 0)
    assert commanded.frames > commanded.segments > 0
    assert commanded.seconds > 0
    assert asking.library.run("verify") == 0


def test_the_snapshot_is_built_after_the_last_job(asking: Asking, capsys: Capture) -> None:
    """Once for all jobs."""
    first, second, *_ = asking.videos()
    asking.add("remove", {"video": first})
    asking.add("remove", {"video": second})
    assert asking.library.run("work", "--once") == 0
    captured = capsys.readouterr()
    assert captured.err.count("snapshot of version") == 1
    assert captured.out.count("done      remove") == 2
    assert asking.library.run("status", "--json") == 0
    (state,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert state["snapshot"]["version"] == state["version"]


def test_a_file_that_is_not_a_video_fails(asking: Asking, capsys: Capture) -> None:
    """With the reason; it is not kept and not tried again."""
    job = asking.upload(b"not a video at all")
    assert asking.library.run("work", "--once", "--json") == 1
    ended = asking.queue.get(job.id)
    assert (ended.state, ended.attempts, ended.failures) == ("failed", 1, 0)
    assert ended.reason
    assert asking.files() == []
    (said,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert (said["id"], said["state"], said["reason"]) == (job.id, "failed", ended.reason)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        pytest.param("MAX_DECODE_S", "0.000001", id="seconds of decoding"),
        pytest.param("MAX_FRAME_PIXELS", "16", id="pixels"),
        pytest.param("MAX_VIDEO_S", "0.1", id="length"),
    ],
)
def test_a_video_that_exceeds_a_limit_costs_one_job(
    asking: Asking, another: bytes, monkeypatch: pytest.MonkeyPatch, setting: str, value: str
) -> None:
    """The reason names the setting, and the next job is done."""
    monkeypatch.setenv(f"CLIPSEEK_{setting}", value)
    bad = asking.upload(another)
    good = asking.add("edit", {"video": next(iter(asking.videos())), "title": "t"})
    asking.work(code=1)
    assert f"CLIPSEEK_{setting}" in asking.queue.get(bad.id).reason
    assert [asking.queue.get(job.id).state for job in (bad, good)] == ["failed", "done"]


def test_a_video_that_is_indexed_already_is_not_kept_twice(asking: Asking) -> None:
    """The job says which one it is."""
    video = next(iter(asking.videos().values()))
    job = asking.upload(Path(video.uri).read_bytes(), title="again")
    asking.work()
    ended = asking.queue.get(job.id)
    assert ended.outcome is not None
    assert (ended.outcome["videos"], ended.outcome["fate"]) == ([video.id], "unchanged")
    assert ended.reason == "a video with the same content is indexed"
    assert asking.videos()[video.id] == video
    assert asking.files() == []


def test_a_job_makes_a_new_collection(
    asking: Asking, another: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the model of the settings; the first collection stays as it is."""
    monkeypatch.setenv("CLIPSEEK_MODEL", "demo")
    asking.upload(another, "holidays")
    before = asking.videos()
    asking.work()
    assert len(asking.videos("holidays")) == 1
    assert asking.videos() == before


def test_a_library_may_begin_with_a_worker(
    empty: Library, another: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It makes the catalog, so that jobs can be added."""
    monkeypatch.setenv("CLIPSEEK_MODEL", "demo")
    assert empty.run("work", "--once") == 0
    asking = Asking(empty)
    with closing(asking.queue):
        asking.upload(another)
        asking.work()
        assert len(asking.videos()) == 1


def test_a_video_is_edited_and_removed(asking: Asking, another: bytes) -> None:
    """In the order that was asked for; its file goes with it, if it came by an upload."""
    asking.upload(another)
    before = asking.videos()
    asking.work()
    (new,) = set(asking.videos()) - set(before)
    asking.add("edit", {"video": new, "title": "A day at the sea"})
    asking.add("edit", {"video": new, "tags": ["sea"]})
    asking.work()
    video = asking.videos()[new]
    assert (video.title, video.tags) == ("A day at the sea", ("sea",))
    asking.add("edit", {"video": new, "tags": []})
    asking.add("remove", {"video": new})
    asking.work()
    assert asking.videos() == before
    assert asking.files() == []
    assert {job.state for job in asking.queue.jobs()} == {"done"}


def test_a_removed_video_of_a_folder_keeps_its_file(asking: Asking) -> None:
    """Only files that came by uploads are deleted."""
    video = next(iter(asking.videos().values()))
    asking.add("remove", {"video": video.id})
    asking.work()
    assert video.id not in asking.videos()
    assert Path(video.uri).exists()


@pytest.mark.parametrize("kind", ["edit", "remove"])
def test_a_video_that_is_not_there_fails(asking: Asking, kind: JobKind) -> None:
    """Without a command that its reader cannot run."""
    job = asking.add(kind, {"video": "nope", "title": "t"})
    asking.work(code=1)
    ended = asking.queue.get(job.id)
    assert ended.state == "failed"
    assert "no video 'nope' in collection 'default'" in ended.reason
    assert "indexer" not in ended.reason


def test_a_remove_that_a_kill_interrupted_is_done(asking: Asking) -> None:
    """The attempt before has removed the video, and did not come to say so."""
    video = next(iter(asking.videos()))
    asking.add("remove", {"video": video})
    assert asking.queue.take("dead", 0) is not None
    asking.library.run("remove", video)
    asking.work()
    assert asking.queue.jobs()[0].state == "done"


@pytest.mark.parametrize("jobs", ["0", "65"])
def test_jobs_have_a_number(library: Library, capsys: Capture, jobs: str) -> None:
    """The bounds are named."""
    assert library.run("work", "--jobs", jobs) == 2
    assert f"--jobs must be >= 1 and <= 64, got {jobs}" in capsys.readouterr().err


def test_a_signal_ends_a_worker_well(asking: Asking, another: bytes) -> None:
    """What is done stays, what is not is given back, and the snapshot is built."""
    command = [sys.executable, "-m", "indexer", "--data-dir", str(asking.library.data_dir), "work"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    job = asking.upload(another)
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, text=True
    ) as worker:
        try:
            wait_until(lambda: asking.queue.get(job.id).is_over, "the end of the job")
            worker.send_signal(signal.SIGTERM)
            out, err = worker.communicate(timeout=60)
        finally:
            worker.kill()
    assert (worker.returncode, out) == (0, f"done      ingest {job.id}\n")
    assert "snapshot of version" in err
