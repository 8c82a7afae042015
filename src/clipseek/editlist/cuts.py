"""Cuts: spans of videos, counted in frames and in the timecodes of SMPTE 12M."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import PurePath
from urllib.parse import quote

from clipseek.errors import InvalidQuery

_STANDARD = [
    *(Fraction(1000 * rate, 1001) for rate in (24, 30, 48, 60)),
    *(Fraction(rate) for rate in (24, 25, 30, 48, 50, 60)),
]
_NEAR = Fraction(1, 400)
"""How far, relative to it, an average rate may be from a standard one: recordings of telephones
vary. The standard rates are a thousandth apart, and the nearest is taken."""
_NO_CONTROL = dict.fromkeys((*range(32), *range(127, 160), 0x2028, 0x2029, 0xFFFE, 0xFFFF), " ")
"""Control characters and ends of lines; XML 1.0 (2.2) has no place for some of them."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A span of a video [start, end) in seconds, and what is known of the video.

    `rate` is in frames per second. `duration` (seconds), `width` and `height` (pixels) are those of
    the whole video. `name` is a comment. `starts` is the timecode of the first frame of the video,
    or empty: then it counts from 0.
    """

    title: str
    uri: str
    rate: Fraction
    start: float
    end: float
    name: str = ""
    duration: float = 0.0
    width: int = 0
    height: int = 0
    has_sound: bool = False
    starts: str = ""


def frames(cut: Cut) -> tuple[int, int]:
    """Return the frames of a cut [first, last), one or more, at its standard rate."""
    rate = standard(cut.rate)
    first = round(Fraction(cut.start) * rate)
    return first, max(first + 1, round(Fraction(cut.end) * rate))


def origin(cut: Cut) -> int:
    """Return the number that the timecode of a video gives to its first frame.

    0 if the video states none, or one that its rate does not have.
    """
    rate = standard(cut.rate)
    base = -(-rate.numerator // rate.denominator)
    if not cut.starts:
        return 0
    hours, minutes, seconds, frame = map(int, cut.starts.replace(";", ":").split(":"))
    if frame >= base:
        return 0
    passed = 60 * hours + minutes
    number = (60 * passed + seconds) * base + frame
    return number - is_dropped(cut) * drops(rate) * (passed - passed // 10)


def is_dropped(cut: Cut) -> bool:
    """Whether the timecode of a video leaves numbers out, as `timecode` does.

    If the video states no timecode, all that can do.
    """
    return bool(drops(standard(cut.rate))) and (not cut.starts or ";" in cut.starts)


def length(cut: Cut, last: int) -> int:
    """Return the frames of a cut's whole video, of which frame `last` - 1 is one."""
    return max(last, int(Fraction(cut.duration) * standard(cut.rate)))


def standard(rate: Fraction) -> Fraction:
    """Return the rate that a timecode counts at: the nearest standard one, or a whole one."""
    near = min(_STANDARD, key=lambda each: abs(each - rate))
    if abs(near - rate) <= _NEAR * near:
        return near
    if rate.denominator == 1 and 1 <= rate <= 99:
        return rate
    raise InvalidQuery(
        f"a video of {float(rate):g} frames per second has no timecode; leave its moments out"
    )


def timecode(frame: int, rate: Fraction, *, is_dropped: bool = True) -> str:
    """Return the timecode of a frame, counted from 0, at a rate that `standard` returned.

    At 29.97 and 59.94 frames per second, the first two or four numbers of each minute are left out
    except in each tenth minute, and the last separator is a semicolon (SMPTE 12M, 5.2.2), unless
    `is_dropped` is False. After 24 hours it begins again.
    """
    base = -(-rate.numerator // rate.denominator)
    separator = ":"
    dropped = drops(rate) if is_dropped else 0
    frame %= 24 * 6 * (600 * base - 9 * dropped)
    if dropped:
        separator = ";"
        tens, rest = divmod(frame, 600 * base - 9 * dropped)
        minutes = max(0, rest - dropped) // (60 * base - dropped)
        frame += dropped * (9 * tens + minutes)
    seconds, frames = divmod(frame, base)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}{separator}{frames:02d}"


def drops(rate: Fraction) -> int:
    """Return how many numbers of frames are left out at the start of a minute."""
    return {Fraction(30000, 1001): 2, Fraction(60000, 1001): 4}.get(rate, 0)


def plain(text: str) -> str:
    """Return a text as one line."""
    return text.translate(_NO_CONTROL).strip()


def url(uri: str) -> str:
    """Return the URL of a video, whose uri may be a path."""
    if "://" in uri:
        return uri
    path = PurePath(uri)
    return path.as_uri() if path.is_absolute() else quote(uri)
