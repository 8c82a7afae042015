"""Where the video of a job comes from: an upload, or a URL that is fetched first."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from clipseek.errors import NotFetched, ServiceUnavailable, UnreadableVideo, UploadBusy
from clipseek.files import open_regular
from clipseek.jobs import Job
from clipseek.sources.fetching import Fetch, FetchLimits
from clipseek.sources.guard import Guard
from clipseek.uploads import Uploads
from indexer.kinds import HEAD_BYTES, by_content

GoOn = Callable[[int, int | None], bool]
"""Is told how many bytes were fetched, and of how many; says whether to continue."""

_OTHERS = {
    "audio": "it contains sound and no pictures",
    "picture": "it is a single picture",
    "text": "it is text",
}


@dataclass(frozen=True, slots=True)
class Incoming:
    """Brings the videos of jobs to the place from which they are indexed and played.

    limits: How much is fetched by a URL, and how long.
    """

    uploads: Uploads
    guard: Guard
    limits: FetchLimits

    def bring(self, job: Job, go_on: GoOn) -> Path:
        """Return the file of a job, asked again too: an attempt before may have brought it.

        Raises:
            UploadNotFound: the upload of the job does not exist any more.
            UrlNotAllowed, NotFetched: the URL gives no video, or `go_on` said no.
            UnreadableVideo: the content is not that of a video. The file is deleted.
            ServiceUnavailable: it cannot be brought now; another time, it may be.
        """
        url = job.payload.get("url")
        path = self._fetched(job, str(url), go_on) if url else self._uploaded(job)
        try:
            _require_video(path)
        except UnreadableVideo:
            self.uploads.stored.remove(path)
            raise
        return path

    def upload_of(self, job: Job) -> str:
        """Return the id of the upload of a job; that of a URL is made of the job's."""
        made = hashlib.blake2b(job.id.encode(), digest_size=16).hexdigest()
        return made if job.payload.get("url") else str(job.payload.get("upload", ""))

    def _uploaded(self, job: Job) -> Path:
        name = str(job.payload.get("name") or "video")
        return self.uploads.stored.take(self.upload_of(job), job.collection, name)

    def _fetched(self, job: Job, url: str, go_on: GoOn) -> Path:
        """Fetch a URL; another attempt finds what this one has fetched."""
        made = self.upload_of(job)
        name = str(job.payload.get("name") or self.guard.check(url).name)
        path = self.uploads.stored.place(made, job.collection, name)
        if not path.exists():
            parts = self.uploads.parts
            fetch = Fetch(self.guard, self.limits, go_on=go_on, require_space=parts.require_space)
            try:
                # A worker that lost its lease while it was suspended would add to the file, too.
                with parts.reserved(made):
                    fetch.into(parts.data(made), url)
            except UploadBusy as error:
                raise ServiceUnavailable("another worker still fetches it", for_all=True) from error
            except NotFetched as error:
                if error.again:
                    raise ServiceUnavailable(str(error), for_all=True) from error
                raise
        return self.uploads.stored.take(made, job.collection, name)


def _require_video(path: Path) -> None:
    """Look at the first bytes, because a name says what a client likes; the decoder sees the rest.

    Raises:
        UnreadableVideo: they are those of something else.
    """
    with open_regular(path, follow_links=False) as file:
        head = file.read(HEAD_BYTES)
    kind = by_content(path.name, head) if head else "text"
    if kind in _OTHERS:
        raise UnreadableVideo(path.name, f"it is not a video: {_OTHERS[kind]}")
