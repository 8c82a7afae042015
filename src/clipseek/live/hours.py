"""Whether a watch fires at a time: its days and hours are those of a time zone. Pure."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from clipseek.watches import DAYS, Hours


def is_within(hours: Hours | None, seconds: float) -> bool:
    """Whether a time, in seconds since 1970, is in the hours; without any, each is."""
    if hours is None:
        return True
    local = datetime.fromtimestamp(seconds, UTC).astimezone(ZoneInfo(hours.zone))
    minute = local.hour * 60 + local.minute
    if hours.start < hours.end:
        return DAYS[local.weekday()] in hours.days and hours.start <= minute < hours.end
    if minute >= hours.start:
        return DAYS[local.weekday()] in hours.days
    # After midnight they belong to the day on which they began.
    before = (local - timedelta(days=1)).weekday()
    return DAYS[before] in hours.days and minute < hours.end
