"""What the API takes and gives about rules, samples and decisions."""

import math
from collections.abc import Mapping
from typing import Annotated, Self
from urllib.parse import quote, urlencode

from pydantic import BaseModel, Field

from api.limits import expect, text
from api.schemas import InCollection, play_url
from api.watch_schemas import HoursModel
from clipseek.curating import Sample, Show, TagState
from clipseek.decisions import Decision, Verdict
from clipseek.relations import Place
from clipseek.rules import MAX_NAME_CHARACTERS, Rule
from clipseek.tagging.agreement import Pace, Pair
from clipseek.tagging.fitting import Quality, Rate
from clipseek.types import Span

MAX_SAMPLES = 100
RuleName = Annotated[str, Field(max_length=MAX_NAME_CHARACTERS), text(1, MAX_NAME_CHARACTERS)]


class RateAnswer(BaseModel):
    """A share with its interval of 95 % by Wilson."""

    share: float | None = Field(description="Null if nothing was reviewed.")
    low: float
    high: float
    samples: int = Field(description="How many samples it is a share of.")
    missing: int = Field(
        description="How many more of them make the interval at most 0.1 wide, if the share stays."
    )

    @classmethod
    def of(cls, rate: Rate) -> Self:
        """Describe a share."""
        low, high = rate.interval
        return cls(
            share=rate.share if rate.count else None,
            low=low,
            high=high,
            samples=rate.count,
            missing=rate.missing,
        )


class RelationAnswer(BaseModel):
    """Where an object must be, seen from another one."""

    of: str = Field(description="The class of the detector that the first object has.")
    to: str = Field(description="The class of the other object.")
    place: Place = Field(alias="is", description="Where the first object is.")
    margin: float = Field(
        description="How far apart the middles of both are at least, as a fraction of the frame."
    )
    shows: list[str] = Field(description="Sentences that pictures must all fit.")


class RuleAnswer(BaseModel):
    """A rule, what it has found, and how good that is."""

    name: str
    version: str = Field(description="A hash of everything that decides on tags.")
    prompts: list[str] = Field(description="None only if the rule has a relation.")
    exclusions: list[str]
    threshold: float
    fitted: bool = Field(description="Whether the threshold was fitted to decisions.")
    cameras: list[str] | None
    hours: HoursModel | None
    relation: RelationAnswer | None
    tags: dict[TagState, int] = Field(description="How many tags are in each state.")
    precision: RateAnswer = Field(description="How many of the tags that were reviewed are right.")
    recall: RateAnswer = Field(
        description="How many of the right samples that were reviewed get their tag. If only "
        "proposals were reviewed, it says nothing of what was never proposed."
    )

    @classmethod
    def of(cls, rule: Rule, counts: Mapping[TagState, int], quality: Quality) -> Self:
        """Describe a rule."""
        return cls(
            name=rule.name,
            version=rule.version,
            prompts=list(rule.prompts),
            exclusions=list(rule.exclusions),
            threshold=rule.threshold,
            fitted=rule.is_fitted,
            cameras=None if rule.cameras is None else list(rule.cameras),
            hours=None if rule.hours is None else HoursModel.of(rule.hours),
            relation=None
            if rule.relation is None
            else RelationAnswer.model_validate({"shows": [], **rule.relation.content()}),
            tags=dict(counts),
            precision=RateAnswer.of(quality.precision),
            recall=RateAnswer.of(quality.recall),
        )


class ListAnswer(BaseModel):
    """A list of samples."""

    name: str
    samples: int


class RulesAnswer(BaseModel):
    """The rules of a collection, and its lists of samples."""

    rules: list[RuleAnswer]
    lists: list[ListAnswer]


class SamplesAsked(InCollection):
    """Which samples."""

    rule: Annotated[RuleName | None, Field(description="Only those of this rule.")] = None
    list: Annotated[RuleName | None, Field(description="Those of this list, in its order.")] = None
    show: Annotated[
        Show,
        Field(
            description="`open`: what nobody has settled; `second`: what others have decided on; "
            "`disputed`: what annotators disagree on."
        ),
    ] = "open"
    limit: Annotated[
        int,
        Field(ge=1, le=MAX_SAMPLES, description=f"Maximum number of samples, 1 to {MAX_SAMPLES}."),
        expect(f"a whole number from 1 to {MAX_SAMPLES}"),
    ] = 20


class SampleAnswer(BaseModel):
    """A span that somebody is asked about."""

    id: str
    video_id: str
    title: str
    duration: float = Field(description="Seconds of the whole video.")
    start: float
    end: float
    rule: str = Field(description="The tag in question.")
    relevance: float
    thumbnail_url: str
    play_url: str

    @classmethod
    def of(cls, sample: Sample, title: str, duration: float, collection: str, root: str) -> Self:
        """Describe a sample, with links below `root`."""
        middle = (sample.start + sample.end) / 2
        query = urlencode({"collection": collection, "at": f"{middle:.3f}"})
        video = quote(sample.video_id, safe="")
        return cls(
            id=sample.id,
            video_id=sample.video_id,
            title=title,
            duration=duration,
            start=sample.start,
            end=sample.end,
            rule=sample.rule,
            relevance=sample.relevance,
            thumbnail_url=f"{root}/v1/videos/{video}/thumbnail?{query}",
            play_url=play_url(sample.video_id, collection, Span(sample.start, sample.end), root),
        )


class SamplesAnswer(BaseModel):
    """Samples to decide on, the most useful first."""

    samples: list[SampleAnswer]
    waiting: int = Field(description="How many there are, with those that are returned.")


class DecisionBody(InCollection):
    """What somebody says of one sample."""

    sample: Annotated[str, Field(max_length=64, description="The `id` of the sample."), text(1, 64)]
    verdict: Annotated[
        Verdict,
        Field(
            description="`correct` names another `label`, another span, or both. `undo` takes the "
            "own last decision on this sample back, and `skip` decides nothing."
        ),
    ]
    label: Annotated[RuleName | None, Field(description="The tag that fits instead.")] = None
    start: Annotated[
        float | None, Field(ge=0, allow_inf_nan=False, description="Where the tag begins.")
    ] = None
    end: Annotated[float | None, Field(ge=0, allow_inf_nan=False, description="Where it ends.")] = (
        None
    )
    seconds: Annotated[
        float,
        Field(ge=0, le=86400, allow_inf_nan=False, description="How long the decision took."),
        expect("a number of seconds from 0 to 86400"),
    ] = 0.0

    def decision(
        self, sample: Sample, version: str, annotator: str, *, by_reviewer: bool
    ) -> Decision:
        """Return the decision."""
        return Decision(
            sample=sample.id,
            video_id=sample.video_id,
            start=sample.start,
            end=sample.end,
            rule=sample.rule,
            verdict=self.verdict,
            annotator=annotator,
            version=version,
            relevance=sample.relevance,
            by_reviewer=by_reviewer,
            label=self.label or "",
            new_start=self.start,
            new_end=self.end,
            seconds=self.seconds,
        )


class DecisionAnswer(BaseModel):
    """A decision that is stored."""

    number: int = Field(description="In the order in which decisions were stored.")
    sample: str
    verdict: Verdict
    by_reviewer: bool = Field(description="Whether it settles what annotators have said.")
    at: str

    @classmethod
    def of(cls, decision: Decision) -> Self:
        """Describe a decision."""
        return cls(
            number=decision.number,
            sample=decision.sample,
            verdict=decision.verdict,
            by_reviewer=decision.by_reviewer,
            at=decision.at,
        )


class AgreementAsked(InCollection):
    """Whose agreement."""

    rule: Annotated[RuleName | None, Field(description="On samples of this rule alone.")] = None


class PairAnswer(BaseModel):
    """Two annotators on the samples that both have decided on."""

    annotators: list[str]
    samples: int
    agreed: int
    kappa: float | None = Field(
        description="Cohen's: 1 is perfect, 0 is chance; null if both gave one and the same answer "
        "everywhere."
    )

    @classmethod
    def of(cls, pair: Pair) -> Self:
        """Describe two annotators."""
        kappa = None if math.isnan(pair.kappa) else pair.kappa
        names = [pair.first, pair.second]
        return cls(annotators=names, samples=pair.samples, agreed=pair.agreed, kappa=kappa)


class PaceAnswer(BaseModel):
    """How much somebody has decided."""

    annotator: str
    decisions: int
    seconds: float = Field(description="The median of their decisions.")

    @classmethod
    def of(cls, pace: Pace) -> Self:
        """Describe one annotator."""
        return cls(annotator=pace.annotator, decisions=pace.decisions, seconds=pace.seconds)


class AnnotatorsAnswer(BaseModel):
    """How much annotators agree, and how long they take."""

    pairs: list[PairAnswer]
    annotators: list[PaceAnswer]
    disputed: int = Field(description="Samples that wait for a reviewer.")
