"""The command `clipseek`: `clipseek serve` is the API and a worker, other verbs are `indexer`'s."""

import sys
from collections.abc import Sequence

from clipseek.requirements import lacking

HELP = """\
usage: clipseek [-h] [--version] [--data-dir DIR] VERB ...
Search videos by sentences. `clipseek serve` is `python -m api` with a worker beside it, and with a
recorder if there are cameras; other verbs are those of indexer.

verbs:
{verbs}
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the verb by the application that has it, and return its exit code."""
    if missing := lacking():
        sys.stderr.write(f"clipseek: {missing}\n")
        return 2
    match list(sys.argv[1:] if arguments is None else arguments):
        case ["serve", *options]:
            return _serve(options)
        case ["--data-dir", folder, "serve", *options]:
            return _serve(["--data-dir", folder, *options])
        case [] | ["-h" | "--help", *_]:
            return _help()
        case given:
            from indexer.cli import main as index

            return index(None if arguments is None else given)


def _serve(options: Sequence[str]) -> int:
    """Imported here: other verbs need no web framework."""
    from api.__main__ import main as serve
    from indexer.beside import working

    return serve(options, beside=working)


def _help() -> int:
    from indexer.cli import parser
    from indexer.output import discard, finish, outputs, write

    verbs = {name: each.description or "" for name, each in parser().verbs.items()}
    listed = {"serve": "Serve the HTTP API and the web page, and run jobs.", **verbs}
    with outputs():
        try:
            write(
                HELP.format(verbs="\n".join(f"  {n:<12} {p}" for n, p in listed.items())).rstrip()
            )
            finish()
        except BrokenPipeError:
            discard(sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
