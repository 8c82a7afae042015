"""Lets a detector look at the videos that it has not seen yet, if one is set."""

import threading
from collections.abc import Callable, Iterator, Sequence

from clipseek.config import Settings
from clipseek.ingest.objects import Looked, ObjectReader
from clipseek.model import Model
from clipseek.objects.opening import open_detector
from clipseek.objects.rules import RuleBook
from clipseek.objects.tracking import Tracker
from clipseek.service import WritingService
from clipseek.sources import Places
from clipseek.video.opening import video_opener


def find_objects(
    settings: Settings,
    service: WritingService,
    model: Callable[[], Model],
    places: Places,
    collection: str,
    *,
    video_ids: Sequence[str] | None = None,
    stop: threading.Event | None = None,
) -> Iterator[Looked]:
    """Look at videos that were not looked at yet, of all or of some; yield each.

    Nothing is done without a detector. What is read ends with an error once `stop` is set.

    Raises:
        ConfigError: the detector or the rules cannot be read, or the extra is not installed.
    """
    if settings.detector is None:
        return
    detector = open_detector(settings.detector, settings.threads)
    Tracker(1.0)  # so that a missing extra is noticed before the first video is opened
    book = RuleBook()
    if settings.object_rules is not None:
        book = RuleBook.read(settings.object_rules, tuple(detector.classes))
    with video_opener(settings, stop) as opener:
        reader = ObjectReader(
            *(service.catalog, places, opener, model(), detector, book, settings.sample_fps)
        )
        yield from reader.read(collection, video_ids)
