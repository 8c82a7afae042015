"""The client for programs with an event loop, of asyncio or trio."""

from collections.abc import AsyncIterator, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack, cast

import anyio
import anyio.to_thread
import httpx2

from clipseek_client import calls, settings, uploading
from clipseek_client.answers import (
    Collection,
    Hit,
    Job,
    Liked,
    Moment,
    SearchAnswer,
    Segment,
    Timeline,
    Video,
)
from clipseek_client.asked import ChosenMoment, Search, SearchOptions, SearchPart, VideoOrder
from clipseek_client.cameras import AsyncCameraMethods
from clipseek_client.errors import ProblemError
from clipseek_client.following import Following
from clipseek_client.retrying import Outcome, has_content
from clipseek_client.review import AsyncReviewMethods
from clipseek_client.sinks import Sink
from clipseek_client.steps import Flow, Read, Request, Step, Wait
from clipseek_client.watches import Alert, AsyncWatchMethods

T = TypeVar("T")


class AsyncClient(AsyncCameraMethods, AsyncWatchMethods, AsyncReviewMethods):
    """Asks one server. Tasks may share it; close it at the end, or use it in an `async with`.

    address: Where the server is; without it, `CLIPSEEK_URL`, or port 8000 of this machine.
    key: A key of the server, if it needs one; without it, `CLIPSEEK_KEY`.
    timeout_s: Seconds that the server may take for each part of an answer.
    retries: How often a request is repeated, if that changes nothing twice.

    Each method raises a `ClientError` if there is no good answer.
    """

    def __init__(
        self,
        address: str | None = None,
        *,
        key: str | None = None,
        timeout_s: float = 30.0,
        retries: int = 4,
    ) -> None:
        self._server = settings.server(address, retries)
        self._http = httpx2.AsyncClient(
            headers=settings.headers(key), timeout=settings.timeout(timeout_s)
        )

    def __repr__(self) -> str:
        return f"AsyncClient({self._server.address!r})"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def search(
        self, query: str | None = None, **options: Unpack[SearchOptions]
    ) -> SearchAnswer:
        """Search by a sentence, by a picture (`image`) or by a moment (`like`).

        The options are the fields of `POST /v1/search`.
        """
        return await self._run(calls.search(self._server, query, options))

    async def pages(
        self, query: str | None = None, **options: Unpack[SearchOptions]
    ) -> AsyncIterator[SearchAnswer]:
        """Yield the answers of a search page by page; all are of one version of the collection."""
        following: Any = options
        while following is not None:
            answer = await self._run(calls.search(self._server, query, following))
            yield answer
            following = calls.next_page(options, answer)

    async def hits(
        self, query: str | None = None, **options: Unpack[SearchOptions]
    ) -> AsyncIterator[Hit]:
        """Yield `limit` hits of all pages at most, or all up to hit 1000, the best one first."""
        limit, of_pages = calls.at_most(options)
        count = 0
        async for page in self.pages(query, **cast("SearchOptions", of_pages)):
            for hit in page.hits:
                yield hit
                count += 1
                if count == limit:
                    return

    async def search_batch(self, searches: Sequence[Search]) -> list[SearchAnswer | ProblemError]:
        """Search for all at once; a search that is wrong has its error in its place."""
        return await self._run(calls.batch(self._server, searches))

    async def videos(
        self,
        *,
        collection: str | None = None,
        after: str | None = None,
        page: int = 100,
        order: VideoOrder | None = None,
        query: str | None = None,
    ) -> AsyncIterator[Video]:
        """Yield the videos of a collection, those after an id or all, a page at a time.

        order: `id`, `newest`, `title` or `length`. query: Words that titles must have.
        """
        while True:
            found = await self._run(
                calls.videos(self._server, collection, after, page, order=order, query=query)
            )
            for video in found.videos:
                yield video
            if found.next is None:
                return
            after = found.next

    async def video(self, video_id: str, *, collection: str | None = None) -> Video:
        """Return a video."""
        return await self._run(calls.video(self._server, video_id, collection))

    async def segments(self, video_id: str, *, collection: str | None = None) -> list[Segment]:
        """Return the segments of a video, in the order of time."""
        return (await self._run(calls.segments(self._server, video_id, collection))).segments

    async def timeline(
        self, video_id: str, query: str, *, collection: str | None = None
    ) -> Timeline:
        """Return how relevant a sentence is from the start to the end of a video."""
        return await self._run(calls.timeline(self._server, video_id, query, collection))

    async def composed_timeline(
        self, video_id: str, parts: Sequence[SearchPart], *, collection: str | None = None
    ) -> Timeline:
        """Return how several parts, as of a search, fit a video from its start to its end."""
        return await self._run(calls.composed_timeline(self._server, video_id, parts, collection))

    async def collections(self) -> list[Collection]:
        """Return the collections that the key allows."""
        return (await self._run(calls.collections(self._server))).collections

    async def thumbnail(self, of: Hit | Liked | Moment | Video) -> bytes:
        """Return the picture of a hit, a segment or a video: a JPEG."""
        return await self._run(calls.thumbnail(self._server, of))

    async def excerpt(
        self,
        video_id: str,
        start: float,
        end: float,
        to: str | Path,
        *,
        collection: str | None = None,
    ) -> Path:
        """Store the seconds [start, end) of a video as a new MP4 file, and return its path."""
        return await self._run(
            calls.excerpt(self._server, video_id, start, end, Path(to), collection)
        )

    async def download(
        self, video_id: str, to: str | Path, *, collection: str | None = None
    ) -> Path:
        """Store the file of a video as a new file, and return its path."""
        return await self._run(calls.file(self._server, video_id, Path(to), collection))

    async def edit_list_formats(self) -> list[str]:
        """Return the formats that the server writes edit lists in."""
        return (await self._run(calls.edit_list_formats(self._server))).formats

    async def edit_list(
        self,
        moments: Sequence[ChosenMoment],
        *,
        format: str | None = None,  # noqa: A002  the API's word
        title: str | None = None,
        collection: str | None = None,
    ) -> bytes:
        """Return chosen moments as a file for film editors."""
        options = {"format": format, "title": title, "collection": collection}
        return await self._run(calls.edit_list(self._server, moments, options))

    async def upload(
        self,
        file: str | Path,
        *,
        collection: str | None = None,
        title: str | None = None,
        tags: Sequence[str] | None = None,
        progress: uploading.Progress | None = None,
        resume: str | None = None,
    ) -> Job:
        """Upload a file and ask for it to be indexed.

        After a lost connection it goes on where the stored bytes end. If the connection stays lost,
        `UploadInterrupted.upload` is what a later call takes as `resume`.
        """
        said = {"collection": collection, "title": title, "tags": tags}
        return await self._run(
            uploading.uploaded(self._server, Path(file), said, resume=resume, progress=progress)
        )

    async def add_url(
        self,
        url: str,
        *,
        collection: str | None = None,
        title: str | None = None,
        tags: Sequence[str] | None = None,
        idempotency_key: str | None = None,
    ) -> Job:
        """Ask for what is at a URL to be indexed; the server must allow its host."""
        asked = {"url": url, "collection": collection, "title": title, "tags": tags}
        return await self._run(calls.add(self._server, asked, idempotency_key))

    async def edit(
        self,
        video_id: str,
        *,
        title: str | None = None,
        tags: Sequence[str] | None = None,
        collection: str | None = None,
        idempotency_key: str | None = None,
    ) -> Job:
        """Ask for another title, or for other tags in place of all tags."""
        asked = {"title": title, "tags": tags}
        return await self._run(
            calls.edit(self._server, video_id, asked, collection, idempotency_key)
        )

    async def remove(
        self,
        video_id: str,
        *,
        collection: str | None = None,
        idempotency_key: str | None = None,
    ) -> Job:
        """Ask for a video to be removed."""
        return await self._run(calls.remove(self._server, video_id, collection, idempotency_key))

    async def job(self, job_id: str) -> Job:
        """Return a job."""
        return await self._run(calls.job(self._server, job_id))

    async def jobs(
        self,
        *,
        collection: str | None = None,
        kind: str | None = None,
        state: str | None = None,
        page: int = 100,
    ) -> AsyncIterator[Job]:
        """Yield the jobs, the newest one first, asking for a page of them at a time."""
        only = {"collection": collection, "kind": kind, "state": state}
        after: str | None = None
        while True:
            found = await self._run(calls.jobs(self._server, after, page, only))
            for job in found.jobs:
                yield job
            if found.next is None:
                return
            after = found.next

    async def cancel(self, job_id: str) -> Job:
        """Cancel a job, and return its state; a job that runs stops soon."""
        return await self._run(calls.cancel(self._server, job_id))

    async def wait(self, job_id: str, *, timeout_s: float | None = None) -> Job:
        """Wait until a job is done, and return it.

        Raises:
            JobFailed: It has failed, or was cancelled.
            JobLate: It has not ended in time; it goes on.
        """
        return await self._run(calls.done(self._server, job_id, timeout_s))

    async def events(self, job_id: str) -> AsyncIterator[Job]:
        """Yield a job each time that it has changed; the last one has ended."""
        request, attempt = calls.events(job_id), 0
        url = settings.target(self._server, request.url)
        timeout = httpx2.Timeout(settings.EVENTS_S, connect=settings.CONNECT_S)
        while True:
            outcome: Outcome = calls.lost()
            try:
                async with self._http.sse(url, timeout=timeout) as source:
                    if source.response.is_success:
                        async for event in source:
                            job = calls.told(self._server, event)
                            if job is not None:
                                attempt = 0
                                yield job
                            if event.event == "end":
                                return
                    else:
                        await source.response.aread()
                        outcome = source.response
            except httpx2.TransportError as error:
                outcome = error
            await self._run(self._server.pause(request, outcome, attempt))
            attempt += 1

    async def new_alerts(
        self, *, collection: str | None = None, watch: str | None = None
    ) -> AsyncIterator[Alert]:
        """Yield the alerts from now on, each as it comes; this ends only by an error."""
        following = Following(self._server, {"collection": collection, "watch": watch})
        url = settings.target(self._server, following.request.url)
        timeout = httpx2.Timeout(settings.EVENTS_S, connect=settings.CONNECT_S)
        while True:
            outcome: Outcome | None = None
            asked: Any = {"params": following.request.params, "headers": following.headers}
            try:
                async with self._http.sse(url, timeout=timeout, **asked) as source:
                    if source.response.is_success:
                        following.open()
                        async for event in source:
                            if (alert := following.told(event)) is not None:
                                yield alert
                    else:
                        await source.response.aread()
                        outcome = source.response
            except httpx2.TransportError as error:
                outcome = error
            await self._run(following.again(outcome))

    async def _run(self, flow: Flow[T]) -> T:
        """Take the steps of a flow, and return its result."""
        outcome: Any = None
        while True:
            try:
                step = flow.send(outcome)
            except StopIteration as end:
                result: T = end.value
                return result
            outcome = await self._taken(step)

    async def _taken(self, step: Step) -> Any:
        """Take a step, and return what became of it."""
        if isinstance(step, Wait):
            return await anyio.sleep(step.seconds)
        if isinstance(step, Read):
            return await anyio.to_thread.run_sync(step.call)
        request = self._http.build_request(
            step.method,
            settings.target(self._server, step.url),
            params=step.params,
            json=step.json,
            content=step.content,
            headers=step.headers,
        )
        try:
            return await self._sent(request, step)
        except httpx2.TransportError as error:
            return error

    async def _sent(self, request: httpx2.Request, step: Request) -> httpx2.Response:
        if step.sink is None:
            return await self._http.send(request)
        response = await self._http.send(request, stream=True)
        try:
            if has_content(response):
                with Sink(step.sink) as sink:
                    async for chunk in response.aiter_bytes():
                        await anyio.to_thread.run_sync(partial(sink.write, chunk))
                    sink.keep()
            else:
                await response.aread()
        finally:
            await response.aclose()
        return response
