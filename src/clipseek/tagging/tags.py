"""Applying rules: the tags of every video that has changed, by every rule that has changed.

Nothing is decoded: the vectors of the segments are in the catalog. What is stored with the tags of
a video by a rule says what they were made from, so a second run looks only at what is new.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from clipseek.cache import TextVectors
from clipseek.composition import Curves
from clipseek.curating import (
    Curating,
    SegmentTag,
    Tagging,
    VideoFacts,
    decided_tags,
    difference,
    tag_id,
)
from clipseek.decisions import Decision, Outcome, settled
from clipseek.errors import ConfigError
from clipseek.model import Model
from clipseek.protocols import CatalogReader
from clipseek.rules import Rule
from clipseek.stored import SegmentBlock
from clipseek.tagging.fits import Asked, Seen, highest, inside, is_for, judged, merged
from clipseek.types import Collection

VIDEOS_AT_ONCE = 256
"""Videos whose segments are read together, and whose tags are stored in one transaction."""
Outcomes = Mapping[str, Sequence[Outcome]]
"""What people have settled, by video."""


@dataclass(frozen=True, slots=True)
class Report:
    """What applying rules has done, or would do.

    videos: All of the collection. looked_at: Videos whose segments were read. scored: Pairs of a
    video and a rule. changed: Videos whose tags are others now. by_rule: Tags that were added and
    removed, by rule.
    """

    videos: int = 0
    looked_at: int = 0
    scored: int = 0
    changed: int = 0
    added: int = 0
    removed: int = 0
    by_rule: dict[str, tuple[int, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Judge:
    """What turns the segments of a collection into relevance by rules."""

    collection: Collection
    curves: Curves
    asked: Mapping[str, Asked]

    @classmethod
    def of(
        cls, collection: Collection, model: Model, texts: TextVectors, rules: Sequence[Rule]
    ) -> "Judge":
        """Read the sentences of some rules by the model of a collection."""
        asked = {}
        for rule in rules:
            # One by one, because the others of a batch can change the last bits of a vector.
            empty = np.empty((0, collection.dim), np.float32)
            prompts, exclusions, shows = (
                np.concatenate(
                    [empty, *(texts.embed(model.embedder, [each]).vectors for each in some)]
                )
                for some in rule.sentences().values()
            )
            asked[rule.name] = Asked(rule, prompts, exclusions, shows)
        curves = Curves.of(model.scoring_of(collection), model.coherence)
        return cls(collection, curves, asked)

    @property
    def needs_objects(self) -> bool:
        """Whether a rule says where objects are."""
        return any(asked.rule.relation is not None for asked in self.asked.values())

    def stamp(self, facts: VideoFacts, name: str) -> str:
        """Return what the tags of a video by a rule depend on, beside the rule, as a hash."""
        asked = self.asked.get(name)
        if asked is None or asked.rule.relation is None:
            facts = replace(facts, objects="")
        scored = (self.collection.fingerprint, self.collection.scored_at, self.curves)
        written = f"{facts}\0{scored}"
        return hashlib.sha256(written.encode("utf-8", "surrogatepass")).hexdigest()[:16]

    def tagging(self, name: str, facts: VideoFacts, seen: Seen, said: Sequence[Outcome]) -> Tagging:
        """Return the tags of one video by one rule or, of a name without a rule, by people."""
        asked = self.asked.get(name)
        if asked is None:
            tags = decided_tags(said, name, "")
            return Tagging(facts.video_id, name, "", self.stamp(facts, name), tags)
        rule = asked.rule
        spans, fits = judged(asked, seen, self.curves)
        decided = [
            replace(tag, relevance=highest(spans, fits, (tag.start, tag.end)))
            for tag in decided_tags(said, name, rule.version)
        ]
        chosen = fits >= rule.threshold
        chosen &= ~inside(spans, _asked_about(said, name))
        chosen &= is_for(rule, spans[:, 0], facts.stream, facts.recorded_at)
        proposed = [
            SegmentTag(
                tag_id(facts.video_id, name, start, end),
                facts.video_id,
                start,
                end,
                name,
                rule.version,
                fit,
            )
            for start, end, fit in merged(spans, fits, chosen)
        ]
        taken = {tag.id for tag in decided}
        tags = [*decided, *(tag for tag in proposed if tag.id not in taken)]
        return Tagging(facts.video_id, name, rule.version, self.stamp(facts, name), tags)


def _asked_about(said: Sequence[Outcome], name: str) -> list[tuple[float, float]]:
    """Return the spans in which a tag is settled."""
    found = []
    for outcome in said:
        if outcome.decision.rule == name:
            found.append((outcome.decision.start, outcome.decision.end))
        if name in (outcome.decision.rule, outcome.decision.label):
            found.append(outcome.span)
    return found


def apply(store: Curating, catalog: CatalogReader, judge: Judge, *, is_dry: bool = False) -> Report:
    """Bring the tags of a collection up to date with the rules of a judge.

    is_dry: Whether nothing is stored, and the report says what would be.
    """
    name = judge.collection.name
    outcomes = by_video(store.decisions(name))
    every = store.facts(name)
    todo = _todo(judge, every, store.taggings(name), outcomes)
    report = Report(videos=len(every))
    facts = {each.video_id: each for each in every}
    for ids in batches(sorted(todo)):
        seen = segments_of(catalog, name, ids, with_objects=judge.needs_objects)
        found = [
            judge.tagging(rule, facts[video], seen[video], outcomes.get(video, ()))
            for video in ids
            for rule in todo[video]
        ]
        report = _counted(report, store, name, found, looked_at=len(ids))
        if not is_dry:
            store.apply(name, found)
    return report


def _todo(
    judge: Judge,
    every: Sequence[VideoFacts],
    stored: Mapping[tuple[str, str], tuple[str, str]],
    outcomes: Outcomes,
) -> dict[str, list[str]]:
    """Return the names of the rules that each video must be looked at by; none are left out."""
    todo: dict[str, list[str]] = {}
    versions = {name: asked.rule.version for name, asked in judge.asked.items()}
    for facts in every:
        video = facts.video_id
        labels = {each.decision.label for each in outcomes.get(video, ())} - {"", *versions}
        names = [
            name
            for name, version in (*versions.items(), *((label, "") for label in sorted(labels)))
            if stored.get((video, name)) != (version, judge.stamp(facts, name))
        ]
        if names:
            todo[video] = names
    return todo


def _counted(
    report: Report, store: Curating, name: str, found: Sequence[Tagging], *, looked_at: int
) -> Report:
    """Add what some taggings change to a report."""
    rules = list(dict.fromkeys(each.rule for each in found))
    videos = list(dict.fromkeys(each.video_id for each in found))
    before: dict[tuple[str, str], list[SegmentTag]] = {}
    for tag in store.tags(name, rules=rules, video_ids=videos):
        before.setdefault((tag.video_id, tag.rule), []).append(tag)
    by_rule, changed, added, removed = dict(report.by_rule), set[str](), 0, 0
    for each in found:
        news = difference(before.get((each.video_id, each.rule), ()), each.tags)
        plus, minus = len(news.added), len(news.removed)
        earlier = by_rule.get(each.rule, (0, 0))
        by_rule[each.rule] = earlier[0] + plus, earlier[1] + minus
        added, removed = added + plus, removed + minus
        if plus or minus:
            changed.add(each.video_id)
    return replace(
        report,
        looked_at=report.looked_at + looked_at,
        scored=report.scored + len(found),
        changed=report.changed + len(changed),
        added=report.added + added,
        removed=report.removed + removed,
        by_rule=by_rule,
    )


def require_objects(every: Sequence[VideoFacts], name: str, rules: Sequence[Rule]) -> int:
    """Return how many videos no detector has looked at, if a rule needs objects, else 0.

    Raises:
        ConfigError: a rule needs them, and no video of the collection has been looked at.
    """
    needing = [rule.name for rule in rules if rule.relation is not None]
    missing = sum(not facts.objects for facts in every) if needing else 0
    if missing and missing == len(every):
        raise ConfigError(
            f"rule {needing[0]!r} says where objects are, and no detector has looked at the videos "
            f"of collection {name!r}; run `indexer objects --detector FILE.onnx` first"
        )
    return missing


def by_video(decisions: Sequence[Decision]) -> dict[str, list[Outcome]]:
    """Return what is settled of each video."""
    found: dict[str, list[Outcome]] = {}
    for outcome in settled(decisions).values():
        found.setdefault(outcome.decision.video_id, []).append(outcome)
    return found


def batches(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yield some ids at a time."""
    for start in range(0, len(ids), VIDEOS_AT_ONCE):
        yield ids[start : start + VIDEOS_AT_ONCE]


def segments_of(
    catalog: CatalogReader, name: str, ids: Sequence[str], *, with_objects: bool
) -> dict[str, Seen]:
    """Return the segments of some videos in the order of time, by video; one may have none."""
    block = SegmentBlock.joined(list(catalog.blocks(name, video_ids=ids)))
    objects = dict(catalog.objects(name, video_ids=ids)) if with_objects else {}
    rows, none = block.by_video(), np.empty(0, np.int64)
    return {
        video: Seen.of(
            block.taken(rows.get(video, none)), objects[video].tracks if video in objects else ()
        )
        for video in ids
    }
