"""The options of the verb `drift`."""

import argparse

VERB = ("drift", "measure which cameras and folders have changed", "indexer drift --by camera")


def add(drift: argparse.ArgumentParser) -> None:
    """Add the options that no other verb has."""
    drift.add_argument(
        "--by",
        choices=("camera", "folder", "collection"),
        metavar="WHAT",
        help="camera, folder or collection (a camera's, else the folder's)",
    )
    drift.add_argument(
        "--weeks", type=int, default=2, metavar="N", help="newest weeks that are measured (2)"
    )
