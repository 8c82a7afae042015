"""When a video was recorded, as its file says."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

# The first is a phone's: it has a time zone, and stays when a copy is made, which sets the second.
_NAMES = ("com.apple.quicktime.creationdate", "creation_time", "date_recorded")
# Clocks that were never set give the first day of 1904 or 1970.
_FIRST = datetime(1970, 1, 2, tzinfo=UTC)


def recorded_at(tags: Iterable[Mapping[str, str]]) -> str:
    """Return the time in UTC as RFC 3339 writes it, to the second; empty if it is not known.

    `tags` are those of the file and of its streams, as libav names them. A time without a zone is
    taken as UTC, as ISO/IEC 14496-12 has it.
    """
    known: dict[str, str] = {}
    for some in tags:
        for name, said in some.items():
            known.setdefault(name.lower(), said)
    found = (_read(known[name]) for name in _NAMES if name in known)
    return next(filter(None, found), "")


def moment_at(recorded: str, seconds: float) -> str:
    """Return when a moment of a recording was, seconds after its first frame: RFC 3339 in UTC.

    It has milliseconds, as `Video.recorded_at` of a camera's chunk. Empty if it is not known.
    """
    time = _plus(recorded, seconds)
    return "" if time is None else time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def known(recorded: str, seconds: float = 0.0) -> str:
    """Return a time of RFC 3339; empty if it, or the time seconds later, is not one."""
    return recorded if recorded and _plus(recorded, seconds) is not None else ""


def seconds_of(recorded: str) -> float | None:
    """Return a time of RFC 3339 in seconds since 1970; None if it is not one."""
    time = _plus(recorded, 0.0)
    return None if time is None else time.timestamp()


def _plus(recorded: str, seconds: float) -> datetime | None:
    """Return a time in UTC and some seconds; None without a time zone, or past the year 9999."""
    try:
        time = datetime.fromisoformat(recorded)
        return time.astimezone(UTC) + timedelta(seconds=seconds) if time.tzinfo else None
    except (ValueError, OverflowError):
        return None


def _read(said: str) -> str:
    try:
        time = datetime.fromisoformat(said.strip())
        time = (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return ""
    if time < _FIRST:
        return ""
    return time.isoformat(timespec="seconds").replace("+00:00", "Z")
