"""Pictures that are searched for by their URL: fetched by the rules for videos, within limits."""

import tempfile
import time
from pathlib import Path

from clipseek.errors import InvalidQuery, NotFetched
from clipseek.sources.fetching import PICTURES, Fetch, FetchLimits
from clipseek.sources.guard import Guard

LIMITS = FetchLimits(size_bytes=8 << 20, total_s=10.0, stall_s=5.0)
"""Of one picture: a client waits for it, and it is read into memory."""


class PictureUrls:
    """Fetches pictures from the hosts that a guard allows."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    def fetch(self, url: str) -> bytes:
        """Return the bytes at a URL.

        Raises:
            UrlNotAllowed: the URL, or one that it redirects to, may not be read.
            InvalidQuery: the server does not give it, it is too large or not a picture, or it took
                too long.
            ServiceUnavailable: the folder of temporary files cannot be written.
        """
        # Not as long as for a video, and not beyond the time that there is.
        fetch = Fetch(self._guard, LIMITS, types=PICTURES, pause=lambda s: time.sleep(min(s, 0.2)))
        with tempfile.TemporaryDirectory(prefix="clipseek-picture-") as folder:
            path = Path(folder) / "picture"
            try:
                fetch.into(path, url)
            except NotFetched as error:
                more = "; ask again later" if error.again else ""
                raise InvalidQuery(f"image_url was not fetched: {error.reason}{more}") from error
            return path.read_bytes()
