"""Rules, tags, samples and decisions in memory, of the videos of a catalog in memory."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from clipseek.curating import (
    Applied,
    Queue,
    Said,
    Sample,
    SampleNotFound,
    SegmentTag,
    Show,
    StoredRule,
    Tagging,
    TagState,
    VideoFacts,
    settled_tags,
)
from clipseek.decisions import Decision
from clipseek.errors import CollectionNotFound
from clipseek.marks import Mark
from clipseek.rules import THRESHOLD, Rule, RuleNotFound
from clipseek.tagging.queue import waiting
from clipseek.testing.catalog import MemoryCatalog
from clipseek.timed import Span
from clipseek.types import Video

_WHEN = "2026-01-01T00:00:00Z"
"""The time of everything: no time passes in this store."""


@dataclass(slots=True)
class _Kept:
    """What is stored of one collection."""

    rules: dict[tuple[str, str], StoredRule] = field(default_factory=dict)
    tags: dict[str, SegmentTag] = field(default_factory=dict)
    stamps: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    samples: dict[str, list[Sample]] = field(default_factory=dict)
    decisions: list[Decision] = field(default_factory=list)
    segments: dict[str, tuple[int, ...]] = field(default_factory=dict)


class MemoryCurating:
    """A `Curating` in dictionaries, for one thread."""

    def __init__(self, catalog: MemoryCatalog) -> None:
        self._catalog = catalog
        catalog.marked = self._marked
        self._of: dict[str, _Kept] = {}

    def rules(self, collection: str) -> list[Rule]:
        """Return the current rules by name."""
        kept = self._kept(collection).rules.values()
        return sorted((each.rule for each in kept if each.is_current), key=lambda rule: rule.name)

    def rule_versions(self, collection: str, name: str) -> list[StoredRule]:
        """Return all versions of a rule, in the order in which they were first stored."""
        found = [each for each in self._kept(collection).rules.values() if each.rule.name == name]
        return sorted(found, key=lambda each: (each.at, each.rule.version))

    def tags(
        self,
        collection: str,
        *,
        rules: Sequence[str] | None = None,
        video_ids: Sequence[str] | None = None,
        states: Sequence[TagState] | None = None,
        after: str = "",
        limit: int | None = None,
    ) -> list[SegmentTag]:
        """Return tags by video, start, rule and id, at most `limit` after the tag `after`."""
        kept = self._kept(collection).tags
        wanted = [
            tag
            for tag in kept.values()
            if _is_in(tag.rule, rules)
            and _is_in(tag.video_id, video_ids)
            and _is_in(tag.state, states)
        ]
        if after in kept:
            wanted = [tag for tag in wanted if _place(tag) > _place(kept[after])]
        return sorted(wanted, key=_place)[:limit]

    def tag(self, collection: str, tag: str) -> SegmentTag:
        """Return the tag with an id; raise SampleNotFound."""
        found = self._kept(collection).tags.get(tag)
        if found is None:
            raise SampleNotFound(tag, collection)
        return found

    def sample(self, collection: str, sample: str) -> tuple[Sample, str]:
        """Return a sample as it is asked about, and the version of the rule that scored it."""
        kept = self._kept(collection)
        tag = kept.tags.get(sample)
        version = "" if tag is None else tag.version
        for each in kept.decisions:
            if each.sample == sample:
                span = (each.video_id, each.start, each.end, each.rule)
                known = each.relevance if tag is None else tag.relevance
                return Sample(sample, *span, known), version or each.version
        if tag is not None:
            span = (tag.video_id, tag.start, tag.end, tag.rule)
            return Sample(sample, *span, tag.relevance), version
        for listed in kept.samples.values():
            for one in listed:
                if one.id == sample:
                    return one, ""
        raise SampleNotFound(sample, collection)

    def tag_counts(self, collection: str) -> dict[str, dict[TagState, int]]:
        """Count the tags by rule and state."""
        found: dict[str, dict[TagState, int]] = {}
        for tag in self._kept(collection).tags.values():
            states = found.setdefault(tag.rule, {})
            states[tag.state] = states.get(tag.state, 0) + 1
        return found

    def facts(self, collection: str) -> list[VideoFacts]:
        """Return what decides on the tags of each video, by id."""
        decisions = self._kept(collection).decisions
        found = []
        for video in self._videos(collection):
            ids = [segment.id for segment in self._catalog.segments(collection, video.id)]
            numbers = [each.number for each in decisions if each.video_id == video.id]
            held = f"{max(ids)}:{len(ids)}" if ids else ""
            decided = max(numbers, default=0)
            shown = self._catalog.object_stamps(collection, [video.id]).get(video.id, "")
            found.append(
                VideoFacts(video.id, held, video.stream, video.recorded_at, decided, shown)
            )
        return found

    def taggings(self, collection: str) -> dict[tuple[str, str], tuple[str, str]]:
        """Return version and stamp of what is stored, by video and rule."""
        return dict(self._kept(collection).stamps)

    def decisions(
        self,
        collection: str,
        *,
        rules: Sequence[str] | None = None,
        samples: Sequence[str] | None = None,
        video_ids: Sequence[str] | None = None,
    ) -> list[Decision]:
        """Return decisions in the order in which they were stored."""
        every = self._kept(collection).decisions
        labelled = {each.sample for each in every if _is_in(each.label, rules)}
        return [
            each
            for each in every
            if (_is_in(each.rule, rules) or each.sample in labelled)
            and _is_in(each.sample, samples)
            and _is_in(each.video_id, video_ids)
        ]

    def queue(
        self, collection: str, annotator: str, show: Show, *, rule: str | None = None, limit: int
    ) -> Queue:
        """Return what somebody is asked next, and how much there is: by all decisions."""
        said = self.decisions(collection)
        if show == "open":
            thresholds = {each.name: each.threshold for each in self.rules(collection)}
            tags = self.tags(collection, states=("proposed",))
            found = nearest_first(tags, thresholds)
        else:
            found = decided_on(said)
        there = {video.id for video in self._videos(collection)} if said or found else set()
        left = [
            each
            for each in waiting(found, said, annotator, show)
            if each.video_id in there and rule in (None, each.rule)
        ]
        return Queue(left[:limit], len(left))

    def sample_lists(self, collection: str) -> dict[str, int]:
        """Return the names of the lists of samples, with how many samples each has."""
        return {name: len(each) for name, each in sorted(self._kept(collection).samples.items())}

    def samples(self, collection: str, name: str) -> list[Sample]:
        """Return a list of samples in its order; one that does not exist is empty."""
        return list(self._kept(collection).samples.get(name, ()))

    def put_rules(self, collection: str, rules: Sequence[Rule], by: str) -> None:
        """Make these versions of the rules the current ones; others stay as they are."""
        kept = self._there(collection).rules
        for rule in rules:
            for key, each in kept.items():
                if key[0] == rule.name:
                    kept[key] = replace(each, is_current=False)
            key = (rule.name, rule.version)
            known = kept.get(key)
            kept[key] = (
                StoredRule(rule, _WHEN, by, is_current=True)
                if known is None
                else replace(known, rule=rule, is_current=True)
            )

    def remove_rule(self, collection: str, name: str) -> int:
        """Remove a rule and its tags; return how many these were. Decisions and versions stay."""
        kept = self._there(collection)
        if name not in {rule.name for rule in self.rules(collection)}:
            raise RuleNotFound(name, collection)
        for key, each in kept.rules.items():
            if key[0] == name:
                kept.rules[key] = replace(each, is_current=False)
        kept.stamps = {key: stamp for key, stamp in kept.stamps.items() if key[1] != name}
        rest = {id_: tag for id_, tag in kept.tags.items() if tag.rule != name}
        removed = len(kept.tags) - len(rest)
        kept.tags = rest
        if removed:
            self._note(collection)
        return removed

    def apply(self, collection: str, taggings: Sequence[Tagging]) -> Applied:
        """Replace the tags of some videos by some rules."""
        kept = self._there(collection)
        versions = {rule.name: rule.version for rule in self.rules(collection)}
        there = {video.id for video in self._videos(collection)}
        changed, added, removed = set(), 0, 0
        for each in taggings:
            if each.video_id not in there or versions.get(each.rule, "") != each.version:
                continue
            old = self.tags(collection, rules=[each.rule], video_ids=[each.video_id])
            times = {replace(tag, at=""): tag for tag in old}
            new = {replace(tag, at=""): tag for tag in each.tags}
            for gone in times.keys() - new.keys():
                del kept.tags[gone.id]
            for fresh in new.keys() - times.keys():
                kept.tags[fresh.id] = replace(fresh, at=new[fresh].at or _WHEN)
            added += len(new.keys() - times.keys())
            removed += len(times.keys() - new.keys())
            if times.keys() ^ new.keys():
                changed.add(each.video_id)
            kept.stamps[each.video_id, each.rule] = (each.version, each.stamp)
        if changed:
            self._note(collection)
        return Applied(len(changed), added, removed)

    def decide(self, collection: str, decision: Decision) -> Decision:
        """Store a decision; return it with its number and time. Its tags follow at once."""
        kept = self._there(collection)
        said = replace(decision, number=len(kept.decisions) + 1, at=_WHEN)
        kept.decisions.append(said)
        if said.video_id not in {video.id for video in self._videos(collection)}:
            return said
        earlier = [each for each in kept.decisions if each.sample == said.sample]
        versions = {rule.name: rule.version for rule in self.rules(collection)}
        for tag in settled_tags(earlier[:-1], versions):
            if tag.id != said.sample:
                kept.tags.pop(tag.id, None)
        outcomes = settled_tags(earlier, versions)
        before = kept.tags.pop(said.sample, None)
        if not outcomes and before is not None:
            again = replace(before, start=said.start, end=said.end, state="proposed", by="")
            kept.tags[said.sample] = replace(again, at=_WHEN)
        kept.tags |= {tag.id: tag for tag in outcomes}
        if before is not None or outcomes:
            self._note(collection, said.video_id)
        return said

    def put_samples(self, collection: str, name: str, samples: Sequence[Sample]) -> None:
        """Store a list of samples instead of the one that has this name; none deletes it."""
        kept = self._there(collection).samples
        kept.pop(name, None)
        if samples:
            kept[name] = list(samples)

    def said(self, collection: str) -> Said:
        """Return all that people have said."""
        kept = self._kept(collection)
        rules = sorted(kept.rules.values(), key=lambda each: (each.rule.name, each.rule.version))
        return Said(rules, dict(sorted(kept.samples.items())), list(kept.decisions))

    def say(self, collection: str, said: Said) -> None:
        """Add what people have said of the same videos elsewhere; their tags follow at once."""
        kept = self._there(collection)
        for each in said.rules:
            for key, other in kept.rules.items():
                if each.is_current and key[0] == each.rule.name:
                    kept.rules[key] = replace(other, is_current=False)
            kept.rules[each.rule.name, each.rule.version] = each
        kept.samples |= {name: list(listed) for name, listed in said.samples.items()}
        there = [replace(each, number=0) for each in kept.decisions]
        for one in said.decisions:
            if replace(one, number=0) not in there:
                kept.decisions.append(replace(one, number=len(kept.decisions) + 1))
        ids = {video.id for video in self._videos(collection)}
        versions = {rule.name: rule.version for rule in self.rules(collection)}
        tags = settled_tags((each for each in kept.decisions if each.video_id in ids), versions)
        before = kept.tags
        kept.tags = {id_: tag for id_, tag in before.items() if tag.state == "proposed"}
        kept.tags |= {tag.id: tag for tag in tags}
        if kept.tags != before:
            self._note(collection)

    def close(self) -> None:
        """Do nothing: there are no connections."""

    def _kept(self, collection: str) -> _Kept:
        try:
            return self._there(collection)
        except CollectionNotFound:
            return _Kept()

    def _there(self, collection: str) -> _Kept:
        """Return what is stored of a collection, without the tags of what was replaced."""
        found = self._catalog.collection(collection)
        kept = self._of.setdefault(f"{found.key} {found.epoch}", _Kept())
        now = {
            video.id: tuple(each.id for each in self._catalog.segments(collection, video.id))
            for video in self._videos(collection)
        }
        same = {video for video, ids in now.items() if kept.segments.get(video) == ids}
        kept.tags = {id_: tag for id_, tag in kept.tags.items() if tag.video_id in same}
        kept.stamps = {key: stamp for key, stamp in kept.stamps.items() if key[0] in same}
        kept.segments = now
        return kept

    def _videos(self, collection: str) -> Sequence[Video]:
        return self._catalog.videos(collection, after="", limit=10**6)

    def _marked(self, collection: str) -> list[tuple[str, Mark]]:
        return [
            (tag.video_id, Mark(tag.rule, Span(tag.start, tag.end), tag.relevance, tag.state))
            for tag in self.tags(collection)
            if tag.is_shown
        ]

    def _note(self, collection: str, video_id: str | None = None) -> None:
        shelf = self._catalog._shelf(collection)  # both fakes are one store, as in a database
        self._catalog._kept(shelf.changed("tag", video_id, shelf.stored))


def _place(tag: SegmentTag) -> tuple[str, float, str, str]:
    return tag.video_id, tag.start, tag.rule, tag.id


def _is_in(value: str, wanted: Collection[str] | None) -> bool:
    return wanted is None or value in wanted


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
