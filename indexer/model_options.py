"""The options of the verb `models`."""

import argparse

from indexer.naming import at_home


def add(models: argparse.ArgumentParser) -> None:
    """Add what is done with a model besides listing it."""
    actions = models.add_subparsers(dest="action", metavar="export")
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
