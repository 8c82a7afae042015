"""The options of the verb `demo`."""

import argparse
from pathlib import Path

from indexer.naming import at_home

WORD_KINDS = ("subtitle", "speech", "sign")
"""`clipseek.demo.utterances.WORD_KINDS`, whose import would delay every command."""


def add(verb: argparse.ArgumentParser) -> None:
    """Add how many videos are drawn, from which seed, with which words, and where to."""
    verb.add_argument("--videos", type=int, default=12, metavar="N", help="how many (12)")
    verb.add_argument(  # its former name
        "--films", type=int, dest="videos", default=argparse.SUPPRESS, help=argparse.SUPPRESS
    )
    verb.add_argument("--seed", type=int, default=1, metavar="S", help="another seed, other videos")
    verb.add_argument(
        "--words",
        type=_kinds,
        default=(),
        metavar="KINDS",
        help=f"what some videos say or show, of {', '.join(WORD_KINDS)}",
    )
    verb.add_argument("--out", type=at_home, default=Path("demo-videos"), metavar="DIR")


def _kinds(text: str) -> tuple[str, ...]:
    """Read names that are separated by commas."""
    kinds = tuple(part.strip() for part in text.split(","))
    unknown = next((kind for kind in kinds if kind not in WORD_KINDS), None)
    if unknown is not None:
        raise argparse.ArgumentTypeError(
            f"{unknown!r} is not a kind of words; name some of {','.join(WORD_KINDS)}"
        )
    return kinds
