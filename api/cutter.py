"""Cutter: what endpoints have excerpts made by."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from anyio import CapacityLimiter, to_thread

from api.media import gone, require_unchanged
from clipseek.excerpts import Excerpts
from clipseek.redaction.setting import chosen_of
from clipseek.service import Service
from clipseek.types import Video
from clipseek.video.excerpting import Excerpting, Recipe

THREADS = 8
"""Threads that wait for excerpts. They are not those of other requests."""

T = TypeVar("T")


class Cutter:
    """Has excerpts made, in threads of its own."""

    def __init__(self, service: Service) -> None:
        self._service = service
        settings = service.settings
        self.excerpts = Excerpts(settings.excerpt_root, settings.excerpt_bytes)
        self._threads = CapacityLimiter(THREADS)

    async def call(self, function: Callable[..., T], *given: object) -> T:
        """Call a function that waits for an excerpt."""
        return await to_thread.run_sync(function, *given, limiter=self._threads)

    def start(self, video: Video, recipe: Recipe, target: Path) -> Excerpting:
        """Start the process that writes a span of a video.

        Raises:
            Refused: the file of the video is gone, or is not the one that was indexed.
        """
        settings = self._service.settings
        try:
            source = self._service.places.look(video.uri)
            require_unchanged(source, video)
            with source.parts() as file:
                return Excerpting(
                    recipe,
                    name=video.uri,
                    descriptor=file.fileno(),
                    target=target,
                    limit_s=settings.max_excerpt_s,
                    memory_bytes=settings.max_decode_bytes,
                    frame_pixels=settings.max_frame_pixels,
                    chosen=chosen_of(settings),
                )
        except (OSError, ValueError) as error:
            raise gone(video.uri, error) from error
