"""The verb `remove`: take videos out of a collection."""

import argparse

from clipseek.assembly import open_writer
from clipseek.config import Settings
from clipseek.errors import VideoNotFound
from indexer import reserve
from indexer.leftovers import brought
from indexer.output import emit, note, say
from indexer.videos import named


def run(settings: Settings, options: argparse.Namespace) -> int:
    """Remove videos by id or by path; exit 1 when one is not there, the others still go."""
    # SQLite first logs what is removed, and a full disk has no space for that.
    reserve.give_back(settings)
    service = open_writer(settings)
    missing: VideoNotFound | None = None
    try:
        for name in options.videos:
            try:
                video = named(service.catalog, settings.collection, name)
                service.catalog.remove(settings.collection, video.id)
                key = service.catalog.collection(settings.collection).key
                brought(settings).forget(key, video.id)
            except VideoNotFound as error:
                note(f"indexer: {error}")
                missing = error
                continue
            if options.json:
                emit({"id": video.id, "uri": video.uri, "state": "removed"})
            else:
                say(f"removed {video.id} {video.uri}")
    finally:
        service.close()
        reserve.keep(settings)
    return 1 if missing else 0
