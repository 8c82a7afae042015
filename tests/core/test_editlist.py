"""Edit lists, read back by counting frames one by one."""

import re
from fractions import Fraction

import pytest

from clipseek.editlist.cmx import edl
from clipseek.editlist.cuts import Cut, origin, standard, timecode
from clipseek.errors import InvalidQuery

NTSC, NTSC_60, FILM = Fraction(30000, 1001), Fraction(60000, 1001), Fraction(24000, 1001)


def counted(base: int, dropped: int, frames: int) -> list[str]:
    """Count frames as a person does who leaves out numbers at the start of a minute."""
    hour = minute = second = frame = 0
    said, mark = [], ";" if dropped else ":"
    for _ in range(frames):
        said.append(f"{hour:02d}:{minute:02d}:{second:02d}{mark}{frame:02d}")
        frame += 1
        if frame == base:
            frame, second = 0, second + 1
        if second == 60:
            second, minute = 0, minute + 1
            frame = dropped if minute % 10 else 0
        if minute == 60:
            minute, hour = 0, hour + 1
    return said


@pytest.mark.parametrize(
    ("rate", "base", "dropped"),
    [
        pytest.param(Fraction(24), 24, 0, id="24"),
        pytest.param(Fraction(25), 25, 0, id="25"),
        pytest.param(FILM, 24, 0, id="23.976"),
        pytest.param(NTSC, 30, 2, id="29.97"),
        pytest.param(NTSC_60, 60, 4, id="59.94"),
    ],
)
def test_timecodes_are_those_of_a_count(rate: Fraction, base: int, dropped: int) -> None:
    """Of each frame of 70 minutes."""
    frames = 70 * 60 * base
    assert [timecode(frame, rate) for frame in range(frames)] == counted(base, dropped, frames)


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (1799, "00:00:59;29"),
        (1800, "00:01:00;02"),
        (17981, "00:09:59;29"),
        (17982, "00:10:00;00"),
        (107892, "01:00:00;00"),
    ],
)
def test_known_answers_of_drop_frame(frame: int, said: str) -> None:
    """Those that SMPTE 12M gives: an hour has 107892 frames."""
    assert timecode(frame, NTSC) == said


def test_events_follow_each_other() -> None:
    """The sources are the moments, and the record has neither gap nor overlap."""
    cuts = [
        Cut("night", "/v/night.mp4", Fraction(25), 42.0, 47.48, "a red car"),
        Cut("two\nlines", "/v/sea.mp4", Fraction(25), 1.0, 1.01),
    ]
    text = edl("reds", cuts)
    events = re.findall(r"^(\d{3})  AX       V     C        (.*)$", text, re.MULTILINE)
    assert events == [
        ("001", "00:00:42:00 00:00:47:12 00:00:00:00 00:00:05:12"),
        ("002", "00:00:01:00 00:00:01:01 00:00:05:12 00:00:05:13"),
    ]
    assert text.startswith("TITLE: reds\nFCM: NON-DROP FRAME\n")
    assert "* FROM CLIP NAME: night\n* SOURCE FILE: /v/night.mp4\n* COMMENT: a red car\n" in text
    assert "* FROM CLIP NAME: two lines\n" in text


def test_drop_frame_is_said() -> None:
    """A minute of NTSC ends at its first number that is not left out."""
    text = edl("x", [Cut("a", "/a", NTSC, 0.0, 60.06)])
    assert "FCM: DROP FRAME" in text
    assert "00:00:00;00 00:01:00;02 00:00:00;00 00:01:00;02" in text


@pytest.mark.parametrize(
    ("rate", "starts", "said"),
    [
        pytest.param(Fraction(25), "01:00:00:00", "01:00:02:00 01:00:04:00", id="an hour"),
        pytest.param(Fraction(25), "23:59:57:12", "23:59:59:12 00:00:01:12", id="midnight"),
        pytest.param(NTSC, "10:00:58;00", "10:01:00;02 10:01:02;02", id="dropped"),
        pytest.param(NTSC, "10:00:58:00", "10:01:00:00 10:01:02:00", id="not dropped"),
        pytest.param(NTSC, "23:59:58;00", "00:00:00;00 00:00:02;00", id="dropped at midnight"),
        pytest.param(FILM, "00:00:10;00", "00:00:12:00 00:00:14:00", id="nothing to drop"),
        pytest.param(Fraction(24), "00:00:10:24", "00:00:02:00 00:00:04:00", id="no such frame"),
        pytest.param(Fraction(25), "", "00:00:02:00 00:00:04:00", id="none"),
    ],
)
def test_sources_count_from_the_timecode_of_their_video(
    rate: Fraction, starts: str, said: str
) -> None:
    """In its own kind; the record begins at 0."""
    text = edl("x", [Cut("a", "/a", rate, 2.0, 4.0, starts=starts)])
    assert f"C        {said} 00:00:00" in text


@pytest.mark.parametrize("dropped", [True, False])
@pytest.mark.parametrize("rate", [NTSC, NTSC_60])
def test_an_origin_is_where_its_timecode_is(rate: Fraction, dropped: bool) -> None:
    """For each of many frames of a day."""
    for frame in range(0, 24 * 3600 * 29, 9973):
        starts = timecode(frame, rate, is_dropped=dropped)
        assert origin(Cut("a", "/a", rate, 0, 1, starts=starts)) == frame


@pytest.mark.parametrize(
    ("rate", "counted_at"),
    [
        pytest.param(Fraction(2997, 100), NTSC, id="rounded"),
        pytest.param(Fraction(2995, 100), NTSC, id="variable"),
        pytest.param(Fraction(30), Fraction(30), id="30"),
        pytest.param(Fraction(15), Fraction(15), id="whole"),
    ],
)
def test_a_rate_is_counted_at_the_nearest_standard(rate: Fraction, counted_at: Fraction) -> None:
    """29.97 and 30 are told apart, although they are a thousandth apart."""
    assert standard(rate) == counted_at


def test_what_has_no_timecode_is_refused() -> None:
    """Rates that differ, and one that is neither standard nor whole."""
    with pytest.raises(InvalidQuery, match="one frame rate, got 25, 30"):
        edl("x", [Cut("a", "/a", Fraction(25), 0, 1), Cut("b", "/b", Fraction(30), 0, 1)])
    with pytest.raises(InvalidQuery, match=r"12\.5 frames"):
        edl("x", [Cut("a", "/a", Fraction(25, 2), 0, 1)])
    assert standard(Fraction(2494, 100)) == 25
    with pytest.raises(InvalidQuery, match=r"24\.92 frames"):
        standard(Fraction(2492, 100))
