"""The options of the verb `forward`."""

import argparse

VERB = (
    "forward",
    "send what is indexed to a central library",
    "indexer forward https://center.example --follow",
)


def add(forward: argparse.ArgumentParser) -> None:
    """Add the options that no other verb has."""
    forward.usage = "indexer forward [options] URL"
    forward.add_argument("url", metavar="URL", help="of the API of the central library")
    forward.add_argument("--into", metavar="NAME", help="collection there (the same name)")
    forward.add_argument("--follow", action="store_true", help="send what is new until a signal")
    forward.add_argument(
        "--every", type=float, default=1.0, metavar="S", help="look so often (1 s)"
    )
    forward.add_argument(
        "--no-moments",
        action="store_true",
        help="send no footage of moments that somebody wants to see",
    )
