"""The bytes of a video that is not a file of this machine: streamed from its source, by ranges."""

from collections.abc import Generator
from hashlib import sha256
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from api import conditions, problem_kinds, problems
from api.media import HEAD_BYTES, gone, media_type, parse_ranges, require_unchanged, satisfiable
from api.redirecting import Redirects
from clipseek.sources import Places, Source
from clipseek.types import Video


def stream(
    request: Request, video: Video, places: Places, redirects: Redirects | None = None
) -> Response:
    """Answer with the whole content, or with the one range asked for (RFC 9110, section 14).

    A player may be redirected instead.
    More than one range is answered with the whole content, as section 14.2 allows.

    Raises:
        Refused: the source is gone, cannot be read, or is not the one that was indexed.
    """
    try:
        source = places.look(video.uri)
        require_unchanged(source, video)
        if redirects is not None and (elsewhere := redirects.answer(request, source)) is not None:
            return elsewhere
        head = b"".join(source.stream(0, min(HEAD_BYTES, source.size_bytes) - 1))
    except OSError as error:
        raise gone(video.uri, error) from error
    return _answer(request, source, media_type(head, video.uri))


def _answer(request: Request, source: Source, kind: str) -> Response:
    name = source.uri.rpartition("/")[2]
    etag = f'"{sha256(source.stamp.encode()).hexdigest()[:24]}"'
    headers = {
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-cache",
        "Content-Disposition": f"inline; filename*=utf-8''{quote(name)}",
        "ETag": etag,
    }
    if (status := conditions.outcome(request.headers, etag)) is not None:
        return problems.conditional(request, status, {"ETag": etag})
    first, last, size = 0, source.size_bytes - 1, source.size_bytes
    asked = _asked(request.method, request.headers, etag)
    code = 200
    if asked is not None:
        found = satisfiable(asked, size)
        if not found:
            return problems.respond(
                request,
                problem_kinds.RANGE_NOT_SATISFIABLE,
                f"the file has {size} bytes; ask for a range inside them",
                headers={"Content-Range": f"bytes */{size}"},
            )
        (first, last), code = found[0], 206
        headers["Content-Range"] = f"bytes {first}-{last}/{size}"
    headers["Content-Length"] = str(last + 1 - first)
    body = _body(source, first, first - 1 if request.method == "HEAD" else last)
    return _Streamed(body, code, headers, kind)


def _asked(method: str, headers: Headers, etag: str) -> list[tuple[int | None, int | None]] | None:
    """Return the one range that is to be answered; None for the whole content."""
    named = headers.get("range")
    if named is None or method != "GET":
        return None
    if not conditions.allows_range(headers, etag=etag, last_modified=""):
        return None
    asked = parse_ranges(named)
    return asked if asked is not None and len(asked) == 1 else None


class _Streamed(StreamingResponse):
    """Closes its source when the answer ends, also if the client has left in the middle."""

    def __init__(
        self, blocks: Generator[bytes, None, None], code: int, headers: dict[str, str], kind: str
    ) -> None:
        super().__init__(blocks, code, headers, media_type=kind)
        self._blocks = blocks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the blocks; a source may wait while it closes, so that is done in a thread."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            await run_in_threadpool(self._blocks.close)


def _body(source: Source, first: int, last: int) -> Generator[bytes, None, None]:
    """Yield a range; an error in the middle closes the connection, which tells the client."""
    if first <= last:
        yield from source.stream(first, last)
