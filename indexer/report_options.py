"""The options of the verb `report`."""

import argparse

from indexer.naming import at_home

HOW = ("count", "plain", "hashed")

VERB = (
    "report",
    "write what is in the library as an HTML page",
    "indexer report --since 30d --out report.html",
)


def add(report: argparse.ArgumentParser) -> None:
    """Add the options that no other verb has."""
    report.usage = "indexer report [options] --out FILE"
    report.add_argument(
        "--out", type=at_home, required=True, metavar="FILE", help="HTML file that is written"
    )
    report.add_argument("--since", metavar="TIME", help="videos since then: 30d, or a date")
    report.add_argument(
        "--captions", type=at_home, metavar="FILE", help="queries with known answers"
    )
    report.add_argument(
        "--prices", type=at_home, metavar="FILE", help="prices in JSON, for the costs"
    )
    report.add_argument(
        "--queries",
        choices=HOW,
        default="count",
        metavar="HOW",
        help="queries that find nothing as count, plain or hashed (count)",
    )
    report.add_argument("--prometheus", metavar="URL", help="where the service is measured")
    report.add_argument(
        "--target", type=float, default=0.5, metavar="S", help="searches should take less (0.5 s)"
    )
