"""Lets a detector look at the videos that it has not seen yet, if one is set, and at recordings."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from clipseek.config import Settings
from clipseek.detecting.opening import open_detector
from clipseek.ingest.objects import Looked, ObjectReader
from clipseek.live.spotting import Complete, Spotting
from clipseek.model import Model
from clipseek.objects.rules import RuleBook
from clipseek.objects.tracking import Tracker
from clipseek.objects.turns import Turns
from clipseek.protocols.detectors import Detector
from clipseek.service import WritingService
from clipseek.sources import Places
from clipseek.video.opening import video_opener
from indexer.priority import give_way


def _opened(settings: Settings, name: str, threads: int | None) -> tuple[Detector, RuleBook]:
    """Open a detector and the rules; raise ConfigError."""
    detector = open_detector(name, threads)
    Tracker(1.0)  # so that a missing extra is noticed before the first video is opened
    if settings.object_rules is None:
        return detector, RuleBook()
    return detector, RuleBook.read(settings.object_rules, tuple(detector.classes))


@contextmanager
def recorded_objects(service: WritingService) -> Iterator[Spotting | None]:
    """Yield what finds the objects of recorded chunks, in a thread; None without a detector.

    The detector has one thread, of low priority, so that it takes no core from frames of cameras.

    Raises:
        ConfigError: the detector or the rules cannot be read, or the extra is not installed.
    """
    settings = service.settings
    if settings.detector is None:
        yield None
        return
    detector, book = _opened(settings, settings.detector, threads=1)
    with video_opener(settings) as opener:

        def look(chunk: Complete, turns: Turns) -> Iterator[Looked]:
            give_way()
            tools = (service.catalog, service.places, opener, chunk.shelf.model)
            reader = ObjectReader(*tools, detector, book, settings.sample_fps, turns)
            return reader.read(chunk.shelf.collection, [chunk.video_id])

        with Spotting(look) as spotting:
            yield spotting


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
    detector, book = _opened(settings, settings.detector, settings.threads)
    with video_opener(settings, stop) as opener:
        reader = ObjectReader(
            *(service.catalog, places, opener, model(), detector, book, settings.sample_fps)
        )
        yield from reader.read(collection, video_ids)
