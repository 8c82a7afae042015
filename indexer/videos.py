"""Videos of the catalog: all of a collection, or one by its name."""

import os
import re
from collections.abc import Iterator, Sequence
from unicodedata import normalize

from clipseek.errors import VideoNotFound
from clipseek.files import as_text
from clipseek.protocols import CatalogReader
from clipseek.sources import LOCAL, scheme_of
from clipseek.types import Video
from indexer.naming import resolved

PAGE = 1000

SHORT = 8
"""Digits of an id that are printed: of libraries of 10 000 videos, 1 of 86 needs more."""

_BEGINNING = re.compile(r"[0-9a-f]{4,}")
"""Fewer digits are not taken, because `remove 1` would remove the only video that begins so."""


class AmbiguousVideo(VideoNotFound):
    """Several videos have ids that begin as it was typed."""

    def __init__(self, beginning: str, collection: str, alike: Sequence[Video]) -> None:
        super().__init__(beginning, collection)
        ids = " and ".join(video.id for video in alike)
        self.args = (
            f"several videos in collection {collection!r} have an id that begins with "
            f"{beginning!r}, such as {ids}; type more of its digits",
        )


def short_length(ids: Sequence[str]) -> int:
    """Return how many digits distinguish all ids, which differ, at least `SHORT`."""
    digits = SHORT
    while len({each[:digits] for each in ids}) < len(ids):
        digits += 1
    return digits


def all_videos(catalog: CatalogReader, collection: str) -> Iterator[Video]:
    """Yield all videos of a collection; raise CollectionNotFound before the first."""
    catalog.collection(collection)
    after = ""
    while page := catalog.videos(collection, after=after, limit=PAGE):
        yield from page
        after = page[-1].id


def named(catalog: CatalogReader, collection: str, name: str) -> Video:
    """Find a video by the path of the file it was indexed from, by its id, or by how that begins.

    A path is found in any normal form of Unicode, because macOS stores another one than keyboards.

    Raises:
        VideoNotFound: there is none, or several that differ only in their form.
        AmbiguousVideo: there are several with such an id.
    """
    is_local = scheme_of(name) in (LOCAL, "file")
    path = as_text(resolved(name)) if is_local else name
    for uri in (path, os.path.realpath(path)):
        if (video := catalog.video_at(collection, uri)) is not None:
            return video
    try:
        return catalog.video(collection, name)
    except VideoNotFound:
        if (video := _begun(catalog, collection, name)) is not None:
            return video
        composed = normalize("NFC", path)
        alike = [v for v in all_videos(catalog, collection) if normalize("NFC", v.uri) == composed]
        if len(alike) != 1:
            raise
        return alike[0]


def videos_called(catalog: CatalogReader, collection: str, name: str) -> list[Video]:
    """Return the videos whose title or file name this is, in any normal form of Unicode."""
    called = normalize("NFC", name)
    return [
        video
        for video in all_videos(catalog, collection)
        if called in (normalize("NFC", video.title), normalize("NFC", video.uri.rpartition("/")[2]))
    ]


def _begun(catalog: CatalogReader, collection: str, beginning: str) -> Video | None:
    """Return the only video whose id begins so, or None; ids are in order, so two are enough."""
    if not _BEGINNING.fullmatch(beginning):
        return None
    following = catalog.videos(collection, after=beginning, limit=2)
    alike = [video for video in following if video.id.startswith(beginning)]
    if len(alike) > 1:
        raise AmbiguousVideo(beginning, collection, alike)
    return alike[0] if alike else None
