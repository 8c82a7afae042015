"""The options of the verb `compare`."""

import argparse
from pathlib import Path

from indexer.naming import at_home

VERB = (
    "compare",
    "compare how two collections of the same videos answer",
    "indexer compare other --captions captions.jsonl --out compared.html",
)
FORMS = (".html", ".json")


def add(compare: argparse.ArgumentParser) -> None:
    """Add what is compared, by which queries, and where examples are written."""
    compare.add_argument("other", metavar="OTHER", help="collection, or with --rule a version")
    asked = compare.add_mutually_exclusive_group()
    asked.add_argument(
        "--captions", type=Path, metavar="FILE", help="queries with answers, as for evaluate"
    )
    asked.add_argument(
        "--queries", type=Path, metavar="FILE", help="one a line (the latest ones asked)"
    )
    asked.add_argument("--rule", metavar="NAME", help="compare with this version of the rule")
    compare.add_argument("--k", type=int, default=10, metavar="K", help="of overlap@k (10)")
    compare.add_argument("--seed", type=int, default=0, metavar="S", help="of the bootstrap (0)")
    compare.add_argument(
        "--examples", type=int, default=20, metavar="N", help="that differ most (20)"
    )
    compare.add_argument("--out", type=at_home, metavar="FILE", help="examples: .html or .json")
