"""How much annotators agree, beyond chance, and how long they take. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import median

from clipseek.decisions import MAX_SECONDS, Answer, Decision, Outcome, standing


@dataclass(frozen=True, slots=True)
class Pair:
    """Two annotators on the samples that both have decided on.

    kappa: Cohen's (Cohen 1960): 1 is perfect, 0 is chance; NaN if chance alone would be perfect,
    because both gave one and the same answer everywhere.
    """

    first: str
    second: str
    samples: int
    agreed: int
    kappa: float


@dataclass(frozen=True, slots=True)
class Pace:
    """How much one annotator has decided. seconds: The median of their decisions."""

    annotator: str
    decisions: int
    seconds: float


def kappa(answers: Sequence[tuple[Answer, Answer]]) -> float:
    """Return Cohen's kappa of two annotators' answers; NaN if it is not defined."""
    count = len(answers)
    if not count:
        return math.nan
    observed = sum(one == two for one, two in answers) / count
    firsts, seconds = [one for one, _ in answers], [two for _, two in answers]
    chance = sum(
        firsts.count(kind) * seconds.count(kind) for kind in set(firsts) | set(seconds)
    ) / (count * count)
    return math.nan if chance == 1 else (observed - chance) / (1 - chance)


def pairs(decisions: Sequence[Decision]) -> list[Pair]:
    """Return each two annotators who have decided on the same samples, by name.

    Answers are compared, not spans: a corrected span is a right tag.
    """
    said: dict[str, dict[str, Answer]] = {}
    for (sample, annotator), decision in standing(decisions).items():
        said.setdefault(annotator, {})[sample] = Outcome(decision).answer
    found = []
    for first, second in combinations(sorted(said), 2):
        shared = sorted(said[first].keys() & said[second].keys())
        both = [(said[first][sample], said[second][sample]) for sample in shared]
        if both:
            agreed = sum(one == two for one, two in both)
            found.append(Pair(first, second, len(both), agreed, kappa(both)))
    return found


def paces(decisions: Sequence[Decision]) -> list[Pace]:
    """Return how much each annotator has decided, by name; what was taken back counts, too."""
    taken: dict[str, list[float]] = {}
    for decision in decisions:
        if decision.verdict not in ("skip", "undo"):
            seconds = min(decision.seconds, MAX_SECONDS)
            taken.setdefault(decision.annotator, []).append(seconds)
    return [Pace(name, len(each), median(each)) for name, each in sorted(taken.items())]
