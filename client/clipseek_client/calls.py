"""What each method of the clients sends, and what it makes of the answer."""

import base64
import math
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

import httpx2
from pydantic import BaseModel

from clipseek_client.answers import (
    Answer,
    Collections,
    EditListFormats,
    Hit,
    Job,
    Jobs,
    Liked,
    Moment,
    Problem,
    SearchAnswer,
    Segments,
    Timeline,
    Video,
    Videos,
)
from clipseek_client.asked import ChosenMoment, Search, SearchPart, search_body, sent
from clipseek_client.errors import (
    InvalidValue,
    JobFailed,
    JobLate,
    ProblemError,
    UnexpectedAnswer,
)
from clipseek_client.retrying import has_content, retry_after_s
from clipseek_client.steps import Flow, Read, Request, Server, Wait

MAX_PAGE = 100
"""Hits that a page of an answer has at most."""
FIRST_POLL_S, LONGEST_POLL_S = 0.2, 2.0
"""Pauses between two looks at a job; the worker notes its progress once a second."""
FETCHED_S = 300.0
"""How long a file is waited for that the server fetches from another machine."""


class _Item(BaseModel):
    problem: Problem


class _Batch(Answer):
    results: list[SearchAnswer | _Item]


def search(server: Server, query: str | None, options: Mapping[str, Any]) -> Flow[SearchAnswer]:
    """Search; a search changes nothing, so it may be repeated."""
    body = yield Read(lambda: search_body(query, options))
    return (yield from server.read(SearchAnswer, Request("POST", "/v1/search", json=body)))


def batch(server: Server, searches: Sequence[Search]) -> Flow[list[SearchAnswer | ProblemError]]:
    """Search for all at once."""
    body = yield Read(lambda: {"searches": [search_body(None, each) for each in searches]})
    found = yield from server.read(_Batch, Request("POST", "/v1/search/batch", json=body))
    return [
        ProblemError(each.problem) if isinstance(each, _Item) else each for each in found.results
    ]


def at_most(options: Mapping[str, Any]) -> tuple[int | None, dict[str, Any]]:
    """Return how many hits are wanted, None for all, and the options of the pages for them.

    Raises:
        InvalidValue: Fewer than one is wanted.
    """
    limit = options.get("limit")
    if limit is None:
        return None, dict(options)
    if limit < 1:
        raise InvalidValue(f"limit must be a whole number of 1 or more, got {limit!r}")
    return limit, {**options, "limit": min(limit, MAX_PAGE)}


def next_page(options: Mapping[str, Any], answer: SearchAnswer) -> dict[str, Any] | None:
    """Return the options of the page after an answer, or None after the last one."""
    if answer.next_cursor is None:
        return None
    return {**options, "cursor": answer.next_cursor}


def videos(
    server: Server, collection: str | None, after: str | None, limit: int, **asked: str | None
) -> Flow[Videos]:
    """List a page of videos; `asked` are the order and the words of titles."""
    path = _get("/v1/videos", collection=collection, after=after, limit=limit, **asked)
    return server.read(Videos, path)


def video(server: Server, video_id: str, collection: str | None) -> Flow[Video]:
    """Describe a video."""
    return server.read(Video, _get(_video(video_id), collection=collection))


def segments(server: Server, video_id: str, collection: str | None) -> Flow[Segments]:
    """List the segments of a video."""
    return server.read(Segments, _get(f"{_video(video_id)}/segments", collection=collection))


def timeline(server: Server, video_id: str, query: str, collection: str | None) -> Flow[Timeline]:
    """Ask how relevant a sentence is over a video."""
    path = f"{_video(video_id)}/timeline"
    return server.read(Timeline, _get(path, collection=collection, query=query))


def composed_timeline(
    server: Server, video_id: str, parts: Sequence[SearchPart], collection: str | None
) -> Flow[Timeline]:
    """Ask how several parts fit a video; this changes nothing, so it may be repeated."""
    path, params = f"{_video(video_id)}/timeline", _present(collection=collection)
    body = yield Read(lambda: sent({"parts": parts, **params}))
    return (yield from server.read(Timeline, Request("POST", path, json=body)))


def collections(server: Server) -> Flow[Collections]:
    """List the collections."""
    return server.read(Collections, _get("/v1/collections"))


def thumbnail(server: Server, moment: Hit | Liked | Moment | Video) -> Flow[bytes]:
    """Fetch the picture of a moment or of a video."""
    response = yield from server.answered(_get(moment.thumbnail_url))
    return response.content


def excerpt(
    server: Server, video_id: str, start: float, end: float, to: Path, collection: str | None
) -> Flow[Path]:
    """Store the seconds [start, end) of a video as a file.

    If the video is at another machine, wait until that one has sent them.
    """
    asked = _get(f"{_video(video_id)}/clip", collection=collection, start=start, end=end)
    return _stored(server, asked, to)


def file(server: Server, video_id: str, to: Path, collection: str | None) -> Flow[Path]:
    """Store the file of a video."""
    return _stored(server, _get(f"{_video(video_id)}/file", collection=collection), to)


def edit_list_formats(server: Server) -> Flow[EditListFormats]:
    """List the formats of edit lists."""
    return server.read(EditListFormats, _get("/v1/edit-lists"))


def edit_list(
    server: Server, moments: Sequence[ChosenMoment], options: Mapping[str, Any]
) -> Flow[bytes]:
    """Write chosen moments for film editors; this changes nothing."""
    body = sent({"moments": moments, **options})
    response = yield from server.answered(Request("POST", "/v1/edit-lists", json=body))
    return response.content


def add(server: Server, body: Mapping[str, Any], key: str | None) -> Flow[Job]:
    """Ask for a video to be indexed."""
    return server.read(Job, _change("POST", "/v1/videos", key, json=sent(body)))


def edit(
    server: Server,
    video_id: str,
    body: Mapping[str, Any],
    collection: str | None,
    key: str | None,
) -> Flow[Job]:
    """Ask for another title or other tags."""
    params = _present(collection=collection)
    return server.read(Job, _change("PATCH", _video(video_id), key, json=sent(body), params=params))


def remove(server: Server, video_id: str, collection: str | None, key: str | None) -> Flow[Job]:
    """Ask for a video to be removed."""
    params = _present(collection=collection)
    return server.read(Job, _change("DELETE", _video(video_id), key, params=params))


def jobs(server: Server, after: str | None, limit: int, only: Mapping[str, Any]) -> Flow[Jobs]:
    """List a page of jobs, the newest first."""
    return server.read(Jobs, _get("/v1/jobs", after=after, limit=limit, **only))


def job(server: Server, job_id: str) -> Flow[Job]:
    """Look at a job."""
    return server.read(Job, _get(job_path(job_id)))


def cancel(server: Server, job_id: str) -> Flow[Job]:
    """Cancel a job; to do it twice changes nothing more."""
    return server.read(Job, Request("DELETE", job_path(job_id)))


def done(server: Server, job_id: str, timeout_s: float | None) -> Flow[Job]:
    """Look at a job until it is done.

    Raises:
        JobFailed: It has failed, or was cancelled.
        JobLate: It has not ended in time.
    """
    end = math.inf if timeout_s is None else time.monotonic() + timeout_s
    pause_s = FIRST_POLL_S
    while True:
        found = yield from job(server, job_id)
        if found.state == "done":
            return found
        if found.has_ended:
            raise JobFailed(found)
        left_s = end - time.monotonic()
        if timeout_s is not None and left_s <= 0:
            raise JobLate(found, timeout_s)
        yield Wait(min(pause_s, left_s))
        pause_s = min(LONGEST_POLL_S, 1.5 * pause_s)


def events(job_id: str) -> Request:
    """Follow a job; the stream of events is opened again after a lost connection."""
    return _get(f"{job_path(job_id)}/events")


def told(server: Server, event: httpx2.ServerSentEvent) -> Job | None:
    """Return the job that an event tells of."""
    if event.event not in ("progress", "end"):
        return None
    return server.parsed(Job, event.data)


def lost() -> httpx2.TransportError:
    """Return the outcome of a stream that ended before the job: the server was stopped."""
    return httpx2.ReadError("the stream has ended before the job")


def begin_upload(server: Server, name: str, size: int, collection: str | None) -> Flow[str]:
    """Begin an upload and return its address.

    It is not repeated if it may have arrived, because each one counts for the quota for a day.
    """
    said = {"filename": name} | _present(collection=collection)
    metadata = ",".join(
        f"{key} {base64.b64encode(str(value).encode('utf-8', 'replace')).decode()}"
        for key, value in said.items()
    )
    headers = {"Tus-Resumable": "1.0.0", "Upload-Length": str(size), "Upload-Metadata": metadata}
    response = yield from server.answered(
        Request("POST", "/v1/uploads", headers=headers, safe=False)
    )
    return urljoin(f"{server.address}/", response.headers.get("location", ""))


def upload_id(address: str) -> str:
    """Return the id in the address of an upload."""
    return urlsplit(address).path.rpartition("/")[2]


def job_path(job_id: str) -> str:
    """Return the path of a job."""
    return f"/v1/jobs/{_part(job_id, 'job')}"


def _video(video_id: str) -> str:
    return f"/v1/videos/{_part(video_id, 'video')}"


def _part(value: str, name: str) -> str:
    """Return a value as one part of a path, which no value can leave.

    Raises:
        InvalidValue: It would name another path.
    """
    if value in ("", ".", "..") or "/" in value:
        raise InvalidValue(f"the id of a {name} must not be {value!r}; give that of an answer")
    return quote(value, safe="")


def _get(url: str, **params: Any) -> Request:
    return Request("GET", url, params=_present(**params))


def _change(
    method: str, url: str, key: str | None, *, json: Any = None, params: Mapping[str, Any] = {}
) -> Request:
    """Return a change; with a key of its own, the server makes it once, however often it comes."""
    if key is not None and not (key.isascii() and key.isprintable()):
        raise InvalidValue(f"idempotency_key must be printable ASCII, such as a UUID, got {key!r}")
    headers = {"Idempotency-Key": str(uuid.uuid4()) if key is None else key}
    return Request(method, url, json=json, params=params, headers=headers)


def _stored(server: Server, request: Request, to: Path) -> Flow[Path]:
    if (yield Read(to.exists)):
        raise InvalidValue(f"to must be a new file, got {to}, which exists; name another one")
    if not (yield Read(to.parent.is_dir)):
        raise InvalidValue(f"to must be in a folder that exists, got {to}; make {to.parent} first")
    wanted = Request(request.method, request.url, params=request.params, sink=to)
    until = time.monotonic() + FETCHED_S
    while not has_content(response := (yield from server.answered(wanted))):
        if time.monotonic() > until:
            raise UnexpectedAnswer(
                f"{server.address} is still fetching {request.url} after {FETCHED_S:g} s; look "
                "whether `indexer forward --follow` runs at the machine that has the video"
            )
        yield Wait(retry_after_s(response) or FIRST_POLL_S)
    return to


def _present(**values: Any) -> dict[str, Any]:
    """Return the values that are given."""
    return {name: value for name, value in values.items() if value is not None}
