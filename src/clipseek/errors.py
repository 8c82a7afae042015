"""Every error that clipseek raises on purpose.

ClipseekError
├─ ConfigError              a setting is missing or wrong
├─ RequestError             the caller can fix it
│  ├─ InvalidQuery
│  ├─ QueryNotRead
│  ├─ VersionGone           a cursor is of another version than the one that answers
│  ├─ VideoNotFound
│  ├─ SegmentNotFound
│  ├─ CollectionNotFound
│  ├─ UnreadableVideo
│  ├─ UploadNotFound        nobody has it, or it belongs to somebody else
│  ├─ UploadExpired
│  ├─ UploadBusy
│  ├─ UploadTooLarge
│  ├─ UploadQuotaExceeded
│  ├─ UrlNotAllowed
│  ├─ NotFetched
│  ├─ WrongOffset
│  ├─ JobNotFound
│  ├─ WatchNotFound, AlertNotFound   (`clipseek.watches`)
│  └─ KeyReused             an idempotency key was used for another request
├─ StateError               the store must change first
│  ├─ NothingIndexed
│  ├─ ModelMismatch
│  ├─ CatalogOutdated
│  └─ PartRefused, SwitchRefused  (`clipseek.archive`, `clipseek.switches`)
└─ ServiceUnavailable       the database, a volume or the inference server cannot be reached
   ├─ DiskFull              there is not enough space for an upload
   └─ NoCatalog             there is no catalog in the database

Each class stores its fields and builds its message from them; the message says what to do next. The
message is for operators, so it may name folders, addresses and commands. `told` is for everybody,
and names none of them.
HTTP statuses and exit codes are not here, but in `api/problem_kinds.py` and `indexer/cli.py`.
"""


class ClipseekError(Exception):
    """The root: catch it to catch everything that clipseek raises on purpose."""

    @property
    def told(self) -> str | None:
        """What users without access to the server are told: the message, part of it, or None."""
        return str(self)


class ConfigError(ClipseekError):
    """A setting, an option or a model name is missing or wrong."""

    told = None


class RequestError(ClipseekError):
    """The request is wrong; the caller can fix it."""


class InvalidQuery(RequestError):
    """The query text or a search parameter is outside its limits."""


class QueryNotRead(RequestError):
    """The query contains nothing that the model reads."""

    def __init__(self, query: str, model: str) -> None:
        self.query = query
        self.model = model
        shown = query if len(query) <= 40 else f"{query[:40]}…"
        super().__init__(
            f"model {model!r} finds no word in the query {shown!r}, so nothing can match it; "
            "describe the moment in words"
        )


class VersionGone(RequestError):
    """The next page of an answer is wanted, and the collection has changed since that answer."""

    def __init__(self, collection: str, asked: int, now: int) -> None:
        self.collection, self.asked, self.now = collection, asked, now
        replaced = "a video is being removed, or the collection or a model was replaced"
        super().__init__(
            f"collection {collection!r} has changed since the cursor of its version {asked}: "
            f"{replaced if asked == now else f'it is at {now}'}; search again without a cursor"
        )


class VideoNotFound(RequestError):
    """The collection has no video with this id."""

    def __init__(self, video_id: str, collection: str) -> None:
        self.video_id = video_id
        self.collection = collection
        super().__init__(
            f"no video {video_id!r} in collection {collection!r}; "
            "`indexer list` prints the videos and their ids"
        )

    @property
    def told(self) -> str:
        """The message without the command."""
        return (
            f"no video {self.video_id!r} in collection {self.collection!r}; it may have been "
            "removed, so look for it in the list of videos"
        )


class SegmentNotFound(RequestError):
    """No segment with this id exists, or it does not exist any more."""

    def __init__(self, segment_id: int) -> None:
        self.segment_id = segment_id
        super().__init__(
            f"no segment {segment_id}; its video was removed or indexed again, so repeat the search"
        )


class CollectionNotFound(RequestError):
    """No collection with this name exists."""

    def __init__(self, collection: str) -> None:
        self.collection = collection
        super().__init__(
            f"no collection {collection!r}; `indexer status` prints the collections, and "
            f"`indexer ingest PATH --collection {collection}` makes one"
        )

    @property
    def told(self) -> str:
        """The message without the commands."""
        return f"no collection {self.collection!r}; check its name"


class UnreadableVideo(RequestError):
    """The file cannot be read as a video."""

    def __init__(self, path: str, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(f"{path}: {reason}")


class UploadNotFound(RequestError):
    """The principal has no upload with this id."""

    def __init__(self, upload_id: str) -> None:
        self.upload_id = upload_id
        super().__init__(
            f"no upload {upload_id!r}; it was ended, has expired or was never begun, so begin one "
            "with POST /v1/uploads"
        )


class UploadExpired(RequestError):
    """The upload was not continued in time."""

    def __init__(self, upload_id: str) -> None:
        self.upload_id = upload_id
        super().__init__(
            f"upload {upload_id} has expired because it was not continued for a day; begin a new "
            "one with POST /v1/uploads"
        )


class UploadBusy(RequestError):
    """Another request adds to the upload just now, or a job uses it."""

    def __init__(self, upload_id: str, job: str = "") -> None:
        self.upload_id = upload_id
        self.job = job
        said = f"job {job} uses it" if job else "another request adds to it"
        todo = "cancel the job first" if job else "wait until that one has ended"
        super().__init__(f"upload {upload_id} cannot be changed because {said}; {todo}")


class UploadTooLarge(RequestError):
    """An upload is larger than uploads may be, or than was announced."""

    def __init__(self, size_bytes: int, limit_bytes: int) -> None:
        self.size_bytes = size_bytes
        self.limit_bytes = limit_bytes
        super().__init__(
            f"the upload must have at most {limit_bytes} bytes, got {size_bytes}; send a smaller "
            "file, or announce its true length in Upload-Length"
        )


class UploadQuotaExceeded(RequestError):
    """The uploads that are not indexed yet would take more than they may."""

    def __init__(
        self, used_bytes: int, limit_bytes: int, asked_bytes: int, *, of_all: bool = False
    ) -> None:
        self.used_bytes = used_bytes
        self.limit_bytes = limit_bytes
        self.asked_bytes = asked_bytes
        self.of_all = of_all
        super().__init__(
            f"{'all' if of_all else 'your'} uploads may take {limit_bytes} bytes until they are "
            f"indexed, and take {used_bytes}; this one needs {asked_bytes} more, so end an upload "
            "or wait until one is indexed"
        )

    @property
    def told(self) -> str:
        """The message, but nothing of how much others have uploaded."""
        if not self.of_all:
            return str(self)
        return (
            f"the uploads of all who use this server leave no room for {self.asked_bytes} bytes; "
            "wait until some are indexed, or ask the operator for more room"
        )


class UrlNotAllowed(RequestError):
    """A URL may not be read from here, or nothing sent to it."""

    def __init__(self, host: str, reason: str, *, use: str = "fetched") -> None:
        self.host = host
        self.reason = reason
        named = f" of {host[:255]}" if host else ""
        super().__init__(f"the URL{named} cannot be {use}: {reason}")


class NotFetched(RequestError):
    """A URL did not give a video. With `again`, it may give one later."""

    def __init__(self, reason: str, *, again: bool = False) -> None:
        self.reason = reason
        self.again = again
        super().__init__(f"the video was not fetched: {reason}")


class WrongOffset(RequestError):
    """A part of an upload begins where the stored bytes do not end."""

    def __init__(self, upload_id: str, offset: int, asked: int) -> None:
        self.upload_id = upload_id
        self.offset = offset
        super().__init__(
            f"upload {upload_id} has {offset} bytes, so Upload-Offset must be {offset}, got "
            f"{asked}; ask with HEAD how many bytes are stored, and continue there"
        )


class JobNotFound(RequestError):
    """There is no job with this id."""

    def __init__(self, job_id: str) -> None:
        self.job_id = job_id
        super().__init__(
            f"no job {job_id!r}; it was deleted some time after it ended, or never added; "
            "GET /v1/jobs lists the jobs"
        )


class KeyReused(RequestError):
    """An idempotency key was used before, for another request."""

    def __init__(self, key: str, job_id: str) -> None:
        self.key = key
        self.job_id = job_id
        super().__init__(
            f"the idempotency key {key!r} belongs to job {job_id}, which asks for something else; "
            "send each new request with a new key, and only a repeated one with its own"
        )


class StateError(ClipseekError):
    """The request is right, but the store must change first."""


class NothingIndexed(StateError):
    """Something was asked before anything was ingested."""

    def __init__(self, collection: str) -> None:
        self.collection = collection
        option = "" if collection == "default" else f" --collection {collection}"
        super().__init__(
            f"nothing is indexed in collection {collection!r} yet; "
            f"run `indexer ingest PATH{option}` first"
        )

    @property
    def told(self) -> str:
        """The message without the command."""
        return (
            f"nothing is indexed in collection {self.collection!r} yet; the operator of this "
            "server has to index videos first"
        )


class ModelMismatch(StateError):
    """A collection is indexed with another model than the one asked for.

    `weights` are both fingerprints if the names are equal and the weights are not.
    """

    def __init__(
        self,
        collection: str,
        indexed_with: str,
        asked_for: str,
        *,
        weights: tuple[str, str] | None = None,
    ) -> None:
        self.collection = collection
        self.indexed_with = indexed_with
        self.asked_for = asked_for
        self.weights = weights
        super().__init__(self._other_model() if weights is None else self._other_weights(*weights))

    def _other_model(self) -> str:
        return (
            f"collection {self.collection!r} is indexed with model {self.indexed_with!r}, "
            f"not {self.asked_for!r}; use `--model {self.indexed_with}`, or another `--collection`"
        )

    def _other_weights(self, indexed_with: str, asked_for: str) -> str:
        return (
            f"collection {self.collection!r} is indexed with other weights of model "
            f"{self.indexed_with!r} (fingerprint {indexed_with[:12]}, not {asked_for[:12]}); "
            "restore the previous bundle, or index into another `--collection`"
        )

    @property
    def told(self) -> str:
        """The message without models and options."""
        return (
            f"collection {self.collection!r} is indexed with another model than the server has; "
            "search another collection, or tell the operator of this server the request id"
        )


class CatalogOutdated(StateError):
    """The schema of the catalog has another revision than this release reads.

    `place` is the catalog, and `reason` the rest of the message.
    """

    def __init__(self, place: str, reason: str) -> None:
        self.place = place
        self.reason = reason
        super().__init__(f"the catalog {place} {reason}")

    @property
    def told(self) -> str:
        """The message without the place, the revisions and the command."""
        return (
            "the catalog has another revision than this release reads; tell the operator of "
            "server the request id"
        )


class ServiceUnavailable(ClipseekError):
    """The database, the snapshot volume, a disk or the inference server cannot be used now.

    Everybody is told the message if it is `for_all`.
    """

    def __init__(self, message: str, *, for_all: bool = False) -> None:
        self.for_all = for_all
        super().__init__(message)

    @property
    def told(self) -> str | None:
        """The message, or None."""
        return str(self) if self.for_all else None


class DiskFull(ServiceUnavailable):
    """The disk of the uploads has not enough space left. What was stored of an upload stays."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        super().__init__(
            f"the disk of {folder} has not enough space for this upload beside what "
            "CLIPSEEK_UPLOAD_RESERVE_BYTES keeps free; delete something, or set "
            "CLIPSEEK_UPLOAD_DIR to a folder on a larger disk"
        )

    @property
    def told(self) -> str:
        """The message without the folder and the settings."""
        return (
            "the server has not enough space for this upload; what is stored of it stays, so "
            "continue later, or tell the operator of this server the request id"
        )


class NoCatalog(ServiceUnavailable):
    """There is no catalog in the database."""

    def __init__(self, place: str) -> None:
        self.place = place
        super().__init__(
            f"the catalog {place} does not exist; `indexer ingest PATH` makes one. If it existed "
            "before, check that its disk is mounted, or restore a backup"
        )
