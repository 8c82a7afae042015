"""The verb `build`: build and publish the snapshot of a collection."""

import argparse

from clipseek.assembly import open_writer
from clipseek.config import Settings
from indexer import leftovers
from indexer.output import emit
from indexer.publishing import publish


def run(settings: Settings, options: argparse.Namespace) -> int:
    """Build and publish the snapshot of the collection."""
    service = open_writer(settings)
    try:
        leftovers.delete(service)
        manifest = publish(service, quiet=options.quiet or options.json, sweep=True)
        if options.json:
            emit(manifest)
    finally:
        service.close()
    return 0
