"""The options of the verb `evaluate`."""

import argparse
from pathlib import Path

from indexer.naming import at_home

FORMATS = ("captions", "qvhighlights")


def add(evaluate: argparse.ArgumentParser) -> None:
    """Add where the known answers are, how they are written, and where the given ones go."""
    evaluate.add_argument("captions", type=Path, metavar="CAPTIONS.jsonl")
    evaluate.add_argument(
        "--format", choices=FORMATS, default="captions", help="how that file is written (captions)"
    )
    evaluate.add_argument(
        "--sharpen", action="store_true", help="cut moments to the frames that show it"
    )
    evaluate.add_argument(
        "--predictions",
        type=at_home,
        metavar="FILE",
        help="write the answers as QVHighlights takes them",
    )
