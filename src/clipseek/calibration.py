"""From cosines to relevance: how sure the model is, comparable between queries.

A contrastive model is trained to say which of N sentences describes a picture: its probability
for sentence q among others is a softmax of `t * cosine` (Radford et al. 2021, section 2.3). Here
the others are a *bank*, N everyday sentences with unit vectors b, so with t the model's logit
scale, v a segment and q a query:

    bias(v)        = logsumexp_b(t * b.v) - ln N     once per segment, at ingest
    evidence(q, v) = t * q.v - bias(v)               how much better q fits v than the bank does
    relevance      = sigmoid(scale * evidence + offset)

With scale 1 and offset -ln N, relevance is the model's own probability that q, and none of the
bank's N sentences, describes v: exp(t q.v) / (exp(t q.v) + sum_b exp(t b.v)).

A model trained with a sigmoid for each pair (Zhai et al. 2023, section 3.2) says of each pair
alone whether it belongs together, and needs no bank: with b its logit bias, bias(v) = -b, and with
scale 1 and offset 0 relevance is the model's own probability.

Fitting scale and offset on labelled pairs is Platt scaling (Platt 1999).
"""

import numpy as np
from numpy.typing import NDArray

from clipseek.errors import ConfigError
from clipseek.types import Relevance

Floats = NDArray[np.float32] | NDArray[np.float64]

# Cosines held at once while biases are computed: 4 million float32 are 16 MB.
_BLOCK_CELLS = 4_000_000

# With fewer labelled pairs on a side, the border between the two sides cannot be measured.
MIN_PAIRS = 8

# Weight of the squared slope in `fit`, per pair: keeps the curve finite where evidence separates
# the sides perfectly, and moves a fit to overlapping sides by less than 1 %.
_RIDGE = 1e-3
_NEWTON_STEPS = 100


def bias(
    vectors: NDArray[np.float32],
    bank: NDArray[np.float32],
    logit_scale: float,
    logit_bias: float | None = None,
) -> NDArray[np.float32]:
    """Return what the bank's sentences say of each vector: logsumexp_b(t * b.v) - ln N.

    Args:
        vectors: float32 (S, dim), unit rows.
        bank: float32 (N, dim), unit rows, N >= 1.
        logit_scale: t.
        logit_bias: b of a model trained with a sigmoid: then -b for each, whatever the bank says.

    Returns:
        float32 (S,).
    """
    if logit_bias is not None:
        return np.full(len(vectors), -logit_bias, np.float32)
    biases = np.empty(len(vectors), np.float32)
    block = max(1, _BLOCK_CELLS // len(bank))
    for start in range(0, len(vectors), block):
        logits = logit_scale * (vectors[start : start + block] @ bank.T)
        top = logits.max(axis=1)
        mean = np.exp(logits - top[:, None]).mean(axis=1, dtype=np.float64)
        biases[start : start + block] = top + np.log(mean)
    return biases


def evidence(scores: Floats, biases: Floats, logit_scale: float) -> Floats:
    """Return t * cosine - bias for cosines and biases of the same or broadcastable shapes."""
    return np.float32(logit_scale) * scores - biases


def relevance(evidence: Floats, curve: Relevance) -> NDArray[np.float64]:
    """Return the logistic curve of evidence, in [0, 1], in the shape of `evidence`."""
    return _sigmoid(curve.scale * np.asarray(evidence, np.float64) + curve.offset)


def model_constants(n_bank: int, logit_bias: float | None = None) -> Relevance:
    """Return the curve that is the model's own probability.

    That is a softmax against a bank of N, and with `logit_bias` a sigmoid.
    """
    if logit_bias is not None:
        return Relevance(scale=1.0, offset=0.0, fitted=False)
    if n_bank < 1:
        raise ValueError(f"n_bank must be >= 1, got {n_bank}")
    return Relevance(scale=1.0, offset=-float(np.log(n_bank)), fitted=False)


def fit(present: Floats, absent: Floats) -> Relevance:
    """Fit the curve to evidence of pairs that belong together and of pairs that do not.

    Logistic regression by Newton's method, with Platt's smoothed targets (Platt 1999, section
    2.2) and both sides weighted to the same sum, so that relevance 0.5 is where both sides are
    equally likely, whatever their numbers.

    Args:
        present: Evidence (P,) of pairs whose sentence describes the segment.
        absent: Evidence (A,) of pairs whose sentence does not.

    Raises:
        ConfigError: fewer than 8 on a side, values that are not finite, or present evidence that
            is not higher than absent evidence.
    """
    _check_pairs(present, absent)
    x = np.concatenate([present, absent]).astype(np.float64)
    target = np.r_[
        np.full(len(present), (len(present) + 1) / (len(present) + 2)),
        np.full(len(absent), 1 / (len(absent) + 2)),
    ]
    weight = np.r_[
        np.full(len(present), 0.5 / len(present)), np.full(len(absent), 0.5 / len(absent))
    ]
    # In standard units the ridge and the steps do not depend on the model's logit scale.
    middle = float(weight @ x)
    spread = float(np.sqrt(weight @ (x - middle) ** 2))
    slope, level = _newton((x - middle) / spread, target, weight)
    if slope <= 0:
        raise ConfigError(
            "sentences that describe a video got no more evidence than sentences that do not, so "
            "no curve can be fitted; check the captions, or use another model"
        )
    return Relevance(scale=slope / spread, offset=level - slope * middle / spread, fitted=True)


def auc(present: Floats, absent: Floats) -> float:
    """Return the area under the ROC curve: the share of (present, absent) pairs in order.

    A tie counts half. 0.5 is chance, 1.0 is perfect. Both sides need one value at least.
    """
    if len(present) == 0 or len(absent) == 0:
        raise ValueError(f"auc needs values on both sides, got {len(present)} and {len(absent)}")
    ordered = np.sort(absent)
    below = np.searchsorted(ordered, present, side="left")
    not_above = np.searchsorted(ordered, present, side="right")
    return float((below + not_above).sum() / (2 * len(present) * len(absent)))


def _check_pairs(present: Floats, absent: Floats) -> None:
    for side, values in (("present", present), ("absent", absent)):
        if len(values) < MIN_PAIRS:
            raise ConfigError(
                f"fitting needs at least {MIN_PAIRS} {side} pairs, got {len(values)}; "
                "give more captions"
            )
        if not np.isfinite(values).all():
            raise ConfigError(f"the {side} evidence contains values that are not finite")
    if np.ptp(np.concatenate([present, absent])) == 0:
        raise ConfigError("all pairs have the same evidence, so no curve can be fitted")


def _newton(
    x: NDArray[np.float64], target: NDArray[np.float64], weight: NDArray[np.float64]
) -> tuple[float, float]:
    """Minimise the weighted cross-entropy of sigmoid(slope * x + level); return both."""
    design = np.stack([x, np.ones_like(x)], axis=1)
    ridge = np.diag([_RIDGE, 0.0])
    parameters = np.zeros(2)
    loss = _loss(parameters, design, target, weight)
    for _ in range(_NEWTON_STEPS):
        probability = _sigmoid(design @ parameters)
        gradient = design.T @ (weight * (probability - target)) + ridge @ parameters
        curvature: NDArray[np.float64] = design.T @ (
            design * (weight * probability * (1 - probability))[:, None]
        )
        damped = curvature + ridge + 1e-12 * np.eye(2)
        step = np.asarray(np.linalg.solve(damped, gradient), np.float64)
        parameters, loss, better = _descend(parameters, step, loss, design, target, weight)
        if not better or np.abs(step).max() < 1e-10:
            break
    return float(parameters[0]), float(parameters[1])


def _descend(
    parameters: NDArray[np.float64],
    step: NDArray[np.float64],
    loss: float,
    design: NDArray[np.float64],
    target: NDArray[np.float64],
    weight: NDArray[np.float64],
) -> tuple[NDArray[np.float64], float, bool]:
    """Halve the Newton step until it does not make the loss worse (Lin, Lin & Weng 2007)."""
    for _ in range(30):
        trial = parameters - step
        trial_loss = _loss(trial, design, target, weight)
        if trial_loss <= loss:
            return trial, trial_loss, trial_loss < loss
        step = step / 2
    return parameters, loss, False


def _loss(
    parameters: NDArray[np.float64],
    design: NDArray[np.float64],
    target: NDArray[np.float64],
    weight: NDArray[np.float64],
) -> float:
    logit = design @ parameters
    entropy = np.logaddexp(0, logit) - target * logit
    return float(weight @ entropy + 0.5 * _RIDGE * parameters[0] ** 2)


def _sigmoid(logit: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return 1 / (1 + exp(-logit)) without overflow at either end."""
    return 0.5 * (1 + np.tanh(0.5 * logit))
