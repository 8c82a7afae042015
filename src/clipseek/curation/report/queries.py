"""The section of a report on queries that find nothing."""

from dataclasses import dataclass

from clipseek.curation.report.page import paragraph, table

_MOST = 50


@dataclass(frozen=True, slots=True)
class Unanswered:
    """Queries that were asked again, and how many of them find nothing.

    shown: These, the latest first, as texts or hashes; none if only their number may be shown.
    why: Why nothing is known, or empty.
    """

    asked: int = 0
    nothing: int = 0
    shown: tuple[str, ...] = ()
    why: str = ""


def section(found: Unanswered) -> str:
    """Return the section as HTML."""
    if found.why:
        return paragraph(found.why)
    share = found.nothing / max(1, found.asked)
    said = paragraph(
        f"{found.nothing} of the {found.asked} latest queries ({share:.0%}) find no moment that "
        "matches, in the library as it is now."
    )
    if not found.shown:
        return said
    rows = [(text,) for text in found.shown[:_MOST]]
    left = len(found.shown) - len(rows)
    more = paragraph(f"{left} more are not shown.", "soft") if left else ""
    return said + table(("query",), rows) + more
