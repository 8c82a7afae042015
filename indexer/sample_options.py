"""The options of the verb `sample`."""

import argparse

from indexer.naming import at_home

# Those of the library, which is not imported for the help; a test compares them.
KINDS = ("random", "stratified", "hard", "diverse", "rare")
ALIKE = 0.96
STRATA = ("camera", "day", "hour", "tag")
THRESHOLD = 0.5
VERB = (
    "sample",
    "choose frames to label",
    "indexer sample --kind diverse --budget 500 --out samples.jsonl",
)


def add(sample: argparse.ArgumentParser) -> None:
    """Add which frames are chosen, how many, and where they are written."""
    sample.add_argument(
        "--kind", choices=KINDS, default="random", metavar="K", help=f"{', '.join(KINDS)} (random)"
    )
    sample.add_argument("--budget", type=int, default=100, metavar="N", help="frames (100)")
    sample.add_argument("--seed", type=int, default=0, metavar="S", help="of what is random (0)")
    sample.add_argument(
        "--by",
        action="append",
        default=[],
        choices=STRATA,
        metavar="WHAT",
        help=f"stratified: {', '.join(STRATA)}",
    )
    sample.add_argument(
        "--query", action="append", default=[], metavar="TEXT", help="hard: near its threshold"
    )
    sample.add_argument(
        "--rule", action="append", default=[], metavar="NAME", help="hard: near its threshold (all)"
    )
    sample.add_argument(
        "--threshold", type=float, default=THRESHOLD, metavar="R", help="of --query (0.5)"
    )
    sample.add_argument(
        "--against", metavar="NAME", help="hard: where this collection judges differently"
    )
    # Described in indexer/README.md: the help fits a screen.
    sample.add_argument("--alike", type=float, default=ALIKE, help=argparse.SUPPRESS)
    sample.add_argument(
        "--list", metavar="NAME", dest="review", help="ask for the tags of --rule in a review"
    )
    sample.add_argument("--out", type=at_home, metavar="FILE", help="write them as JSON Lines")
