"""How well queries with known answers are answered: R@k, median rank, moments, absent queries."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from clipseek import calibration
from clipseek.types import PICTURE, Span

_RANKS = (1, 5, 10)


@dataclass(frozen=True, slots=True)
class Caption:
    """One query with its truth. `spans` are right moments of `file`; `also` are other right files.

    An absent query describes what is in no file: `file` is empty then. `kind` is what the query
    asks for, such as "speech". `unwanted` are the moments of each file that the query excludes.
    """

    query: str
    file: str = ""
    spans: tuple[Span, ...] = ()
    also: frozenset[str] = field(default_factory=frozenset)
    kind: str = PICTURE
    unwanted: Mapping[str, Sequence[Span]] = field(default_factory=dict)

    @property
    def absent(self) -> bool:
        """Whether nothing in the library answers this query."""
        return not self.file


@dataclass(frozen=True, slots=True)
class Found:
    """One hit as the evaluation sees it; `time` is that of its best frame, in seconds."""

    file: str
    span: Span
    relevance: float
    time: float = 0.0


def evaluate(captions: Sequence[Caption], answers: Sequence[Sequence[Found]]) -> dict[str, object]:
    """Compare the answers, best hit first, with the captions.

    Returns:
        `queries`, `video` (R@1, R@5, R@10, median_rank), `moment` (R@1@0.3, R@1@0.5, touch) over
        the queries that have an answer, and `absent` (queries, recognised, auc). A figure is
        None if no query can give it. Shares are in [0, 1]; a rank past the hits counts as infinite.
        What looks like a picture has no relevance (NaN) and does not count in `absent`. If queries
        exclude something, also `without`: how many do, and the share of them whose
        first hit does not show it in its best frame.
    """
    pairs = list(zip(captions, answers, strict=True))
    present = [(caption, found) for caption, found in pairs if not caption.absent]
    best = [(caption.absent, _best_relevance(found)) for caption, found in pairs]
    best_absent = [relevance for absent, relevance in best if absent and relevance is not None]
    best_present = [each for absent, each in best if not absent and each is not None]
    kept = [_is_kept_out(caption, found) for caption, found in pairs if caption.unwanted]
    without = {"without": {"queries": len(kept), "kept_out": _share(kept)}} if kept else {}
    return without | {
        "queries": len(present),
        "video": _video([_rank(caption, found) for caption, found in present]),
        "moment": _moment(
            [first for first in (_first(caption, found) for caption, found in present) if first]
        ),
        "absent": _absent(best_present, best_absent),
    }


def outcomes(
    captions: Sequence[Caption], answers: Sequence[Sequence[Found]]
) -> dict[str, NDArray[np.float64]]:
    """Return for each caption whether its answer is right, by the names of `evaluate`.

    float64 (Q,), 1 or 0, or NaN if the query cannot give the figure: R@1, R@5 and R@10 of videos,
    R@1@0.5 of moments. Their means are what `evaluate` says.
    """
    pairs = list(zip(captions, answers, strict=True))
    ranks = [math.nan if one.absent else _rank(one, found) for one, found in pairs]
    firsts = [None if one.absent else _first(one, found) for one, found in pairs]
    right = {f"R@{k}": [rank if math.isnan(rank) else rank <= k for rank in ranks] for k in _RANKS}
    right["R@1@0.5"] = [math.nan if first is None else first[0] >= 0.5 for first in firsts]
    return {name: np.array(values, np.float64) for name, values in right.items()}


def evaluate_kinds(
    captions: Sequence[Caption], answers: Sequence[Sequence[Found]]
) -> dict[str, dict[str, object]]:
    """Return what `evaluate` says of the queries of each kind, in the order of the captions."""
    pairs = list(zip(captions, answers, strict=True))
    kinds = dict.fromkeys(caption.kind for caption in captions)
    return {
        kind: evaluate(
            [caption for caption in captions if caption.kind == kind],
            [found for caption, found in pairs if caption.kind == kind],
        )
        for kind in kinds
    }


def _rank(caption: Caption, found: Sequence[Found]) -> float:
    """Return the 1-based rank of the first right video among the distinct videos found."""
    files = list(dict.fromkeys(hit.file for hit in found))
    right = caption.also | {caption.file}
    return next((float(i) for i, file in enumerate(files, 1) if file in right), float("inf"))


def _first(caption: Caption, found: Sequence[Found]) -> tuple[float, bool] | None:
    """Return IoU with the nearest right span, and touch, of the best hit.

    Hits in `also` files are skipped: they are right, but their spans are not known. None if only
    such hits were found.
    """
    best = next((hit for hit in found if hit.file not in caption.also), None)
    if best is None and found:
        return None
    if best is None or best.file != caption.file:
        return 0.0, False
    ious = [best.span.iou(span) for span in caption.spans]
    return max(ious), max(ious) > 0


def _is_kept_out(caption: Caption, found: Sequence[Found]) -> bool:
    """Whether the first hit does not show what the query excludes."""
    if not found:
        return True
    first = found[0]
    spans = caption.unwanted.get(first.file, ())
    return not any(span.start <= first.time < span.end for span in spans)


def _best_relevance(found: Sequence[Found]) -> float | None:
    """Return the highest relevance, 0 if nothing was found; None if hits have only a score."""
    if any(math.isnan(hit.relevance) for hit in found):
        return None
    return max((hit.relevance for hit in found), default=0.0)


def _video(ranks: Sequence[float]) -> dict[str, float | None]:
    at = {f"R@{k}": _share([rank <= k for rank in ranks]) for k in _RANKS}
    median = float(np.median(ranks)) if ranks else None
    return {**at, "median_rank": median if median != float("inf") else None}


def _moment(firsts: Sequence[tuple[float, bool]]) -> dict[str, float | None]:
    at = {f"R@1@{t}": _share([iou >= t for iou, _ in firsts]) for t in (0.3, 0.5)}
    return {**at, "touch": _share([touch for _, touch in firsts])}


def _absent(present: Sequence[float], absent: Sequence[float]) -> dict[str, float | int | None]:
    auc = calibration.auc(np.array(present), np.array(absent)) if present and absent else None
    return {
        "queries": len(absent),
        "recognised": _share([relevance < 0.5 for relevance in absent]),
        "auc": auc,
    }


def _share(truths: Sequence[bool]) -> float | None:
    return sum(truths) / len(truths) if truths else None
