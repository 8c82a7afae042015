"""Edit lists: moments for film editors, as CMX 3600 (SMPTE 258M) with timecodes of SMPTE 12M."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from clipseek.errors import InvalidQuery

_STANDARD = [
    *(Fraction(1000 * rate, 1001) for rate in (24, 30, 48, 60)),
    *(Fraction(rate) for rate in (24, 25, 30, 48, 50, 60)),
]
_NEAR = Fraction(1, 400)
"""How far, relative to it, an average rate may be from a standard one: recordings of telephones
vary. The standard rates are a thousandth apart, and the nearest is taken."""
_NO_CONTROL = dict.fromkeys((*range(32), 127), " ")


@dataclass(frozen=True, slots=True)
class Cut:
    """A span of a video [start, end) in seconds; `title` is that of the video, `rate` its rate."""

    title: str
    uri: str
    rate: Fraction
    start: float
    end: float
    name: str = ""


def edl(title: str, cuts: Sequence[Cut]) -> str:
    """Return the list: one event for each moment, one after the other from 00:00:00:00 on.

    Raises:
        InvalidQuery: the moments have no common frame rate, or one without a timecode.
    """
    rates = sorted({standard(cut.rate) for cut in cuts})
    if len(rates) != 1:
        said = ", ".join(map(str, rates)) or "none"
        raise InvalidQuery(
            f"moments must be of videos with one frame rate, got {said}; make a list for each rate"
        )
    (rate,) = rates
    kind = "DROP FRAME" if _drops(rate) else "NON-DROP FRAME"
    lines = [f"TITLE: {_plain(title)}", f"FCM: {kind}", ""]
    begun = 0
    for number, cut in enumerate(cuts, 1):
        first = round(Fraction(cut.start) * rate)
        last = max(first + 1, round(Fraction(cut.end) * rate))
        until = begun + last - first
        times = " ".join(timecode(frame, rate) for frame in (first, last, begun, until))
        lines += [
            f"{number:03d}  AX       V     C        {times}",
            f"* FROM CLIP NAME: {_plain(cut.title)}",
            f"* SOURCE FILE: {_plain(cut.uri)}",
        ]
        if cut.name:
            lines.append(f"* COMMENT: {_plain(cut.name)}")
        begun = until
    return "\n".join(lines) + "\n"


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


def timecode(frame: int, rate: Fraction) -> str:
    """Return the timecode of a frame, counted from 0, at a rate that `standard` returned.

    At 29.97 and 59.94 frames per second, the first two or four numbers of each minute are left out
    except in each tenth minute, and the last separator is a semicolon (SMPTE 12M, 5.2.2).
    """
    base = -(-rate.numerator // rate.denominator)
    separator = ":"
    if dropped := _drops(rate):
        separator = ";"
        tens, rest = divmod(frame, 600 * base - 9 * dropped)
        minutes = max(0, rest - dropped) // (60 * base - dropped)
        frame += dropped * (9 * tens + minutes)
    seconds, frames = divmod(frame, base)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}{separator}{frames:02d}"


def _drops(rate: Fraction) -> int:
    """Return how many numbers of frames are left out at the start of a minute."""
    return {Fraction(30000, 1001): 2, Fraction(60000, 1001): 4}.get(rate, 0)


def _plain(text: str) -> str:
    """Return a text as one line."""
    return text.translate(_NO_CONTROL).strip()
