"""Moments and highlights of one video, against the figures of the authors' evaluator."""

from random import Random

import numpy as np
import pytest

from clipseek.highlights import SLICE_S, Prediction, Truth, judged, slices_of

# What `standalone_eval/eval.py` of jayleicn/moment_detr (2fa9e32) says of `_drawn(5151, 60)`.
PUBLISHED = {
    "MR-full-mAP": 51.04,
    "MR-full-mAP@0.5": 70.78,
    "MR-full-mAP@0.75": 56.96,
    "MR-short-mAP": 9.26,
    "MR-middle-mAP": 49.37,
    "MR-long-mAP": 80.47,
    "MR-full-R1@0.5": 78.33,
    "MR-full-R1@0.7": 65.0,
    "HL-min-Fair-mAP": 55.27,
    "HL-min-Fair-Hit1": 91.67,
    "HL-min-Good-mAP": 42.93,
    "HL-min-Good-Hit1": 76.67,
    "HL-min-VeryGood-mAP": 25.36,
    "HL-min-VeryGood-Hit1": 48.33,
}


def _drawn(seed: int, count: int) -> tuple[list[Truth], list[Prediction]]:
    """Draw queries and answers with what is difficult: ties, too many windows, slices too few.

    By `random` alone, whose numbers are the same in every version of Python.
    """
    chance = Random(seed)

    def below(end: int) -> int:
        return int(chance.random() * end)

    truths, predictions = [], []
    for _ in range(count):
        slices = 30 + below(46)
        is_shown = np.zeros(slices, np.bool_)
        for _ in range(1 + below(3)):
            length = (2, 4, 9, 20)[below(4)]
            start = below(slices - length)
            is_shown[start : start + length] = True
        edges = np.flatnonzero(np.diff(np.r_[0, is_shown.astype(np.int64), 0]))
        right = (SLICE_S * edges).reshape(-1, 2)
        people = np.array([[below(5) for _ in range(3)] for _ in range(slices)])
        windows = []
        for _ in range(1 + below(13)):
            near = right[below(len(right))]
            start, end = sorted(max(0, int(each) + below(13) - 6) for each in near)
            windows.append([start, end + (start == end), below(11) / 10])
        if chance.random() < 0.7:
            windows.sort(key=lambda window: -window[2])
        given = slices + (3 if chance.random() < 0.2 else -below(3))
        shown = np.resize(is_shown, given)
        saliency = [round(2 * chance.random() + float(each), 1) - 1 for each in shown]
        truths.append(Truth(right.astype(np.float64), np.where(is_shown[:, None], people, 0.0)))
        predictions.append(Prediction(np.array(windows, np.float64), np.array(saliency)))
    return truths, predictions


def _windows(*rows: tuple[float, float, float]) -> Prediction:
    return Prediction(np.array(rows, np.float64).reshape(-1, 3), np.zeros(10))


def _truth(*windows: tuple[float, float]) -> Truth:
    return Truth(np.array(windows, np.float64), np.zeros((10, 3)))


def test_the_figures_are_those_of_the_published_evaluator() -> None:
    """Each to 0.01 percent, on 60 queries with ties, surplus windows and missing slices."""
    found = judged(*_drawn(5151, 60))
    assert found.keys() == PUBLISHED.keys()
    for name, figure in PUBLISHED.items():
        assert found[name] == pytest.approx(figure, abs=0.0101), name


@pytest.mark.parametrize(
    ("found", "average", "first"),
    [
        pytest.param([(0, 4, 0.9), (10, 20, 0.8)], 100.0, 100.0, id="both"),
        pytest.param([(0, 4, 0.9)], 50.0, 100.0, id="one of two"),
        pytest.param([(30, 40, 0.9), (0, 4, 0.8), (10, 20, 0.7)], 66.67, 0.0, id="wrong first"),
        pytest.param([(0, 4, 0.9), (0, 4, 0.8)], 50.0, 100.0, id="the same twice"),
        pytest.param([(30, 40, 0.1), (0, 4, 0.9)], 50.0, 0.0, id="the first is that of the list"),
        pytest.param([(30, 40, 0.9)] * 10 + [(0, 4, 0.8)], 0.0, 0.0, id="the eleventh"),
        pytest.param([], 0.0, 0.0, id="none"),
    ],
)
def test_windows(found: list[tuple[float, float, float]], average: float, first: float) -> None:
    """Two windows are right; the average precision is worked out by hand."""
    figures = judged([_truth((0, 4), (10, 20))], [_windows(*found)])
    assert figures["MR-full-mAP"] == average
    assert figures["MR-full-R1@0.7"] == first


def test_an_iou_of_exactly_the_threshold_is_enough() -> None:
    """A window of half the length is right at 0.5 and not above."""
    figures = judged([_truth((0, 10))], [_windows((0, 5, 1.0))])
    assert (figures["MR-full-R1@0.5"], figures["MR-full-R1@0.7"]) == (100.0, 0.0)
    assert (figures["MR-full-mAP@0.5"], figures["MR-full-mAP"]) == (100.0, 10.0)


def test_windows_count_by_their_length() -> None:
    """10 s are short, and what no query asks for has no figure."""
    figures = judged([_truth((0, 10), (20, 31))], [_windows((0, 10, 1.0))])
    assert figures["MR-short-mAP"] == 100.0
    assert figures["MR-middle-mAP"] == 0.0
    assert figures["MR-long-mAP"] is None


def test_highlights_are_the_slices_that_somebody_sees_as_such() -> None:
    """Two of three people: one has the best slice right, one the third of three, one none."""
    truth = Truth(np.array([[0.0, 6.0]]), np.array([[4, 0, 0], [0, 0, 0], [1, 2, 1]]))
    figures = judged([truth], [Prediction(np.empty((0, 3)), np.array([0.9, 0.5, 0.1]))])
    assert figures["HL-min-VeryGood-mAP"] == 33.33
    assert figures["HL-min-Fair-mAP"] == round(100 * (1 + 1 / 3) / 3, 2)
    assert figures["HL-min-Fair-Hit1"] == 100.0
    assert figures["HL-min-Good-Hit1"] == 100.0


def test_an_answer_without_slices_has_no_highlight() -> None:
    """Nothing is found by chance."""
    truth = Truth(np.array([[0.0, 2.0]]), np.array([[4], [0], [0], [0]]))
    figures = judged([truth], [Prediction(np.empty((0, 3)), np.empty(0))])
    assert figures["HL-min-Fair-Hit1"] == 0.0
    assert figures["HL-min-Fair-mAP"] == 25.0


def test_a_slice_is_as_relevant_as_the_best_frame_that_is_shown_in_it() -> None:
    """A frame is shown until the next one, so a long one fills several slices."""
    times, relevance = np.array([0.0, 1.0, 2.0, 7.0]), np.array([0.1, 0.3, 0.2, 0.9])
    assert slices_of(times, relevance, 5).tolist() == [0.3, 0.2, 0.2, 0.9, 0.9]


def test_what_is_before_the_first_frame_is_as_the_first_frame() -> None:
    """A video whose first frame comes late has slices before it."""
    assert slices_of(np.array([5.0]), np.array([0.4]), 2).tolist() == [0.4, 0.4]
