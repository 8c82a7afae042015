"""The command `indexer`, which is also `python -m indexer`."""

import sys
from collections.abc import Sequence

from clipseek.requirements import lacking
from indexer.imports import uncollected


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code; say it if a package is missing.

    The command is imported only then, because its imports need the packages.
    """
    if missing := lacking():
        sys.stderr.write(f"indexer: {missing}\n")
        return 2
    with uncollected():
        from indexer.cli import main as run

    return run(arguments)


if __name__ == "__main__":
    sys.exit(main())
