"""Where the bytes of videos are, and how they are read: `Source`, `Place`, and the local disk."""

from clipseek.sources.local import LocalDisk, LocalFile, content_id
from clipseek.sources.places import LOCAL, Places, scheme_of
from clipseek.sources.source import Descriptor, Place, Shelf, Source

__all__ = [
    "LOCAL",
    "Descriptor",
    "LocalDisk",
    "LocalFile",
    "Place",
    "Places",
    "Shelf",
    "Source",
    "content_id",
    "scheme_of",
]
