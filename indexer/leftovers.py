"""What removals leave: index and thumbnails of collections, and what others have sent of them.

It is deleted after the rows, also if that was cut off.
"""

from clipseek.brought import Brought
from clipseek.config import Settings
from clipseek.service import WritingService


def brought(settings: Settings) -> Brought:
    """Return the spans that other machines have sent."""
    return Brought(settings.upload_root, settings.excerpt_bytes)


def delete(service: WritingService) -> None:
    """Delete what removed collections have left, of which the catalog has a list.

    Raises:
        ServiceUnavailable: something cannot be deleted; it stays on the list.
    """
    for key in service.catalog.leftovers():
        service.indexes.remove(key)
        service.thumbnails.remove(key)
        brought(service.settings).forget_all(key)
        service.catalog.forget_leftover(key)
