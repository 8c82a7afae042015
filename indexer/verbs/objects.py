"""The verb `objects`: lets a detector look at videos that are indexed already."""

import argparse
import threading
from collections.abc import Sequence
from functools import partial

from clipseek.assembly import load_collection_model, open_places, open_writer
from clipseek.config import Settings
from clipseek.errors import ConfigError
from clipseek.service import WritingService
from indexer.noting import INTERRUPTED
from indexer.objects import find_objects
from indexer.output import counted, emit, note, say
from indexer.verbs.ingest import stopping_on_signal
from indexer.videos import named


def run(settings: Settings, options: argparse.Namespace) -> int:
    """Find the objects of the videos that are named, or of all; exit 1 if some cannot be read."""
    if settings.detector is None:
        raise ConfigError(
            "no detector is set; name one with --detector FILE.onnx, or set CLIPSEEK_DETECTOR"
        )
    stop = threading.Event()
    places = open_places(settings)
    with stopping_on_signal(stop) as interrupted, open_writer(settings) as service:
        collection = service.catalog.collection(settings.collection)
        ids = _named(service, collection.name, options.videos)
        videos = tracks = failed = 0
        model = partial(load_collection_model, settings, collection)
        found = find_objects(
            *(settings, service, model, places, collection.name), video_ids=ids, stop=stop
        )
        for looked in found:
            if interrupted.is_set():
                return INTERRUPTED
            videos, tracks = videos + 1, tracks + looked.tracks
            failed += bool(looked.problem)
            if options.json:
                emit(
                    {
                        "id": looked.video.id,
                        "path": looked.video.uri,
                        "objects": looked.tracks,
                        "reason": looked.problem,
                    }
                )
            elif looked.problem:
                note(f"{looked.video.uri}: {looked.problem}")
    if not options.json and not options.quiet:
        say(f"found {counted(tracks, 'object')} in {counted(videos, 'video')}")
    return 1 if failed else 0


def _named(service: WritingService, collection: str, names: Sequence[str]) -> list[str] | None:
    """Return the ids of the videos that are named; None for all."""
    return [named(service.catalog, collection, name).id for name in names] or None
