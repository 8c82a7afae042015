"""Are the cameras of the tests cameras? PyAV, which is not ours, reads each kind."""

import itertools
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.cameras import clock
from tests.cameras.faults import FaultyLink
from tests.cameras.fixtures import Film
from tests.cameras.http import HttpCameras, http_cameras
from tests.cameras.rtsp import Method, RtspCameras, rtsp_cameras
from tests.cameras.streams import CLOCK, WRAPS_AT, Timing

_TIMEOUT = "30000000"
"""Microseconds."""


def frames(url: str, **options: str) -> Iterator[av.VideoFrame]:
    """Yield the frames of a camera; end with the caller."""
    said = {"rtsp_transport": "tcp", **options} if url.startswith("rtsp") else options
    with av.open(url, options={"timeout": _TIMEOUT, **said}) as container:
        yield from container.decode(video=0)


def pixels(frame: av.VideoFrame) -> NDArray[np.uint8]:
    """Return a frame as uint8 (H, W, 3)."""
    return frame.to_ndarray(format="rgb24").astype(np.uint8)


def taken(url: str, count: int, **options: str) -> list[av.VideoFrame]:
    """Return the first frames of a camera."""
    return list(itertools.islice(frames(url, **options), count))


@pytest.mark.parametrize("value", [0, 1, 1_764_411_000_123, (1 << clock.VALUE_BITS) - 1])
def test_a_burned_clock_is_read_from_a_thumbnail(value: int) -> None:
    """A picture of half the size, twice through JPEG, still says its number."""
    noise = np.random.default_rng(1).integers(0, 255, (360, 640, 3)).astype(np.uint8)
    small = Image.fromarray(clock.burn(noise, value)).resize((320, 180))
    assert clock.read(np.asarray(small)) == value % (1 << clock.VALUE_BITS)


def test_a_picture_without_a_clock_has_none() -> None:
    """Grey is not a number."""
    assert clock.read(np.full((180, 320, 3), 90, np.uint8)) is None


_LONG_CODECS = [pytest.param(codec, marks=pytest.mark.long) for codec in ("hevc", "mjpeg")]


@pytest.mark.parametrize("codec", ["h264", *_LONG_CODECS])
def test_rtsp_shows_a_film_in_a_loop(rtsp: RtspCameras, film: Film, codec: str) -> None:
    """Its times go on where the video begins again, and positions are shown in time."""
    url = rtsp.show("cameras/one", film(codec=codec, seconds=2, keyframe_s=0.5))
    seen = []
    for frame in frames(url):
        seen.append((frame.pts, clock.read(pixels(frame)), time.time()))
        positions = [position for _, position, _ in seen if position is not None]
        if positions != sorted(positions) and len(seen) > 30:
            break
    stamps = [pts for pts, _, _ in seen if pts is not None]
    assert stamps == sorted(set(stamps))
    _, position, now = seen[-1]
    assert position is not None
    assert now - rtsp.shown_at("cameras/one", position / 1000, now) < 2


@pytest.mark.long
def test_rtsp_comes_over_udp(rtsp: RtspCameras, film: Film) -> None:
    """A camera that offers UDP is seen by it."""
    url = rtsp.show("udp", film(), udp=True)
    assert len(taken(url, 5, rtsp_transport="udp")) == 5


@pytest.mark.parametrize("method", ["basic", "digest"])
def test_rtsp_asks_for_a_password(film: Film, method: Method) -> None:
    """The right one opens the camera, and a wrong one does not."""
    with rtsp_cameras(user="admin", password="p:@/w", method=method) as cameras:
        url = cameras.show("door", film())
        assert len(taken(url, 2)) == 2
        with pytest.raises(av.error.HTTPUnauthorizedError):
            taken(url.replace("admin", "nobody"), 1)


@pytest.mark.long
def test_rtsp_changes_its_size(rtsp: RtspCameras, film: Film) -> None:
    """Two videos of two sizes follow each other in one connection."""
    small, large = film(seconds=1), film(seconds=1, width=640, height=360)
    url = rtsp.show("sizes", [small, large])
    sizes = {frame.width for frame in taken(url, 30)}
    assert sizes == {320, 640}


@pytest.mark.long
def test_rtsp_timestamps_wrap(rtsp: RtspCameras, film: Film) -> None:
    """A timestamp of 32 bits begins again at 0, and the video goes on."""
    url = rtsp.show("wraps", film(seconds=2), timestamp_offset=2**32 - CLOCK)
    assert len(taken(url, 25)) == 25


@pytest.mark.long
def test_a_link_moves_rtsp_timestamps(rtsp: RtspCameras, film: Film) -> None:
    """After an hour is added, the client sees an hour."""
    link = FaultyLink(rtsp.port)
    rtsp.show("jumps", film())
    seen: list[float] = []
    for frame in frames(rtsp.url("jumps", port=link.port)):
        seen += [frame.time] if frame.time is not None else []
        if len(seen) == 5:
            link.jump_s = 3600
        if seen and seen[-1] > 3000:
            break
    link.close()
    assert seen[-1] - seen[0] > 3000


def test_a_killed_server_ends_the_stream(rtsp: RtspCameras, film: Film) -> None:
    """The client is told nothing but the end."""
    stream = frames(rtsp.show("killed", film()))
    next(stream)
    rtsp.kill()
    assert len(list(stream)) < 50


@pytest.mark.long
def test_a_frozen_server_says_nothing(rtsp: RtspCameras, film: Film) -> None:
    """A client with a timeout ends; the connection itself stays."""
    stream = frames(rtsp.show("frozen", film()), timeout="1500000")
    next(stream)
    rtsp.freeze()
    with pytest.raises(av.error.FFmpegError):
        list(stream)
    rtsp.thaw()


def test_stills_have_the_wall_clock(http: HttpCameras) -> None:
    """A picture of an MJPEG camera says when it was taken."""
    began = time.time()
    seen = [clock.read_time(pixels(frame)) for frame in taken(http.show_stills("still"), 3)]
    assert all(each is not None and began - 1 < each <= time.time() for each in seen)


def test_http_asks_for_a_password() -> None:
    """A wrong password is refused, the right one is not."""
    with http_cameras(user="admin", password="p:@/w") as cameras:
        url = cameras.show_stills("still")
        assert len(taken(url, 1)) == 1
        with pytest.raises(av.error.HTTPUnauthorizedError):
            taken(url.replace("admin", "nobody"), 1)


def test_a_transport_stream_goes_on(http: HttpCameras, film: Film) -> None:
    """It does not end with its video."""
    assert len(taken(http.show("endless", film(seconds=1)), 25)) == 25


@pytest.mark.long
def test_timestamps_of_a_transport_stream_wrap_and_jump(http: HttpCameras, film: Film) -> None:
    """Both are seen by the client as they were made."""
    one = film(seconds=1)
    wraps = taken(http.show("wraps", one, Timing(first=WRAPS_AT - CLOCK // 2)), 15)
    assert len(wraps) == 15
    back = taken(http.show("jumps", one, Timing(jump=-100)), 25)
    times = [frame.time for frame in back if frame.time is not None]
    assert times != sorted(times)


@pytest.mark.long
def test_a_transport_stream_changes_its_codec(http: HttpCameras, film: Film) -> None:
    """Packets of a second codec follow in the same connection."""
    films = [film(seconds=1), film(seconds=1, codec="hevc")]
    url = http.show("codecs", films)
    with av.open(url, options={"timeout": _TIMEOUT}) as container:
        packets = list(itertools.islice(container.demux(video=0), 25))
    assert any(b"\x00\x00\x01\x40" in bytes(each) for each in packets)  # HEVC's parameter set


def test_hls_lists_parts_of_a_loop(http: HttpCameras, film: Film) -> None:
    """A client that follows the playlist sees more than one showing of the video."""
    seen = taken(http.show_parts("parts", film(seconds=2)), 35)
    positions = [clock.read(pixels(frame)) for frame in seen]
    assert positions.count(positions[0]) >= 2


def test_a_cut_link_ends_the_stream(http: HttpCameras, film: Film) -> None:
    """A cut connection ends; a new one is taken."""
    link = FaultyLink(http.port)
    http.show("cut", film())
    url = http.url("cut", port=link.port)
    stream = frames(url)
    next(stream)
    link.cut()
    with suppress(av.error.FFmpegError):  # the end, or a broken connection
        list(stream)
    assert len(taken(url, 2)) == 2
    link.close()


@pytest.mark.long
def test_a_refusing_link_takes_nobody(http: HttpCameras, film: Film) -> None:
    """Until it goes on."""
    link = FaultyLink(http.port)
    http.show("refused", film())
    url = http.url("refused", port=link.port)
    link.refuse()
    with pytest.raises((av.error.FFmpegError, OSError)):
        taken(url, 1)
    link.go_on()
    assert len(taken(url, 2)) == 2
    link.close()


def test_the_password_is_in_no_process_list(film: Film) -> None:
    """The server is told it by a pipe."""
    with rtsp_cameras(user="admin", password="hushhush") as cameras:
        cameras.show("door", film())
        said = Path(f"/proc/{cameras.pid}/cmdline").read_bytes()
    assert b"rtsp_server" in said
    assert b"hushhush" not in said
