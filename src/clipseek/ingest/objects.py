"""Objects of the videos of a collection: those that were not looked at yet are opened again."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from clipseek import sampling
from clipseek.errors import UnreadableVideo, VideoNotFound
from clipseek.ingest.fates import reason_of
from clipseek.model import Model
from clipseek.objects.finding import Finder
from clipseek.objects.rules import RuleBook
from clipseek.objects.turns import Turns
from clipseek.protocols import CatalogWriter, FrameSourceOpener
from clipseek.protocols.detectors import Detector
from clipseek.sources import Places
from clipseek.tracked import Track, VideoObjects
from clipseek.types import Video

_RULES = 1
"""Counts up when the same videos give other objects than before; then they are looked at again."""
SHORT_SIDE = 720
"""Frames are scaled to this, as far as they are larger: detectors see 640 pixels or so."""
_PAGE = 256


class Looked(NamedTuple):
    """A video that was looked at: how many objects it shows, or why that is not known."""

    video: Video
    tracks: int
    problem: str = ""


@dataclass(frozen=True, slots=True)
class ObjectReader:
    """Finds the objects of videos. What is done stays done, however this ends."""

    catalog: CatalogWriter
    places: Places
    open_video: FrameSourceOpener
    model: Model
    detector: Detector
    book: RuleBook = field(default_factory=RuleBook)
    fps: float = 1.0
    turns: Turns = field(default_factory=Turns)

    def stamp(self, video: Video) -> str:
        """Return what the objects of a video depend on, its length included: chunks grow."""
        rules = self.book.stamp(video.stream)
        return (
            f"{_RULES} {self.detector.fingerprint[:16]} {rules} {self.fps:g} {video.duration:.3f}"
        )

    def read(self, collection: str, video_ids: Sequence[str] | None = None) -> Iterator[Looked]:
        """Look at the videos whose stamps differ, of all or of some; yield each.

        Raises:
            ConfigError: the detector or the model does not run, or similari is not installed.
        """
        for videos in self._pages(collection, video_ids):
            stamps = self.catalog.object_stamps(collection, [video.id for video in videos])
            for video in videos:
                if stamps.get(video.id) != self.stamp(video):
                    looked = self._looked(collection, video)
                    if looked is not None:
                        yield looked

    def _pages(self, collection: str, video_ids: Sequence[str] | None) -> Iterator[list[Video]]:
        if video_ids is not None:
            found = self.catalog.videos_by_id(collection, video_ids)
            yield [found[each] for each in video_ids if each in found]
            return
        after = ""
        while videos := self.catalog.videos(collection, after=after, limit=_PAGE):
            after = videos[-1].id
            yield videos

    def _looked(self, collection: str, video: Video) -> Looked | None:
        """Look at one video; None if it was removed at this very moment."""
        try:
            objects = VideoObjects(self.stamp(video), self._tracks(video))
        except UnreadableVideo as error:
            return Looked(video, 0, error.reason)
        except OSError as error:
            return Looked(video, 0, reason_of(error, video.uri))
        try:
            self.catalog.put_objects(collection, video.id, objects)
        except VideoNotFound:
            return None
        return Looked(video, len(objects.tracks))

    def _tracks(self, video: Video) -> tuple[Track, ...]:
        source = self.places.look(video.uri)
        rules = self.book.of(video.stream)
        with (
            source.open() as file,
            self.open_video(video.uri, descriptor=file.fileno()) as opened,
        ):
            cuts = sampling.ShotCuts(opened.frame_rate)
            short_side = min(SHORT_SIDE, *opened.size)
            batches = opened.read(sampling.grid(self.fps), short_side=short_side, cuts=cuts)
            finder = Finder(self.detector, self.model, rules, 1 / self.fps, self.turns)
            return finder.find(batches, video.duration)
