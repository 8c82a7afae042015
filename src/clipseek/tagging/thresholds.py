"""Thresholds that follow from decisions: each rule's, with how good it is on what was reviewed."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from clipseek.curating import CuratingReader, SegmentTag
from clipseek.decisions import Outcome
from clipseek.protocols import CatalogReader
from clipseek.rules import Rule
from clipseek.tagging.fits import highest, judged
from clipseek.tagging.fitting import Quality, fitted, quality
from clipseek.tagging.tags import Judge, batches, by_video, segments_of

Judged = tuple[NDArray[np.float64], NDArray[np.bool_]]
"""The relevance of samples, float64 (N,), and which are right, bool (N,)."""


def fit(store: CuratingReader, catalog: CatalogReader, judge: Judge, rule: Rule) -> Quality:
    """Return the best threshold of a rule, by its relevance as it is now.

    Raises:
        InvalidQuery: too little was decided on.
    """
    return fitted(*_judged(store, catalog, judge, rule))


def _judged(store: CuratingReader, catalog: CatalogReader, judge: Judge, rule: Rule) -> Judged:
    name, asked = judge.collection.name, judge.asked[rule.name]
    outcomes = by_video(store.decisions(name, rules=[rule.name]))
    relevances: list[float] = []
    right: list[bool] = []
    for ids in batches(sorted(outcomes)):
        for video, seen in segments_of(
            catalog, name, ids, with_objects=judge.needs_objects
        ).items():
            if not len(seen.spans):
                continue
            spans, fits = judged(asked, seen, judge.curves)
            for outcome in outcomes[video]:
                span, is_right = about(outcome, rule.name)
                relevances.append(highest(spans, fits, span))
                right.append(is_right)
    return np.array(relevances, np.float64), np.array(right, np.bool_)


def about(outcome: Outcome, rule: str) -> tuple[tuple[float, float], bool]:
    """Return which span an outcome says something of by a rule, and whether its tag fits there."""
    said = outcome.decision
    if said.rule == rule and not outcome.is_right:
        return (said.start, said.end), False
    return outcome.span, True


def qualities(rules: Sequence[Rule], tags: Sequence[SegmentTag]) -> Mapping[str, Quality]:
    """Judge the threshold of each rule by the tags that people have decided on.

    tags: Of these rules, in any state; those that are proposed say nothing.
    """
    found = {}
    for rule in rules:
        own = [tag for tag in tags if tag.rule == rule.name and tag.state != "proposed"]
        relevances = np.array([tag.relevance for tag in own], np.float64)
        right = np.array([tag.is_shown for tag in own], np.bool_)
        found[rule.name] = quality(relevances, right, rule.threshold)
    return found
