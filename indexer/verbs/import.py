"""The verb `import`: make a collection of what `export` has written."""

import argparse
from contextlib import closing
from pathlib import Path

from clipseek.archive import Import, Manifest
from clipseek.assembly import open_writer
from clipseek.catalog.redactions import SqlRedactions
from clipseek.config import Settings, collection_name
from clipseek.errors import ClipseekError, ConfigError
from clipseek.ledgers import open_curating
from clipseek.service import WritingService
from indexer import reserve
from indexer.output import counted, emit, note, say
from indexer.publishing import publish


def run(settings: Settings, options: argparse.Namespace) -> int:
    """Import a folder; the same command continues an interrupted import."""
    folder: Path = options.folder.absolute()
    with (
        open_writer(settings, create=True) as service,
        closing(open_curating(settings)) as curating,
        closing(SqlRedactions.open(settings.catalog_url)) as redactions,
    ):
        reserve.keep(settings)
        name = options.collection or _name(folder, service)
        options.collection = name  # the subject of the entry in the audit
        told = _silent if options.quiet or options.json else _told
        mark = settings.data_dir / "imports" / f"{name}.json"
        import_ = Import(
            service.catalog,
            service.thumbnails,
            folder,
            mark=mark,
            on_part=told,
            say=curating.say,
            redact=redactions.redact,
        )
        manifest = import_.run(name)
        _publish(service, name, quiet=options.quiet or options.json)
        import_.finish()
    videos, segments = counted(manifest.videos, "video"), counted(manifest.segments, "segment")
    if options.json:
        emit({"collection": name, "videos": manifest.videos, "segments": manifest.segments})
    else:
        say(f"imported collection {name}: {videos}, {segments}")
    return 0


def _name(folder: Path, service: WritingService) -> str:
    """Return the name that the exported collection had."""
    name = Import(service.catalog, service.thumbnails, folder, mark=folder).manifest().collection
    try:
        return collection_name(name)
    except ValueError as error:
        raise ConfigError(f"{folder}: {error}; name the collection with --collection") from error


def _told(step: str, manifest: Manifest, videos: int) -> None:
    done = {"check": "checked", "store": "stored"}[step]
    note(f"{done} {videos} of {counted(manifest.videos, 'video')}")


def _silent(_step: str, _manifest: Manifest, _videos: int) -> None:
    """Say nothing of a part."""


def _publish(service: WritingService, name: str, *, quiet: bool) -> None:
    """Build the snapshot; without the model on this machine, searches have to do without."""
    try:
        publish(service, quiet=quiet, collection=name)
    except ClipseekError as error:
        note(f"indexer: the videos are imported, and no snapshot was built: {error}")
