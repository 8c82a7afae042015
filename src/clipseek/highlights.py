"""Moments and highlights inside one video, judged as the benchmark QVHighlights judges them.

Lei, Berg and Bansal 2021, "QVHighlights: Detecting Moments and Highlights in Videos via Natural
Language Queries". The figures have the names, the percent and the two digits of its evaluator,
`standalone_eval/eval.py` of the authors' repository jayleicn/moment_detr, and agree with it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SLICE_S = 2.0
"""Seconds of the slices that have a saliency."""
MOST_WINDOWS = 10
"""Windows of a prediction that count, the first ones."""
IOUS = tuple(round(0.5 + 0.05 * step, 2) for step in range(10))
"""From which IoU on a window counts as found: the mean over all is the mAP."""
LENGTHS_S = {"short": (0.0, 10.0), "middle": (10.0, 30.0), "long": (30.0, 150.0)}
"""Windows are longer than the first number of seconds, and at most as long as the second."""
LEAST = {"Fair": 2, "Good": 3, "VeryGood": 4}
"""From which saliency on a slice is a highlight."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """What is right for one query.

    windows: float64 (W, 2), seconds, W >= 1. saliency: float64 (C, A) of each slice of the video,
    0 (not at all) to 4, as A people see it.
    """

    windows: Floats
    saliency: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """What was found for one query.

    windows: float64 (M, 3), start and end in seconds and a score, best first. saliency: float64
    (C,), of each slice; what is missing at the end counts as 0, and what is too much is left out.
    """

    windows: Floats
    saliency: Floats


def judged(truths: Sequence[Truth], predictions: Sequence[Prediction]) -> dict[str, float | None]:
    """Compare predictions with the truth, query by query.

    A prediction without a window or a slice counts as wrong (the authors' evaluator cannot judge
    it).

    Returns:
        `MR-…`: the mean average precision of windows (`mAP`, over IoU 0.5 to 0.95 or at one of
        them), of all queries (`full`) or of those with windows of a length, and the share whose
        first window is right (`R1@IoU`). `HL-min-…`: mean average precision of slices (`mAP`), and
        the share whose best slice is a highlight (`Hit1`), from a saliency on. In percent, with two
        digits; None if there is no query of this length.
    """
    pairs = list(zip(truths, predictions, strict=True))
    full = _precisions([(truth.windows, found) for truth, found in pairs])
    first = np.array([_first_iou(truth, found) for truth, found in pairs])
    figures = {
        "MR-full-mAP": _percent(full),
        "MR-full-mAP@0.5": _percent(full[:, IOUS.index(0.5)]),
        "MR-full-mAP@0.75": _percent(full[:, IOUS.index(0.75)]),
        "MR-full-R1@0.5": _percent(first >= 0.5),
        "MR-full-R1@0.7": _percent(first >= 0.7),
    }
    for name, (above, most) in LENGTHS_S.items():
        some = [(_of_length(truth.windows, above, most), found) for truth, found in pairs]
        figures[f"MR-{name}-mAP"] = _percent(_precisions([pair for pair in some if len(pair[0])]))
    for name, least in LEAST.items():
        is_right = [truth.saliency >= least for truth in truths]
        figures |= _of_slices(f"HL-min-{name}", is_right, predictions)
    return figures


def slices_of(times: Floats, relevance: Floats, count: int) -> Floats:
    """Return the relevance of each slice, that of the best frame that is shown in it.

    Args:
        times: float64 (N,), seconds, ascending: each frame is shown until the next one.
        relevance: float64 (N,), of the frames, N >= 1.
        count: How many slices there are.
    """
    starts = SLICE_S * np.arange(count)
    first = np.maximum(np.searchsorted(times, starts, side="right") - 1, 0)
    end = np.maximum(np.searchsorted(times, starts + SLICE_S), first + 1)
    return np.array([relevance[a:b].max() for a, b in zip(first, end, strict=True)])


def _of_slices(
    name: str, is_right: Sequence[NDArray[np.bool_]], predictions: Sequence[Prediction]
) -> Mapping[str, float | None]:
    """Return the figures of slices that are right, bool (C, A) of each query."""
    precisions, hits = [], []
    for right, found in zip(is_right, predictions, strict=True):
        saliency = np.zeros(len(right))
        given = found.saliency[: len(right)]
        saliency[: len(given)] = given
        precisions.append([_slice_precision(each, saliency) for each in right.T])
        best = int(found.saliency.argmax()) if len(found.saliency) else len(right)
        hits.append(best < len(right) and bool(right[best].any()))
    return {f"{name}-mAP": _percent(precisions), f"{name}-Hit1": _percent(hits)}


def _of_length(windows: Floats, above: float, most: float) -> Floats:
    lengths = windows[:, 1] - windows[:, 0]
    return windows[(lengths > above) & (lengths <= most)]


def _precisions(pairs: Sequence[tuple[Floats, Prediction]]) -> Floats:
    """Return the average precision of each query at each of `IOUS`, float64 (Q, 10)."""
    found = [[_precision(right, each, iou) for iou in IOUS] for right, each in pairs]
    return np.array(found).reshape(len(pairs), len(IOUS))


def _precision(right: Floats, found: Prediction, least: float) -> float:
    """Return the average precision of windows as Pascal VOC 2011 interpolates it.

    The windows with the best scores choose first, each the right window that it overlaps most.
    """
    windows = found.windows[:MOST_WINDOWS]
    windows = windows[np.argsort(-windows[:, 2], kind="stable")]
    is_free = np.ones(len(right), np.bool_)
    is_found = np.zeros(len(windows), np.bool_)
    for row, ious in enumerate(_ious(windows, right)):
        fits = is_free & (ious >= least)
        if fits.any():
            # The last of several that fit as well, as in the authors' evaluator.
            best = len(right) - 1 - int(np.where(fits, ious, -1.0)[::-1].argmax())
            is_free[best], is_found[row] = False, True
    precision = np.cumsum(is_found) / np.arange(1, len(windows) + 1)
    return float(_best_after(precision)[is_found].sum() / len(right))


def _slice_precision(is_right: NDArray[np.bool_], saliency: Floats) -> float:
    """Return the average precision of slices; those of one saliency count together."""
    if is_right.all() or not is_right.any():
        return float(is_right.all())
    order = np.argsort(-saliency, kind="stable")
    ranked = saliency[order]
    is_last = np.append(ranked[1:] != ranked[:-1], True)
    right = np.cumsum(is_right[order])[is_last]
    precision = right / (np.flatnonzero(is_last) + 1)
    return float(_best_after(precision)[np.diff(right, prepend=0) > 0].mean())


def _best_after(precision: Floats) -> Floats:
    """Return for each rank the best precision there or at a later one."""
    best: Floats = np.maximum.accumulate(precision[::-1])[::-1]
    return best


def _first_iou(truth: Truth, found: Prediction) -> float:
    """Return the IoU of the first window with the right window that it overlaps most."""
    return float(_ious(found.windows[:1], truth.windows).max(initial=0.0))


def _ious(windows: Floats, right: Floats) -> Floats:
    """Return the IoU of each window with each right one, float64 (M, W)."""
    starts = np.maximum(windows[:, None, 0], right[None, :, 0])
    ends = np.minimum(windows[:, None, 1], right[None, :, 1])
    common = np.maximum(ends - starts, 0.0)
    lengths = (windows[:, 1] - windows[:, 0])[:, None] + (right[:, 1] - right[:, 0])[None]
    together = lengths - common
    ious: Floats = np.divide(common, together, out=np.zeros_like(common), where=together > 0)
    return ious


def _percent(shares: object) -> float | None:
    values = np.asarray(shares, np.float64)
    return round(100 * float(values.mean()), 2) if values.size else None
