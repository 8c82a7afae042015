"""Redirecting players to the object store that a video is in, by a signed URL with a short life."""

import logging
from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from api.middleware import MEDIA, SECURITY_HEADERS
from clipseek.sources import Source
from clipseek.sources.source import Signing

_POLICY = "Content-Security-Policy"
log = logging.getLogger("clipseek.api")


class Redirects:
    """Redirects players to the origins that the operator has listed."""

    def __init__(self, origins: Sequence[str], life_s: float) -> None:
        """Take the origins, and how many seconds a URL is valid."""
        self._origins, self._life_s = origins, life_s
        self._told = set[str]()

    @property
    def page_headers(self) -> dict[str, str]:
        """What lets a page play from the origins; nothing if there are none."""
        if not self._origins:
            return {}
        listed = " ".join(self._origins)
        policy = SECURITY_HEADERS[_POLICY]
        return {_POLICY: policy.replace(MEDIA, f"{MEDIA} {listed}")}

    def answer(self, request: Request, source: Source) -> Response | None:
        """Return the redirect of a player; None if the API streams the video.

        Only what a browser's element `video` asks for is redirected: a program that downloads may
        not follow, or send its key along. A store whose origin is not listed, or that signs
        nothing, is named once in the log.
        """
        is_player = request.headers.get("sec-fetch-dest") == "video"
        if not (self._origins and is_player and request.method == "GET"):
            return None
        if not isinstance(source, Signing):
            return None
        bucket = "/".join(source.uri.split("/", 3)[:3])
        try:
            url = urlsplit(source.signed(self._life_s))
        except OSError as error:
            self._tell(bucket, f"URLs of {bucket} cannot be signed: {error.strerror}")
            return None
        origin = f"{url.scheme}://{url.netloc}"
        if origin not in self._origins:
            said = f"{bucket} has the origin {origin}, which CLIPSEEK_MEDIA_ORIGINS does not list"
            self._tell(origin, said)
            return None
        return RedirectResponse(url.geturl(), 307, {"Cache-Control": "private, no-store"})

    def _tell(self, what: str, said: str) -> None:
        if what not in self._told:
            self._told.add(what)
            log.warning("%s; the API streams its videos", said)
