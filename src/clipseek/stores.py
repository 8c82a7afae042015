"""Where snapshots and thumbnails are in a bucket, and where thumbnails are, by the settings."""

from collections.abc import Callable
from functools import cache

from clipseek.config import Settings
from clipseek.thumbnails import BucketThumbnails, LinkedThumbnails, Thumbnails

Identity = Callable[[], str]
"""Returns the id of the catalog, which may not be there yet."""


def below(url: str, identity: Identity, kind: str) -> Callable[[], str]:
    """Return what says where a kind of thing is: each catalog has a folder of its own."""
    known = cache(identity)
    return lambda: f"{url}/{known()}/{kind}"


def open_thumbnails(settings: Settings, *, identity: Identity) -> Thumbnails:
    """Return where pictures are stored: in the data folder, or in a bucket."""
    if settings.store_url is None:
        return Thumbnails(settings.thumbnail_root)
    return BucketThumbnails(below(settings.store_url, identity, "thumbnails"))


def open_linked_thumbnails(
    settings: Settings, collection: str, like: str, *, identity: Identity
) -> LinkedThumbnails | BucketThumbnails:
    """Return where pictures are stored of which equal ones are stored for another collection."""
    if settings.store_url is None:
        return LinkedThumbnails(settings.thumbnail_root, collection, like)
    return BucketThumbnails(below(settings.store_url, identity, "thumbnails"))
