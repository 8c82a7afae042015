"""The options of the verb `search`."""

import argparse

WITHIN_S = 10.0
"""Seconds in which what is asked for by `--then` follows, unless `--within` says otherwise.

That is `clipseek.query.WITHIN_S`, whose import takes as long as all others that `--help` needs."""

SORTS = ("relevance", "time", "newest")
GROUPS = ("video",)
FACETS = ("tag", "folder", "year", "language", "segment_tag")
"""Those of `clipseek.arranging` and `clipseek.types`, not imported for the same reason."""


def add(search: argparse.ArgumentParser) -> None:
    """Add what is asked with, and what a video or a hit must be."""
    # Named by the usage alone, because the help of a verb fits a screen of 24 lines.
    search.usage = (
        "indexer search [--explain] [--sort ORDER] [--group-by video] [--facet KIND] [options] "
        '"A SENTENCE"'
    )
    search.add_argument("query", nargs="*", help=argparse.SUPPRESS)
    search.add_argument("--like", metavar="VIDEO@S", help="moments like a second of a video")
    search.add_argument("--image", metavar="FILE", help="moments like a JPEG, PNG or WebP")
    search.add_argument(
        "--not", action="append", default=[], dest="unwanted", metavar="TEXT", help="must not show"
    )
    search.add_argument(
        "--then", action="append", default=[], metavar="TEXT", help="must follow in the video"
    )
    search.add_argument(
        "--within", type=float, metavar="S", help=f"seconds until --then follows ({WITHIN_S:g})"
    )
    search.add_argument(
        "--tag",
        action="append",
        default=[],
        help="label (or --segment-tag, --title, --language, --camera)",
    )
    search.add_argument("--camera", action="append", help=argparse.SUPPRESS)
    search.add_argument("--segment-tag", action="append", help=argparse.SUPPRESS)
    for name in ("--title", "--language"):
        search.add_argument(name, help=argparse.SUPPRESS)
    search.add_argument("--folder", metavar="DIR", help="only videos in this folder or below it")
    for name, kind, metavar, text in (
        ("duration", float, "S", "at least so many seconds"),
        ("height", int, "N", "at least so many rows of pixels"),
    ):
        help_text = f"{text} (--max-{name}: at most)"
        search.add_argument(f"--min-{name}", type=kind, metavar=metavar, help=help_text)
        search.add_argument(f"--max-{name}", type=kind, metavar=metavar, help=argparse.SUPPRESS)
    for name in ("recorded", "indexed"):
        help_text = f"{name} since a date, or 7d ago (--{name}-before)"
        search.add_argument(f"--{name}-from", metavar="T", help=help_text)
        search.add_argument(f"--{name}-before", metavar="T", help=argparse.SUPPRESS)
    search.add_argument(
        "--min-relevance", type=float, metavar="R", help="only hits of this relevance, 0 to 1"
    )
    search.add_argument("--sort", choices=SORTS, default=SORTS[0], help=argparse.SUPPRESS)
    search.add_argument("--group-by", choices=GROUPS, help=argparse.SUPPRESS)
    search.add_argument(
        "--facet", action="append", default=[], choices=FACETS, help=argparse.SUPPRESS
    )
    search.add_argument("--explain", action="store_true", help=argparse.SUPPRESS)
    search.add_argument("--sharpen", action="store_true", help=argparse.SUPPRESS)
    search.add_argument("--limit", type=int, default=10, metavar="N", help="maximum number of hits")
