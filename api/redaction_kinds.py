"""The kinds of problems that are about redacted pictures."""

from api.upload_kinds import Kind
from clipseek.errors import ClipseekError
from clipseek.redaction.faults import RedactionUnavailable

REDACTED = Kind(
    "redacted",
    403,
    "Only redacted excerpts are given out",
    "The pictures of this collection are redacted, and this is not made in a redacted form. "
    "`/preview` plays a video span by span, and `/clip` downloads a span.",
)
REDACTION_KINDS: dict[type[ClipseekError], Kind] = {
    RedactionUnavailable: Kind(
        "redaction-unavailable",
        503,
        "What must be blurred cannot be found here",
        "The pictures of this collection are redacted, and the server lacks the model that finds "
        "the regions, so it sends no picture. The operator installs `clipseek[redaction]`; the log "
        "says what is missing.",
    )
}
