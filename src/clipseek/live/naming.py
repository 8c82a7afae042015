"""What the chunks of a camera are called: their ids, uris, titles and files. Pure."""

import hashlib
import re
from datetime import UTC, datetime
from pathlib import Path

from clipseek.types import Named, Video

UNRECORDED = "camera://"
"""The start of the uris of chunks that have no file."""
_FILE = re.compile(
    r"\A/(?:[^/]+/)*recordings/[0-9a-f]{16}/\d{4}-\d\d-\d\d/\d\d-\d\d-\d\d-\d{3}Z\.mp4\Z"
)


def chunk_id(epoch: str, at: float) -> str:
    """Return the id of the chunk of a camera that begins at a time, as long as that of a file."""
    name = f"{epoch} {round(at * 1000)}"
    return hashlib.blake2b(name.encode(), digest_size=16).hexdigest()


def recorded_at(at: float) -> str:
    """Return a time, seconds since 1970, as RFC 3339 in UTC with milliseconds."""
    time = datetime.fromtimestamp(round(at * 1000) / 1000, UTC)
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def is_recorded(video: Video | Named) -> bool:
    """Whether a video has a file: a chunk of a camera may have none."""
    return not video.uri.startswith(UNRECORDED)


def chunk_uri(camera: str, at: float) -> str:
    """Return the uri of a chunk that has no file, such as camera://door/2026-11-29T10-00-00-250Z.

    It has no colons and no dots, so that it is a name on every system.
    """
    return f"{UNRECORDED}{camera}/{_plain(at)}"


def chunk_file(root: Path, epoch: str, at: float) -> Path:
    """Return the file of a chunk: below the epoch of its camera, and its day.

    The name of a camera may be given to another one later; an epoch is not.
    """
    day, _, time = _plain(at).partition("T")
    return root / epoch / day / f"{time}.mp4"


def is_chunk_file(uri: str) -> bool:
    """Whether a uri is a file that `chunk_file` names, and no other file of this machine."""
    return _FILE.search(uri) is not None


def title(camera: str, at: float) -> str:
    """Return what people call a chunk."""
    time = datetime.fromtimestamp(at, UTC)
    return f"{camera} {time:%Y-%m-%d %H:%M:%S} UTC"


def _plain(at: float) -> str:
    return recorded_at(at).replace(":", "-").replace(".", "-")
