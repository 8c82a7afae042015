"""Which frames are shown at the requested times, without any video."""

from fractions import Fraction
from itertools import count

from hypothesis import given
from hypothesis import strategies as st

from clipseek.video.damage import Damage
from clipseek.video.selection import Decoded, Requests, Shown, shown

ascending = st.lists(
    st.fractions(min_value=0, max_value=100, max_denominator=1000), min_size=1, unique=True
).map(sorted)


@given(ascending, ascending)
def test_the_frame_shown_is_the_last_that_began(
    frames: list[Fraction], times: list[Fraction]
) -> None:
    """Each time yields the last frame that began by then, once; the first counts from before."""
    decoded = (Decoded(frame, frame) for frame in frames)
    chosen = shown(decoded, Requests(times), end=lambda: Fraction(101))
    expected = [max(f for f in frames if f <= max(time, frames[0])) for time in times]
    assert [frame for _, frame, _ in chosen] == list(dict.fromkeys(expected))


@given(ascending, st.sets(st.integers(0, 20)))
def test_the_first_frames_of_shots_come_marked(frames: list[Fraction], firsts: set[int]) -> None:
    """Without any requested time, the frames that begin a shot come, but never the very first."""
    numbered = [Decoded(frame, i) for i, frame in enumerate(frames)]
    chosen = shown(
        numbered, Requests([]), end=lambda: Fraction(101), is_cut=lambda each: each.frame in firsts
    )
    assert list(chosen) == [Shown(t, i, True) for t, i, _ in numbered if i in firsts and i > 0]


def test_a_frame_that_continues_a_shot_is_not_a_cut() -> None:
    """The flag comes with the frame; the detector is asked all the same, because it compares."""
    asked = []

    def is_cut(each: Decoded[str]) -> bool:
        asked.append(each.frame)
        return True

    frames = [
        Decoded(Fraction(0), "first"),
        Decoded(Fraction(1), "continues", may_be_cut=False),
        Decoded(Fraction(2), "begins"),
    ]
    chosen = shown(frames, Requests([]), end=lambda: Fraction(3), is_cut=is_cut)
    assert [frame for _, frame, _ in chosen] == ["begins"]
    assert asked == ["first", "continues", "begins"]


@given(ascending, ascending, st.integers(0, 20))
def test_requests_without_their_plans_are_as_they_were(
    frames: list[Fraction], times: list[Fraction], taken: int
) -> None:
    """Times whose plans are dropped are answered like those that were never planned."""
    requests = Requests(times)
    planned = requests.take(Fraction(taken))
    requests.plan([Fraction(1000)] * len(planned), planned)
    requests.drop_plans()
    plain = Requests(times)
    assert [requests.answer(end) for end in frames] == [plain.answer(end) for end in frames]


def test_a_planned_frame_answers_a_time_before_it() -> None:
    """A keyframe can be shown for a time shortly before it."""
    requests = Requests([0.95, 2.0])
    requests.plan([Fraction(1)], requests.take(Fraction(1)))
    frames = [Decoded(Fraction(i), i) for i in range(2)]
    assert [time for time, _, _ in shown(frames, requests, end=lambda: Fraction(2))] == [1]


def test_endless_times_are_read_as_far_as_the_video_goes() -> None:
    """No more than one time behind the end is asked for."""
    times = count()
    requests = Requests(times)
    requests.plan([Fraction(0)], requests.take(Fraction(1)))
    requests.drop_plans()
    assert requests.answer(Fraction(3))
    assert next(times) == 4


def test_no_frames_yield_nothing() -> None:
    """A video without frames shows nothing."""
    none: list[Decoded[str]] = []
    assert list(shown(none, Requests([0.0, 1.0]), end=lambda: Fraction(0))) == []


def test_damage_is_told_in_one_sentence() -> None:
    """What is missing is counted and named."""
    damage = Damage(packets=6, frames=1, stopped="unreadable from 5.1 s on")
    assert damage.describe(claimed=Fraction("10.3"), reached=Fraction("5.1")) == (
        "6 packets could not be decoded; 1 frame decoded with errors; unreadable from 5.1 s on; "
        "claims 10.3 s, decoded up to 5.1 s"
    )


def test_a_video_slightly_shorter_than_claimed_is_whole() -> None:
    """Rounding and a tail of sound are not damage: less than a second, or less than 5 %."""
    damage = Damage()
    assert damage.describe(claimed=Fraction(2), reached=Fraction("1.1")) == ""
    assert damage.describe(claimed=Fraction(100), reached=Fraction(96)) == ""
    assert damage.describe(claimed=Fraction(100), reached=Fraction(94)) != ""
    assert damage.describe(claimed=None, reached=Fraction(0)) == ""
