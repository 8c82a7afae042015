"""Opening: the finders of the kinds of regions that a collection redacts."""

from collections.abc import Sequence

from clipseek.redaction.faults import RedactionUnavailable
from clipseek.redaction.finder import Finder
from clipseek.redaction.redactor import Redactor

FACES = "faces"
KINDS = (FACES,)
"""What can be blurred."""


def open_redactor(kinds: Sequence[str], *, side: int | None = None, threads: int = 1) -> Redactor:
    """Return what blurs some kinds of regions; its models are loaded now.

    side: Pixels of the longer side of what is looked at, by default that of the model.

    Raises:
        RedactionUnavailable: a kind is not known to this release, or its model is missing.
    """
    return Redactor([_finder(kind, side, threads) for kind in kinds])


def _finder(kind: str, side: int | None, threads: int) -> Finder:
    if kind != FACES:
        raise RedactionUnavailable(
            f"the collection redacts {kind!r}, which this release does not know; it knows "
            f"{', '.join(KINDS)}"
        )
    try:
        from clipseek.redaction.centerface import SIDE, CenterFace
    except ImportError as error:
        raise RedactionUnavailable(
            f"faces are blurred in this collection, and the package {error.name} is not installed; "
            "run `pip install 'clipseek[redaction]'`"
        ) from error
    return CenterFace(side=side or SIDE, threads=threads)
