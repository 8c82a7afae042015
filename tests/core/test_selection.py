"""Which frames are shown at the requested times, without any film."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from clipseek.video.damage import Damage
from clipseek.video.selection import shown

ascending = st.lists(
    st.fractions(min_value=0, max_value=100, max_denominator=1000), min_size=1, unique=True
).map(sorted)


@given(ascending, ascending)
def test_the_frame_shown_is_the_last_that_began(
    frames: list[Fraction], times: list[Fraction]
) -> None:
    """Each time yields the last frame that began by then, once; the first counts from before."""
    chosen = shown(((frame, frame) for frame in frames), times, end=lambda: Fraction(101))
    expected = [max(f for f in frames if f <= max(time, frames[0])) for time in times]
    assert [frame for _, frame, _ in chosen] == list(dict.fromkeys(expected))


@given(ascending, st.sets(st.integers(0, 20)))
def test_the_first_frames_of_shots_come_marked(frames: list[Fraction], firsts: set[int]) -> None:
    """Without any requested time, the frames that begin a shot come, but never the very first."""
    numbered = [(frame, i) for i, frame in enumerate(frames)]
    chosen = shown(numbered, [], end=lambda: Fraction(101), is_cut=lambda i: i in firsts)
    assert list(chosen) == [(t, i, True) for t, i in numbered if i in firsts and i > 0]


def test_no_frames_yield_nothing() -> None:
    """A film without frames shows nothing."""
    none: list[tuple[Fraction, str]] = []
    assert list(shown(none, [0.0, 1.0], end=lambda: Fraction(0))) == []


def test_damage_is_told_in_one_sentence() -> None:
    """What is missing is counted and named."""
    damage = Damage(packets=6, frames=1, stopped="unreadable from 5.1 s on")
    assert damage.describe(claimed=Fraction("10.3"), reached=Fraction("5.1")) == (
        "6 packets could not be decoded; 1 frame decoded with errors; unreadable from 5.1 s on; "
        "claims 10.3 s, decoded up to 5.1 s"
    )


def test_a_film_slightly_shorter_than_claimed_is_whole() -> None:
    """Rounding and a tail of sound are no damage: less than a second, or less than 5 %."""
    damage = Damage()
    assert damage.describe(claimed=Fraction(2), reached=Fraction("1.1")) == ""
    assert damage.describe(claimed=Fraction(100), reached=Fraction(96)) == ""
    assert damage.describe(claimed=Fraction(100), reached=Fraction(94)) != ""
    assert damage.describe(claimed=None, reached=Fraction(0)) == ""
