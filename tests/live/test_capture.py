"""Captures of real cameras: what is seen, and what faults of a camera or its network lead to."""

from pathlib import Path

import pytest

from clipseek.live.capture import Begun, Opened, Sized
from clipseek.live.faults import REFUSED, SILENT
from tests.cameras.faults import FaultyLink
from tests.cameras.fixtures import Film
from tests.cameras.http import HttpCameras, http_cameras
from tests.cameras.rtsp import Method, RtspCameras, rtsp_cameras
from tests.cameras.streams import CLOCK, WRAPS_AT, Timing
from tests.live.watching import lag_s, order, watching

PASSWORD = "p:@/ %w"
_SHORT = "h264"
_CODECS = [_SHORT, *(pytest.param(name, marks=pytest.mark.long) for name in ("hevc", "mjpeg"))]


@pytest.mark.parametrize("codec", _CODECS)
def test_an_rtsp_camera_is_seen(rtsp: RtspCameras, film: Film, codec: str) -> None:
    """Frames come with the time at which they were shown, in one chunk, over the video's end."""
    url = rtsp.show("yard", film(codec=codec, seconds=2, height=184))
    with watching(url) as seen:
        seen.wait(lambda: len(seen.frames) >= 15)
    (opened,), (begun,), (size,) = seen.seen(Opened), seen.seen(Begun), seen.seen(Sized)
    assert codec in opened.coding
    assert (size.width, size.height) == (320, 184)
    off = []
    for frame, position in zip(seen.frames, seen.positions(), strict=True):
        assert position is not None
        shown = begun.at + frame.time
        late = shown - rtsp.shown_at("yard", position / 1000, shown)
        off.append(min(late, 2 - late))
    assert sorted(off)[len(off) // 2] < 0.5, off


def test_a_frame_says_when_it_came(http: HttpCameras) -> None:
    """The wall clock in the pixels is that of its arrival, but for the way."""
    with watching(http.show_stills("still", fps=5)) as seen:
        seen.wait(lambda: len(seen.frames) >= 5)
    lags = [lag_s(frame) for frame in seen.frames]
    assert all(lag is not None and -0.01 <= lag < 5 for lag in lags)


@pytest.mark.parametrize("method", ["basic", pytest.param("digest", marks=pytest.mark.long)])
def test_a_password_opens_a_camera(film: Film, method: Method) -> None:
    """A camera with a password is seen, and a wrong one is refused in a sentence without it."""
    with rtsp_cameras(user="admin", password=PASSWORD, method=method) as cameras:
        url = cameras.show("door", film())
        with watching(url) as right:
            right.wait(lambda: bool(right.frames))
        with watching(url.replace("admin", "nobody")) as wrong:
            assert wrong.wait_end().reason == REFUSED


def test_a_password_of_http_opens_a_camera() -> None:
    """The same over HTTP."""
    with http_cameras(user="admin", password=PASSWORD) as cameras:
        url = cameras.show_stills("door")
        with watching(url) as right:
            right.wait(lambda: bool(right.frames))
        with watching(url.replace("admin", "nobody")) as wrong:
            assert wrong.wait_end().reason == REFUSED


def test_a_password_is_seen_by_nobody(film: Film) -> None:
    """It is in no process list, no environment, no text of an order, and no reason."""
    with rtsp_cameras(user="admin", password="hushhush") as cameras:
        url = cameras.show("door", film())
        with watching(url) as seen:
            seen.wait(lambda: bool(seen.frames))
            process = Path("/proc") / str(seen.pid)
            said = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
            cameras.kill()
            ended = seen.wait_end()
    assert b"hushhush" not in said
    assert "hushhush" not in repr(order(url)) + repr(ended) + repr(seen.seen(Opened))


def test_a_killed_camera_ends_its_stream(rtsp: RtspCameras, film: Film) -> None:
    """The end says so, and the next connection that nothing listens."""
    url = rtsp.show("yard", film())
    with watching(url) as seen:
        seen.wait(lambda: bool(seen.frames))
        rtsp.kill()
        assert seen.wait_end().reason
    with watching(url) as again:
        assert "nothing listens there" in again.wait_end().reason


def test_a_frozen_camera_is_given_up(rtsp: RtspCameras, film: Film) -> None:
    """A connection that stays open and silent ends after `read_s`."""
    with watching(rtsp.show("yard", film()), read_s=1.5, open_s=20) as seen:
        seen.wait(lambda: bool(seen.frames))
        rtsp.freeze()
        ended = seen.wait_end()
        rtsp.thaw()
    assert ended.reason == SILENT


def test_a_camera_without_a_stream_says_so(rtsp: RtspCameras, film: Film) -> None:
    """A wrong path is a sentence."""
    rtsp.show("yard", film())
    with watching(rtsp.url("cellar")) as seen:
        assert "no such stream (404)" in seen.wait_end().reason


def test_what_nobody_asks_for_is_dropped(http: HttpCameras) -> None:
    """A slow model costs frames, which are counted; the newest one is kept for it."""
    url = http.show_stills("still", fps=20)
    with watching(url, asks=False, fps=20.0, still_s=0.0) as seen:
        seen.wait(lambda: seen.figures.dropped >= 20)
        assert not seen.frames
        seen._capture.ask()
        seen.wait(lambda: len(seen.frames) == 1)
        lag = lag_s(seen.frames[0])
    assert lag is not None
    assert lag < 5


@pytest.mark.long
def test_udp_is_read_if_the_url_says_so(rtsp: RtspCameras, film: Film) -> None:
    """`?transport=udp` is not sent to the camera, which would not know the path."""
    with watching(rtsp.show("yard", film(), udp=True) + "?transport=udp") as seen:
        seen.wait(lambda: len(seen.frames) >= 10)
    assert any(position is not None for position in seen.positions())


@pytest.mark.long
def test_hls_is_followed_at_its_end(http: HttpCameras, film: Film) -> None:
    """The frames of a playlist come in real time, those of one part after another."""
    with watching(http.show_parts("parts", film(seconds=4))) as seen:
        seen.wait(lambda: len(seen.frames) >= 25)
    frames = seen.frames
    arrived = frames[-1].arrived - frames[5].arrived
    assert abs(arrived - (frames[-1].time - frames[5].time)) < 2


@pytest.mark.long
def test_a_progressive_stream_is_seen(http: HttpCameras, film: Film) -> None:
    """It goes on beyond the video's end, in one chunk."""
    with watching(http.show("endless", film(seconds=2))) as seen:
        seen.wait(lambda: len(seen.frames) >= 25)
    assert len(seen.seen(Begun)) == 1


@pytest.mark.long
@pytest.mark.parametrize("at_s", [3.0], ids=["after-three-seconds"])
def test_rtsp_timestamps_may_wrap(rtsp: RtspCameras, film: Film, at_s: float) -> None:
    """Times go on, or a new chunk begins; no frame has a time that is not its own."""
    offset = 2**32 - round(at_s * CLOCK)
    with watching(rtsp.show("wraps", film(), timestamp_offset=offset)) as seen:
        seen.wait(lambda: len(seen.frames) >= 30)
    _agree_with_arrival(seen.seen(Begun), seen.frames)


@pytest.mark.long
@pytest.mark.parametrize(
    "timing",
    [Timing(first=WRAPS_AT - 3 * CLOCK), Timing(jump=3600), Timing(jump=-100)],
    ids=["wrap", "an hour on", "100 s back"],
)
def test_timestamps_of_a_transport_stream_may_leap(
    http: HttpCameras, film: Film, timing: Timing
) -> None:
    """A leap costs nothing but a new chunk."""
    with watching(http.show("leaps", film(seconds=3), timing)) as seen:
        seen.wait(lambda: len(seen.frames) >= 35)
    _agree_with_arrival(seen.seen(Begun), seen.frames)


@pytest.mark.long
@pytest.mark.parametrize("jump_s", [3600.0, -3600.0], ids=["an hour on", "an hour back"])
def test_rtsp_timestamps_may_jump(rtsp: RtspCameras, film: Film, jump_s: float) -> None:
    """A camera whose clock is set begins a new chunk."""
    link = FaultyLink(rtsp.port)
    rtsp.show("jumps", film())
    with watching(rtsp.url("jumps", port=link.port)) as seen:
        seen.wait(lambda: len(seen.frames) >= 8)
        link.jump_s = jump_s
        seen.wait(lambda: len(seen.seen(Begun)) >= 2 and len(seen.frames) >= 25)
    link.close()
    _agree_with_arrival(seen.seen(Begun), seen.frames)


def _agree_with_arrival(begun: list[Begun], frames: list) -> None:  # type: ignore[type-arg]
    """Check that the time of each frame is about that of its arrival."""
    starts = {number: each.at for number, each in enumerate(begun, 1)}
    assert {frame.chunk for frame in frames} <= set(starts)
    off = [starts[frame.chunk] + frame.time - frame.arrived for frame in frames]
    assert max(map(abs, off)) < 3, off


@pytest.mark.long
def test_another_size_is_another_stream(rtsp: RtspCameras, film: Film) -> None:
    """A camera that changes its size is to be opened again at once."""
    films = [film(seconds=2), film(seconds=2, width=640, height=360)]
    with watching(rtsp.show("sizes", films)) as seen:
        ended = seen.wait_end()
    assert ended.anew
    assert seen.frames


@pytest.mark.long
def test_another_codec_ends_the_stream(http: HttpCameras, film: Film) -> None:
    """What cannot be decoded is not shown as if it could be."""
    films = [film(seconds=2), film(seconds=20, codec="hevc")]
    with watching(http.show("codecs", films), unread_s=5.0) as seen:
        assert "can be decoded" in seen.wait_end().reason
    assert len(seen.frames) <= 12


@pytest.mark.long
def test_garbage_costs_frames_alone(rtsp: RtspCameras, film: Film) -> None:
    """The process goes on or says why not, and takes no more memory."""
    link = FaultyLink(rtsp.port)
    rtsp.show("noise", film(fps=20))
    with watching(rtsp.url("noise", port=link.port), read_s=5.0) as seen:
        seen.wait(lambda: len(seen.frames) >= 5)
        before = seen.resident_bytes()
        link.garbage = 0.3
        count = seen.figures.received
        try:
            seen.wait(lambda: seen.figures.received >= count + 100)
        except AssertionError:
            assert seen.ended is not None
            assert seen.ended.reason
        else:
            assert seen.resident_bytes() < before + (64 << 20)
    link.close()


@pytest.mark.long
def test_a_slow_network_is_not_buffered(rtsp: RtspCameras, film: Film) -> None:
    """A link that is too slow makes a camera late; the process does not grow."""
    link = FaultyLink(rtsp.port)
    rtsp.show("slow", film(fps=20, noise=8))
    with watching(rtsp.url("slow", port=link.port)) as seen:
        seen.wait(lambda: len(seen.frames) >= 5)
        before = seen.resident_bytes()
        link.bytes_s = 20_000
        count = seen.figures.received
        seen.wait(lambda: seen.figures.received >= count + 60)
        assert seen.resident_bytes() < before + (64 << 20)
    link.close()
