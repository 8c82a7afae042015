"""From sources of videos to rows of the catalog: steps, and a runner that runs them in threads.

A step turns values that can be pickled into values that can be pickled. Only the runner decides
where a step runs, and with how many others at once.
"""

from clipseek.ingest.fates import Report, State, reason_of
from clipseek.ingest.threads import Run
from clipseek.ingest.tools import Options, Tools

__all__ = ["Options", "Report", "Run", "State", "Tools", "reason_of"]
