"""What may help somebody whose search has found nothing, or nothing that matches."""

import re
import shlex
from datetime import datetime, time

from clipseek.query import Query

_WITHOUT = re.compile(
    r"\s+(?:but\s+|and\s+)?(?:without|with\s+no|not|no)\s+(?:any\s+)?", re.IGNORECASE
)
"""English words that say that the rest is unwanted, which a model of pictures does not read so."""


def unwanted(sentence: str) -> str:
    """Return the search that `--not` makes of a sentence which says what must not be seen.

    Empty if the sentence says no such thing, or nothing else.
    """
    wanted, *rest = (part.strip() for part in _WITHOUT.split(f" {sentence} "))
    if not wanted or not rest or not all(rest):
        return ""
    return " ".join([shlex.quote(wanted), *(f"--not {shlex.quote(each)}" for each in rest)])


def nothing(query: Query) -> str:
    """Say that there is no moment, and which options may have left out all of them."""
    only = query.filters
    given = [
        *(f"--tag {shlex.quote(tag)}" for tag in only.tags or ()),
        *(f"--segment-tag {shlex.quote(tag)}" for tag in only.segment_tags or ()),
        *([f"--folder {shlex.quote(only.folder)}"] if only.folder else []),
        *([f"--min-duration {only.min_duration:g}"] if only.min_duration else []),
        *([f"--max-duration {only.max_duration:g}"] if only.max_duration is not None else []),
        *([f"--title {shlex.quote(only.title)}"] if only.title else []),
        *([f"--language {only.language}"] if only.language else []),
        *([f"--min-height {only.min_height}"] if only.min_height else []),
        *([f"--max-height {only.max_height}"] if only.max_height is not None else []),
        *([f"--recorded-from {_time(only.recorded_from)}"] if only.recorded_from else []),
        *([f"--recorded-before {_time(only.recorded_before)}"] if only.recorded_before else []),
        *([f"--indexed-from {_time(only.indexed_from)}"] if only.indexed_from else []),
        *([f"--indexed-before {_time(only.indexed_before)}"] if only.indexed_before else []),
        *([f"--min-relevance {only.min_relevance:g}"] if only.min_relevance else []),
        *([f"--then within {query.then[0].within_s:g} s"] if query.then else []),
    ]
    if not given:
        return (
            f"no moment of collection {query.collection!r} can be compared with that; "
            "`indexer status` says what is indexed"
        )
    return (
        f"no moment passes {' and '.join(given)}; ask for less, or see with `indexer list` which "
        "videos there are"
    )


def _time(moment: datetime) -> str:
    """Return a moment as somebody gives it: a day alone if it is the beginning of one."""
    is_day = moment.timetz().replace(tzinfo=None) == time()
    return f"{moment:%Y-%m-%d}" if is_day else moment.isoformat().replace("+00:00", "Z")
