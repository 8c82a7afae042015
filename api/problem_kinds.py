"""Every kind of problem: the one table from errors to HTTP statuses, and what to do about each."""

from api.camera_kinds import CAMERA_KINDS, TESTS_BUSY
from api.redaction_kinds import REDACTED, REDACTION_KINDS
from api.upload_kinds import UPLOAD_KINDS, Kind
from api.wish_kinds import NOT_A_SPAN, SITE_AWAY, TOO_MANY_WISHES, WISH_KINDS
from clipseek import errors
from clipseek.curating import SampleNotFound
from clipseek.switches import SwitchRefused
from clipseek.watches import AlertNotFound, WatchNotFound

KINDS: dict[type[errors.ClipseekError], Kind] = {
    **UPLOAD_KINDS,
    **CAMERA_KINDS,
    **WISH_KINDS,
    **REDACTION_KINDS,
    errors.InvalidQuery: Kind(
        "invalid-query",
        422,
        "A value of the request is outside its limits",
        "`detail` names the value and its limits, `errors` names each field. Correct it and "
        "repeat the request.",
    ),
    errors.QueryNotRead: Kind(
        "query-not-read",
        422,
        "The query has no words",
        "The query has no letter, digit or pictograph, or none that the model reads. Describe the "
        "moment in words.",
    ),
    errors.VersionGone: Kind(
        "version-gone",
        410,
        "The collection has changed since the answer that the cursor is of",
        "All pages of an answer are of one version. Repeat the search without `cursor`.",
    ),
    errors.VideoNotFound: Kind(
        "video-not-found",
        404,
        "No such video",
        "The collection has no video with this id; `GET /v1/videos` lists its videos.",
    ),
    errors.SegmentNotFound: Kind(
        "segment-not-found",
        404,
        "No such segment",
        "The video of this segment was removed or indexed again since the search. Repeat the "
        "search.",
    ),
    WatchNotFound: Kind(
        "watch-not-found",
        404,
        "No such watch",
        "It was removed, or the key may not search its collection; `GET /v1/watches` lists them.",
    ),
    SampleNotFound: Kind(
        "sample-not-found",
        404,
        "No such sample",
        "Rules were applied again meanwhile, or the video was removed. Load the samples again from "
        "`GET /v1/samples`.",
    ),
    AlertNotFound: Kind(
        "alert-not-found",
        404,
        "No such alert",
        "Alerts are deleted after a while, and the key may not search every collection; "
        "`GET /v1/alerts` lists them.",
    ),
    errors.CollectionNotFound: Kind(
        "collection-not-found",
        404,
        "No such collection",
        "`GET /v1/collections` lists the collections; an ingest makes a new one.",
    ),
    errors.UnreadableVideo: Kind(
        "unreadable-video",
        422,
        "The file cannot be read as a video",
        "`detail` names the file and the reason.",
    ),
    errors.NothingIndexed: Kind(
        "nothing-indexed",
        409,
        "Nothing is indexed yet",
        "The operator indexes videos into the collection; the log names the command.",
    ),
    errors.ModelMismatch: Kind(
        "model-mismatch",
        409,
        "The collection is indexed with another model",
        "Search another collection. The operator restores the model that the log names.",
    ),
    SwitchRefused: Kind(
        "switch-refused",
        409,
        "This step of a switch cannot be taken now",
        "`detail` says why. `GET /v1/collections/{collection}/switch` says which step is next.",
    ),
    errors.CatalogOutdated: Kind(
        "catalog-outdated",
        503,
        "The catalog has another revision than this release reads",
        "The operator runs `indexer migrate`, or starts the release that migrated the catalog; "
        "the log says where it is.",
    ),
    errors.ServiceUnavailable: Kind(
        "service-unavailable",
        503,
        "The database, the data folder or the inference server cannot be reached now",
        "The request is correct. Repeat it after `Retry-After` seconds.",
    ),
    errors.ConfigError: Kind(
        "configuration",
        500,
        "A setting of the server is missing or wrong",
        "The operator corrects the setting that the log names under the request id.",
    ),
}
"""Every error that clipseek raises on purpose, and what the API says for it."""

STORE = (errors.CatalogOutdated, errors.ServiceUnavailable)
"""What every endpoint that asks the catalog can meet."""

MALFORMED_JSON = Kind(
    "malformed-json",
    400,
    "The body is not JSON",
    "`detail` says at which character the JSON is wrong.",
)
BAD_REQUEST = Kind(
    "bad-request",
    400,
    "The HTTP request cannot be read",
    "`detail` says what is wrong with its first line or its headers.",
)
UNAUTHENTICATED = Kind(
    "unauthenticated",
    401,
    "A valid key is needed",
    "Send the header `Authorization: Bearer KEY`. The operator makes keys: `indexer keys add`.",
)
CROSS_SITE = Kind(
    "cross-site",
    403,
    "A page of another site has sent the request",
    "Send the key in the header `Authorization`, and not by the cookie of a session.",
)
FORBIDDEN = Kind(
    "forbidden",
    403,
    "The key does not allow this",
    "`detail` names the scope that is needed. Use a key that has it.",
)
NOT_FOUND = Kind("not-found", 404, "Nothing is at this path", "`/docs` lists the paths.")
METHOD_NOT_ALLOWED = Kind(
    "method-not-allowed",
    405,
    "This path does not support this method",
    "The header `Allow` lists the methods that it supports.",
)
REQUEST_TIMEOUT = Kind(
    "request-timeout",
    408,
    "The request did not arrive in time",
    "Send headers and body without pausing.",
)
FILE_CHANGED = Kind(
    "file-changed",
    409,
    "The video file has changed since it was indexed",
    "The operator ingests the file again; the log names it.",
)
FILE_GONE = Kind(
    "file-gone",
    410,
    "The video file does not exist any more",
    "The operator restores the file, or ingests it from its new path; the log names it.",
)
THUMBNAIL_GONE = Kind(
    "thumbnail-gone",
    410,
    "The picture does not exist any more",
    "The operator makes it again with `indexer ingest --force`; the log names it.",
)
PRECONDITION_FAILED = Kind(
    "precondition-failed",
    412,
    "The condition `If-Match` or `If-Unmodified-Since` is not true",
    "Omit the header, or request the current state.",
)
BODY_TOO_LARGE = Kind(
    "body-too-large",
    413,
    "The body is too large",
    "Send at most 1 MiB: fewer searches or fewer video ids.",
)
TARGET_TOO_LONG = Kind(
    "target-too-long",
    414,
    "Path and query are too long",
    "`detail` says how long they may be.",
)
UNSUPPORTED_MEDIA_TYPE = Kind(
    "unsupported-media-type",
    415,
    "The body must be JSON",
    "Send the header `Content-Type: application/json`.",
)
NOT_A_PART = Kind(
    "not-a-part",
    415,
    "The body must be a part of an upload",
    "Send the header `Content-Type: application/offset+octet-stream`.",
)
UPLOAD_INCOMPLETE = Kind(
    "upload-incomplete",
    409,
    "The upload is not complete",
    "`detail` says how many bytes are stored. Send the rest with `PATCH`.",
)
TUS_VERSION = Kind(
    "tus-version",
    412,
    "The request names no version of tus that the server speaks",
    "Send the header `Tus-Resumable: 1.0.0`.",
)
RANGE_NOT_SATISFIABLE = Kind(
    "range-not-satisfiable",
    416,
    "The range is outside the file",
    "The header `Content-Range` gives the size of the file.",
)
HOST_NOT_ALLOWED = Kind(
    "host-not-allowed",
    421,
    "The server is not known by this name",
    "Use its address or `localhost`, or ask the operator to add the name to "
    "`CLIPSEEK_ALLOWED_HOSTS`.",
)
TOO_MANY_REQUESTS = Kind(
    "too-many-requests",
    429,
    "The key has asked too often",
    "Repeat the request after `Retry-After` seconds; `RateLimit-Policy` says how often the key may "
    "ask. A batch counts as its number of searches.",
)
HEAD_TOO_LARGE = Kind(
    "headers-too-large",
    431,
    "The headers are too large",
    "`detail` says how large they may be.",
)
INTERNAL = Kind(
    "internal-error",
    500,
    "The server failed",
    "This is an error in clipseek: its log has the traceback under the request id.",
)
OVERLOADED = Kind(
    "overloaded",
    503,
    "Too many searches are waiting",
    "The request is correct. Repeat it after `Retry-After` seconds.",
)
DEADLINE = Kind(
    "deadline-exceeded",
    504,
    "The search waited too long",
    "It was not computed. Repeat it after `Retry-After` seconds.",
)

TOO_MANY_STREAMS = Kind(
    "too-many-streams",
    503,
    "Too many streams are open",
    "Close one, or ask now and then.",
)
NOT_RECORDED = Kind(
    "not-recorded-now",
    409,
    "The camera cannot be played now",
    "`detail` says why. Its newest picture is at `/thumbnail`.",
)
TRIALS_BUSY = Kind(
    "watch-test-busy",
    503,
    "Another watch is being tried over the past",
    "One is tried at a time. Repeat the request after `Retry-After` seconds.",
)
NOT_CUT = Kind(
    "span-not-made",
    422,
    "The span cannot be written as a file",
    "It cannot be decoded, or encoding takes longer than `CLIPSEEK_MAX_EXCERPT_S`. Ask for a "
    "shorter span, or download the whole video. The log says why.",
)
EXCERPTS_BUSY = Kind(
    "excerpts-busy",
    503,
    "Another excerpt is being made",
    "One is made at a time. Repeat the request after `Retry-After` seconds.",
)
EXCERPTS_UNAVAILABLE = Kind(
    "excerpts-unavailable",
    503,
    "The server cannot store excerpts",
    "The operator makes the folder of excerpts writable for the API, frees space on its disk, or "
    "names another one by `CLIPSEEK_EXCERPT_DIR`; the log names it.",
)

TOO_MANY_PARTS = Kind(
    "too-many-parts",
    503,
    "Too many parts of uploads are received just now",
    "Upload fewer files at the same time. Repeat the request after `Retry-After` seconds.",
)

HTTP_KINDS = {
    kind.status: kind
    for kind in (
        MALFORMED_JSON,
        UNAUTHENTICATED,
        FORBIDDEN,
        NOT_FOUND,
        METHOD_NOT_ALLOWED,
        FILE_CHANGED,
        FILE_GONE,
        BODY_TOO_LARGE,
        UNSUPPORTED_MEDIA_TYPE,
        RANGE_NOT_SATISFIABLE,
        INTERNAL,
    )
}
OTHER_KINDS = (
    TRIALS_BUSY,
    NOT_RECORDED,
    NOT_CUT,
    EXCERPTS_BUSY,
    EXCERPTS_UNAVAILABLE,
    SITE_AWAY,
    TOO_MANY_WISHES,
    NOT_A_SPAN,
    BAD_REQUEST,
    NOT_A_PART,
    UPLOAD_INCOMPLETE,
    TUS_VERSION,
    REQUEST_TIMEOUT,
    THUMBNAIL_GONE,
    PRECONDITION_FAILED,
    TARGET_TOO_LONG,
    HOST_NOT_ALLOWED,
    TOO_MANY_REQUESTS,
    CROSS_SITE,
    HEAD_TOO_LARGE,
    OVERLOADED,
    DEADLINE,
    TOO_MANY_STREAMS,
    TOO_MANY_PARTS,
    TESTS_BUSY,
    REDACTED,
)
ALL_KINDS = {kind.name: kind for kind in (*KINDS.values(), *HTTP_KINDS.values(), *OTHER_KINDS)}


def kind_of(error: errors.ClipseekError) -> Kind:
    """Return the kind of an error by its class or the nearest base that has one."""
    for cls in type(error).__mro__:
        if cls in KINDS:
            return KINDS[cls]
    return INTERNAL
