"""The verb `export`: write a whole collection to a folder of files."""

import argparse
from contextlib import closing
from pathlib import Path

from clipseek.archive import Export, Manifest
from clipseek.assembly import open_existing
from clipseek.catalog.redactions import SqlRedactionReader
from clipseek.config import Settings
from clipseek.ledgers import open_curating_reader
from indexer.output import counted, emit, note, say


def run(settings: Settings, options: argparse.Namespace) -> int:
    """Export the collection; the same command continues an interrupted export."""
    folder: Path = options.folder.absolute()
    quiet = options.quiet or options.json

    def told(manifest: Manifest) -> None:
        if not quiet:
            note(f"{counted(manifest.videos, 'video')}, {manifest.parts[-1].name}")

    with (
        open_existing(settings) as service,
        closing(open_curating_reader(settings)) as curating,
        closing(SqlRedactionReader.open(settings.catalog_url)) as redactions,
    ):
        export = Export(
            service.catalog,
            service.thumbnails,
            folder,
            on_part=told,
            said=curating.said,
            redacts=redactions.of,
        )
        manifest = export.run(settings.collection)
    if manifest.missing:
        pictures = counted(manifest.missing, "thumbnail")
        note(f"indexer: {pictures} could not be read and are not part of the export")
    size = sum(part.bytes for part in manifest.parts)
    if options.json:
        emit(
            {
                "collection": manifest.collection,
                "version": manifest.version,
                "videos": manifest.videos,
                "segments": manifest.segments,
                "missing_thumbnails": manifest.missing,
                "parts": len(manifest.parts),
                "bytes": size,
            }
        )
    else:
        videos, segments = (
            counted(manifest.videos, "video"),
            counted(manifest.segments, "segment"),
        )
        say(
            f"exported collection {manifest.collection} at version {manifest.version}: {videos}, "
            f"{segments}, {size / 1e6:.1f} MB in {folder}"
        )
    return 0
