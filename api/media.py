"""The file of an indexed video, as browsers want it: its type, its ranges, its changes."""

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.types import Receive, Scope, Send

from api import problems
from api.problems import Refused
from clipseek.types import Video

MAX_RANGES = 16
"""More ranges than this are ignored and the whole file is sent: players ask for one or two."""

ACCEL_PREFIX = "/_films/"
"""Where nginx has the folder of films for answers of the API, and for nobody else."""

_HEAD_BYTES = 512
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
    """A file that is there and as large as when it was indexed."""

    path: Path
    status: os.stat_result
    media_type: str


def locate(video: Video) -> VideoFile:
    """Find the file of a video and its type.

    Raises:
        Refused: the file is gone, cannot be read, or has another size than when indexed.
    """
    path = Path(video.uri)
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise Refused(problems.FILE_GONE, f"{path} is no file any more; put the video back")
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError as error:
        raise Refused(
            problems.FILE_GONE,
            f"{path} cannot be read: {error.strerror}; put the file back, or run "
            "`indexer ingest` on where it lies now",
        ) from error
    if status.st_size != video.size_bytes:
        raise Refused(
            problems.FILE_CHANGED,
            f"{path} had {video.size_bytes} bytes when it was indexed and has {status.st_size} "
            "now; run `indexer ingest` on it again",
        )
    return VideoFile(path, status, media_type(head, path.suffix))


def respond(file: VideoFile, accel_dir: Path | None) -> Response:
    """Answer with the bytes of a file, or name it to nginx, which then sends them.

    Only files below `accel_dir` are named; nginx reads ranges and conditions itself
    (https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_ignore_headers).
    """
    whole = VideoResponse(file)
    if accel_dir is None or ".." in file.path.parts or not file.path.is_relative_to(accel_dir):
        return whole
    below = quote(os.fsencode(file.path.relative_to(accel_dir)))
    headers = {name: whole.headers[name] for name in _KEPT}
    return Response(headers={**headers, "X-Accel-Redirect": f"{ACCEL_PREFIX}{below}"})


def media_type(head: bytes, suffix: str) -> str:
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
    return _BY_SUFFIX.get(suffix.lower(), _FALLBACK)


class VideoResponse(FileResponse):
    """A video file; its Range header is read as RFC 9110 says.

    Starlette answers 400 to a header that must be ignored, takes ranges for HEAD, and refuses all
    ranges when one is outside; so the header that it gets to see holds only what can be served.
    """

    def __init__(self, file: VideoFile) -> None:
        super().__init__(
            file.path,
            media_type=file.media_type,
            stat_result=file.status,
            filename=file.path.name,
            content_disposition_type="inline",
            headers={"Cache-Control": "private, no-cache"},
        )
        self._size = file.status.st_size

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the file, the ranges asked for, or why not."""
        headers = Headers(scope=scope)
        if headers.get("if-none-match") == self.headers["etag"]:
            unchanged = Response(status_code=304, headers={"ETag": self.headers["etag"]})
            await unchanged(scope, receive, send)
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
        """Return the ranges to serve, [] where none can be, or None for the whole file."""
        named = headers.get("range")
        if named is None or method != "GET" or not self._unchanged(headers.get("if-range")):
            return None
        asked = parse_ranges(named)
        if asked is None or len(asked) > MAX_RANGES:
            return None
        return satisfiable(asked, self._size)

    def _unchanged(self, if_range: str | None) -> bool:
        return if_range in (None, self.headers["etag"], self.headers["last-modified"])

    def _not_satisfiable(self, scope: Scope) -> Response:
        return problems.respond(
            Request(scope),
            problems.RANGE_NOT_SATISFIABLE,
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
