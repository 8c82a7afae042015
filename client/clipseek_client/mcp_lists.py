"""What an MCP server tells a language model of rules, tags, samples, watches and alerts."""

from collections.abc import Sequence
from typing import Literal, TypeVar

from clipseek_client.aio import AsyncClient
from clipseek_client.answers import Answer
from clipseek_client.review import Rate, Rule, SampleList
from clipseek_client.values import SegmentTag
from clipseek_client.watches import Alert

Show = Literal["open", "second", "disputed"]


class ListedRule(Answer):
    """A rule, which gives a tag of its name: by sentences, by where objects are, or both.

    relation: Such as "cat left_of dog", empty without one. tags: How many are in each state.
    precision, recall: Of what was reviewed.
    """

    name: str
    prompts: list[str]
    exclusions: list[str]
    threshold: float
    relation: str
    cameras: list[str] | None
    tags: dict[str, int]
    precision: Rate
    recall: Rate


class ListedRules(Answer):
    """The rules of a collection, and its lists of samples."""

    rules: list[ListedRule]
    lists: list[SampleList]


class ListedTags(Answer):
    """The tags on spans of a video, in the order of time; `more` if there are others."""

    tags: list[SegmentTag]
    more: bool


class ListedSample(Answer):
    """The seconds [start, end) of a video that wait for a decision whether the tag `rule` fits."""

    id: str
    video_id: str
    title: str
    start: float
    end: float
    rule: str
    relevance: float
    play_url: str


class ListedSamples(Answer):
    """Samples, the most useful first; `waiting` is how many there are."""

    samples: list[ListedSample]
    waiting: int


class ListedWatch(Answer):
    """A query that keeps watching: `described` in words, from the relevance `threshold` on."""

    id: str
    name: str
    collection: str
    described: str
    threshold: float
    cameras: list[str] | None
    on: bool


class ListedWatches(Answer):
    """The watches, by name."""

    watches: list[ListedWatch]


class ListedAlert(Answer):
    """A moment that a watch has fired for: seconds [start, end), and times if they are known."""

    id: str
    watch: str
    watch_name: str
    created_at: str
    collection: str
    video_id: str
    camera: str | None
    start: float
    end: float
    start_at: str | None
    end_at: str | None
    relevance: float
    play_url: str


class ListedAlerts(Answer):
    """Alerts, the newest first; `more` if there are others."""

    alerts: list[ListedAlert]
    more: bool


class Lists:
    """What a language model can list beside videos."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client

    async def list_rules(self, collection: str | None = None) -> ListedRules:
        """List the rules that tag moments, with how many tags each gave, and how good they are."""
        found = await self._client.rules(collection=collection)
        return ListedRules(rules=[_rule(rule) for rule in found.rules], lists=found.lists)

    async def list_tags(
        self, video_id: str, collection: str | None = None, limit: int = 100
    ) -> ListedTags:
        """List the tags on spans of a video: which rule fits when, and whether somebody agreed."""
        found = await self._client.video_tags(video_id, limit=limit, collection=collection)
        return ListedTags(tags=found.segment_tags, more=found.more)

    async def list_samples(
        self,
        rule: str | None = None,
        list_name: str | None = None,
        show: Show = "open",
        collection: str | None = None,
        limit: int = 20,
    ) -> ListedSamples:
        """List moments that wait for a decision of people, of one `rule` or of one list.

        `show` is `open` (nobody has settled), `second` (others have decided) or `disputed`. The key
        must have the scope `annotator` or `reviewer`.
        """
        found = await self._client.samples(
            rule=rule, list_name=list_name, show=show, limit=limit, collection=collection
        )
        return ListedSamples(samples=_of(ListedSample, found.samples), waiting=found.waiting)

    async def list_watches(self, collection: str | None = None) -> ListedWatches:
        """List the queries that keep watching, which fire when something new fits."""
        found = await self._client.watches(collection=collection)
        return ListedWatches(watches=_of(ListedWatch, found))

    async def list_alerts(
        self, watch: str | None = None, collection: str | None = None, limit: int = 20
    ) -> ListedAlerts:
        """List what watches have fired for, the newest first; `watch` is the id of one."""
        found: list[Alert] = []
        more = False
        async for alert in self._client.alerts(watch=watch, collection=collection, page=limit):
            more = len(found) == limit
            if more:
                break
            found.append(alert)
        return ListedAlerts(alerts=_of(ListedAlert, found), more=more)


L = TypeVar("L", bound=Answer)


def _of(kind: type[L], found: Sequence[Answer]) -> list[L]:
    return [kind.model_validate(each.model_dump()) for each in found]


def _rule(rule: Rule) -> ListedRule:
    relation = rule.relation
    said = "" if relation is None else f"{relation.of} {relation.place} {relation.to}"
    shown = rule.model_dump(exclude={"relation"})
    return ListedRule.model_validate({**shown, "relation": said})
