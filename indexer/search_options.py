"""The options of the verb `search`."""

import argparse


def add(search: argparse.ArgumentParser) -> None:
    """Add what is asked with, and what a video or a hit must be."""
    search.usage = "indexer search [options] QUERY"
    search.add_argument("query", nargs="*", help="a sentence")
    search.add_argument("--like", metavar="VIDEO@S", help="moments like a second of a video")
    search.add_argument("--image", metavar="FILE", help="moments like a JPEG, PNG or WebP")
    search.add_argument("--tag", action="append", default=[], help="only videos with this label")
    search.add_argument("--folder", metavar="DIR", help="only videos in this folder or below it")
    for end, bound in (("min", "least"), ("max", "most")):
        text = f"only videos of at {bound} so many seconds"
        search.add_argument(f"--{end}-duration", type=float, metavar="S", help=text)
    search.add_argument(
        "--indexed-from", metavar="T", help="only videos indexed since a date, or 7d ago"
    )
    search.add_argument(
        "--indexed-before", metavar="T", help="only videos indexed before a date, or 7d ago"
    )
    search.add_argument(
        "--min-relevance", type=float, metavar="R", help="only hits of this relevance, 0 to 1"
    )
    search.add_argument("--limit", type=int, default=10, metavar="N", help="maximum number of hits")
