"""An MCP server that lets a language model look into the videos of a clipseek server."""

import base64
import json
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from functools import wraps
from typing import Any, ParamSpec, TypeVar, cast

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ResourceError, ToolError
from mcp.server.mcpserver.tools import Tool
from mcp_types import ImageContent, TextContent, ToolAnnotations
from pydantic import ConfigDict

from clipseek_client.aio import AsyncClient
from clipseek_client.answers import TimelineSegment, Video
from clipseek_client.asked import (
    Facet,
    Filter,
    LikeMoment,
    SearchOptions,
    SearchPart,
    Sort,
    Then,
)
from clipseek_client.errors import ClientError, ProblemError
from clipseek_client.mcp_answers import Found, Line, Listed, ListedVideo, Span, moment_of
from clipseek_client.mcp_lists import Lists
from clipseek_client.settings import version

P = ParamSpec("P")
T = TypeVar("T")
MOST_SEGMENTS = 100
"""Segments of a timeline that are shown, the most relevant ones; a long video has thousands."""
INSTRUCTIONS = """Finds moments in videos by sentences. `search` first, then `look` at a moment to
see its picture. Times are seconds. A relevance below 0.5 says that the moment probably does not
show what was asked for. `list_videos` and the resource clipseek://collections say what there is.
Rules tag moments (`list_rules`, `list_tags`); watches fire when something new fits."""


class Tools:
    """What a language model can call."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client

    async def search(
        self,
        query: str | None = None,
        limit: int = 5,
        collection: str | None = None,
        without: list[str] | None = None,
        then: str | None = None,
        within: float = 10.0,
        like_video_id: str | None = None,
        like_time: float | None = None,
        video_ids: list[str] | None = None,
        tags: list[str] | None = None,
        segment_tags: list[str] | None = None,
        folder: str | None = None,
        title: str | None = None,
        language: str | None = None,
        min_duration: float | None = None,
        max_duration: float | None = None,
        min_height: int | None = None,
        recorded_from: datetime | None = None,
        recorded_before: datetime | None = None,
        min_relevance: float = 0.0,
        sort: Sort = "relevance",
        one_per_video: bool = False,
        facets: list[Facet] | None = None,
        cursor: str | None = None,
    ) -> Found:
        """Find the moments that a sentence describes, or that look like a moment of a video.

        A `query` alone is also searched in what is said and written; `words` of a moment are that.

        Give either `query`, such as "a red car at night", or `like_video_id` with `like_time` in
        seconds. `without` names what must not be seen. `then` describes what must follow in the
        same video, `within` so many seconds. The others say which videos are searched: with all of
        the `tags`, in moments with the `segment_tags` that rules gave, in the `folder`, with a
        `title` that begins so, with words in a `language` such as "en", of so many seconds, with
        pictures of at least `min_height` pixels, and recorded in a time (RFC 3339, with a time
        zone). `sort` orders the moments that match by title and time, or those of videos that were
        indexed last first. `one_per_video` gives one moment of each video, with how many
        `more_in_video` match. `facets` counts the videos that match.
        """
        options = SearchOptions(
            limit=limit, min_relevance=min_relevance, collection=collection, sort=sort
        )
        if one_per_video:
            options["group_by"] = "video"
        if facets:
            options["facets"] = facets
        if cursor is not None:
            options["cursor"] = cursor
        if then is not None:
            options["then"] = Then(query=then, within=within)
        like = _like(like_video_id, like_time)
        if like is not None:
            options["like"] = like
        if without:
            options["parts"] = _parts(query, without)
        only = {
            "video_ids": video_ids,
            "tags": tags,
            "segment_tags": segment_tags,
            "folder": folder,
            "title": title,
            "language": language,
            "min_duration": min_duration,
            "max_duration": max_duration,
            "min_height": min_height,
            "recorded_from": recorded_from,
            "recorded_before": recorded_before,
        }
        if any(value is not None for value in only.values()):
            options["filter"] = cast("Filter", only)
        query = None if without else query
        found = await self._client.search(query, **options)
        return Found(
            collection=found.collection,
            moments=[moment_of(hit) for hit in found.hits],
            total=found.total,
            total_videos=found.total_videos,
            counts={
                kind: {each.value: each.videos for each in facet.values}
                for kind, facet in (found.facets or {}).items()
            },
            next_cursor=found.next_cursor,
        )

    async def look(
        self, video_id: str, time: float, collection: str | None = None
    ) -> list[TextContent | ImageContent]:
        """See the picture of a video at a time: that of the moment around this second."""
        video = await self._client.video(video_id, collection=collection)
        if not 0 <= time < video.duration:
            raise ToolError(
                f"time must be at least 0 and less than {video.duration:g}, the seconds of the "
                f"video, got {time:g}"
            )
        segments = await self._client.segments(video_id, collection=collection)
        if not segments:
            raise ToolError(f"the video {video_id} has no pictures: it is {video.state}")
        seen = next((each for each in segments if time < each.end), segments[-1])
        picture = await self._client.thumbnail(seen)
        said = (
            f"{video.title}: the frame at {seen.best_time:g} s, which represents {seen.start:g} s "
            f"to {seen.end:g} s"
        )
        data = base64.b64encode(picture).decode()
        return [
            TextContent(type="text", text=said),
            ImageContent(type="image", data=data, mime_type="image/jpeg"),
        ]

    async def list_videos(
        self, collection: str | None = None, limit: int = 20, after: str | None = None
    ) -> Listed:
        """List the videos of a collection, a page at a time."""
        videos: list[Video] = []
        more = False
        async for video in self._client.videos(collection=collection, after=after, page=limit):
            more = len(videos) == limit
            if more:
                break
            videos.append(video)
        return Listed(
            videos=[ListedVideo.model_validate(video.model_dump()) for video in videos],
            next=videos[-1].id if more else None,
        )

    async def timeline(
        self,
        video_id: str,
        query: str | None = None,
        without: list[str] | None = None,
        like_video_id: str | None = None,
        like_time: float | None = None,
        collection: str | None = None,
    ) -> Line:
        """Say where in a video something is to be seen: how well it fits from start to end.

        Give a `query`, such as "a red car", or `like_video_id` with `like_time` in seconds, or
        both for what is both. `without` names what must not be seen.
        """
        like = _like(like_video_id, like_time)
        wanted = [SearchPart(text=query)] if query is not None else []
        wanted += [SearchPart(like=like)] if like is not None else []
        if not wanted:
            raise ToolError(
                "timeline must have a query or like_video_id with like_time: what is looked for"
            )
        unwanted = [SearchPart(text=each, weight=-1.0) for each in without or ()]
        line = await self._client.composed_timeline(
            video_id, [*wanted, *unwanted], collection=collection
        )
        shown = most_relevant(line.segments)
        best, when = max(zip(line.relevance, line.times, strict=True), default=(0.0, 0.0))
        return Line(
            video_id=video_id,
            duration=line.duration,
            measure=line.measure,
            best_time=when,
            best_relevance=best,
            spans=[Span.model_validate(segment.model_dump()) for segment in shown],
            left_out=len(line.segments) - len(shown),
        )

    async def collections(self) -> str:
        """Which collections there are, how large they are, and sentences to try."""
        found = await self._client.collections()
        return json.dumps({"collections": [each.model_dump() for each in found]})

    async def video(self, video_id: str) -> str:
        """What is known of a video of the default collection."""
        return (await self._client.video(video_id)).model_dump_json()


def most_relevant(segments: Sequence[TimelineSegment]) -> list[TimelineSegment]:
    """Return the most relevant segments, in the order of time."""
    best = sorted(segments, key=lambda segment: -segment.relevance)[:MOST_SEGMENTS]
    return sorted(best, key=lambda segment: segment.start)


def made(client: AsyncClient) -> MCPServer:
    """Return the server; its tools ask by this client, which stays open as long."""
    tools, lists = Tools(client), Lists(client)
    calls = (
        *(tools.search, tools.look, tools.list_videos, tools.timeline),
        *(lists.list_rules, lists.list_tags, lists.list_samples),
        *(lists.list_watches, lists.list_alerts),
    )
    server = MCPServer(
        "clipseek",
        instructions=INSTRUCTIONS,
        version=version(),
        tools=[_tool(call) for call in calls],
        log_level="WARNING",
    )
    json_file = "application/json"
    server.resource("clipseek://collections", mime_type=json_file)(
        _translated(tools.collections, ResourceError)
    )
    server.resource("clipseek://videos/{video_id}", mime_type=json_file)(
        _translated(tools.video, ResourceError)
    )
    return server


async def serve(client: AsyncClient, http_port: int | None) -> None:
    """Serve until the input ends or, with a port, over HTTP on the loopback address."""
    async with client:
        server = made(client)
        if http_port is None:
            await server.run_stdio_async()
        else:
            await server.run_streamable_http_async(host="127.0.0.1", port=http_port)


def _tool(call: Callable[..., Awaitable[object]]) -> Tool:
    """Return a tool that refuses arguments that it does not have; the SDK would ignore them."""
    tool = Tool.from_function(
        _translated(call, ToolError),
        annotations=ToolAnnotations(read_only_hint=True, open_world_hint=False),
    )
    base = tool.fn_metadata.arg_model
    strict: Any = type(base.__name__, (base,), {"model_config": ConfigDict(extra="forbid")})
    tool.fn_metadata.arg_model = strict
    tool.parameters = strict.model_json_schema(by_alias=True)
    return tool


def _translated(
    call: Callable[P, Awaitable[T]], kind: type[Exception]
) -> Callable[P, Awaitable[T]]:
    """Return the call with errors that the caller is told: the sentence of the API, if it has one.

    The message of any other error stays in the log of this server.
    """

    @wraps(call)
    async def translated(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await call(*args, **kwargs)
        except ProblemError as error:
            raise kind(error.detail) from error
        except ClientError as error:
            raise kind(str(error)) from error

    return translated


def _like(video_id: str | None, time: float | None) -> LikeMoment | None:
    if video_id is not None and time is not None:
        return LikeMoment(video_id=video_id, time=time)
    if video_id is None and time is None:
        return None
    raise ToolError(
        "like_video_id and like_time must come together: the moment whose like is searched for"
    )


def _parts(query: str | None, without: Sequence[str]) -> list[SearchPart]:
    if query is None:
        raise ToolError(
            "without must come with a query: a sentence of what is wanted, such as 'a street'"
        )
    unwanted = [SearchPart(text=each, weight=-1.0) for each in without]
    return [SearchPart(text=query), *unwanted]
