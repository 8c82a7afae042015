"""What somebody is asked next: samples of a rule or of a list, the most useful first. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import get_args

from clipseek.curating import Sample, SegmentTag, Show
from clipseek.decisions import Decision, disputed, settled, standing
from clipseek.rules import THRESHOLD

SHOWS: tuple[Show, ...] = get_args(Show)


def waiting(
    candidates: Sequence[Sample], decisions: Sequence[Decision], annotator: str, show: Show
) -> list[Sample]:
    """Return the samples that somebody has not decided on, in the order of the candidates.

    A skipped sample comes last.

    candidates: Proposals or a list; for `second` and `disputed`, others than those decided on are
    left out.
    """
    every = standing(decisions)
    mine = {sample for sample, who in every if who == annotator}
    if show == "open":
        wanted = {each.id for each in candidates} - settled(decisions).keys()
    elif show == "second":
        wanted = {sample for sample, who in every if who != annotator}
    else:
        wanted = disputed(decisions)
        mine = set()
    left = [each for each in candidates if each.id in wanted and each.id not in mine]
    skipped = _skipped(decisions, annotator)
    return [each for each in left if each.id not in skipped] + [
        each for each in left if each.id in skipped
    ]


def _skipped(decisions: Iterable[Decision], annotator: str) -> set[str]:
    """Return the samples that somebody has skipped at last."""
    last: dict[str, str] = {}
    for decision in decisions:
        if decision.annotator == annotator:
            last[decision.sample] = decision.verdict
    return {sample for sample, verdict in last.items() if verdict == "skip"}


def nearest_first(tags: Iterable[SegmentTag], thresholds: Mapping[str, float]) -> list[Sample]:
    """Return proposed tags as samples, those that their rules are least sure of first.

    thresholds: The relevance from which on each rule tags, by name. A tag of a rule that was
    removed meanwhile is compared with the threshold of a new rule.
    """

    def distance(tag: SegmentTag) -> tuple[float, str]:
        return abs(tag.relevance - thresholds.get(tag.rule, THRESHOLD)), tag.id

    found = sorted(tags, key=distance)
    return [Sample(t.id, t.video_id, t.start, t.end, t.rule, t.relevance) for t in found]


def decided_on(decisions: Iterable[Decision]) -> list[Sample]:
    """Return the samples that decisions are about, in their order, as they were shown."""
    found = {
        each.sample: Sample(
            each.sample, each.video_id, each.start, each.end, each.rule, each.relevance
        )
        for each in decisions
    }
    return list(found.values())
