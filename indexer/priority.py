"""The priority of the process: verbs that compute for long leave the processor to searches."""

import os
import sys
import threading
from collections.abc import Sequence

LOW = 10
"""The niceness of work that nobody waits for: the kernel of Linux gives it a ninth of the weight of
0 (`sched_prio_to_weight`), and all of the processor if nothing else needs it."""

LIVE = 5
"""The niceness of what cameras show: it goes before work that nobody waits for, and after searches.
The kernel gives it a third of the weight of 0, and three times that of 10."""

NICENESS = {**dict.fromkeys(("build", "ingest", "switch", "watch", "work"), LOW), "record": LIVE}
"""That of the verbs that may compute for hours on every core."""


def own_arguments() -> Sequence[str]:
    """Return the arguments of this process; it gives way to others if its verb takes long.

    Threads and child processes that it starts later have the same priority.
    """
    arguments = sys.argv[1:]
    if (niceness := NICENESS.get(_verb(arguments) or "")) is not None:
        os.setpriority(os.PRIO_PROCESS, 0, max(niceness, os.getpriority(os.PRIO_PROCESS, 0)))
    return arguments


def give_way() -> None:
    """Let this thread go after what cameras show, where threads have priorities: on Linux."""
    if sys.platform == "linux":
        thread = threading.get_native_id()
        os.setpriority(os.PRIO_PROCESS, thread, max(LOW, os.getpriority(os.PRIO_PROCESS, thread)))


def _verb(arguments: Sequence[str]) -> str | None:
    """Return the first argument that is neither an option nor the folder of `--data-dir`."""
    rest = iter(arguments)
    for argument in rest:
        if argument == "--data-dir":
            next(rest, None)
        elif not argument.startswith("-"):
            return argument
    return None
