"""Jobs whose videos come by a URL, and the files that jobs leave: end to end, with real servers."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from clipseek.assembly import open_writer
from clipseek.jobs import Job
from indexer.collection_models import CollectionModels
from indexer.errands import Errands
from indexer.incoming import Incoming
from indexer.worker import Worker
from tests.core.test_fetching import LIMITS, url
from tests.e2e.conftest import Library
from tests.e2e.test_work import Asking, another
from tests.sites import Site, answer, loopback, running

__all__ = ["another"]
TWO_DAYS_S = 2 * 86400.0


@pytest.fixture
def asking(library: Library) -> Iterator[Asking]:
    """Ask for jobs over a library of six videos."""
    made = Asking(library)
    yield made
    made.queue.close()


@pytest.fixture
def site() -> Iterator[Site]:
    """Return a running site."""
    with Site() as started:
        running(started)
        yield started
        started.shutdown()


def work(asking: Asking, site: Site) -> None:
    """Run what is waiting; the worker may read from the site, which no setting allows."""
    incoming = Incoming(asking.uploads, loopback(f"a.example:{site.port}"), LIMITS)
    with open_writer(asking.settings) as service:
        errands = Errands(service, CollectionModels(service), incoming)
        Worker(asking.queue, errands, 1, threading.Event(), lambda _job: None, quiet=True).run(
            once=True
        )


def tidy(asking: Asking) -> None:
    """Delete what is not needed any more."""
    with open_writer(asking.settings) as service:
        incoming = Incoming(asking.uploads, loopback(), LIMITS)
        Errands(service, CollectionModels(service), incoming).tidy(asking.queue)


def age(asking: Asking) -> None:
    """Make all that was uploaded two days old."""
    for path in asking.settings.upload_root.rglob("*"):
        when = path.stat().st_mtime - TWO_DAYS_S
        os.utime(path, (when, when))


def test_a_url_is_indexed_and_played_from_its_place(
    asking: Asking, site: Site, another: bytes
) -> None:
    """Under its title; removing the video deletes the file."""
    site.paths["/sea.mp4"] = answer(another)
    before = set(asking.videos())
    job = asking.add("ingest", {"url": url(site, "/sea.mp4"), "title": "Sea"})
    work(asking, site)
    ended = asking.queue.get(job.id)
    assert (ended.state, ended.reason) == ("done", "")
    (new,) = set(asking.videos()) - before
    video = asking.videos()[new]
    assert video.title == "Sea"
    assert Path(video.uri).read_bytes() == another
    asking.add("remove", {"video": new})
    work(asking, site)
    assert asking.files() == []


def test_a_url_that_gives_no_video_fails_with_its_reason(asking: Asking, site: Site) -> None:
    """One that may pass waits for another try."""
    site.paths["/page"] = answer(b"<html>", kind="text/html")
    site.paths["/busy"] = answer(b"", 503)
    page = asking.add("ingest", {"url": url(site, "/page")})
    busy = asking.add("ingest", {"url": url(site, "/busy")})
    work(asking, site)
    ended = asking.queue.get(page.id)
    assert (ended.state, ended.failures) == ("failed", 0)
    assert "not a video: the server says that it is text/html" in ended.reason
    waiting = asking.queue.get(busy.id)
    assert (waiting.state, waiting.failures) == ("waiting", 1)
    assert "answered 503" in waiting.reason


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_no_setting_lets_a_worker_read_from_inside(
    asking: Asking, site: Site, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Although the operator has listed the host."""
    site.paths["/sea.mp4"] = answer()
    monkeypatch.setenv("CLIPSEEK_FETCH_HOSTS", f"{host}:{site.port}")
    job = asking.add("ingest", {"url": f"http://{host}:{site.port}/sea.mp4"})
    asking.work(1)
    ended = asking.queue.get(job.id)
    assert ended.state == "failed"
    assert "its address is not public" in ended.reason
    assert site.asked == []


def test_a_picture_that_is_named_as_a_video_fails(asking: Asking) -> None:
    """Its content decides; it is not kept."""
    job = asking.upload(b"\x89PNG\r\n\x1a\n" + bytes(1000))
    asking.work(1)
    assert "it is a single picture" in asking.queue.get(job.id).reason
    assert asking.files() == []


def test_a_longer_video_than_allowed_fails(
    asking: Asking, another: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before it is decoded; it is not kept."""
    monkeypatch.setenv("CLIPSEEK_MAX_VIDEO_S", "2")
    job = asking.upload(another)
    asking.work(1)
    assert "CLIPSEEK_MAX_VIDEO_S allows 2 s" in asking.queue.get(job.id).reason
    assert asking.files() == []


def test_the_upload_of_a_cancelled_job_is_deleted(asking: Asking, another: bytes) -> None:
    """At the next look; one whose job waits stays, however old it is."""
    cancelled, waiting = asking.upload(another), asking.upload(another)
    asking.queue.cancel(cancelled.id)
    age(asking)
    tidy(asking)
    names = [str(job.payload["upload"]) for job in (cancelled, waiting)]
    assert [asking.uploads.parts.data(name).exists() for name in names] == [False, True]


def _taken(asking: Asking, job: Job) -> Path:
    """Move the upload of a job to its place, as a worker does before it is killed."""
    return asking.uploads.stored.take(str(job.payload["upload"]), job.collection, "holiday.mp4")


def test_the_file_of_a_job_that_was_cancelled_while_it_ran_is_deleted(
    asking: Asking, another: bytes
) -> None:
    """A day later; files of open jobs and of videos stay."""
    played = asking.upload(another)
    asking.work()
    (uri,) = (v.uri for v in asking.videos().values() if "uploads" in v.uri)
    cancelled, running = asking.upload(b"1"), asking.upload(b"2")
    paths = [_taken(asking, job) for job in (cancelled, running)]
    asking.queue.cancel(cancelled.id)
    tidy(asking)
    assert all(path.exists() for path in paths)
    age(asking)
    tidy(asking)
    assert [path.exists() for path in paths] == [False, True]
    assert Path(uri).exists()
    assert asking.queue.get(played.id).state == "done"


def test_a_file_that_the_catalog_does_not_know_is_kept(asking: Asking, another: bytes) -> None:
    """The job was done, so it is the only copy of a video; an older catalog may be restored."""
    asking.upload(another)
    asking.work()
    (video,) = (v for v in asking.videos().values() if "uploads" in v.uri)
    assert asking.library.run("remove", video.id) == 0
    age(asking)
    tidy(asking)
    assert Path(video.uri).read_bytes() == another


def test_the_uri_of_an_upload_is_absolute(
    asking: Asking, another: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relative folder is that of the program that was started in it, and of no other one."""
    monkeypatch.chdir(asking.settings.data_dir)
    monkeypatch.setenv("CLIPSEEK_UPLOAD_DIR", "uploads")
    asking.upload(another)
    asking.work()
    (video,) = (v for v in asking.videos().values() if "uploads" in v.uri)
    assert Path(video.uri).is_absolute()
