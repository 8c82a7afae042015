"""The options of the verbs for cameras."""

import argparse

from indexer.parsing import Parser, Verbs, action, output, verb

_STDIN = "- reads it from stdin, so that it is in no list of processes"


def add(verbs: Verbs) -> None:
    """Add the verbs with their actions."""
    _cameras(verbs)
    record = verb(verbs, "record", "run cameras, and index what they show", "indexer record")
    record.add_argument("--model", metavar="NAME", help="of collections that are not there yet")
    record.add_argument(
        "--most", type=int, default=100, metavar="N", help="cameras at the same time (100)"
    )
    record.add_argument(
        "--metrics", metavar="HOST:PORT", help="serve metrics for Prometheus, as on 127.0.0.1:9100"
    )
    output(record, collection=False, quiet=True)
    retain = verb(
        verbs, "retain", "remove what cameras have recorded and nobody keeps", "indexer retain"
    )
    help_text = "from now on, keep what cameras record in --collection for 30d; 'all' (all)"
    retain.add_argument("--age", metavar="TIME", help=help_text)
    retain.add_argument("--bytes", metavar="N", help="the same, at most 1T together; 'all' (all)")
    output(retain)
    _hold(verbs)


def _hold(verbs: Verbs) -> None:
    example = "indexer hold add yard --from 2026-11-28T09:00Z --to 2026-11-28T10:00Z --reason A/17"
    hold = verb(verbs, "hold", "keep spans of recordings, whatever their age", example)
    actions = hold.add_subparsers(dest="action", metavar="ACTION", required=True)
    add = action(actions, "add", "keep what a camera has recorded in a span", example)
    add.add_argument("camera", metavar="CAMERA", help="its name")
    add.add_argument("--from", dest="start", required=True, metavar="T", help="date, or 2h ago")
    add.add_argument("--to", dest="end", required=True, metavar="T", help="the same; after it")
    add.add_argument("--reason", required=True, metavar="TEXT", help="such as the number of a case")
    action(actions, "list", "list the holds", "indexer hold list --json")
    remove = action(actions, "remove", "let retention remove it again", "indexer hold remove ID")
    remove.add_argument("name", metavar="ID", help="as `list` prints it")


def _cameras(verbs: Verbs) -> None:
    example = "indexer cameras add yard rtsp://10.0.0.7/live --record --retain 7d"
    cameras = verb(verbs, "cameras", "add, list, change, test and remove cameras", example)
    actions = cameras.add_subparsers(dest="action", metavar="ACTION", required=True)
    add = action(
        actions, "add", "add a camera", f"{example}\n  indexer cameras add yard - <url.txt"
    )
    _name(add)
    add.add_argument("url", metavar="URL", help=f"rtsp://, http:// or /dev/video0; {_STDIN}")
    add.usage = "indexer cameras add [options] NAME URL"
    add.add_argument("--collection", metavar="NAME", help="named library (default)")
    _settings(add)
    action(actions, "list", "list the cameras", "indexer cameras list --json")
    change = action(actions, "change", "change a camera", "indexer cameras change yard --fps 2")
    _name(change)
    change.add_argument("--url", metavar="URL", help=f"another one; {_STDIN}")
    _settings(change)
    for name, purpose in (
        ("pause", "stop a camera until it is resumed"),
        ("resume", "let a camera run again"),
    ):
        _name(action(actions, name, purpose, f"indexer cameras {name} yard"))
    remove = action(
        actions, "remove", "remove a camera; its recordings stay", "indexer cameras remove yard"
    )
    _name(remove)
    remove.add_argument(
        "--recordings", action="store_true", help="remove them too, but for what is held"
    )
    test = action(
        actions, "test", "open a camera and say what it sends", "indexer cameras test yard"
    )
    test.add_argument("camera", metavar="NAME|URL", help=f"a camera, or a URL; {_STDIN}")
    action(actions, "key", "print a new key for the URLs", "indexer cameras key >camera.key")
    action(actions, "reseal", "encrypt all URLs by the first key", "indexer cameras reseal")


def _name(parser: Parser) -> None:
    parser.add_argument("name", metavar="NAME", help="name of the camera")


def _settings(parser: Parser) -> None:
    """Add the settings of a camera. They are not those of other verbs, so their names are."""
    parser.add_argument(
        "--fps", dest="camera_fps", metavar="N", help="frames to look at each second, at most"
    )
    parser.add_argument(
        "--record", action=argparse.BooleanOptionalAction, help="keep the footage (no)"
    )
    parser.add_argument("--retain", metavar="TIME", help="for 7d, 12h or 4w; 'all' (all)")
    parser.add_argument("--retain-bytes", metavar="N", help="at most 100G; 'all' (all)")
