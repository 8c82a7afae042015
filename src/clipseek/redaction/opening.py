"""Opening: the finders of the kinds of regions that a collection redacts."""

from collections.abc import Sequence

from clipseek.errors import ConfigError
from clipseek.redaction.chosen import DETECTED, Chosen
from clipseek.redaction.faults import RedactionUnavailable
from clipseek.redaction.finder import Finder
from clipseek.redaction.redactor import Redactor

FACES = "faces"
KINDS = (FACES,)
"""What can be blurred in a collection; what a detector of the user's finds comes with it."""


def kinds_of(chosen: Chosen | None) -> tuple[str, ...]:
    """Return the kind of what a detector of the user's finds; nothing without one.

    Raises:
        ConfigError: the detector cannot be read, or has no such class.
    """
    if chosen is None:
        return ()
    from clipseek.redaction.detected import Detected  # onnxruntime takes 0.25 s to import

    return (Detected(chosen).kind,)


def open_redactor(
    kinds: Sequence[str],
    *,
    chosen: Chosen | None = None,
    side: int | None = None,
    threads: int = 1,
) -> Redactor:
    """Return what blurs some kinds of regions; its models are loaded now.

    chosen: What finds the kind that `kinds_of` names. side: Pixels of the longer side of what is
    looked at for faces, by default that of the model.

    Raises:
        RedactionUnavailable: a kind is not known to this release, or its model is missing or
            another one than the kind names.
    """
    return Redactor([_finder(kind, chosen, side, threads) for kind in kinds])


def _finder(kind: str, chosen: Chosen | None, side: int | None, threads: int) -> Finder:
    if chosen is not None and kind.startswith(f"{DETECTED}:"):
        return _detected(kind, chosen, threads)
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


def _detected(kind: str, chosen: Chosen, threads: int) -> Finder:
    from clipseek.redaction.detected import Detected

    try:
        found = Detected(chosen, threads=threads)
    except ConfigError as error:
        raise RedactionUnavailable(str(error)) from error
    if found.kind != kind:
        raise RedactionUnavailable(
            f"the detector {chosen.path} is another one than when this program was started; "
            "start it again"
        )
    return found
