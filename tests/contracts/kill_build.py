"""Build an index and die of the first file that grows past a limit: run by test_index_store."""

import resource
import signal
import sys
from pathlib import Path

from clipseek.publishing import build
from tests.contracts.stores import STORES
from tests.contracts.test_index_store import NAME, filled

if __name__ == "__main__":
    name, root, limit = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    catalog = filled(400)
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    build(catalog, STORES[name](root), NAME)
