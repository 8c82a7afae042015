"""The options of the verb `models`."""

import argparse

from indexer.naming import at_home


def add(models: argparse.ArgumentParser) -> None:
    """Add what is done with a model besides listing it."""
    actions = models.add_subparsers(dest="action", metavar="export|sentences")
    export = actions.add_parser(
        "export",
        help="write one for an inference server",
        description="Write a model for an inference server.",
        epilog="example:\n  indexer models export demo --triton ./models",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    export.add_argument("name", nargs="?", metavar="NAME", help="as of `ingest --model`")
    export.add_argument(
        "--triton", type=at_home, required=True, metavar="DIR", help="model repository of Triton"
    )
    export.add_argument(
        "--instances", type=int, default=1, metavar="N", help="copies on each device (1)"
    )
    export.add_argument(
        "--json", action="store_true", default=argparse.SUPPRESS, help="one JSON object per line"
    )
    sentences = actions.add_parser(
        "sentences",
        help="make a sentence model",
        description="Make a sentence model, which finds what is said in other words.",
        epilog="example:\n  indexer models sentences ./all-MiniLM-L6-v2 ./sentences",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    sentences.add_argument(
        "folder", type=at_home, metavar="FOLDER", help="in the format of sentence-transformers"
    )
    sentences.add_argument("out", type=at_home, metavar="OUT", help="the folder that is made")
    sentences.add_argument(
        "--json", action="store_true", default=argparse.SUPPRESS, help="one JSON object per line"
    )
