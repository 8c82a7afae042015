"""Run the jobs of a data folder and die just before the end of the first one is stored.

`python -m tests.indexer.kill_receive FOLDER`; the exit status is that of SIGKILL.
"""

import os
import signal
import sys
from pathlib import Path

from clipseek.catalog.jobs import SqlJobs
from indexer.cli import main


def die(*_: object, **__: object) -> bool:
    """End this process as a power cut does."""
    os.kill(os.getpid(), signal.SIGKILL)
    return False


if __name__ == "__main__":
    SqlJobs.finish = die  # type: ignore[method-assign]  # a kill at this line
    sys.exit(main(["--data-dir", str(Path(sys.argv[1])), "work", "--once", "--quiet"]))
