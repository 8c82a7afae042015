"""The options of the verb `tags`."""

from indexer.naming import at_home
from indexer.parsing import Parser, Verbs, action, verb

STATES = ("proposed", "accepted", "rejected", "corrected")
"""Those of `clipseek.curating`, which takes too long to import for a `--help`."""


def add(verbs: Verbs) -> None:
    """Add the verb with its actions."""
    example = "indexer tags apply rules.yaml --dry-run"
    tags = verb(verbs, "tags", "give segments tags by rules, and fit their thresholds", example)
    actions = tags.add_subparsers(dest="action", metavar="ACTION", required=True)
    applied = action(actions, "apply", "bring all tags up to date with the rules", example)
    applied.add_argument(
        "rules", nargs="?", type=at_home, metavar="FILE", help="YAML or JSON (those stored before)"
    )
    applied.add_argument("--dry-run", action="store_true", help="say what would change")
    listed = action(actions, "list", "list rules, or tags", "indexer tags list --tags --json")
    listed.add_argument("--tags", action="store_true", help="the tags instead of the rules")
    listed.add_argument("--rule", action="append", metavar="NAME", help="only those of this rule")
    listed.add_argument(
        "--state", action="append", choices=STATES, metavar="S", help=", ".join(STATES)
    )
    listed.add_argument("--limit", type=int, default=1000, metavar="N", help="how many (1000)")
    removed = action(
        actions, "remove", "remove a rule with its tags", 'indexer tags remove "red car"'
    )
    removed.add_argument("name", metavar="NAME", help="of the rule; decisions stay")
    fitted = action(
        actions, "fit", "fit thresholds to what people have decided", "indexer tags fit --dry-run"
    )
    fitted.add_argument("names", nargs="*", metavar="RULE", help="only these (all with decisions)")
    fitted.add_argument("--dry-run", action="store_true", help="only print the thresholds")
    for each in (applied, listed, removed, fitted):
        _collection(each)


def _collection(parser: Parser) -> None:
    parser.add_argument("--collection", metavar="NAME", help="named library (default)")
