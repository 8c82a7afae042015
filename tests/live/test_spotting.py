"""Objects of recordings: a detector looks at chunks that have ended, and frames go first."""

import logging
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from clipseek import video
from clipseek.detecting.opening import open_detector
from clipseek.errors import ConfigError
from clipseek.ingest.objects import Looked, ObjectReader
from clipseek.live.metering import ObjectCollector
from clipseek.live.running import Shelf
from clipseek.live.spotting import Complete, Spotted, Spotting
from clipseek.objects.rules import RuleBook
from clipseek.objects.turns import Turns
from clipseek.sources import LOCAL, LocalDisk, Places
from clipseek.tracked import VideoObjects
from clipseek.types import Video
from tests.cameras.fixtures import Film
from tests.cameras.rtsp import RtspCameras
from tests.live.recorders import Site, a_site, toy_model, wait_for

SHELF = Shelf("default", "default", toy_model())


def chunk(number: int, camera: str = "door") -> Complete:
    """Return a chunk with a number as its id."""
    return Complete(camera, SHELF, str(number))


def looked(one: Complete, problem: str = "") -> Looked:
    """Return that two objects were found in a chunk."""
    found = Video(one.video_id, "/a.mp4", "a", 2.0, 1, 1, 1)
    return Looked(found, 0 if problem else 2, problem)


class Looking:
    """Notes which chunks are looked at; each takes a turn, which a test may hold up."""

    def __init__(self) -> None:
        self.began: list[str] = []
        self.done: list[str] = []

    def __call__(self, one: Complete, turns: Turns) -> Iterator[Looked]:
        """Take one turn for a chunk."""
        self.began.append(one.video_id)
        turns.before()
        self.done.append(one.video_id)
        yield looked(one)


def test_frames_go_first_and_the_oldest_chunks_are_left_out(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """While frames wait nothing is looked at; what is too much is counted and said."""
    looking, busy = Looking(), threading.Event()
    busy.set()
    with caplog.at_level(logging.WARNING), Spotting(looking, most=2) as spotting:
        spotting.after(busy.is_set)
        spotting.put(chunk(0))
        wait_for("a turn that waits", lambda: looking.began == ["0"])
        for number in range(1, 5):
            spotting.put(chunk(number))
        assert looking.done == []
        assert spotting.spotted == {"door": Spotted(left_out=2)}
        busy.clear()
        wait_for("the others", lambda: looking.done == ["0", "3", "4"])
        wait_for("their count", lambda: spotting.spotted["door"] == Spotted(3, 6, 2))
    assert "door: a chunk is not looked at" in caplog.text
    assert "run `indexer objects`" in caplog.text


def test_the_end_waits_for_no_detector(caplog: pytest.LogCaptureFixture) -> None:
    """What is left is counted, and a line says what finds it later."""
    looking = Looking()
    with caplog.at_level(logging.WARNING), Spotting(looking) as spotting:
        spotting.after(lambda: True)
        spotting.put(chunk(0))
        wait_for("a turn that waits", lambda: looking.began == ["0"])
        spotting.put(chunk(1, "yard"))
    assert looking.done == []
    assert spotting.spotted == {"door": Spotted(left_out=1), "yard": Spotted(left_out=1)}
    assert "2 chunks were not looked at; run `indexer objects`" in caplog.text


def test_one_chunk_one_fate(caplog: pytest.LogCaptureFixture) -> None:
    """A file that cannot be read and a detector that does not run are said; the rest goes on."""

    def look(one: Complete, _turns: Turns) -> Iterator[Looked]:
        if one.video_id == "1":
            raise ConfigError("the detector does not run")
        yield looked(one, "it is gone" if one.video_id == "0" else "")

    with caplog.at_level(logging.WARNING), Spotting(look) as spotting:
        for number in range(3):
            spotting.put(chunk(number))
        wait_for("the last", lambda: spotting.spotted.get("door") == Spotted(1, 2, 2))
    assert "0 cannot be looked at: it is gone" in caplog.text
    assert "its objects cannot be found: the detector does not run" in caplog.text
    registry = CollectorRegistry()
    registry.register(ObjectCollector(lambda: spotting.spotted))
    shown = generate_latest(registry).decode()
    assert 'clipseek_camera_chunks_left_out_total{camera="door"} 2.0' in shown
    assert 'clipseek_camera_objects_total{camera="door"} 2.0' in shown


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Return a data folder without cameras."""
    with a_site(tmp_path) as made:
        yield made


def test_recorded_chunks_have_objects(site: Site, rtsp: RtspCameras, film: Film) -> None:
    """As those of a file, so that `indexer objects` does not look again; they go with the chunk."""
    detector = open_detector("demo", 1)

    def reader(turns: Turns) -> ObjectReader:
        return ObjectReader(
            site.catalog, places, video.PyAVFrames, site.model, detector, RuleBook(), 1.0, turns
        )

    def look(one: Complete, turns: Turns) -> Iterator[Looked]:
        yield from reader(turns).read(one.shelf.collection, [one.video_id])

    def shown() -> dict[str, VideoObjects]:
        return {name: found for name, found in site.catalog.objects("default") if found.tracks}

    places = Places({LOCAL: LocalDisk()})
    site.chunk_s, site.spotting = 2.0, Spotting(look)
    site.add("door", rtsp.show("door", film()), records=True)
    with site.spotting, site.recording():
        wait_for("a chunk with objects", shown)
    (first, found), *_ = shown().items()
    chunk = site.catalog.video("default", first)
    assert found.stamp == reader(Turns()).stamp(chunk)
    assert list(reader(Turns()).read("default", [first])) == []
    assert all(track.span.end <= chunk.duration + 0.01 for track in found.tracks)
    site.catalog.remove("default", first)
    assert first not in shown()
