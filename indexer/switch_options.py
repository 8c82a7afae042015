"""The options of the verb `switch`."""

import argparse

from indexer.naming import at_home


def add(switch: argparse.ArgumentParser) -> None:
    """Add the options that no other verb has."""
    switch.usage = "indexer switch [options] COLLECTION"
    switch.add_argument("collection", metavar="COLLECTION", help="its own name, not an alias")
    switch.add_argument("--model", metavar="NAME", help="ARCHITECTURE/PRETRAINED, demo or a bundle")
    switch.add_argument(
        "--queries", type=at_home, metavar="FILE", help="compare both models by these, one a line"
    )
    switch.add_argument(
        "--without-missing", action="store_true", help="go on without videos that are gone"
    )
    switch.add_argument("--no-cut", action="store_true", help="prepare and compare only")
    switch.add_argument(
        "--lead", type=float, default=10.0, metavar="S", help="seconds for replicas to load (10)"
    )
    ends = switch.add_mutually_exclusive_group()
    ends.add_argument("--rollback", action="store_true", help="go back to the model before")
    ends.add_argument("--finish", action="store_true", help="remove what does not answer")
