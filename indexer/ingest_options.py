"""The options of the verbs that index videos."""

import argparse
from typing import Any


def indexing(verb: argparse.ArgumentParser) -> None:
    """Add the options of the verbs that index videos."""
    verb.add_argument("--model", metavar="NAME", help="ARCHITECTURE/PRETRAINED, demo or a bundle")
    verb.add_argument("--fps", type=float, metavar="N", help="sampled frames per second")
    verb.add_argument("--workers", type=int, metavar="N", help="videos decoded at the same time")
    verb.add_argument("--tag", action="append", default=[], metavar="TAG", help="label the videos")
    # Not listed, so that the rest fits on a screen: settings, and what an unexpected error names.
    verb.add_argument("--fields", help=argparse.SUPPRESS)
    verb.add_argument("--detector", help=argparse.SUPPRESS)
    verb.add_argument("--verbose", action="store_true", help=argparse.SUPPRESS)


def runner(verb: argparse.ArgumentParser) -> None:
    """Add where the steps run; it is not listed, so that the rest fits on a screen."""
    verb.add_argument("--runner", help=argparse.SUPPRESS)
    verb.add_argument("--address", help=argparse.SUPPRESS)


def settings_of(options: argparse.Namespace) -> dict[str, Any]:
    """Return the settings that the options override."""
    return {
        "runner": getattr(options, "runner", None),
        "ray_address": getattr(options, "address", None),
    }
