"""A watch fires once for each event, and a threshold is proposed from events."""

from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipseek.live.events import GAP_S, Past, Rule, Signal, State, follow, rises
from clipseek.live.hours import is_within
from clipseek.watches import Hours

RULE = Rule(0.6, 0.2)


def signal(*fits: float, start: float = 0.0, gaps: tuple[int, ...] = ()) -> Signal:
    """Return a signal of a second for each fit; before some rows is a gap."""
    begins = start + np.arange(len(fits), dtype=np.float64)
    for row in gaps:
        begins[row:] += GAP_S + 1
    return Signal(np.stack([begins, begins + 1], axis=1), np.array(fits))


def spans(found: Signal, rule: Rule = RULE) -> list[tuple[int, int]]:
    """Return the first and last row of each event."""
    return [(event.first, event.last) for event in follow(found, rule, State())[0]]


@pytest.mark.parametrize(
    ("fits", "expected"),
    [
        pytest.param((0.1, 0.7, 0.9, 0.1), [(1, 2)], id="one event"),
        pytest.param((0.7, 0.5, 0.61, 0.45, 0.7), [(0, 4)], id="it trembles about the threshold"),
        pytest.param((0.7, 0.39, 0.7), [(0, 0), (2, 2)], id="it falls below the margin"),
        pytest.param((0.59, 0.5), [], id="it never reaches the threshold"),
        pytest.param((), [], id="nothing"),
    ],
)
def test_an_event_lasts_until_the_fit_has_fallen(
    fits: tuple[float, ...], expected: list[tuple[int, int]]
) -> None:
    """By the margin, and not before."""
    assert spans(signal(*fits)) == expected


def test_a_low_threshold_has_an_end_too() -> None:
    """Half of it, if the margin would reach zero."""
    assert spans(signal(0.1, 0.06, 0.04, 0.1), Rule(0.1, 0.2)) == [(0, 1), (3, 3)]


def test_an_event_ends_when_the_camera_is_away() -> None:
    """For longer than the gap; a shorter one is part of the event."""
    assert spans(signal(0.7, 0.7, gaps=(1,))) == [(0, 0), (1, 1)]
    short = Signal(np.array([[0.0, 1.0], [1.0 + GAP_S, 12.0]]), np.array([0.7, 0.7]))
    assert spans(short) == [(0, 1)]


def test_an_event_goes_on_from_the_state_before() -> None:
    """It is not new, and the next one is."""
    first, state = follow(signal(0.1, 0.8), RULE, State())
    assert [(event.is_new, event.fires) for event in first] == [(True, True)]
    second, _ = follow(signal(0.5, 0.9, 0.1, 0.8, start=2.0), RULE, state)
    assert [(event.first, event.last, event.best, event.is_new) for event in second] == [
        (0, 1, 1, False),
        (3, 3, 3, True),
    ]


def test_a_cooldown_is_counted_from_the_last_alert() -> None:
    """Events in it are seen, and cause none; the state knows when the last alert was."""
    rule = Rule(0.6, 0.2, cooldown_s=3.0)
    found, state = follow(signal(0.7, 0.1, 0.7, 0.1, 0.7), rule, State())
    assert [event.fires for event in found] == [True, False, True]
    assert state.fired_at == 4.0
    later, _ = follow(signal(0.1, 0.7, start=5.0), rule, state)
    assert [event.fires for event in later] == [False]


def test_what_is_not_allowed_causes_no_alert() -> None:
    """Such as outside the hours of a watch."""
    found, state = follow(signal(0.7, 0.1, 0.7), RULE, State(), lambda start: start > 1)
    assert [event.fires for event in found] == [False, True]
    assert state.fired_at == 2.0


FITS = st.lists(st.floats(0, 1, width=16), max_size=30)


@given(FITS, st.sets(st.integers(1, 29)), st.floats(0.05, 1), st.floats(0, 0.5), st.floats(0, 9))
def test_counting_finds_the_events_that_following_finds(
    fits: list[float], gaps: set[int], threshold: float, margin: float, cooldown: float
) -> None:
    """At every threshold, over gaps, and with a cool-down."""
    found = signal(*fits, gaps=tuple(row for row in gaps if row < len(fits)))
    rule = Rule(threshold, margin, cooldown)
    events, _ = follow(found, rule, State())
    rows = rises(found.fit, found.begins, rule)
    assert rows.tolist() == [event.first for event in events]
    fired = sum(event.fires for event in events)
    assert Past([found]).alerts(rule) == fired
    assert Past([found, found], [lambda _: True] * 2).alerts(rule) == 2 * fired


@given(FITS, st.integers(0, 30), st.floats(0.05, 1), st.floats(0, 0.5), st.floats(0, 9))
def test_a_signal_in_two_parts_causes_the_alerts_of_the_whole(
    fits: list[float], cut: int, threshold: float, margin: float, cooldown: float
) -> None:
    """Wherever it is cut."""
    rule = Rule(threshold, margin, cooldown)
    whole, end = follow(signal(*fits), rule, State())
    one, state = follow(signal(*fits[:cut]), rule, State())
    two, last = follow(signal(*fits[cut:], start=float(min(cut, len(fits)))), rule, state)
    assert sum(event.is_new for event in (*one, *two)) == len(whole)
    assert sum(event.fires for event in (*one, *two)) == sum(event.fires for event in whole)
    assert last == end or not fits[cut:]


def test_a_threshold_is_between_the_events_that_count_and_the_others() -> None:
    """Each event counts once, however many segments of it are good."""
    long = signal(0.1, *(0.9,) * 50, 0.1, 0.8, 0.1)
    noise = signal(*(0.3, 0.05) * 20)
    found = Past([long, noise]).proposed(2, margin=0.1)
    assert found.alerts == 2
    assert 0.3 < found.threshold < 0.8
    assert 0.4 < found.threshold < 0.7  # in the middle of their logits


def test_events_that_are_sure_have_a_threshold_in_the_middle() -> None:
    """All thresholds give the same number, and one half is as far as can be from all segments."""
    found = Past([signal(0.0, 1.0, 0.0, 1.0, 0.0)]).proposed(2, margin=0.1)
    assert (found.alerts, found.threshold) == (2, 0.5)


def test_the_wanted_number_counts_more_than_a_wide_gap() -> None:
    """Eight of nine, although the ninth is nearly as good and all others are far off."""
    peaks = [0.9, 0.89, 0.88, 0.87, 0.86, 0.85, 0.84, 0.83, 0.79, 0.1, 0.1, 0.1, 0.1]
    found = Past([signal(0.01, peak, 0.01) for peak in peaks]).proposed(8, margin=0.1)
    assert found.alerts == 8
    assert 0.79 < found.threshold < 0.83


def test_too_few_events_give_the_nearest_number() -> None:
    """And nothing at all gives a threshold that nothing has reached."""
    found = Past([signal(0.01, 0.8, 0.01)]).proposed(10, margin=0.1)
    assert found.alerts == 1
    assert Past([]).proposed(3, margin=0.1).alerts == 0


def test_a_proposal_keeps_the_cooldown_and_the_hours() -> None:
    """It counts alerts, not events."""
    every = signal(*(0.9, 0.1) * 10)
    assert Past([every]).proposed(10, margin=0.1).alerts == 10
    assert Past([every]).proposed(10, margin=0.1, cooldown_s=4.0).alerts == 5
    assert Past([every], [lambda start: start >= 10]).proposed(10, margin=0.1).alerts == 5


NIGHT = Hours(("fri",), 22 * 60, 6 * 60, "Europe/Vienna")


@pytest.mark.parametrize(
    ("hours", "local", "expected"),
    [
        pytest.param(None, "2026-11-29T03:00", True, id="always"),
        pytest.param(NIGHT, "2026-11-27T22:00", True, id="Friday night"),
        pytest.param(NIGHT, "2026-11-28T05:59", True, id="Saturday morning belongs to Friday"),
        pytest.param(NIGHT, "2026-11-28T06:00", False, id="it is over"),
        pytest.param(NIGHT, "2026-11-27T05:00", False, id="Friday morning belongs to Thursday"),
        pytest.param(NIGHT, "2026-11-28T22:30", False, id="Saturday night"),
        pytest.param(
            Hours(("sun",), 480, 1440, "Europe/Vienna"), "2026-11-29T23:59", True, id="day"
        ),
        pytest.param(
            Hours(("sun",), 480, 1020, "Europe/Vienna"), "2026-11-29T07:59", False, id="early"
        ),
    ],
)
def test_hours_are_those_of_their_time_zone(
    hours: Hours | None, local: str, expected: bool
) -> None:
    """Over midnight they belong to the day on which they began."""
    time = datetime.fromisoformat(local).replace(tzinfo=ZoneInfo("Europe/Vienna"))
    assert is_within(hours, time.timestamp()) is expected
