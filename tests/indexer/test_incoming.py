"""Where the videos of jobs come from: uploads and URLs; what is not a video is deleted."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from clipseek.errors import (
    NotFetched,
    ServiceUnavailable,
    UnreadableVideo,
    UploadNotFound,
    UrlNotAllowed,
)
from clipseek.jobs import Job
from clipseek.uploads import Bounds, Uploads
from indexer.incoming import Incoming
from tests.core.test_fetching import LIMITS, url
from tests.sites import Site, answer, loopback, ranged, running

MP4 = b"\x00\x00\x00\x18ftypisom" + bytes(5000)
OTHERS = [
    pytest.param("a.mp4", b"\x89PNG\r\n\x1a\n" + bytes(100), "single picture", id="picture"),
    pytest.param("a.mp4", b"\x00\x00\x00\x18ftypM4A " + bytes(100), "no pictures", id="sound"),
    pytest.param("a.ts", b"export const x = 1\n" * 20, "it is text", id="text"),
]


def always(_so_far: int, _size: int | None) -> bool:
    """Continue."""
    return True


@pytest.fixture
def site() -> Iterator[Site]:
    """Return a running site."""
    with Site() as started:
        running(started)
        yield started
        started.shutdown()


@pytest.fixture
def incoming(tmp_path: Path, site: Site) -> Incoming:
    """Return what brings videos, also from the site, which no setting allows."""
    uploads = Uploads(tmp_path / "uploads", Bounds(2**20, 2**40, 2**40, 0))
    return Incoming(uploads, loopback(f"a.example:{site.port}"), LIMITS)


def uploaded(incoming: Incoming, content: bytes, name: str = "sea.mp4") -> Job:
    """Return a job over a complete upload."""
    upload = incoming.uploads.create("ann", "city", len(content), {})
    appending = incoming.uploads.append(upload.id, "ann", 0)
    appending.write(content)
    appending.close()
    return Job("job-1", "ingest", "city", {"upload": upload.id, "name": name}, by="ann")


def named(address: str) -> Job:
    """Return a job over a URL."""
    return Job("job-1", "ingest", "city", {"url": address}, by="ann")


def files(incoming: Incoming) -> list[str]:
    """Return the names of all files of the uploads."""
    root = incoming.uploads.parts.root
    return sorted(path.name for path in root.rglob("*") if path.is_file() and path.name != ".lock")


def test_an_upload_is_brought_to_its_place(incoming: Incoming) -> None:
    """Under its name, as often as it is asked for."""
    job = uploaded(incoming, MP4)
    path = incoming.bring(job, always)
    assert path.read_bytes() == MP4
    assert path.name == "sea.mp4"
    assert incoming.bring(job, always) == path
    assert files(incoming) == ["sea.mp4"]


def test_an_upload_that_is_gone_is_told(incoming: Incoming) -> None:
    """It may have expired while the job waited."""
    job = Job("job-1", "ingest", "city", {"upload": "0" * 32, "name": "a.mp4"})
    with pytest.raises(UploadNotFound):
        incoming.bring(job, always)


@pytest.mark.parametrize(("name", "content", "said"), OTHERS)
def test_what_is_not_a_video_is_deleted(
    incoming: Incoming, name: str, content: bytes, said: str
) -> None:
    """By its content, whatever its name is."""
    with pytest.raises(UnreadableVideo, match=said):
        incoming.bring(uploaded(incoming, content, name), always)
    assert files(incoming) == []


def test_a_url_is_fetched_to_its_place(incoming: Incoming, site: Site) -> None:
    """Under the name in the URL, and only once."""
    site.paths["/sea%20side.mp4"] = answer(MP4)
    job = named(url(site, "/sea%20side.mp4"))
    path = incoming.bring(job, always)
    assert (path.name, path.read_bytes()) == ("sea side.mp4", MP4)
    assert incoming.bring(job, always) == path
    assert len(site.asked) == 1
    assert files(incoming) == ["sea side.mp4"]


def test_another_attempt_continues_a_fetch(incoming: Incoming, site: Site) -> None:
    """The bytes of the one before are kept."""
    site.paths["/v.mp4"] = ranged(3000, body=MP4)
    seen: list[int] = []

    def once(so_far: int, _size: int | None) -> bool:
        seen.append(so_far)
        return len(seen) < 2

    with pytest.raises(NotFetched, match="cancelled"):
        incoming.bring(named(url(site)), once)
    site.paths["/v.mp4"] = ranged(len(MP4), body=MP4)
    path = incoming.bring(named(url(site)), always)
    assert site.asked[-1][1]["Range"] == f"bytes={seen[-1]}-"
    assert path.read_bytes() == MP4


def test_two_workers_do_not_fetch_into_one_file(incoming: Incoming, site: Site) -> None:
    """One that was suspended and lost its lease still has the file open; the job waits."""
    site.paths["/v.mp4"] = answer(MP4)
    job = named(url(site))

    def robbed(_so_far: int, _size: int | None) -> bool:
        with pytest.raises(ServiceUnavailable, match="another worker") as caught:
            incoming.bring(job, always)
        assert caught.value.told
        return True

    assert incoming.bring(job, robbed).read_bytes() == MP4
    assert len(site.asked) == 1


def test_what_may_pass_is_tried_again(incoming: Incoming, site: Site) -> None:
    """A server that is busy; not one that has no such file."""
    site.paths["/busy"] = answer(b"", 503)
    site.paths["/none"] = answer(b"", 404)
    with pytest.raises(ServiceUnavailable, match="answered 503") as caught:
        incoming.bring(named(url(site, "/busy")), always)
    assert caught.value.told == str(caught.value)
    with pytest.raises(NotFetched, match="answered 404"):
        incoming.bring(named(url(site, "/none")), always)


def test_a_url_inside_is_refused(incoming: Incoming) -> None:
    """Also if the API was asked before the list was changed."""
    with pytest.raises(UrlNotAllowed):
        incoming.bring(named("http://127.0.0.1/v.mp4"), always)
    assert files(incoming) == []


@pytest.mark.parametrize("path", ["/..%2f..%2fetc%2fpasswd", "/%2e%2e", "/", "/a/"])
def test_the_name_of_a_url_leads_nowhere(incoming: Incoming, site: Site, path: str) -> None:
    """It is one name in the folder of the job."""
    site.paths[path] = answer(MP4)
    brought = incoming.bring(named(url(site, path)), always)
    assert incoming.uploads.stored.contains(brought)
    assert brought.name in ("passwd", "video")
