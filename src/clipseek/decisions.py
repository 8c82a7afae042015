"""Decisions: what people say of the tags that rules have proposed, and what follows. Pure.

Decisions are only ever added. What several people have said of one sample gives one outcome: the
last word of a reviewer, else what all annotators agree on. While they disagree, there is none.
They agree if each two name the same label and, where a tag fits, spans that overlap well.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal, get_args

from clipseek.errors import InvalidQuery
from clipseek.timed import Span

Verdict = Literal["accept", "reject", "correct", "skip", "undo"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
MAX_SECONDS = 3600.0
"""The longest time that one decision counts as: after that somebody was away."""
MIN_OVERLAP = 0.5
"""From which IoU on two spans are the same one, as R@1 of moments counts them."""
Answer = tuple[bool, str]
"""Whether the tag of the rule fits, and the label that fits instead, if any."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What one person said of one sample.

    sample: The id of the sample, which is that of a tag. video_id, start, end, rule, version,
    relevance: Of the tag when it was decided on. annotator: The principal. by_reviewer: Whether it
    settles what annotators have said. label: Another tag that fits instead, or empty. new_start,
    new_end: The right span in seconds, or None. seconds: How long the decision took. number: In the
    order in which decisions were stored.
    """

    sample: str
    video_id: str
    start: float
    end: float
    rule: str
    verdict: Verdict
    annotator: str
    version: str = ""
    relevance: float = 0.0
    by_reviewer: bool = False
    label: str = ""
    new_start: float | None = None
    new_end: float | None = None
    seconds: float = 0.0
    at: str = ""
    number: int = 0

    def problem(self) -> InvalidQuery | None:
        """Return what is wrong with the decision, or None."""
        found = self._problem()
        return None if found is None else InvalidQuery(found)

    def _problem(self) -> str | None:
        spans = (self.new_start is None, self.new_end is None)
        if spans[0] != spans[1]:
            return "start and end must be given together, got one of them"
        if self.verdict == "correct" and not self.label and all(spans):
            return "a correction must name another label or another span, got neither"
        if self.verdict != "correct" and (self.label or not all(spans)):
            return f"only a correction names a label or a span, got verdict {self.verdict!r}"
        start, end = self.new_start, self.new_end
        if start is not None and end is not None and not 0 <= start < end:
            return f"a corrected span must have 0 <= start < end, got {start:g} and {end:g}"
        if not self.seconds >= 0:
            return f"seconds must be 0 or more, got {self.seconds:g}"
        return None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is settled about one sample: the decision that says it."""

    decision: Decision

    @property
    def span(self) -> tuple[float, float]:
        """The span that the tag has from now on, in seconds."""
        said = self.decision
        if said.new_start is None or said.new_end is None:
            return said.start, said.end
        return said.new_start, said.new_end

    @property
    def is_other(self) -> bool:
        """Whether another tag than that of the rule fits."""
        return bool(self.decision.label) and self.decision.label != self.decision.rule

    @property
    def is_right(self) -> bool:
        """Whether the tag of the rule fits, in this span or in a corrected one."""
        return self.decision.verdict != "reject" and not self.is_other

    @property
    def answer(self) -> Answer:
        """What is said of the tag, whatever its span."""
        return self.is_right, self.decision.label if self.is_other else ""

    def agrees(self, other: "Outcome") -> bool:
        """Whether both name the same label and, unless they reject, spans that overlap well."""
        if self.answer != other.answer:
            return False
        is_rejected = not (self.is_right or self.is_other)
        return is_rejected or self.span == other.span or _overlap(self, other) >= MIN_OVERLAP


def _overlap(one: Outcome, two: Outcome) -> float:
    """Return the IoU of two spans; 0 if one of them is empty."""
    if any(span[0] >= span[1] for span in (one.span, two.span)):
        return 0.0
    return Span(*one.span).iou(Span(*two.span))


def standing(decisions: Iterable[Decision]) -> dict[tuple[str, str], Decision]:
    """Return what each annotator says of each sample now, by sample and annotator.

    A later decision replaces an earlier one; `undo` takes the last one back, and so does `skip`.
    """
    found: dict[tuple[str, str], Decision] = {}
    for decision in sorted(decisions, key=lambda each: each.number):
        key = (decision.sample, decision.annotator)
        if decision.verdict in ("undo", "skip"):
            found.pop(key, None)
        else:
            found[key] = decision
    return found


def settled(decisions: Iterable[Decision]) -> dict[str, Outcome]:
    """Return the outcome of each sample that has one, by the id of the sample."""
    said: dict[str, list[Decision]] = {}
    for (sample, _), decision in standing(decisions).items():
        said.setdefault(sample, []).append(decision)
    found = {sample: _outcome(all_of) for sample, all_of in said.items()}
    return {sample: outcome for sample, outcome in found.items() if outcome is not None}


def disputed(decisions: Iterable[Decision]) -> set[str]:
    """Return the samples that annotators disagree on and no reviewer has settled."""
    every = list(decisions)
    return {sample for sample, _ in standing(every)} - settled(every).keys()


def _outcome(decisions: Sequence[Decision]) -> Outcome | None:
    """Return what is settled of one sample: of spans that overlap well, the last one counts."""
    ordered = sorted(decisions, key=lambda each: each.number)
    reviewed = [each for each in ordered if each.by_reviewer]
    if reviewed:
        return Outcome(reviewed[-1])
    outcomes = [Outcome(each) for each in ordered]
    agree = all(one.agrees(two) for one, two in combinations(outcomes, 2))
    return outcomes[-1] if agree else None
