"""What several parts fit together: rules with known answers, and properties."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipseek.composition import Curves, combined, direction, heard, shown
from clipseek.types import Relevance

CURVES = Curves(20.0, Relevance(2.0, -3.0, fitted=True), coherence=0.8)
LOGITS = st.floats(-60, 60)
WEIGHTS = st.floats(0.01, 10)


def _together(logits: list[float], weights: list[float]) -> float:
    return float(combined(np.array([logits]), np.array(weights))[0])


def _share(logit: float) -> float:
    return float(1 / (1 + np.exp(-logit)))


def test_what_is_said_counts_if_it_fits_better() -> None:
    """Surely, but not so surely that the other parts would not matter."""
    logits = np.array([[-5.0, 2.0, -5.0, -5.0]])
    found = heard(logits, np.array([[0.5, 0.5, 0.0, 1.0]]))[0]
    assert found[:3] == pytest.approx([0.0, 2.0, -5.0])
    assert 6 < found[3] < 8
    assert _together([found[3], 9.0], [1, 1]) > _together([found[3], 3.0], [1, 1])


@given(LOGITS, WEIGHTS)
def test_one_part_is_what_it_is(logit: float, weight: float) -> None:
    """Whatever its weight."""
    assert _together([logit], [weight]) == pytest.approx(logit, abs=1e-9, rel=1e-9)


@pytest.mark.parametrize(
    ("shares", "weights", "expected"),
    [
        pytest.param([0.9, 0.9], [1, 1], 0.9, id="both as well"),
        pytest.param([0.9, 0.4], [1, 1], 0.6, id="geometric mean"),
        pytest.param([0.9, 0.4], [3, 1], 0.9**0.75 * 0.4**0.25, id="weighted"),
        pytest.param([0.9, 0.2], [1, -1], 0.72, id="one is not wanted"),
        pytest.param([0.9, 0.2], [2, -1], 0.9 * 0.8**0.5, id="less against it"),
        pytest.param([0.9, 0.5, 0.5], [1, -1, -1], 0.225, id="two are not wanted"),
    ],
)
def test_known_answers(shares: list[float], weights: list[float], expected: float) -> None:
    """Products of relevances, as the formula says."""
    logits = [float(np.log(share / (1 - share))) for share in shares]
    assert _share(_together(logits, weights)) == pytest.approx(expected)


@given(st.lists(st.tuples(LOGITS, WEIGHTS, st.booleans()), min_size=1, max_size=7), LOGITS)
def test_more_of_what_is_wanted_fits_better_and_of_the_rest_worse(
    others: list[tuple[float, float, bool]], logit: float
) -> None:
    """Whatever else is asked."""
    logits = [each for each, _, _ in others]
    weights = [weight if wanted else -weight for _, weight, wanted in others]
    for weight, better in ((1.0, 1), (-1.0, -1)):
        asked = [1.0, *weights, weight]
        less, more = (_together([0.0, *logits, each], asked) for each in (logit, logit + 1))
        assert better * (more - less) >= 0


@given(LOGITS, LOGITS, WEIGHTS, WEIGHTS, st.floats(0.1, 10))
def test_only_proportions_of_weights_count(
    one: float, two: float, wanted: float, other: float, times: float
) -> None:
    """Twice of everything is the same."""
    found = _together([one, two], [wanted, -other])
    assert _together([one, two], [times * wanted, -times * other]) == pytest.approx(found)


def test_what_fits_surely_keeps_its_order() -> None:
    """Where relevance is 1 as far as a float can say."""
    sure = [_together([logit, -80.0], [1, -1]) for logit in (40.0, 50.0, 60.0)]
    assert sure == pytest.approx([40, 50, 60])


def test_the_worst_that_can_be_is_a_number() -> None:
    """Also with the largest weights."""
    assert np.isfinite(_together([-1e4, 1e4], [0.01, -10]))


@pytest.mark.parametrize("is_sentence", [True, False])
def test_cosines_are_what_logits_were_made_of(is_sentence: bool) -> None:
    """One part has its own cosine as score."""
    cosines, biases = np.linspace(-1, 1, 9), np.linspace(5, 9, 9)
    logits = CURVES.logits(cosines, biases, is_sentence=is_sentence)
    assert CURVES.cosines(logits, biases, is_sentence=is_sentence) == pytest.approx(cosines)


def test_pictures_are_alike_from_coherence_on() -> None:
    """0.5 there, 0.98 for the same picture, and as much below it as that is above."""
    logits = CURVES.logits(np.array([0.6, 0.8, 1.0]), np.zeros(3), is_sentence=False)
    assert [_share(logit) for logit in logits] == pytest.approx([0.018, 0.5, 0.982], abs=1e-3)


def test_sentences_fit_by_their_relevance() -> None:
    """The curve of calibration."""
    logits = CURVES.logits(np.array([0.5]), np.array([6.0]), is_sentence=True)
    assert logits == pytest.approx([2 * (20 * 0.5 - 6) - 3])


def test_nearness_to_the_direction_is_the_mean_of_cosines() -> None:
    """Weighted, and without what is not wanted."""
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(4, 8)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    vector, length = direction(rows[:3], np.array([1.0, 3.0, -2.0]))
    assert np.linalg.norm(vector) == pytest.approx(1)
    cosines = rows[:2] @ rows[3]
    assert length * (vector @ rows[3]) == pytest.approx(0.25 * cosines[0] + 0.75 * cosines[1])


def test_opposites_have_no_direction() -> None:
    """Their mean is zero."""
    row = np.array([0.6, 0.8], np.float32)
    assert direction(np.stack([row, -row]), np.array([1.0, 1.0]))[1] == 0


def test_a_sure_sentence_lifts_an_equal_picture_above_a_cosine_and_the_answer_says_1() -> None:
    """Which is why the score of an answer has bounds of its own."""
    fits = combined(np.array([[4.0, 30.0], [-60.0, -60.0]]), np.array([1.0, 1.0]))
    scores = CURVES.cosines(fits, np.zeros(2), is_sentence=False)
    assert scores[0] > 1
    assert scores[1] < -1
    assert [shown(float(score)) for score in scores] == [1.0, -1.0]
    assert shown(0.25) == 0.25
