"""What somebody is asked next: samples of a rule or of a list, the most useful first. Pure."""

from collections.abc import Iterable, Sequence

from clipseek.curating import Sample, Show
from clipseek.decisions import Decision, disputed, settled, standing


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
