"""The verb `retain`: removes what cameras have recorded and nobody keeps."""

import argparse
from contextlib import closing

from clipseek.assembly import open_writer
from clipseek.cameras import duration_s, size_bytes
from clipseek.config import Settings
from clipseek.errors import ConfigError
from clipseek.holds import Retaining
from clipseek.ledgers import open_retaining
from indexer import reserve
from indexer.output import counted, emit, note, say, size
from indexer.retaining import retention

ALL = "all"


def run(settings: Settings, options: argparse.Namespace) -> int:
    """Store the limits that are named, and remove what has expired in all collections.

    Exit 1 if a file cannot be deleted; the others go.
    """
    # SQLite first logs what is removed, and a full disk has no space for that.
    reserve.give_back(settings)
    with open_writer(settings) as service, closing(open_retaining(settings)) as rows:
        try:
            if options.age is not None or options.bytes is not None:
                _limit(rows, settings.collection, options)
            gone = retention(service, rows).run()
        finally:
            reserve.keep(settings)
    for (collection, video_id), reason in gone.left.items():
        note(f"indexer: {video_id} of {collection} is not removed: {reason}")
    if options.json:
        emit(
            {
                "videos": gone.count,
                "bytes": gone.bytes,
                "collections": dict(gone.videos),
                "failed": len(gone.left),
            }
        )
    elif not gone.count and not gone.left:
        say("nothing has expired")
    for collection, videos in () if options.json else gone.videos.items():
        say(f"removed {counted(videos, 'video')} of cameras from {collection}")
    if gone.bytes and not options.json:
        say(f"{size(gone.bytes)} of footage")
    return 1 if gone.left else 0


def _limit(rows: Retaining, collection: str, options: argparse.Namespace) -> None:
    """Store the limits of a collection; one that is not named stays as it is."""
    before = next(
        (rule for rule in rows.rules() if rule.camera is None and rule.collection == collection),
        None,
    )
    age = None if before is None else before.retain_s
    most = None if before is None else before.retain_bytes
    try:
        if options.age is not None:
            age = None if options.age == ALL else duration_s(options.age)
        if options.bytes is not None:
            most = None if options.bytes == ALL else size_bytes(options.bytes)
    except ValueError as error:
        raise ConfigError(str(error)) from error
    rows.limit(collection, age, most)
