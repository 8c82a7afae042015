"""The options of the verbs that find objects."""

import argparse
from typing import Any

from indexer.naming import at_home
from indexer.parsing import Parser, Verbs, output, verb


def add(verbs: Verbs) -> None:
    """Add the verb `objects`."""
    objects = verb(
        verbs,
        "objects",
        "find objects in indexed videos",
        "indexer objects --detector yolox.onnx",
    )
    objects.add_argument("videos", nargs="*", metavar="VIDEO", help="id, or path of the file (all)")
    detecting(objects)
    output(objects, quiet=True)
    _where(verb(verbs, *_WHERE))


_WHERE = (
    "where",
    "show where in a video something is, frame by frame",
    'indexer where crossing.mp4 "a red car" --out red.mp4',
)


def _where(where: Parser) -> None:
    where.add_argument("video", metavar="VIDEO", help="id, or path of the file")
    where.add_argument("text", metavar="TEXT", help="what is looked for")
    where.add_argument(
        "--out", type=at_home, required=True, metavar="FILE", help=".mp4, .json or coco.json"
    )
    where.add_argument(
        "--side-by-side", action="store_true", help="the frames as they are at the left of it"
    )
    where.add_argument("--fps", type=float, metavar="N", help="frames per second (1)")
    where.add_argument(
        "--least", type=float, default=0.5, metavar="R", help="relevance of a box (0.5)"
    )
    where.add_argument(
        "--height", type=int, default=720, metavar="N", help="pixels of the shorter side (720)"
    )
    output(where)


def detecting(verb: argparse.ArgumentParser) -> None:
    """Add what finds objects."""
    verb.add_argument("--detector", metavar="FILE", help="ONNX file that finds objects, or demo")
    verb.add_argument(
        "--rules", dest="object_rules", type=at_home, metavar="FILE", help="which ones are kept"
    )


def settings_of(options: argparse.Namespace) -> dict[str, Any]:
    """Return the settings that the options override."""
    return {
        "detector": getattr(options, "detector", None),
        "object_rules": getattr(options, "object_rules", None),
    }
