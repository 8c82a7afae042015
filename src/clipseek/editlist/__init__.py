"""Edit lists: moments for film editors, in the formats that can be written here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from clipseek.editlist import cmx, fcpxml, otio
from clipseek.editlist.cuts import Cut

__all__ = ["Cut", "Format", "formats"]


@dataclass(frozen=True, slots=True)
class Format:
    """How a list is written. `write` takes the title and the cuts, one or more."""

    media_type: str
    write: Callable[[str, Sequence[Cut]], str]


def formats() -> dict[str, Format]:
    """Return the formats that can be written, by the ending of their files."""
    found = {
        "edl": Format("text/plain", cmx.edl),
        "fcpxml": Format("application/xml", fcpxml.fcpxml),
    }
    if otio.is_installed():
        found["otio"] = Format("application/vnd.pixar.opentimelineio+json", otio.otio)
    return found
