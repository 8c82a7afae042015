"""`python -m indexer` is the command `indexer`."""

import sys

from indexer.cli import main

if __name__ == "__main__":
    sys.exit(main())
