"""What a search asks for, and how it is sent.

A search has every field that `POST /v1/search` has. The server checks the values.
"""

import base64
import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from typing_extensions import TypedDict

from clipseek_client.errors import InvalidValue

VideoOrder = Literal["id", "newest", "title", "length"]
Sort = Literal["relevance", "time", "newest"]
Facet = Literal["tag", "folder", "year", "language", "segment_tag"]
Field = Literal["picture", "subtitle", "speech", "text", "object"]


class Filter(TypedDict, total=False):
    """Which videos are searched, and which moments of them (`segment_tags`); all must be true."""

    video_ids: Sequence[str]
    tags: Sequence[str]
    folder: str
    title: str
    min_duration: float
    max_duration: float
    min_height: int
    max_height: int
    language: str
    recorded_from: datetime
    recorded_before: datetime
    cameras: Sequence[str]
    segment_tags: Sequence[str]
    indexed_from: datetime
    indexed_before: datetime


class LikeMoment(TypedDict):
    """A moment whose like is searched for, in seconds from the start of the video."""

    video_id: str
    time: float


class SearchPart(TypedDict, total=False):
    """One of `text`, `like`, `image` and `image_url`, with a weight below zero if not wanted."""

    text: str
    like: LikeMoment
    image: bytes | Path
    image_url: str
    weight: float


class Asking(TypedDict, total=False):
    """What is asked with in place of a sentence; `image` is a file, or the bytes of one."""

    like: LikeMoment
    image: bytes | Path
    image_url: str
    parts: Sequence[SearchPart]


class Then(Asking, total=False):
    """What must follow in the same video, `within` seconds (10), and what must follow that."""

    query: str
    within: float
    then: "Then"


class BatchOptions(Asking, total=False):
    """The options of each search of a batch."""

    collection: str | None
    filter: Filter
    then: Then
    fields: Sequence[Field]
    limit: int
    mark_similar: bool
    sharpen: bool
    sort: Sort
    group_by: Literal["video"]
    facets: Sequence[Facet]
    min_relevance: float


class SearchOptions(BatchOptions, total=False):
    """The options of a search; `cursor` is the `next_cursor` of the page before.

    With `explain`, each of up to 10 hits says why it matched and where in its picture. With `then`,
    the moment of each step does, and `limit` times the steps may be 10.
    """

    cursor: str
    explain: bool


class Search(BatchOptions, total=False):
    """One search of a batch."""

    query: str


class ChosenMoment(TypedDict, total=False):
    """The seconds [start, end) of a video in an edit list; `name` becomes a comment."""

    video: str
    start: float
    end: float
    name: str


def search_body(query: str | None, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the body of a search, without what is None."""
    body: dict[str, Any] = sent({"query": query, **options})
    return body


def sent(value: Any, name: str = "") -> Any:
    """Return a value as JSON has it.

    Raises:
        InvalidValue: JSON has no such value.
    """
    if isinstance(value, Mapping):
        return {key: sent(each, key) for key, each in value.items() if each is not None}
    if isinstance(value, Path):
        return _base64(_read(value, name))
    if isinstance(value, bytes):
        return _base64(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        raise InvalidValue(f"{name} must be a finite number, got {value}")
    if isinstance(value, str | int | float):
        return value
    if isinstance(value, Sequence):
        return [sent(each, name) for each in value]
    raise InvalidValue(
        f"{name} must be text, a number or a list of them, got {type(value).__name__}"
    )


def _read(path: Path, name: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidValue(
            f"{name} must be a file that can be read, got {path}: {error.strerror}"
        ) from error


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()
