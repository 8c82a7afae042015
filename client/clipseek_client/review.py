"""Rules, the tags that they give, and samples to decide on: what the server says of them."""

from collections.abc import Mapping
from typing import Any, TypeVar
from urllib.parse import quote

from pydantic import Field

from clipseek_client.errors import InvalidValue
from clipseek_client.steps import Flow, Request, Server
from clipseek_client.values import Answer, SegmentTag, Url
from clipseek_client.watches import WatchHours

T = TypeVar("T")


class Rate(Answer):
    """A share of some samples, with its interval of 95 %; None if there are none."""

    share: float | None
    low: float
    high: float
    samples: int
    missing: int


class Relation(Answer):
    """Where one object is, seen from another: `place` is such as "left_of"."""

    of: str
    to: str
    place: str = Field(alias="is")
    margin: float
    shows: list[str]


class Rule(Answer):
    """A rule that gives a tag, which is its name.

    tags: How many tags are in each state. precision, recall: On what was reviewed.
    """

    name: str
    version: str
    prompts: list[str]
    exclusions: list[str]
    threshold: float
    fitted: bool
    cameras: list[str] | None
    hours: WatchHours | None
    relation: Relation | None
    tags: dict[str, int]
    precision: Rate
    recall: Rate


class SampleList(Answer):
    """A list of samples, and how many it has."""

    name: str
    samples: int


class Rules(Answer):
    """The rules of a collection by name, and its lists of samples."""

    rules: list[Rule]
    lists: list[SampleList]


class Sample(Answer):
    """The seconds [start, end) of a video, and the rule whose tag is in question."""

    id: str
    video_id: str
    title: str
    duration: float
    start: float
    end: float
    rule: str
    relevance: float
    thumbnail_url: Url
    play_url: Url


class Samples(Answer):
    """Samples to decide on, the most useful first; `waiting` is how many there are."""

    samples: list[Sample]
    waiting: int


class VideoTags(Answer):
    """The tags on spans of a video in the order of time; `more` if there are others."""

    segment_tags: list[SegmentTag]
    more: bool


def rules(server: Server, collection: str | None) -> Flow[Rules]:
    """List the rules."""
    return server.read(Rules, _get("/v1/rules", collection=collection))


def samples(server: Server, asked: Mapping[str, Any]) -> Flow[Samples]:
    """List samples that the caller has not decided on."""
    return server.read(Samples, _get("/v1/samples", **asked))


def video_tags(server: Server, video_id: str, asked: Mapping[str, Any]) -> Flow[VideoTags]:
    """List the tags on spans of a video."""
    if video_id in ("", ".", "..") or "/" in video_id:
        raise InvalidValue(f"the id of a video must not be {video_id!r}; give that of an answer")
    path = f"/v1/videos/{quote(video_id, safe='')}/segment-tags"
    return server.read(VideoTags, _get(path, **asked))


def _get(path: str, **asked: Any) -> Request:
    present = {name: value for name, value in asked.items() if value is not None}
    return Request("GET", path, params=present)


class ReviewMethods:
    """What `Client` asks of rules, tags and samples."""

    _server: Server

    def _run(self, flow: Flow[T]) -> T:
        raise NotImplementedError

    def rules(self, *, collection: str | None = None) -> Rules:
        """Return the rules that give tags, and the lists of samples."""
        return self._run(rules(self._server, collection))

    def samples(
        self,
        *,
        rule: str | None = None,
        list_name: str | None = None,
        show: str | None = None,
        limit: int | None = None,
        collection: str | None = None,
    ) -> Samples:
        """Return samples that the key has not decided on: `show` is open, second or disputed."""
        asked = _asked(rule, list_name, show, limit, collection)
        return self._run(samples(self._server, asked))

    def video_tags(
        self, video_id: str, *, limit: int | None = None, collection: str | None = None
    ) -> VideoTags:
        """Return the tags on spans of a video that were not rejected."""
        asked = {"limit": limit, "collection": collection}
        return self._run(video_tags(self._server, video_id, asked))


class AsyncReviewMethods:
    """What `AsyncClient` asks of rules, tags and samples."""

    _server: Server

    async def _run(self, flow: Flow[T]) -> T:
        raise NotImplementedError

    async def rules(self, *, collection: str | None = None) -> Rules:
        """Return the rules that give tags, and the lists of samples."""
        return await self._run(rules(self._server, collection))

    async def samples(
        self,
        *,
        rule: str | None = None,
        list_name: str | None = None,
        show: str | None = None,
        limit: int | None = None,
        collection: str | None = None,
    ) -> Samples:
        """Return samples that the key has not decided on: `show` is open, second or disputed."""
        asked = _asked(rule, list_name, show, limit, collection)
        return await self._run(samples(self._server, asked))

    async def video_tags(
        self, video_id: str, *, limit: int | None = None, collection: str | None = None
    ) -> VideoTags:
        """Return the tags on spans of a video that were not rejected."""
        asked = {"limit": limit, "collection": collection}
        return await self._run(video_tags(self._server, video_id, asked))


def _asked(
    rule: str | None,
    list_name: str | None,
    show: str | None,
    limit: int | None,
    collection: str | None,
) -> dict[str, Any]:
    names = {"rule": rule, "list": list_name, "show": show, "limit": limit}
    return {**names, "collection": collection}
