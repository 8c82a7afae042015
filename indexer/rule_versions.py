"""Two versions of a rule over the same segments: what each tags alone, and what people say."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clipseek.comparison import Difference, difference
from clipseek.curating import SegmentTag
from clipseek.errors import ConfigError
from clipseek.ledgers import open_curating_reader
from clipseek.rules import Rule, RuleNotFound
from clipseek.service import Service
from clipseek.tagging.fits import inside
from clipseek.types import Hit, Span
from indexer.agreement import Example
from indexer.candidates import Candidates
from indexer.questions import known_tags, of_rules

RIGHT: dict[str, bool] = {"accepted": True, "corrected": True, "rejected": False}
"""Whether a tag belongs to the segments of its span, by what people have decided."""


@dataclass(frozen=True, slots=True)
class Versions:
    """What was found. both, one, other: How many segments both tag, and each of them alone.

    right: How many of the segments that people have decided on each judges as they do; None if
    there are none. example: Those that one of them tags alone, the surest first.
    """

    rules: tuple[Rule, Rule]
    segments: int
    both: int
    one: int
    other: int
    right: Difference | None
    example: Example

    @property
    def overlap(self) -> float | None:
        """The share of what either tags that both do; None if nothing is tagged."""
        either = self.both + self.one + self.other
        return self.both / either if either else None


def compare(service: Service, name: str, version: str, *, examples: int, seed: int) -> Versions:
    """Compare the current version of a rule with an earlier one, by how its version begins.

    Raises:
        RuleNotFound: there is no such rule.
        ConfigError: no version begins so, or several.
    """
    collection = service.settings.collection
    tags = known_tags(service, collection)
    candidates = Candidates.of(service.catalog, collection, tags)
    rules = _versions(service, collection, name, version)
    fits = [np.nan_to_num(of_rules(service, candidates, [rule]).relevance[0]) for rule in rules]
    tagged = [fit >= rule.threshold for fit, rule in zip(fits, rules, strict=True)]
    truth = _decided(candidates, [tag for tag in tags if tag.rule == name])
    figures = [np.where(np.isnan(truth), np.nan, given == truth) for given in tagged]
    alone = [tagged[0] & ~tagged[1], tagged[1] & ~tagged[0]]
    hits = [_hits(candidates, alone[side], fits[side], examples) for side in (0, 1)]
    return Versions(
        rules=rules,
        segments=len(candidates),
        both=int((tagged[0] & tagged[1]).sum()),
        one=int(alone[0].sum()),
        other=int(alone[1].sum()),
        right=difference(figures[0], figures[1], seed=seed),
        example=Example("tagged by one version alone", 0.0, 0.0, hits[0], hits[1]),
    )


def _versions(service: Service, collection: str, name: str, version: str) -> tuple[Rule, Rule]:
    with closing(open_curating_reader(service.settings)) as curating:
        stored = curating.rule_versions(collection, name)
    current = [each.rule for each in stored if each.is_current]
    if not current:
        raise RuleNotFound(name, collection)
    meant = [each.rule for each in stored if each.rule.version.startswith(version)]
    if len(meant) != 1:
        known = ", ".join(each.rule.version for each in stored)
        raise ConfigError(
            f"rule {name!r} must have one version that begins with {version!r}, got {len(meant)}; "
            f"its versions are {known}"
        )
    return current[0], meant[0]


def _decided(candidates: Candidates, tags: Sequence[SegmentTag]) -> NDArray[np.float64]:
    """Return whether people say that each segment has the tag, 1 or 0; NaN if nobody does."""
    truth = np.full(len(candidates), np.nan)
    for tag in tags:
        rows = candidates.by_video.get(tag.video_id)
        if rows is not None and tag.state in RIGHT:
            spans = candidates.block.spans[rows]
            truth[rows[inside(spans, [(tag.start, tag.end)])]] = RIGHT[tag.state]
    return truth


def _hits(
    candidates: Candidates, chosen: NDArray[np.bool_], fits: NDArray[np.float64], most: int
) -> tuple[Hit, ...]:
    rows = np.flatnonzero(chosen)
    first = rows[np.argsort(-fits[rows], kind="stable")][:most]
    block = candidates.block
    return tuple(
        Hit(
            candidates.video(row),
            int(block.ids[row]),
            Span(*block.spans[row].tolist()),
            float(block.best_times[row]),
            0.0,
            float(fits[row]),
        )
        for row in first.tolist()
    )
