"""From cosines to relevance: bias, evidence, the curve, its fit, and the area under the curve."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from scipy import optimize, special

from clipseek import calibration
from clipseek.errors import ConfigError
from clipseek.types import Relevance

values = st.floats(-50, 50, allow_nan=False, width=32)
sides = hnp.arrays(np.float64, st.integers(1, 40), elements=st.integers(-9, 9).map(float))


def units(count: int, dim: int = 16, seed: int = 0) -> NDArray[np.float32]:
    """Return random unit rows."""
    rows = np.random.default_rng(seed).normal(size=(count, dim))
    unit: NDArray[np.float64] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit.astype(np.float32)


def pairs(
    present: float, absent: float, count: int = 400, spread: float = 1.0
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return normal evidence around two means."""
    random = np.random.default_rng(1)
    return random.normal(present, spread, count), random.normal(absent, spread, count)


def test_a_sigmoids_bias_is_its_own() -> None:
    """What the bank says does not count where the model says of each pair alone if it is right."""
    bias = calibration.bias(units(7), units(50, seed=1), 20.0, logit_bias=-8.5)
    assert bias.tolist() == [8.5] * 7
    assert calibration.model_constants(50, -8.5) == Relevance(1.0, 0.0, fitted=False)


def test_bias_is_the_log_of_the_mean_of_the_banks_exponentials() -> None:
    """The definition, in float64 and without blocks, gives the same numbers."""
    vectors, bank = units(7), units(50, seed=1)
    logits = 20.0 * vectors.astype(np.float64) @ bank.T.astype(np.float64)
    wanted = np.log(np.exp(logits).mean(axis=1))

    assert np.allclose(calibration.bias(vectors, bank, 20.0), wanted, atol=1e-4)


def test_bias_does_not_overflow() -> None:
    """A logit scale far beyond any model's still gives finite numbers."""
    assert np.isfinite(calibration.bias(units(5), units(9, seed=1), 1e6)).all()


def test_bias_of_no_vectors_is_empty() -> None:
    """No segments, no biases."""
    assert calibration.bias(units(0), units(9), 100.0).shape == (0,)


def test_bias_does_not_depend_on_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Computing in small blocks gives the same numbers."""
    vectors, bank = units(40), units(30, seed=1)
    whole = calibration.bias(vectors, bank, 50.0)

    monkeypatch.setattr(calibration, "_BLOCK_CELLS", 100)

    assert np.allclose(calibration.bias(vectors, bank, 50.0), whole, atol=1e-5)


def test_bias_does_not_depend_on_the_order_of_the_bank() -> None:
    """The bank is a set."""
    vectors, bank = units(5), units(30, seed=1)

    left = calibration.bias(vectors, bank, 50.0)
    right = calibration.bias(vectors, bank[::-1].copy(), 50.0)

    assert np.allclose(left, right, atol=1e-5)


def test_bias_does_not_depend_on_how_often_the_whole_bank_is_repeated() -> None:
    """It is a mean: twice the same sentences say the same."""
    vectors, bank = units(5), units(30, seed=1)

    left = calibration.bias(vectors, bank, 50.0)
    right = calibration.bias(vectors, np.concatenate([bank, bank]), 50.0)

    assert np.allclose(left, right, atol=1e-5)


def test_evidence_is_the_scaled_cosine_less_the_bias() -> None:
    """One number for each pair of score and bias."""
    scores = np.array([[0.3, 0.1]], np.float32)
    biases = np.array([20.0, 5.0], np.float32)

    assert np.allclose(calibration.evidence(scores, biases, 100.0), [[10.0, 5.0]])


def test_the_models_own_curve_is_its_softmax_probability() -> None:
    """Relevance by model_constants is exp(tqv) / (exp(tqv) + sum_b exp(tbv))."""
    segment, query, bank = units(1), units(1, seed=2), units(40, seed=1)
    logits = 10.0 * (bank @ segment[0])
    own = float(10.0 * (query[0] @ segment[0]))
    wanted = np.exp(own) / (np.exp(own) + np.exp(logits).sum())

    evidence = calibration.evidence(query @ segment[0], calibration.bias(segment, bank, 10.0), 10.0)
    found = calibration.relevance(evidence, calibration.model_constants(len(bank)))

    assert found[0] == pytest.approx(wanted, rel=1e-4)


def test_a_bank_needs_a_sentence() -> None:
    """There is no curve against an empty bank."""
    with pytest.raises(ValueError, match="n_bank must be >= 1"):
        calibration.model_constants(0)


@given(hnp.arrays(np.float32, 20, elements=values), st.floats(0.01, 10), st.floats(-20, 20))
def test_relevance_is_between_0_and_1(
    evidence: NDArray[np.float32], scale: float, offset: float
) -> None:
    """Whatever the evidence, relevance is a probability."""
    relevance = calibration.relevance(evidence, Relevance(scale, offset, fitted=True))

    assert ((relevance >= 0) & (relevance <= 1)).all()


@given(hnp.arrays(np.float32, 20, elements=values), st.floats(0.01, 10), st.floats(-20, 20))
def test_relevance_rises_with_evidence(
    evidence: NDArray[np.float32], scale: float, offset: float
) -> None:
    """More evidence is never less relevant."""
    ordered = np.sort(evidence)

    relevance = calibration.relevance(ordered, Relevance(scale, offset, fitted=True))

    assert (np.diff(relevance) >= 0).all()


@pytest.mark.parametrize("evidence", [-1e9, 1e9], ids=["none", "endless"])
def test_relevance_stands_extreme_evidence(evidence: float) -> None:
    """No overflow at either end; warnings are errors."""
    curve = Relevance(1.0, 0.0, fitted=False)

    assert calibration.relevance(np.array([evidence]), curve)[0] == float(evidence > 0)


def test_relevance_keeps_the_shape() -> None:
    """Scores of several queries stay a table."""
    curve = Relevance(1.0, 0.0, fitted=False)

    assert calibration.relevance(np.zeros((2, 3), np.float32), curve).shape == (2, 3)


def test_a_fit_puts_one_half_where_the_sides_balance() -> None:
    """With equally wide sides the threshold is halfway between their means."""
    curve = calibration.fit(*pairs(3.0, -1.0))

    assert -curve.offset / curve.scale == pytest.approx(1.0, abs=0.1)
    assert curve.fitted


def test_a_fit_finds_the_slope_of_normal_sides() -> None:
    """For two normals of one width the log odds are linear, slope (m1 - m0) / s^2."""
    curve = calibration.fit(*pairs(1.0, -1.0, count=20_000, spread=2.0))

    assert curve.scale == pytest.approx(0.5, rel=0.05)


def test_a_fit_does_not_depend_on_how_many_pairs_a_side_has() -> None:
    """The sides weigh the same: repeating one moves the threshold by next to nothing."""
    present, absent = pairs(2.0, -1.0)

    once = calibration.fit(present, absent)
    often = calibration.fit(present, np.tile(absent, 20))

    assert -often.offset / often.scale == pytest.approx(-once.offset / once.scale, abs=0.03)


@given(st.floats(-30, 30), st.floats(0.1, 10))
def test_a_fit_moves_with_the_evidence(shift: float, factor: float) -> None:
    """Shifted and stretched evidence gets the same relevance from its own curve."""
    present, absent = pairs(2.0, -1.0, count=50)

    left = calibration.relevance(present, calibration.fit(present, absent))
    moved = present * factor + shift, absent * factor + shift
    right = calibration.relevance(moved[0], calibration.fit(*moved))

    assert np.allclose(left, right, atol=1e-6)


def test_a_fit_of_sides_that_do_not_overlap_is_finite() -> None:
    """Smoothed targets and the ridge keep the slope finite where nothing overlaps."""
    curve = calibration.fit(np.linspace(5, 6, 20), np.linspace(-6, -5, 20))

    assert 0 < curve.scale < 10
    assert calibration.relevance(np.array([5.0, -5.0]), curve).round() == pytest.approx([1, 0])


NO_FITS = {
    "few present": (np.arange(7.0), np.arange(20.0), "at least 8 present pairs, got 7"),
    "none absent": (np.arange(20.0), np.empty(0), "at least 8 absent pairs, got 0"),
    "all the same": (np.ones(9), np.ones(9), "the same evidence"),
    "not finite": (np.full(9, np.nan), np.ones(9), "not finite"),
    "backwards": (np.arange(20.0), np.arange(20.0) + 9, "no more evidence"),
}


@pytest.mark.parametrize(("present", "absent", "message"), NO_FITS.values(), ids=list(NO_FITS))
def test_what_cannot_be_fitted_is_refused(
    present: NDArray[np.float64], absent: NDArray[np.float64], message: str
) -> None:
    """The message says what is wrong with the pairs."""
    with pytest.raises(ConfigError, match=message):
        calibration.fit(present, absent)


@given(sides, sides)
def test_auc_counts_pairs_in_order(
    present: NDArray[np.float64], absent: NDArray[np.float64]
) -> None:
    """It is the share of pairs in order, a tie counting half."""
    above = (present[:, None] > absent).sum() + 0.5 * (present[:, None] == absent).sum()

    assert calibration.auc(present, absent) == pytest.approx(above / (len(present) * len(absent)))


@given(sides, sides)
def test_auc_of_swapped_sides_is_the_rest(
    present: NDArray[np.float64], absent: NDArray[np.float64]
) -> None:
    """What one side wins the other side loses."""
    total = calibration.auc(present, absent) + calibration.auc(absent, present)

    assert total == pytest.approx(1.0)


def test_auc_needs_both_sides() -> None:
    """No area without something to compare."""
    with pytest.raises(ValueError, match="values on both sides"):
        calibration.auc(np.ones(3), np.empty(0))


def platt(present: NDArray[np.float64], absent: NDArray[np.float64]) -> tuple[float, float]:
    """Minimise what `fit` documents with SciPy's own optimiser; return scale and offset."""
    x = np.concatenate([present, absent])
    ones, zeros = len(present), len(absent)
    # Platt 1999, section 2.2: targets as if one more pair of each kind had been seen.
    target = np.r_[np.full(ones, (ones + 1) / (ones + 2)), np.full(zeros, 1 / (zeros + 2))]
    weight = np.r_[np.full(ones, 0.5 / ones), np.full(zeros, 0.5 / zeros)]
    middle = np.average(x, weights=weight)
    spread = np.sqrt(np.average((x - middle) ** 2, weights=weight))

    def loss(parameters: NDArray[np.float64]) -> float:
        likely = special.expit(parameters[0] * (x - middle) / spread + parameters[1])
        entropy = -(special.xlogy(target, likely) + special.xlogy(1 - target, 1 - likely))
        return float(np.sum(weight * entropy) + 0.0005 * parameters[0] ** 2)

    slope, level = optimize.minimize(loss, [1.0, 0.0], method="Nelder-Mead", tol=1e-12).x
    return slope / spread, level - slope * middle / spread


@pytest.mark.parametrize(
    ("present", "absent", "count"),
    [(3, 0, 400), (1, 0, 50), (4, -4, 12), (0.2, 0, 300), (-20, -23, 9)],
    ids=["overlap", "close", "apart", "hardly", "few"],
)
def test_a_fit_is_the_minimum_that_another_optimiser_finds(
    present: float, absent: float, count: int
) -> None:
    """Scale and offset agree with Nelder-Mead over the documented loss, unequal sides too."""
    right, wrong = pairs(present, absent, count)
    wrong = wrong[: max(8, count // 2)]
    curve = calibration.fit(right, wrong)
    assert (curve.scale, curve.offset) == pytest.approx(platt(right, wrong), rel=1e-4, abs=1e-5)


def test_eight_pairs_on_a_side_are_enough() -> None:
    """The least that is asked for is accepted."""
    right, wrong = pairs(5, 0, 8)
    assert calibration.fit(right, wrong).fitted


def test_a_bank_of_one_sentence_has_no_offset() -> None:
    """A softmax of two against one is one half where they are equal; nothing was fitted."""
    assert calibration.model_constants(1) == Relevance(1.0, 0.0, fitted=False)
    assert calibration.model_constants(10).fitted is False


def test_biases_are_float32_and_sums_of_the_bank_are_not() -> None:
    """A hundred thousand small terms are summed in float64: float32 would lose them."""
    assert calibration.bias(units(2), units(3), 5.0).dtype == np.float32
    assert calibration.bias(units(2), units(3), 5.0, logit_bias=1.0).dtype == np.float32
    assert calibration.relevance(np.zeros(1, np.float32), Relevance(1, 0, fitted=False)).dtype == (
        np.float64
    )


def test_a_model_that_does_not_tell_sides_apart_has_no_curve() -> None:
    """The refusal says what to do."""
    right, wrong = pairs(-3, 3)
    with pytest.raises(ConfigError) as refused:
        calibration.fit(right, wrong)
    assert str(refused.value) == (
        "sentences that describe a video got no more evidence than sentences that do not, so "
        "no curve can be fitted; check the captions, or use another model"
    )


def test_equal_evidence_and_few_pairs_are_refused_in_words() -> None:
    """Each refusal names what is wrong."""
    with pytest.raises(ConfigError) as few:
        calibration.fit(np.ones(7), np.zeros(8))
    assert str(few.value) == "fitting needs at least 8 present pairs, got 7; give more captions"
    with pytest.raises(ConfigError) as equal:
        calibration.fit(np.ones(8), np.ones(8))
    assert str(equal.value) == "all pairs have the same evidence, so no curve can be fitted"
