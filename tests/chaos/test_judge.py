"""Wrong answers are seen as such: each kind, and no others."""

import pytest

from tests.chaos.judge import judge_age, judge_hits, judge_list


def _hit(video: str, start: float, end: float, score: float = 0.5) -> dict[str, object]:
    return {"video": {"id": video, "duration": 2.0}, "start": start, "end": end, "score": score}


@pytest.mark.parametrize(
    ("hits", "faults"),
    [
        pytest.param([_hit("there", 0, 2)], [], id="right"),
        pytest.param([_hit("there", 0, 1), _hit("there", 1, 2)], [], id="two moments"),
        pytest.param([_hit("there", 0, 2), _hit("maybe", 0, 2, 0.4)], [], id="either"),
        pytest.param([], ["lost"], id="missing"),
        pytest.param([_hit("there", 0, 2), _hit("gone", 0, 2, 0.4)], ["wrong"], id="stale"),
        pytest.param([_hit("there", 0, 2), _hit("other", 0, 2, 0.4)], ["wrong"], id="not asked"),
        pytest.param([_hit("there", 0, 1)], ["wrong"], id="half"),
        pytest.param(
            [_hit("there", 0, 1, 0.4), _hit("there", 1, 2, 0.5)], ["wrong"], id="out of order"
        ),
        pytest.param(
            [_hit("there", 0, 2), _hit("there", 0, 2)],
            ["duplicate", "wrong"],
            id="twice",
        ),
        pytest.param(
            [_hit("there", 0, 0.5), _hit("there", 0.5, 1), _hit("there", 1, 2)],
            ["duplicate"],
            id="more moments than segments",
        ),
    ],
)
def test_hits(hits: list[dict[str, object]], faults: list[str]) -> None:
    """One video must be found, one may be, and one may not."""
    found = judge_hits(
        hits, {"there": "present", "maybe": "either", "gone": "absent"}, {"there": 2}
    )
    assert [fault.kind for fault in found] == faults


def test_a_list_that_names_a_video_twice() -> None:
    """It is a duplicate, and nothing is lost."""
    faults = judge_list([{"id": "a"}, {"id": "a"}], {"a": "present", "b": "absent"})
    assert [fault.kind for fault in faults] == ["duplicate"]


@pytest.mark.parametrize(
    ("stale", "age_s", "is_right"),
    [
        pytest.param(False, None, True, id="fresh"),
        pytest.param(True, 31.9, True, id="stale"),
        pytest.param(True, 32.1, False, id="too old"),
        pytest.param(True, None, False, id="no age"),
        pytest.param(False, 3.0, False, id="not marked"),
        pytest.param(None, None, False, id="not said"),
        pytest.param(True, 0, False, id="no age at all"),
    ],
)
def test_ages(stale: bool | None, age_s: float | None, is_right: bool) -> None:
    """An answer is fresh, or stale within the limit, and says which."""
    assert (not list(judge_age({"stale": stale, "age_s": age_s}, 32.0))) == is_right
