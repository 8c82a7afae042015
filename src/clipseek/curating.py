"""Tags on segments, samples to review, and the store of both with their rules and decisions. Pure.

The tags of a video follow from its segments, the current rules and the decisions on it: applying
the rules a second time gives the same, and what somebody has decided on is not proposed again.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol

from clipseek.decisions import Decision, Outcome, settled
from clipseek.errors import RequestError
from clipseek.marks import TAG_STATES as TAG_STATES
from clipseek.marks import TagState as TagState
from clipseek.rules import Rule


class SampleNotFound(RequestError):
    """A collection has neither a tag nor a sample with this id."""

    def __init__(self, sample: str, collection: str) -> None:
        self.sample, self.collection = sample, collection
        super().__init__(
            f"collection {collection!r} has no sample {sample!r}; rules may have been applied "
            "again meanwhile, so load the samples again"
        )


def tag_id(video_id: str, rule: str, start: float, end: float) -> str:
    """Return the id of a tag: the same for the same span, whenever it is given."""
    written = f"{video_id}\0{rule}\0{start!r}\0{end!r}"
    return hashlib.sha256(written.encode("utf-8", "surrogatepass")).hexdigest()[:24]


@dataclass(frozen=True, slots=True)
class SegmentTag:
    """One tag on a span of a video.

    start, end: Seconds of the video, [start, end). rule: The name of the rule, which is the tag.
    version: Of the rule. relevance: The highest of the segments in the span. by, at: Who has
    decided on it and when; for a proposal, empty and when it was made.
    """

    id: str
    video_id: str
    start: float
    end: float
    rule: str
    version: str
    relevance: float
    state: TagState = "proposed"
    by: str = ""
    at: str = ""

    @property
    def is_shown(self) -> bool:
        """Whether the tag counts: all but those that were rejected."""
        return self.state != "rejected"


@dataclass(frozen=True, slots=True)
class Sample:
    """A span that somebody is asked about, whether its tag fits.

    id: That of the tag, which need not exist. rule: The tag in question. relevance: By the rule.
    """

    id: str
    video_id: str
    start: float
    end: float
    rule: str
    relevance: float = 0.0


Show = Literal["open", "second", "disputed"]
"""Which samples: what nobody has settled, what others have decided on, or what they disagree on."""


@dataclass(frozen=True, slots=True)
class Queue:
    """The first samples that somebody may decide on, and how many there are: `waiting`."""

    samples: Sequence[Sample]
    waiting: int


@dataclass(frozen=True, slots=True)
class Tagging:
    """All tags of one video by one rule, and what they were made from.

    stamp: Of the segments and the decisions: while it and the version of the rule are equal, the
    tags are right.
    """

    video_id: str
    rule: str
    version: str
    stamp: str
    tags: Sequence[SegmentTag] = ()


@dataclass(frozen=True, slots=True)
class StoredRule:
    """A version of a rule, when it was stored and by whom, and whether it is the current one."""

    rule: Rule
    at: str
    by: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class VideoFacts:
    """What decides, beside rules, which tags a video gets.

    segments: Changes if a segment of its pictures is added or removed. decided: The number of the
    last decision on it, or 0. stream, recorded_at: As of `Video`. objects: The stamp of its
    objects; empty if no detector has looked at it.
    """

    video_id: str
    segments: str
    stream: str = ""
    recorded_at: str = ""
    decided: int = 0
    objects: str = ""


@dataclass(frozen=True, slots=True)
class Applied:
    """What storing tags has changed."""

    videos: int = 0
    added: int = 0
    removed: int = 0


@dataclass(frozen=True, slots=True)
class Said:
    """All that people have said of a collection.

    rules: In all versions. samples: By the name of their list. decisions: In their order.
    """

    rules: Sequence[StoredRule] = ()
    samples: Mapping[str, Sequence[Sample]] = field(default_factory=dict)
    decisions: Sequence[Decision] = ()

    def __bool__(self) -> bool:
        return bool(self.rules or self.samples or self.decisions)


def decided_tags(outcomes: Iterable[Outcome], rule: str, version: str) -> list[SegmentTag]:
    """Return the tags of one video by one rule that people have decided on."""
    found: dict[str, SegmentTag] = {}
    for outcome in outcomes:
        said = outcome.decision
        tag = SegmentTag(
            said.sample,
            said.video_id,
            said.start,
            said.end,
            rule,
            version,
            said.relevance,
            by=said.annotator,
            at=said.at,
        )
        start, end = outcome.span
        if said.rule == rule:
            state: TagState = "accepted" if outcome.is_right else "rejected"
            if state == "accepted" and said.verdict == "correct":
                tag, state = replace(tag, start=start, end=end), "corrected"
            found[tag.id] = replace(tag, state=state)
        if outcome.is_other and said.label == rule:
            other = replace(tag, id=tag_id(said.video_id, rule, start, end), start=start, end=end)
            found.setdefault(other.id, replace(other, state="corrected"))
    return list(found.values())


def settled_tags(decisions: Iterable[Decision], versions: Mapping[str, str]) -> list[SegmentTag]:
    """Return all tags of some samples that people have decided on.

    versions: Of the current rules, by name; a label that is not a rule has none.
    """
    found: list[SegmentTag] = []
    for outcome in settled(decisions).values():
        for rule in dict.fromkeys((outcome.decision.rule, outcome.decision.label)):
            if rule:
                found += decided_tags([outcome], rule, versions.get(rule, ""))
    return found


class CuratingReader(Protocol):
    """Rules, tags, samples and decisions of collections, to read.

    A collection is given by its name or an alias. One that does not exist, or a catalog that is not
    there yet, has none of them. Every method may raise ServiceUnavailable (database gone).
    """

    def rules(self, collection: str) -> list[Rule]:
        """Return the current rules by name."""
        ...

    def rule_versions(self, collection: str, name: str) -> list[StoredRule]:
        """Return all versions of a rule, in the order in which they were first stored."""
        ...

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
        """Return tags by video, start, rule and id: those after the tag `after`, at most `limit`.

        A tag `after` that does not exist any more has all others after it.
        """
        ...

    def tag(self, collection: str, tag: str) -> SegmentTag:
        """Return the tag with an id; raise SampleNotFound."""
        ...

    def sample(self, collection: str, sample: str) -> tuple[Sample, str]:
        """Return a sample as it is asked about, and the version of the rule that scored it.

        It is a proposed tag, one of a list, or one that was decided on, with its first span.

        Raises:
            SampleNotFound: there is none with this id.
        """
        ...

    def tag_counts(self, collection: str) -> dict[str, dict[TagState, int]]:
        """Count the tags by rule and state."""
        ...

    def facts(self, collection: str) -> list[VideoFacts]:
        """Return what decides on the tags of each video, by id."""
        ...

    def taggings(self, collection: str) -> dict[tuple[str, str], tuple[str, str]]:
        """Return version and stamp of what is stored, by video and rule."""
        ...

    def decisions(
        self,
        collection: str,
        *,
        rules: Sequence[str] | None = None,
        samples: Sequence[str] | None = None,
        video_ids: Sequence[str] | None = None,
    ) -> list[Decision]:
        """Return decisions in the order in which they were stored.

        rules: Only those on samples of these rules, or on samples that somebody has given one of
        them as the label: all that was said of these samples, because others may disagree.
        """
        ...

    def queue(
        self, collection: str, annotator: str, show: Show, *, rule: str | None = None, limit: int
    ) -> Queue:
        """Return what somebody is asked next, and how much there is; removed videos are left out.

        `open` has proposed tags, those that their rules are least sure of first; the others have
        samples in the order of the first decision on them. A skipped sample comes last. What is
        read does not grow with the decisions on samples that are not asked about.
        """
        ...

    def sample_lists(self, collection: str) -> dict[str, int]:
        """Return the names of the lists of samples, with how many samples each has."""
        ...

    def samples(self, collection: str, name: str) -> list[Sample]:
        """Return a list of samples in its order; one that does not exist is empty."""
        ...

    def said(self, collection: str) -> Said:
        """Return all that people have said, at one moment."""
        ...

    def close(self) -> None:
        """Give back connections."""
        ...


class Curating(CuratingReader, Protocol):
    """Rules, tags, samples and decisions, to change. Every change is one transaction.

    A change of tags is a new version of the collection. Every method that takes a collection raises
    CollectionNotFound if there is none.
    """

    def put_rules(self, collection: str, rules: Sequence[Rule], by: str) -> None:
        """Make these versions of the rules the current ones; others stay as they are.

        Raises:
            ValueError: a text cannot be stored.
        """
        ...

    def remove_rule(self, collection: str, name: str) -> int:
        """Remove a rule and its tags; return how many these were. Decisions and versions stay.

        Raises:
            RuleNotFound: there is no such rule now.
        """
        ...

    def apply(self, collection: str, taggings: Sequence[Tagging]) -> Applied:
        """Replace the tags of some videos by some rules.

        Videos that were removed meanwhile and rules that are not current any more are left out.
        """
        ...

    def decide(self, collection: str, decision: Decision) -> Decision:
        """Store a decision; return it with its number and time. Its tags follow at once.

        Raises:
            ValueError: a text cannot be stored.
        """
        ...

    def put_samples(self, collection: str, name: str, samples: Sequence[Sample]) -> None:
        """Store a list of samples instead of the one that has this name; none deletes it.

        Raises:
            ValueError: a text cannot be stored.
        """
        ...

    def say(self, collection: str, said: Said) -> None:
        """Add what people have said of the same videos elsewhere; their tags follow at once.

        Versions of rules and lists of samples replace those of the same names; what is current is
        that of `said`. Decisions that are there already are not added, and the others get numbers
        of their own.

        Raises:
            ValueError: a text cannot be stored.
        """
        ...


@dataclass(frozen=True, slots=True)
class Difference:
    """What applying would change, without storing it: tags that would be added and removed."""

    added: Sequence[SegmentTag] = field(default=())
    removed: Sequence[SegmentTag] = field(default=())


def difference(before: Iterable[SegmentTag], after: Iterable[SegmentTag]) -> Difference:
    """Compare the tags of a video by a rule; one that only was made at another time is the same."""
    old = {_without_time(tag): tag for tag in before}
    new = {_without_time(tag): tag for tag in after}
    return Difference(
        [tag for key, tag in new.items() if key not in old],
        [tag for key, tag in old.items() if key not in new],
    )


def _without_time(tag: SegmentTag) -> SegmentTag:
    return replace(tag, at="")


Stamps = Mapping[tuple[str, str], tuple[str, str]]
"""Version and stamp by video and rule, as `CuratingReader.taggings` returns them."""
