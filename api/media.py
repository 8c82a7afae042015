"""The file of an indexed video, as browsers want it: its type, its ranges, its changes."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from io import FileIO
from pathlib import Path, PurePath
from urllib.parse import quote

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.types import Receive, Scope, Send

from api import conditions, problem_kinds, problems
from api.problems import Refused
from clipseek.archive import sender_of
from clipseek.live.naming import UNRECORDED, is_chunk_file
from clipseek.sources import LocalDisk, Source
from clipseek.types import Video

MAX_RANGES = 16
"""More ranges than this are ignored and the whole file is sent: players ask for one or two."""

ACCEL_PREFIX = "/_videos/"
"""The internal path of nginx for the folder of videos; clients cannot request it."""

HEAD_BYTES = 512
_ASK = "tell the operator of this server the request id"
_KEPT = ("content-type", "content-disposition", "cache-control")
_FALLBACK = "application/octet-stream"
_BY_SUFFIX = {
    ".3g2": "video/3gpp2",
    ".3gp": "video/3gpp",
    ".avi": "video/x-msvideo",
    ".flv": "video/x-flv",
    ".m2ts": "video/mp2t",
    ".m4v": "video/mp4",
    ".mkv": "video/x-matroska",
    ".mov": "video/quicktime",
    ".mp4": "video/mp4",
    ".mpeg": "video/mpeg",
    ".mpg": "video/mpeg",
    ".mts": "video/mp2t",
    ".ogv": "video/ogg",
    ".ts": "video/mp2t",
    ".webm": "video/webm",
    ".wmv": "video/x-ms-wmv",
}


@dataclass(frozen=True, slots=True)
class VideoFile:
    """The opened file of a video, in the state that it was indexed in."""

    path: Path
    file: FileIO
    status: os.stat_result
    media_type: str


def locate(video: Video) -> VideoFile:
    """Open the file of a video and find its type; the caller closes it.

    A file of another size or time is not even opened, because it may be a link to something else.

    Raises:
        Refused: the file is gone, cannot be read, or is not the one that was indexed.
    """
    path = Path(video.uri)
    try:
        source = LocalDisk().look(video.uri)
        require_unchanged(source, video)
        file = source.open()
    except (OSError, ValueError) as error:  # ValueError: no path can have this name
        raise gone(video.uri, error) from error
    try:
        status = os.fstat(file.fileno())
        head = os.pread(file.fileno(), HEAD_BYTES, 0)
    except BaseException as error:
        file.close()
        if isinstance(error, OSError):
            raise gone(video.uri, error) from error
        raise
    return VideoFile(path, file, status, media_type(head, path.name))


def respond(video: VideoFile, accel_dir: Path | None) -> Response:
    """Answer with the bytes of a file, or name it to nginx, which then sends them.

    nginx opens the file by its path, so it gets the path without links and follows none itself;
    only files that are below `accel_dir` by that path are named. It reads ranges and conditions
    itself (https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_ignore_headers).
    """
    whole = VideoResponse(video)
    below = None if accel_dir is None else _below(video, accel_dir)
    if below is None:
        return whole
    video.file.close()
    headers = {name: whole.headers[name] for name in _KEPT}
    named = f"{ACCEL_PREFIX}{quote(os.fsencode(below))}"
    return Response(headers={**headers, "X-Accel-Redirect": named})


def _below(video: VideoFile, folder: Path) -> Path | None:
    """Return the path of a file below a folder, all links followed; None if it is elsewhere."""
    try:
        path = video.path.resolve(strict=True)
        if not os.path.samestat(path.stat(), video.status):
            return None
        return path.relative_to(folder.resolve())
    except (OSError, ValueError):
        return None


def require_unchanged(source: Source, video: Video) -> None:
    """Raise Refused unless a source is as it was when the video was indexed from it.

    A chunk that a camera is recorded into grows, and has no stamp before it is complete.
    """
    is_growing = video.stream and not video.stamp and is_chunk_file(video.uri)
    if source.stamp != video.stamp and not is_growing:
        raise Refused(
            problem_kinds.FILE_CHANGED,
            "the video has changed since it was indexed, so its moments may be elsewhere in it; "
            f"{_ASK}",
            reason=f"{video.uri} is not as it was indexed: it had {video.size_bytes} bytes and the "
            f"stamp {video.stamp}, and has {source.size_bytes} bytes and {source.stamp}; run "
            "`indexer ingest` on it again",
        )


def gone(uri: str | Path, error: OSError | ValueError) -> Refused:
    """Return the answer for a source that does not exist any more or cannot be read."""
    if str(uri).startswith(UNRECORDED):
        return Refused(
            problem_kinds.FILE_GONE,
            "this camera is not recorded, so its moments have pictures and no footage",
            reason=f"{uri} has no footage; `indexer cameras change NAME --record` keeps it from "
            "then on",
        )
    if (site := sender_of(str(uri))) is not None:
        return Refused(
            problem_kinds.FILE_GONE,
            f"the file of this video is at {site}; ask for a span of it, at /preview or /clip",
            reason=f"{uri} is at another machine",
        )
    said = error.strerror if isinstance(error, OSError) else error
    return Refused(
        problem_kinds.FILE_GONE,
        f"the file of this video does not exist any more or cannot be read; {_ASK}",
        reason=f"{uri} cannot be read: {said}; restore the file, or run "
        "`indexer ingest` on its new path",
    )


def media_type(head: bytes, name: str) -> str:
    """Name the type of a file by its first bytes, else by its ending; never a type that runs."""
    if head[4:8] == b"ftyp":
        return "video/quicktime" if head[8:12] == b"qt  " else "video/mp4"
    if head.startswith(b"\x1aE\xdf\xa3"):  # EBML; the DocType stands in its header (RFC 8794, 11.2)
        return "video/webm" if b"webm" in head[:64] else "video/x-matroska"
    if head.startswith(b"RIFF") and head[8:12] == b"AVI ":
        return "video/x-msvideo"
    if head.startswith(b"\x00\x00\x01\xba"):
        return "video/mpeg"
    if head.startswith(b"OggS"):
        return "video/ogg"
    if head.startswith(b"FLV\x01"):
        return "video/x-flv"
    if head.startswith(b"GIF8"):
        return "image/gif"
    if head[:1] == b"G" and head[188:189] == b"G":  # sync bytes of MPEG-TS packets
        return "video/mp2t"
    return _BY_SUFFIX.get(PurePath(name).suffix.lower(), _FALLBACK)


class VideoResponse(FileResponse):
    """A video file; its Range header is read as RFC 9110 says.

    Starlette answers 400 to a header that must be ignored, takes ranges for HEAD, and refuses all
    ranges when one is outside; so it only sees a header with ranges that can be served.
    """

    def __init__(self, video: VideoFile) -> None:
        super().__init__(
            # Opens the file that was checked once more, whatever its name leads to by now.
            f"/dev/fd/{video.file.fileno()}",
            media_type=video.media_type,
            stat_result=video.status,
            filename=video.path.name,
            content_disposition_type="inline",
            headers={"Cache-Control": "private, no-cache"},
        )
        self._file = video.file
        self._size = video.status.st_size

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the file, the ranges asked for, or why not."""
        with self._file:
            await self._answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        etag, last_modified = self.headers["etag"], self.headers["last-modified"]
        if (status := conditions.outcome(headers, etag, last_modified)) is not None:
            same = {name: self.headers[name] for name in ("etag", "cache-control")}
            await problems.conditional(Request(scope), status, same)(scope, receive, send)
            return
        ranges = self._ranges(scope["method"], headers)
        if ranges == []:
            await self._not_satisfiable(scope)(scope, receive, send)
            return
        kept = [item for item in scope["headers"] if item[0] not in (b"range", b"if-range")]
        if ranges:
            named = ",".join(f"{first}-{last}" for first, last in ranges)
            kept.append((b"range", f"bytes={named}".encode()))
        await super().__call__({**scope, "headers": kept}, receive, send)

    def _ranges(self, method: str, headers: Headers) -> list[tuple[int, int]] | None:
        """Return the ranges to serve, [] if none can be served, or None for the whole file."""
        named = headers.get("range")
        if named is None or method != "GET" or not self._allows_range(headers):
            return None
        asked = parse_ranges(named)
        if asked is None or len(asked) > MAX_RANGES:
            return None
        return satisfiable(asked, self._size)

    def _allows_range(self, headers: Headers) -> bool:
        etag, last_modified = self.headers["etag"], self.headers["last-modified"]
        return conditions.allows_range(headers, etag=etag, last_modified=last_modified)

    def _not_satisfiable(self, scope: Scope) -> Response:
        return problems.respond(
            Request(scope),
            problem_kinds.RANGE_NOT_SATISFIABLE,
            f"the file has {self._size} bytes; ask for a range inside them",
            headers={"Content-Range": f"bytes */{self._size}"},
        )


def parse_ranges(header: str) -> list[tuple[int | None, int | None]] | None:
    """Parse a Range header into (first, last) positions, or None if it must be ignored.

    A missing first means the last so many bytes (RFC 9110, 14.1.2).
    """
    unit, _, listed = header.partition("=")
    if unit.strip().lower() != "bytes":
        return None
    ranges: list[tuple[int | None, int | None]] = []
    for part in listed.split(","):
        first, dash, last = (piece.strip() for piece in part.partition("-"))
        if not dash or not (first or last) or not _digits(first) or not _digits(last):
            return None
        if first and last and int(first) > int(last):
            return None
        ranges.append((int(first) if first else None, int(last) if last else None))
    return ranges


def satisfiable(asked: Sequence[tuple[int | None, int | None]], size: int) -> list[tuple[int, int]]:
    """Return those ranges that overlap a file of `size` bytes, as inclusive positions in it."""
    found = []
    for first, last in asked:
        if first is None:
            start, end = max(0, size - (last or 0)), size - 1
        else:
            start, end = first, size - 1 if last is None else min(last, size - 1)
        if start <= end:
            found.append((start, end))
    return found


def _digits(piece: str) -> bool:
    """Allow at most the 19 digits of the largest file; int() refuses strings of thousands."""
    return not piece or (piece.isascii() and piece.isdecimal() and len(piece) <= 19)
