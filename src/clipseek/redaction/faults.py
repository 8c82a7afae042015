"""What is raised if something that must be blurred cannot be found."""

from clipseek.errors import ClipseekError


class RedactionUnavailable(ClipseekError):
    """Pictures of a collection are redacted, and what finds the regions cannot be run here."""

    told = (
        "the pictures of this collection are redacted, and what must be blurred cannot be found "
        "now, so no picture is sent; tell the operator of this server the request id"
    )
