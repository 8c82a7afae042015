"""Videos of the catalog: all of a collection, or one by its name."""

import os
from collections.abc import Iterator
from unicodedata import normalize

from clipseek.errors import VideoNotFound
from clipseek.files import as_text
from clipseek.protocols import CatalogReader
from clipseek.sources import LOCAL, scheme_of
from clipseek.types import Video
from indexer.naming import resolved

PAGE = 1000


def all_videos(catalog: CatalogReader, collection: str) -> Iterator[Video]:
    """Yield all videos of a collection; raise CollectionNotFound before the first."""
    catalog.collection(collection)
    after = ""
    while page := catalog.videos(collection, after=after, limit=PAGE):
        yield from page
        after = page[-1].id


def named(catalog: CatalogReader, collection: str, name: str) -> Video:
    """Find a video by the path of the file it was indexed from, or by its id.

    A path is found in any normal form of Unicode, because macOS stores another one than keyboards.

    Raises:
        VideoNotFound: there is none, or several that differ only in their form.
    """
    is_local = scheme_of(name) in (LOCAL, "file")
    path = as_text(resolved(name)) if is_local else name
    for uri in (path, os.path.realpath(path)):
        if (video := catalog.video_at(collection, uri)) is not None:
            return video
    try:
        return catalog.video(collection, name)
    except VideoNotFound:
        composed = normalize("NFC", path)
        alike = [v for v in all_videos(catalog, collection) if normalize("NFC", v.uri) == composed]
        if len(alike) != 1:
            raise
        return alike[0]
