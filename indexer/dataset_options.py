"""The options of the verb `dataset`."""

import argparse
from pathlib import Path

from indexer.naming import at_home

FORMATS = ("coco", "csv", "parquet", "fiftyone", "labelstudio")
VERB = (
    "dataset",
    "write frames and their tags for other programs",
    "indexer dataset ./cats --format coco --samples samples.jsonl --decided",
)


def add(dataset: argparse.ArgumentParser) -> None:
    """Add where the data set goes, its format, and what it has."""
    dataset.add_argument("folder", type=at_home, metavar="DIR", help="new or empty folder")
    dataset.add_argument(
        "--format", choices=FORMATS, default="coco", metavar="F", help=f"{', '.join(FORMATS)}"
    )
    dataset.add_argument(
        "--samples", type=Path, metavar="FILE", help="frames of `sample --out` (one a segment)"
    )
    dataset.add_argument(
        "--rule", action="append", default=[], metavar="NAME", help="only tags of this rule"
    )
    dataset.add_argument(
        "--decided", action="store_true", help="only tags that people have accepted"
    )
