"""The options of the verb `keys`."""

from clipseek.keys import SCOPES
from indexer.parsing import Verbs, action, verb


def add(verbs: Verbs) -> None:
    """Add the verb with its actions."""
    keys = verb(
        verbs,
        "keys",
        "make, list and revoke keys of the API",
        "indexer keys add ann --scope search --collection holidays --expires 90d",
    )
    actions = keys.add_subparsers(dest="action", metavar="ACTION", required=True)
    example = "indexer keys add ann --scope search --collection '*'"
    add = action(actions, "add", "make a key and print it, once", example)
    add.add_argument("name", metavar="NAME", help="whose key it is")
    add.add_argument(
        "--scope",
        action="append",
        required=True,
        choices=SCOPES,
        metavar="SCOPE",
        help="search, write, admin, annotator or reviewer; may be repeated",
    )
    add.add_argument(
        "--collection",
        action="append",
        required=True,
        metavar="NAME",
        help="collection or alias, may be repeated; '*' for all",
    )
    add.add_argument("--rate", metavar="N/s", help="requests a second, such as 20/s (no limit)")
    add.add_argument("--expires", metavar="TIME", help="valid for 90d, 12h or 30m (no end)")
    action(actions, "list", "list the keys", "indexer keys list --json")
    revoke = action(actions, "revoke", "make a key invalid", "indexer keys revoke ann")
    revoke.add_argument("name", metavar="NAME", help="as it was made")
