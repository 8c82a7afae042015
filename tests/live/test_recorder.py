"""A recorder over real cameras: what they show is indexed while they send."""

import time
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import av
import pytest

from clipseek.types import Video
from tests.cameras.fixtures import Film
from tests.cameras.rtsp import RtspCameras
from tests.contracts.postgres import free_port
from tests.live.recorders import Site, a_site, wait_for


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Return a data folder without cameras."""
    with a_site(tmp_path) as made:
        yield made


def begins(video: Video) -> float:
    """Return when a chunk begins, seconds since 1970."""
    return datetime.fromisoformat(video.recorded_at).timestamp()


def seconds_in(path: str) -> float:
    """Return how many seconds of a file can be played."""
    with av.open(path) as container:
        times = [frame.time for frame in container.decode(video=0)]
    return max(time for time in times if time is not None)


def test_a_camera_is_recorded_while_it_sends(site: Site, rtsp: RtspCameras, film: Film) -> None:
    """Its moments are in the catalog, its file plays before it is complete, and both end well."""
    site.add("door", rtsp.show("door", film()), records=True)
    with site.recording():
        wait_for("moments of 4 s", lambda: any(v.duration >= 4 for v in site.chunks("door")))
        [growing] = site.chunks("door")
        assert growing.stamp == ""
        wait_for("a file that plays", lambda: seconds_in(growing.uri) >= 1)
        wait_for("a state", lambda: site.state("door").embedded >= 4)
        assert site.state("door").status == "live"
    [video] = site.chunks("door")
    assert begins(video) == pytest.approx(time.time() - video.duration, abs=20)
    assert video.size_bytes == Path(video.uri).stat().st_size
    assert seconds_in(video.uri) == pytest.approx(video.duration, abs=1.5)
    spans = [each.span for each in site.catalog.segments("default", video.id)]
    assert spans[0].start == 0.0
    assert spans[-1].end == video.duration
    assert len(site.catalog.frame_vectors("default", video.id)[0]) >= 4
    assert list(site.thumbnails.missing(site.catalog.thumbnails("default"))) == []


def test_chunks_follow_each_other(site: Site, rtsp: RtspCameras, film: Film) -> None:
    """Each begins where the one before has ended, at a keyframe."""
    site.chunk_s = 2.0
    site.add("door", rtsp.show("door", film()))
    with site.recording():
        wait_for("three chunks", lambda: len(site.chunks("door")) >= 4)
    first, second, third = site.chunks("door")[:3]
    for before, after in ((first, second), (second, third)):
        assert begins(after) == pytest.approx(begins(before) + before.duration, abs=0.3)
        assert after.uri == f"camera://door/{after.recorded_at.replace(':', '-').replace('.', '-')}"


def test_a_camera_that_fails_harms_no_other(site: Site, rtsp: RtspCameras, film: Film) -> None:
    """It says why, without the password, and is tried again."""
    site.add("door", rtsp.show("door", film()))
    site.add("gone", f"rtsp://ann:s3cret@127.0.0.1:{free_port()}/live")
    with site.recording():
        wait_for("moments", lambda: any(v.duration >= 2 for v in site.chunks("door")))
        wait_for("two tries", lambda: site.state("gone").reconnects >= 1)
        wait_for("a reason", lambda: site.state("gone").status == "failed")
        assert site.state("gone").reason == "nothing listens there; check the host and the port"
    assert site.chunks("gone") == []


def test_a_camera_that_is_given_away_is_not_recorded_twice(
    site: Site, rtsp: RtspCameras, film: Film
) -> None:
    """Two recorders share two cameras; no moment is in two chunks."""
    for name in ("door", "gate"):
        site.add(name, rtsp.show(name, film()))
    with site.recording() as first:
        wait_for("both cameras", lambda: len(first.states) == 2)
        wait_for("moments", lambda: site.chunks("door") and site.chunks("gate"))
        with site.recording() as second:
            wait_for("a share", lambda: (len(first.states), len(second.states)) == (1, 1))
            [moved] = second.states
            wait_for("its moments", lambda: len(site.chunks(moved)) >= 2)
    chunks = site.chunks(moved)
    for before, after in pairwise(chunks):
        assert begins(before) + before.duration <= begins(after) + 0.3


def test_a_full_disk_ends_the_recording_alone(site: Site, rtsp: RtspCameras, film: Film) -> None:
    """Moments are indexed without footage, and the state says why."""
    site.reserve_bytes = 2**62
    site.add("door", rtsp.show("door", film()), records=True)
    with site.recording():
        wait_for("moments", lambda: any(v.duration >= 2 for v in site.chunks("door")))
        wait_for("a reason", lambda: "No space left" in site.state("door").reason)
        assert site.state("door").status == "live"
    assert all(video.uri.startswith("camera://door/") for video in site.chunks("door"))
