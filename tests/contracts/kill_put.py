"""Put videos in child processes that are killed on the way: `kill_put.py URL`, told by stdin.

Each line "SEED STEP" puts the video of that seed and kills the process with SIGKILL just before
the STEP-th statement, the COMMIT counted as one. The line printed back is the exit status.
"""

import itertools
import os
import signal
import sys

from sqlalchemy import Engine, event

from clipseek.catalog import SqlCatalog
from tests.contracts.catalogs import a_video


def put(url: str, seed: int, step: int) -> None:
    """Put a video and die before a statement."""
    catalog = SqlCatalog.open(url)
    steps = itertools.count(1)

    def die(*_: object) -> None:
        if next(steps) == step:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(Engine, "before_cursor_execute", die)
    event.listen(Engine, "commit", die)
    a_video(seed=seed).put_into(catalog)


def main() -> None:
    """Answer each line of stdin; videos are put in forks, so that imports are paid once."""
    for line in sys.stdin:
        seed, step = map(int, line.split())
        child = os.fork()
        if child == 0:
            put(sys.argv[1], seed, step)
            os._exit(0)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    main()
