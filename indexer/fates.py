"""Why one video failed: an error is its fate alone, unless nothing at all can be indexed."""

import logging
from pathlib import Path

from clipseek.errors import ClipseekError, RequestError, UnreadableVideo

_log = logging.getLogger(__name__)


def reason_of(error: Exception, path: Path) -> str:
    """Return why a video failed, in words for the user; a traceback goes to the log.

    Raises:
        ClipseekError: it is the catalog, a disk or a setting that failed, for all videos alike.
    """
    if isinstance(error, UnreadableVideo):
        return error.reason
    if isinstance(error, RequestError):
        return str(error)
    if isinstance(error, ClipseekError):
        raise error
    _log.debug("%s", path, exc_info=error)
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    text = " ".join(str(error).split())
    said = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return f"unexpected {said}; --verbose prints the traceback"


__all__ = ["reason_of"]
