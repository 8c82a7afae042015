"""Index and thumbnails of removed collections: deleted after the rows, also if that was cut off."""

from clipseek.service import WritingService


def delete(service: WritingService) -> None:
    """Delete what removed collections have left, of which the catalog has a list.

    Raises:
        ServiceUnavailable: something cannot be deleted; it stays on the list.
    """
    for key in service.catalog.leftovers():
        service.indexes.remove(key)
        service.thumbnails.remove(key)
        service.catalog.forget_leftover(key)
