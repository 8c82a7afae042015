"""The examples of the OpenAPI document: for each endpoint one answer and each of its problems."""

from typing import Any

from api import problems
from api.camera_kinds import TESTS_BUSY
from api.problem_kinds import (
    BODY_TOO_LARGE,
    CROSS_SITE,
    DEADLINE,
    EXCERPTS_BUSY,
    EXCERPTS_UNAVAILABLE,
    FILE_CHANGED,
    FILE_GONE,
    FORBIDDEN,
    INTERNAL,
    KINDS,
    MALFORMED_JSON,
    NOT_A_PART,
    NOT_CUT,
    NOT_FOUND,
    NOT_RECORDED,
    OVERLOADED,
    PRECONDITION_FAILED,
    RANGE_NOT_SATISFIABLE,
    REQUEST_TIMEOUT,
    STORE,
    THUMBNAIL_GONE,
    TOO_MANY_PARTS,
    TOO_MANY_REQUESTS,
    TOO_MANY_STREAMS,
    TRIALS_BUSY,
    TUS_VERSION,
    UNAUTHENTICATED,
    UNSUPPORTED_MEDIA_TYPE,
    UPLOAD_INCOMPLETE,
)
from api.redaction_kinds import REDACTED
from api.upload_kinds import Kind
from api.wish_kinds import NOT_A_SPAN, SITE_AWAY, TOO_MANY_WISHES
from clipseek import errors
from clipseek.cameras import CameraNotFound, CameraTaken
from clipseek.curating import SampleNotFound
from clipseek.feeds import FeedRefused
from clipseek.holds import HoldNotFound
from clipseek.redaction.faults import RedactionUnavailable
from clipseek.switches import SwitchRefused
from clipseek.watches import AlertNotFound, WatchNotFound
from clipseek.wishes import TooManyWishes, WishNotFound

_ID = "9f2c1a7be04d5568"
_UPLOAD_ID = "9f2c1a7be04d55689f2c1a7be04d5568"
_VIDEO_ID = "3b1f0a52c7d94e6886a1f2d03c5be917"
_HIT_VIDEO = {
    "id": _VIDEO_ID,
    "title": "city-night",
    "uri": "/videos/city-night.mp4",
    "duration": 184.2,
    "recorded_at": "2025-03-01T21:04:07Z",
    "indexed_at": "2025-03-02T10:15:00Z",
}
_PLAY = f"/v1/videos/{_VIDEO_ID}/file?collection=default#t=42,47.5"

SEARCH = {"query": "a red car turning at night", "limit": 10}
SEARCH_ANSWER = {
    "query": "a red car turning at night",
    "truncated_at": None,
    "like": None,
    "alike_from": None,
    "model": "PE-Core-B-16/meta",
    "collection": "default",
    "version": 12,
    "total": 1,
    "total_videos": 1,
    "more": False,
    "facets": None,
    "hits": [
        {
            "video": _HIT_VIDEO,
            "segment_id": 318,
            "start": 42.0,
            "end": 47.5,
            "best_time": 44.0,
            "score": 0.291,
            "relevance": 0.93,
            "similar_to": None,
            "more_in_video": None,
            "steps": None,
            "segment_tags": [
                {
                    "tag": "red car",
                    "start": 40.0,
                    "end": 46.0,
                    "relevance": 0.81,
                    "state": "accepted",
                }
            ],
            "explanation": None,
            "thumbnail_url": "/v1/segments/318/thumbnail",
            "play_url": _PLAY,
        }
    ],
    "next_cursor": None,
    "incomplete": [],
    "stale": False,
    "age_s": None,
    "took_ms": 21.4,
}
VIDEO_ANSWER = {
    **_HIT_VIDEO,
    "width": 1920,
    "height": 1080,
    "size_bytes": 48210331,
    "frame_rate": "30000/1001",
    "timecode": "10:04:58;12",
    "playable": True,
    "state": "indexed",
    "reason": "",
    "tags": ["city"],
    "segments": 37,
    "thumbnail_url": f"/v1/videos/{_VIDEO_ID}/thumbnail?collection=default",
    "file_url": f"/v1/videos/{_VIDEO_ID}/file?collection=default",
    "preview_url": f"/v1/videos/{_VIDEO_ID}/preview?collection=default",
}
VIDEOS_ANSWER = {"videos": [VIDEO_ANSWER], "next": _VIDEO_ID}
SEGMENTS_ANSWER = {
    "segments": [
        {
            "id": 318,
            "start": 42.0,
            "end": 47.5,
            "best_time": 44.0,
            "begins_shot": True,
            "thumbnail_url": "/v1/segments/318/thumbnail",
            "play_url": _PLAY,
        }
    ]
}
COLLECTIONS_ANSWER = {
    "collections": [
        {
            "name": "default",
            "aliases": ["films"],
            "model": "PE-Core-B-16/meta",
            "videos": 3,
            "segments": 118,
            "seconds": 702.4,
            "version": 12,
            "examples": ["a red car at night", "waves break on the shore"],
            "redacts": [],
            "index": {
                "segments": 118,
                "version": 12,
                "age_seconds": 0.4,
                "published_version": 11,
                "published_at": "2025-03-02T10:15:02Z",
                "beside": 5,
                "exact": False,
                "recall": 0.985,
                "compared": 200,
            },
        }
    ],
    "default": "default",
}
BEING_FETCHED = {"state": "waiting", "site": "farm", "retry_after_s": 2}
WANTED_ANSWER = {
    "wanted": [
        {
            "id": _UPLOAD_ID,
            "video": _VIDEO_ID,
            "start": 42.0,
            "end": 47.5,
            "height": 1080,
            "preview": False,
        }
    ]
}
HEALTH = {"status": "ok"}

_INVALID = {
    "/v1/watches": ("threshold", "must be a number, more than 0 and at most 1, got 2"),
    "/v1/watches/test": ("days", "must be a number of days, more than 0 and at most 31, got 90"),
    "/v1/rules": (
        "collection",
        "must have 1 to 64 of a-z, 0-9, '_' and '-', and start with a letter or digit, got 'A'",
    ),
    "/v1/samples": ("limit", "must be a whole number from 1 to 100, got '0'"),
    "/v1/decisions": ("seconds", "must be a number of seconds from 0 to 86400, got -1"),
    "/v1/agreement": ("rule", "must have 1 to 100 characters, got 101"),
    "/v1/alerts": ("limit", "must be a whole number from 1 to 1000, got '0'"),
    "/v1/alerts/stream": ("Last-Event-ID", "must be the id of an event of this stream, got 'x'"),
    "/v1/search": ("query", "must have 1 to 1000 characters, got 10000"),
    "/v1/search/batch": ("searches", "must be a list of 1 to 256 searches, got 0 items"),
    "/v1/videos": ("limit", "must be a whole number from 1 to 1000, got '0'"),
    "/v1/segments/318/thumbnail": (
        "segment_id",
        "must be a whole number from 1 to 9223372036854775807, got 'first'",
    ),
    "/v1/segments/318/clip": (
        "segment_id",
        "must be a whole number from 1 to 9223372036854775807, got 'first'",
    ),
    "/v1/edit-lists": ("moments", "must be a list of 1 to 999 moments, got 0 items"),
    "/v1/videos/abc/clip": ("end", "must be at most 180 s after start (0), got 200"),
    "/v1/videos/abc/preview": ("end", "must be at most 300 s after start (0), got 400"),
    "/v1/uploads": ("Upload-Length", "must be a whole number from 1 to 9007199254740991, got 'x'"),
    f"/v1/uploads/{_UPLOAD_ID}": ("upload_id", "must have 1 to 64 characters, got 65"),
    "/v1/collections/default/switch": (
        "collection",
        "must have 1 to 64 of a-z, 0-9, '_' and '-', and start with a letter or digit, got 'A'",
    ),
    "/v1/jobs": ("limit", "must be a whole number from 1 to 1000, got '0'"),
    "/v1/jobs/pN3v0cZ7Q2mX5hJd9sLwAg": ("job_id", "must have 1 to 64 characters, got 65"),
    "/v1/jobs/pN3v0cZ7Q2mX5hJd9sLwAg/events": ("job_id", "must have 1 to 64 characters, got 65"),
    "/v1/facets": ("limit", "must be a whole number from 1 to 1000, got '0'"),
    "/v1/history": ("limit", "must be a whole number from 1 to 1000, got '0'"),
    "/problems/unknown": ("name", "must have 1 to 64 characters, got 65"),
}
_INVALID_VIDEO = ("video_id", "must have 1 to 128 characters, got 129")
_DETAILS: dict[Kind, str] = {
    KINDS[errors.QueryNotRead]: str(errors.QueryNotRead("???", "PE-Core-B-16/meta")),
    KINDS[errors.VersionGone]: str(errors.VersionGone("default", 12, 13)),
    KINDS[errors.VideoNotFound]: errors.VideoNotFound("abc", "default").told,
    KINDS[errors.SegmentNotFound]: str(errors.SegmentNotFound(318)),
    KINDS[WatchNotFound]: str(WatchNotFound("s8Qk2vT0pXh3cLwA")),
    KINDS[SampleNotFound]: str(SampleNotFound("5f0c1d2e7a9b4c3d8e6f1a2b", "default")),
    KINDS[AlertNotFound]: str(AlertNotFound("Yw1nT5rBz0uKqEoM")),
    NOT_RECORDED: "nothing is recorded of this camera now; GET /v1/cameras says how it does, and "
    "its newest picture is at /thumbnail",
    TRIALS_BUSY: "another watch is being tried over the past; ask again in some seconds",
    KINDS[errors.CollectionNotFound]: errors.CollectionNotFound("videos").told,
    KINDS[CameraNotFound]: CameraNotFound("yard").told,
    REDACTED: "the pictures of this collection are redacted, and this is not made so",
    KINDS[RedactionUnavailable]: RedactionUnavailable.told,
    TESTS_BUSY: "two other cameras are being tested; try again in some seconds",
    KINDS[HoldNotFound]: HoldNotFound("3kZ0a").told,
    KINDS[CameraTaken]: str(CameraTaken("yard")),
    KINDS[FeedRefused]: str(FeedRefused("desk", "it is paused; resume it")),
    KINDS[errors.NothingIndexed]: errors.NothingIndexed("default").told,
    KINDS[errors.ModelMismatch]: errors.ModelMismatch(
        "default", "ViT-B-32/openai (1f0c9a)", "ViT-B-32/openai (77ab02)"
    ).told,
    KINDS[SwitchRefused]: "collection 'default' has no former model to go back to",
    KINDS[errors.CatalogOutdated]: errors.CatalogOutdated("", "").told,
    KINDS[errors.ServiceUnavailable]: problems.LOGGED,
    KINDS[errors.ConfigError]: problems.LOGGED,
    KINDS[errors.UploadNotFound]: str(errors.UploadNotFound(_UPLOAD_ID)),
    KINDS[errors.UploadExpired]: str(errors.UploadExpired(_UPLOAD_ID)),
    KINDS[errors.UploadBusy]: str(errors.UploadBusy(_UPLOAD_ID)),
    KINDS[errors.UploadTooLarge]: str(errors.UploadTooLarge(2**40, 2**36)),
    KINDS[errors.UploadQuotaExceeded]: str(errors.UploadQuotaExceeded(2**38 - 2**30, 2**38, 2**32)),
    KINDS[errors.WrongOffset]: str(errors.WrongOffset(_UPLOAD_ID, 1048576, 0)),
    KINDS[errors.UrlNotAllowed]: str(
        errors.UrlNotAllowed("a.example", "its address is not public; upload the file instead")
    ),
    KINDS[errors.DiskFull]: errors.DiskFull("").told,
    KINDS[errors.JobNotFound]: str(errors.JobNotFound("pN3v0cZ7Q2mX5hJd9sLwAg")),
    KINDS[errors.KeyReused]: str(errors.KeyReused("again", "pN3v0cZ7Q2mX5hJd9sLwAg")),
    TOO_MANY_STREAMS: "at most 64 streams of one key and 256 of all are open at the same time; "
    "close one, or ask for the job now and then",
    SITE_AWAY: "the file of this video is at farm, which last asked 310 s ago what is wanted of "
    "it; ask again when `indexer forward --follow` runs there",
    TOO_MANY_WISHES: str(TooManyWishes("farm")),
    NOT_A_SPAN: f"upload {_UPLOAD_ID} is not a complete MP4; send it again",
    KINDS[WishNotFound]: str(WishNotFound(_UPLOAD_ID)),
    NOT_A_PART: "Content-Type must be application/offset+octet-stream, got text/plain",
    TOO_MANY_PARTS: "32 parts of your uploads are received, and at most 32 may be (128 of "
    "everybody); wait until one has ended",
    UPLOAD_INCOMPLETE: f"upload {_UPLOAD_ID} has 1048576 of 48210331 bytes; send the rest with "
    "PATCH first",
    TUS_VERSION: "Tus-Resumable must be 1.0.0, got none",
    REQUEST_TIMEOUT: "the client has left; 1048576 bytes are stored, continue there",
    MALFORMED_JSON: "the body is not JSON: Expecting ',' delimiter at character 12",
    UNAUTHENTICATED: "this server needs a key: send the header `Authorization: Bearer KEY`; the "
    "operator of the server makes keys",
    CROSS_SITE: "a page of another site has sent this with the session of this one; send the key "
    "in the header Authorization instead",
    FORBIDDEN: "this needs the scope 'search', and the key has 'write'; ask the operator of this "
    "server for a key with that scope",
    NOT_CUT: "this span could not be made; ask for a shorter one, or download the whole video",
    EXCERPTS_BUSY: "another excerpt is being made, and one is made at a time; ask again in a "
    "moment",
    EXCERPTS_UNAVAILABLE: "this server cannot store excerpts; its log says why, under the id of "
    "this request",
    NOT_FOUND: "no problem type 'unknown'; /docs lists them",
    FILE_CHANGED: "the video has changed since it was indexed, so its moments may be "
    "elsewhere in it; tell the operator of this server the request id",
    FILE_GONE: "the file of this video does not exist any more or cannot be read; tell "
    "the operator of this server the request id",
    TOO_MANY_REQUESTS: "the key may ask 20/s; ask again in 1 s",
    THUMBNAIL_GONE: "the picture of this moment does not exist any more; the moment still does",
    PRECONDITION_FAILED: problems.CHANGED,
    BODY_TOO_LARGE: "the body must have at most 1048576 bytes (1 MiB); send fewer searches",
    UNSUPPORTED_MEDIA_TYPE: "the body must be JSON, got text/plain; send the header "
    "Content-Type: application/json",
    RANGE_NOT_SATISFIABLE: "the file has 48210331 bytes; ask for a range inside them",
    OVERLOADED: "1024 searches wait, and at most 1024 may; ask again in a second",
    DEADLINE: "the search waited for 5 s for its turn; ask again in a second",
    INTERNAL: "the server failed; its log has the traceback under this request id",
}

BATCH = {"searches": [SEARCH, {"query": ""}]}


def problem(kind: Kind, instance: str) -> dict[str, Any]:
    """Return an example of a kind of problem as it comes from a path."""
    document = {
        "type": kind.type,
        "title": kind.title,
        "status": kind.status,
        "detail": _DETAILS.get(kind, ""),
        "instance": instance,
        "request_id": _ID,
    }
    if kind is not KINDS[errors.InvalidQuery]:
        return document
    return document | _invalid(*_INVALID.get(instance, _INVALID_VIDEO))


def _invalid(field: str, reason: str) -> dict[str, Any]:
    sentence = f"{field} {reason}"
    return {"detail": sentence, "errors": [{"field": field, "detail": sentence}]}


_REFUSED_ITEM = problem(KINDS[errors.InvalidQuery], "/v1/search/batch#/searches/1") | _invalid(
    "query", "must have 1 to 1000 characters, got 0"
)
BATCH_ANSWER = {"results": [SEARCH_ANSWER, {"problem": _REFUSED_ITEM}]}
PROBLEM_KIND = {
    "type": FILE_GONE.type,
    "title": FILE_GONE.title,
    "status": FILE_GONE.status,
    "meaning": FILE_GONE.meaning,
}


def responses(
    path: str,
    *kinds: Kind | type[errors.ClipseekError],
    success: dict[str, Any] | None = None,
) -> dict[int | str, dict[str, Any]]:
    """Document an endpoint's answers: the example of success, and each problem with its own.

    Every endpoint can meet a fault of the server; that one need not be named.
    """
    documented: dict[int | str, dict[str, Any]] = {}
    if success is not None:
        documented[200] = {"content": {"application/json": {"example": success}}}
    for named in (*kinds, INTERNAL):
        kind = named if isinstance(named, Kind) else KINDS[named]
        example = {kind.name: {"summary": kind.title, "value": problem(kind, path)}}
        answer = documented.setdefault(kind.status, _answer(kind))
        answer["content"][problems.MEDIA_TYPE]["examples"].update(example)
    return documented


def picture(path: str, *kinds: Kind | type[errors.ClipseekError]) -> dict[int | str, Any]:
    """Document the answers of an endpoint that sends a JPEG; `kinds` are problems of its own."""
    common = (
        errors.InvalidQuery,
        FORBIDDEN,
        THUMBNAIL_GONE,
        PRECONDITION_FAILED,
        RedactionUnavailable,
        *STORE,
    )
    return {
        200: {"description": "The picture.", "content": {"image/jpeg": {}}},
        304: {"description": "The picture that `If-None-Match` names is still the same."},
        **responses(path, *kinds, *common),
    }


def _answer(kind: Kind) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    description = {404: "Not found", 409: "Conflict", 422: "Refused", 503: "Unavailable"}
    answer: dict[str, Any] = {
        "description": description.get(kind.status, kind.title),
        "content": {problems.MEDIA_TYPE: {"schema": schema, "examples": {}}},
    }
    if kind.status in (503, 504):
        seconds = {"type": "string", "example": problems.RETRY_AFTER_S}
        answer["headers"] = {
            "Retry-After": {
                "description": "Seconds to wait; sent only if waiting helps.",
                "schema": seconds,
            }
        }
    return answer
