"""What became of a video: one video has one fate, and the others continue."""

import logging
from dataclasses import dataclass
from typing import Literal

from clipseek.errors import ClipseekError, RequestError, UnreadableVideo

State = Literal["indexed", "unchanged", "incomplete", "failed"]
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Report:
    """What became of one source.

    `path` is its uri, with bytes that are not UTF-8 written as `\\xe9`. `frames` counts sampled
    frames, `embedded` those that were new; `skipped` is the share of the others, which repeat the
    last one. `duration` is in seconds. `elsewhere` says that another ingest has indexed it while
    this one ran.
    """

    path: str
    state: State
    id: str = ""
    reason: str = ""
    duration: float = 0.0
    frames: int = 0
    embedded: int = 0
    skipped: float = 0.0
    segments: int = 0
    elsewhere: bool = False


def same_content(uri: str, video_id: str, first: str) -> Report:
    """Say of a copy that its content is indexed under another name."""
    return Report(uri, "unchanged", video_id, f"same content as {first}")


def reason_of(error: Exception, uri: str) -> str:
    """Return why a video failed, in words for the user; a traceback goes to the log.

    Raises:
        ClipseekError: the catalog, a disk or a setting has failed, for all videos.
    """
    if isinstance(error, UnreadableVideo):
        return error.reason
    if isinstance(error, RequestError):
        return str(error)
    if isinstance(error, ClipseekError):
        raise error
    _log.debug("%s", uri, exc_info=error)
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    text = " ".join(str(error).split())
    said = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return f"unexpected {said}; --verbose prints the traceback"
