"""The kinds of problem that uploads and jobs may have, and what a kind is."""

from dataclasses import dataclass

from clipseek import errors


@dataclass(frozen=True, slots=True)
class Kind:
    """One type of problem: its name in the URL, its status, its title and what to do about it."""

    name: str
    status: int
    title: str
    meaning: str

    @property
    def type(self) -> str:
        """The stable reference that clients compare with."""
        return f"/problems/{self.name}"


UPLOAD_KINDS: dict[type[errors.ClipseekError], Kind] = {
    errors.UploadNotFound: Kind(
        "upload-not-found",
        404,
        "No such upload",
        "It was ended, has expired, or belongs to somebody else. Begin a new one with "
        "`POST /v1/uploads`.",
    ),
    errors.UploadExpired: Kind(
        "upload-expired",
        410,
        "The upload has expired",
        "It was not continued for a day. Begin a new one with `POST /v1/uploads`.",
    ),
    errors.UrlNotAllowed: Kind(
        "url-not-allowed",
        422,
        "The URL cannot be fetched from here",
        "`detail` says why. Upload the file, or ask the operator to add the host to "
        "`CLIPSEEK_FETCH_HOSTS`.",
    ),
    errors.NotFetched: Kind(
        "not-fetched",
        422,
        "The URL did not give a video",
        "`detail` says why. A job says this, because it is the one that fetches.",
    ),
    errors.WrongOffset: Kind(
        "wrong-offset",
        409,
        "The part does not begin where the stored bytes end",
        "`HEAD` says how many bytes are stored. Continue there.",
    ),
    errors.UploadBusy: Kind(
        "upload-busy",
        423,
        "The upload cannot be changed now",
        "Another request adds to it, or a job uses it; `detail` says which. Wait, or cancel the "
        "job.",
    ),
    errors.UploadTooLarge: Kind(
        "upload-too-large",
        413,
        "The upload is too large",
        "`detail` says how many bytes it may have: as many as were announced, and at most "
        "`CLIPSEEK_MAX_UPLOAD_BYTES`.",
    ),
    errors.UploadQuotaExceeded: Kind(
        "upload-quota",
        413,
        "The uploads take too much",
        "`detail` says how much they may take until they are indexed. End one, or wait until one "
        "is indexed.",
    ),
    errors.DiskFull: Kind(
        "disk-full",
        507,
        "The server has not enough space for the upload",
        "What is stored of the upload stays. Continue after `Retry-After` seconds, or tell the "
        "operator, who frees space on the disk of `CLIPSEEK_UPLOAD_DIR`.",
    ),
    errors.JobNotFound: Kind(
        "job-not-found",
        404,
        "No such job",
        "It was deleted some time after it ended, or belongs to another collection. `GET /v1/jobs` "
        "lists the jobs.",
    ),
    errors.KeyReused: Kind(
        "key-reused",
        422,
        "The idempotency key belongs to another request",
        "Send each new request with a new `Idempotency-Key`, and only a repeated one with its own.",
    ),
}
"""Errors of uploads and jobs, and what the API says for each."""
