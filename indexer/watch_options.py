"""The options of the verb `watches`."""

from indexer.parsing import Parser, Verbs, action, verb

THRESHOLD = 0.5
"""What `test` and `add` take if nothing else is named."""


def add(verbs: Verbs) -> None:
    """Add the verb with its actions."""
    example = 'indexer watches add gate "a red car at a gate" --threshold 0.6'
    watches = verb(verbs, "watches", "watch for what a query describes, and list alerts", example)
    actions = watches.add_subparsers(dest="action", metavar="ACTION", required=True)
    made = action(actions, "add", "watch a collection from now on", example)
    made.usage = 'indexer watches add [options] NAME "A SENTENCE"'
    made.add_argument("name", metavar="NAME", help="what people call it")
    _asking(made)
    made.add_argument("--webhook", metavar="URL", help="send alerts there; - reads it from stdin")
    made.add_argument("--keep", action="store_true", help="retention keeps what it has found")
    test = action(
        actions,
        "test",
        "say how often a watch would have fired, and propose a threshold",
        'indexer watches test "a red car" --days 7 --alerts-per-day 3 --pictures ./found',
    )
    test.usage = 'indexer watches test [options] "A SENTENCE"'
    _asking(test)
    test.add_argument("--days", type=float, default=7.0, metavar="N", help="how far back (7)")
    test.add_argument(
        "--alerts-per-day", type=float, metavar="N", help="propose a threshold for so many"
    )
    test.add_argument("--pictures", metavar="DIR", help="write a picture of each time there")
    action(actions, "list", "list the watches", "indexer watches list --json")
    for name, purpose in (
        ("pause", "let a watch cause no alerts until it is resumed"),
        ("resume", "let a watch look at what comes from now on"),
        ("remove", "remove a watch; its alerts stay"),
    ):
        changed = action(actions, name, purpose, f"indexer watches {name} gate")
        changed.add_argument("name", metavar="NAME", help="its name or its id")
    alerts = action(actions, "alerts", "list the last alerts", "indexer watches alerts --limit 20")
    alerts.add_argument("--watch", metavar="NAME", help="only those of one, by name or id")
    alerts.add_argument("--limit", type=int, default=50, metavar="N", help="how many (50)")
    run = action(actions, "run", "judge what is new, and send alerts", "indexer watches run")
    run.add_argument("--once", action="store_true", help="end when all is judged and sent")


def _asking(parser: Parser) -> None:
    """Add what is asked for, and when it fires."""
    parser.add_argument("query", nargs="*", metavar="SENTENCE", help="what it should show")
    parser.add_argument("--like", metavar="VIDEO@S", help="what looks like a second of a video")
    parser.add_argument("--image", metavar="FILE", help="what looks like a JPEG, PNG or WebP")
    parser.add_argument(
        "--not", action="append", default=[], dest="unwanted", metavar="TEXT", help="must not show"
    )
    parser.add_argument("--then", action="append", default=[], metavar="TEXT", help="must follow")
    parser.add_argument("--within", type=float, metavar="S", help="seconds until it follows (10)")
    parser.add_argument(
        "--threshold", type=float, metavar="R", help=f"relevance that fires ({THRESHOLD})"
    )
    parser.add_argument("--camera", action="append", metavar="NAME", help="only these cameras")
    parser.add_argument("--hours", metavar="A-B", help="such as 22:00-06:00 (always)")
    parser.add_argument("--days-of-week", metavar="DAYS", help="such as mon,tue (all)")
    parser.add_argument("--zone", metavar="ZONE", help="time zone of the hours (UTC)")
    parser.add_argument("--cooldown", type=float, default=0.0, metavar="S", help="pause after one")
    parser.add_argument("--collection", metavar="NAME", help="named library (default)")
