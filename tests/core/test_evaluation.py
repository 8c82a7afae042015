"""Figures of retrieval against answers worked out by hand."""

import pytest

from clipseek.evaluation import Caption, Found, evaluate, evaluate_kinds
from clipseek.types import Span


def _found(file: str, start: float, end: float, relevance: float = 0.9) -> Found:
    return Found(file, Span(start, end), relevance)


CAR = Caption("a car", "car.mp4", (Span(0, 4), Span(8, 10)), frozenset({"also.mp4"}))


def _video(*found: Found) -> object:
    return evaluate([CAR], [found])["video"]


def _moment(*found: Found) -> object:
    return evaluate([CAR], [found])["moment"]


def test_rank_counts_videos_not_hits() -> None:
    """Two hits of one wrong video are one video before the right one."""
    answer = _video(_found("x.mp4", 0, 1), _found("x.mp4", 2, 3), _found("car.mp4", 0, 4))
    assert answer == {"R@1": 0.0, "R@5": 1.0, "R@10": 1.0, "median_rank": 2.0}


def test_an_also_file_is_right() -> None:
    """A query that is right in another file too is answered by it."""
    assert _video(_found("also.mp4", 0, 1)) == {
        "R@1": 1.0,
        "R@5": 1.0,
        "R@10": 1.0,
        "median_rank": 1.0,
    }


def test_nothing_found_has_no_median_rank() -> None:
    """A rank past the hits is infinite, which JSON cannot say."""
    assert _video() == {"R@1": 0.0, "R@5": 0.0, "R@10": 0.0, "median_rank": None}


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param([_found("car.mp4", 0, 4)], (1.0, 1.0, 1.0), id="exact"),
        pytest.param([_found("car.mp4", 8.5, 9.5)], (1.0, 1.0, 1.0), id="other right span"),
        pytest.param([_found("car.mp4", 0, 10)], (1.0, 0.0, 1.0), id="too long"),
        pytest.param([_found("car.mp4", 3.9, 6)], (0.0, 0.0, 1.0), id="touches"),
        pytest.param([_found("car.mp4", 5, 6)], (0.0, 0.0, 0.0), id="right file, wrong moment"),
        pytest.param([_found("x.mp4", 0, 4), _found("car.mp4", 0, 4)], (0.0,) * 3, id="wrong file"),
        pytest.param([_found("also.mp4", 0, 4), _found("car.mp4", 0, 4)], (1.0,) * 3, id="also"),
        pytest.param([_found("also.mp4", 0, 4)], (None,) * 3, id="only also: no span to judge by"),
        pytest.param([], (0.0,) * 3, id="nothing"),
    ],
)
def test_moment(found: list[Found], expected: tuple[float | None, ...]) -> None:
    """The best hit is judged by the right span nearest to it."""
    assert _moment(*found) == dict(zip(("R@1@0.3", "R@1@0.5", "touch"), expected, strict=True))


def test_absent_queries_are_recognised_below_one_half() -> None:
    """Recognised is a share, the area compares absent with present queries."""
    absent = Caption("a submarine")
    answers = [[_found("car.mp4", 0, 4, 0.8)], [_found("x", 0, 1, 0.49)], [_found("x", 0, 1, 0.9)]]
    assert evaluate([CAR, absent, absent], answers)["absent"] == {
        "queries": 2,
        "recognised": 0.5,
        "auc": 0.5,
    }
    assert evaluate([CAR], [answers[0]])["absent"] == {
        "queries": 0,
        "recognised": None,
        "auc": None,
    }


def test_the_groups_of_figures_have_their_names() -> None:
    """Present queries are counted, and each group is named; nothing more is there."""
    result = evaluate([CAR, Caption("a ship")], [[_found("car.mp4", 0, 4)], []])
    assert list(result) == ["queries", "video", "moment", "absent"]
    assert result["queries"] == 1


def test_an_answer_without_hits_has_no_relevance() -> None:
    """An absent query with no hit at all is recognised; a present one ranks below it or ties."""
    result = evaluate([CAR, Caption("a ship")], [[], []])
    assert result["absent"] == {"queries": 1, "recognised": 1.0, "auc": 0.5}


def test_one_half_is_a_match() -> None:
    """Relevance 0.5 says that something matches, so an absent query is not recognised at it."""
    result = evaluate([Caption("a ship")], [[_found("car.mp4", 0, 4, relevance=0.5)]])
    assert result["absent"] == {"queries": 1, "recognised": 0.0, "auc": None}


def test_without_present_queries_there_are_no_figures_of_them(
    recwarn: pytest.WarningsRecorder,
) -> None:
    """A figure that no query can give is None, without a warning of an empty mean."""
    assert evaluate([Caption("a ship")], [[]])["video"] == {
        "R@1": None,
        "R@5": None,
        "R@10": None,
        "median_rank": None,
    }
    assert not recwarn


def test_each_kind_is_judged_by_its_own_queries() -> None:
    """The figures of a kind are those of its queries, absent ones included, in file order."""
    said = Caption("hello", "car.mp4", (Span(0, 4),), kind="speech")
    captions = [CAR, said, Caption("nothing", kind="speech"), CAR]
    right, wrong = [_found("car.mp4", 0, 4)], [_found("x.mp4", 0, 4, 0.2)]
    kinds = evaluate_kinds(captions, [right, wrong, wrong, right])
    assert list(kinds) == ["picture", "speech"]
    assert kinds["picture"] == evaluate([CAR, CAR], [right, right])
    assert kinds["speech"] == evaluate([said, captions[2]], [wrong, wrong])


def test_what_is_excluded_must_not_be_in_the_best_frame_of_the_first_hit() -> None:
    """By the time of that frame; other queries do not count, and nothing found shows nothing."""
    asked = Caption("a car", "a.mp4", (Span(0, 4),), unwanted={"b.mp4": [Span(2, 3)]})
    answers = [
        [Found("b.mp4", Span(0, 4), 0.9, 2.5), Found("a.mp4", Span(0, 4), 0.8, 1.0)],
        [Found("b.mp4", Span(0, 4), 0.9, 1.5)],
        [Found("b.mp4", Span(0, 4), 0.9, 3.0)],
        [],
        [Found("b.mp4", Span(0, 4), 0.9, 2.5)],
    ]
    found = evaluate([asked] * 4 + [CAR], answers)
    assert found["without"] == {"queries": 4, "kept_out": 0.75}
    assert "without" not in evaluate([CAR], [[]])


def test_hits_without_relevance_do_not_count_as_absent_or_present() -> None:
    """Their score cannot be compared with the relevance of others."""
    nan = float("nan")
    absent = Caption("a submarine")
    answers = [
        [_found("car.mp4", 0, 4)],
        [_found("car.mp4", 0, 4, nan)],
        [_found("x.mp4", 0, 1, nan)],
    ]
    found = evaluate([CAR, CAR, absent], [*answers])
    assert found["absent"] == {"queries": 0, "recognised": None, "auc": None}
    found = evaluate([CAR, CAR, absent], [*answers[:2], [_found("x.mp4", 0, 1, 0.1)]])
    assert found["absent"] == {"queries": 1, "recognised": 1.0, "auc": 1.0}
