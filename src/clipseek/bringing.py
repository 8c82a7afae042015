"""Bringing: what a central library wants to see of videos whose files are here, cut and sent."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from clipseek.brought import MOST_BYTES
from clipseek.errors import ServiceUnavailable, UnreadableVideo, VideoNotFound
from clipseek.excerpts import Busy, Excerpts, key_of
from clipseek.live.naming import is_chunk_file, is_recorded
from clipseek.protocols import CatalogReader
from clipseek.sources import Places, Source
from clipseek.types import Video
from clipseek.video.excerpting import Excerpting, Recipe
from clipseek.wishes import Why, Wish

LONGEST_S, TALLEST = 300.0, 1080
"""No center is sent a longer or a taller span at once."""

log = logging.getLogger(__name__)


class Wanting(Protocol):
    """A central library that wants spans. Every method may raise ServiceUnavailable."""

    def wanted(self, wait_s: float) -> Sequence[Wish]:
        """Return what is wanted of this machine, waited for up to some seconds."""
        ...

    def give(self, wish_id: str, file: Path) -> None:
        """Send the file of a wish; one that nobody waits for is left out."""
        ...

    def refuse(self, wish_id: str, why: Why) -> None:
        """Say why a wish cannot be fulfilled."""
        ...


class _Refused(Exception):
    """A wish cannot be fulfilled."""

    def __init__(self, why: Why) -> None:
        self.why: Why = why
        super().__init__(why)


Start = Callable[[Source, Recipe, Path], Excerpting]
"""Starts the process that writes a span of a source into a file."""


class Bringing:
    """Does what one central library wants of one collection, one wish after the other."""

    def __init__(
        self,
        catalog: CatalogReader,
        places: Places,
        excerpts: Excerpts,
        center: Wanting,
        start: Start,
        *,
        collection: str,
    ) -> None:
        self._catalog, self._places, self._excerpts = catalog, places, excerpts
        self._center, self._start, self._collection = center, start, collection

    def turn(self, wait_s: float) -> int:
        """Wait for wishes up to some seconds, and fulfil them; return how many were sent.

        Raises:
            ServiceUnavailable: the center, the catalog or the disk cannot be used now. What was not
                sent is told again.
            PartRefused: the center does not take spans from here.
        """
        return sum(self._bring(wish) for wish in self._center.wanted(wait_s))

    def _bring(self, wish: Wish) -> bool:
        try:
            file = self._cut(wish)
            if file.stat().st_size > MOST_BYTES:
                raise _Refused("too_large")
        except _Refused as refused:
            log.info("a span of video %s is wanted and not sent: %s", wish.video, refused.why)
            self._center.refuse(wish.id, refused.why)
            return False
        except Busy as busy:
            raise ServiceUnavailable("another excerpt is being made here") from busy
        self._center.give(wish.id, file)
        return True

    def _cut(self, wish: Wish) -> Path:
        """Return the file of a span, cut now or before."""
        if not 0 <= wish.start < wish.end <= wish.start + LONGEST_S or wish.height > TALLEST:
            raise _Refused("too_large")
        try:
            video = self._catalog.video(self._collection, wish.video)
        except VideoNotFound:
            raise _Refused("gone") from None
        if not is_recorded(video):
            raise _Refused("unrecorded")
        copy = not wish.is_preview
        recipe = Recipe(wish.start, wish.end, wish.height, copy=copy, growing=False)
        key = key_of(f"{self._collection} {video.id} {video.stamp}", recipe)

        def start(asked: Recipe, target: Path) -> Excerpting:
            return self._start(self._source(video), asked, target)

        try:
            return self._excerpts.made(key, recipe, start)
        except OSError as error:
            raise _Refused("gone") from error
        except UnreadableVideo as error:
            log.warning("a span of video %s cannot be cut: %s", video.id, error)
            raise _Refused("not_cut") from error

    def _source(self, video: Video) -> Source:
        """Return the source of a video, as it was when it was indexed."""
        try:
            source = self._places.look(video.uri)
        except (OSError, ValueError):
            raise _Refused("gone") from None
        # A chunk that is being recorded grows, and has no stamp yet.
        is_growing = video.stream and not video.stamp and is_chunk_file(video.uri)
        if source.stamp != video.stamp and not is_growing:
            raise _Refused("changed")
        return source
