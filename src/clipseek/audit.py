"""The audit: who changed what, or was refused, and when."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_AGO = re.compile(r"([1-9][0-9]{0,5})([mhd])")
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the audit.

    at: RFC 3339 in UTC. who: the name of a key, or the user of a command. what: the command, the
    kind of job, or method and route of a request. address: where a request came from, or empty.
    """

    at: str
    who: str
    what: str
    subject: str
    outcome: str
    address: str = ""
    request_id: str = ""


def since(text: str, now: datetime) -> datetime:
    """Return the moment that a text means: so long ago (`2h`), or a date (`2026-11-28`).

    Raises:
        ValueError: it is neither.
    """
    if ago := _AGO.fullmatch(text):
        return now - int(ago[1]) * _UNITS[ago[2]]
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(
            "a time is a number of days, hours or minutes ago, such as 7d, 2h or 30m, or a date "
            f"such as 2026-11-28 or 2026-11-28T14:00:00Z, got {text!r}"
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def stamp(moment: datetime) -> str:
    """Return a moment as it is stored: RFC 3339 in UTC, to the second."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
