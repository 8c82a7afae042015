"""The verb `list`: the videos of a collection."""

import argparse
from collections.abc import Sequence

from clipseek.assembly import open_existing
from clipseek.config import Settings
from clipseek.types import Video
from indexer.output import Column, clock, emit, table
from indexer.videos import all_videos, short_length


def run(settings: Settings, options: argparse.Namespace) -> int:
    """Print every video of the collection."""
    service = open_existing(settings)
    try:
        videos = all_videos(service.catalog, settings.collection)
        if options.json:
            for video in videos:
                emit(_listed(video))
        else:
            _videos_as_table([*videos])
    finally:
        service.close()
    return 0


def _listed(video: Video) -> dict[str, object]:
    return {
        "id": video.id,
        "title": video.title,
        "uri": video.uri,
        "duration": round(video.duration, 3),
        "segments": video.segments,
        "state": video.state,
        "reason": video.reason,
        "tags": [*video.tags],
    }


def _videos_as_table(videos: Sequence[Video]) -> None:
    numbers = [Column("duration", right=True), Column("segments", right=True)]
    digits = short_length([video.id for video in videos])
    table(
        [Column("id"), *numbers, Column("state"), Column("uri", shrinks=True)],
        ((v.id[:digits], clock(v.duration), str(v.segments), v.state, v.uri) for v in videos),
    )
