"""Write a snapshot and die of the first file that grows past a limit: run by test_snapshot."""

import resource
import signal
import sys
from pathlib import Path

from clipseek import snapshot
from tests.core.test_snapshot import filled

if __name__ == "__main__":
    root, limit = Path(sys.argv[1]), int(sys.argv[2])
    catalog = filled(400)
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    snapshot.write(root, catalog.collection("default"), catalog.blocks("default"))
