"""Auditing: requests that write, log in or are refused are noted, and stored by a thread."""

import logging
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from threading import Lock

from starlette.types import Scope

from clipseek.audit import Entry, stamp
from clipseek.errors import ClipseekError
from clipseek.threads import Worker

MOST = 10_000
"""Entries that wait to be stored; more are counted and dropped."""
PAUSE_S = 1.0
REFUSALS = frozenset({401, 403, 421, 429})
_WRITING = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_ONLY_READ = ("/v1/search", "/v1/search/batch", "/v1/edit-lists", "/v1/watches/test")
"""Requests that are sent by POST because they have a body, and change nothing."""
_SUBJECT = 200

log = logging.getLogger("clipseek.audit")


class Auditing:
    """Notes requests without waiting; a thread of its own stores what was noted.

    If rows cannot be stored, because the role of the database may only read or the database is
    away, the log says so once, and each entry is logged instead.
    """

    def __init__(
        self, store: Callable[[Sequence[Entry]], None], dropped: Callable[[int], None]
    ) -> None:
        """Take what stores entries, and what counts those that are dropped."""
        self.storing = Worker("audit", self._store, pause_s=PAUSE_S)
        self._add = store
        self._count = dropped
        self._waiting: deque[Entry] = deque()
        self._lost = 0
        self._lock = Lock()
        self._is_away = False

    def request(self, scope: Scope, route: str, status: int) -> None:
        """Note a request that was answered, if it wrote, logged in or was refused."""
        state = scope["state"]
        if "noted" not in state and not is_audited(scope["method"], scope["path"], status):
            return
        principal = state.get("principal")
        who, outcome = state.get(
            "noted", ("" if principal is None else principal.name, str(status))
        )
        entry = Entry(
            at=stamp(datetime.now(UTC)),
            who=who,
            what=f"{scope['method']} {route}",
            subject=scope["path"][:_SUBJECT],
            outcome=outcome,
            address=(scope.get("client") or ("",))[0],
            request_id=state["request_id"],
        )
        with self._lock:
            if len(self._waiting) < MOST:
                self._waiting.append(entry)
                return
            self._lost += 1
        self._count(1)

    def close(self) -> None:
        """Store what waits, and stop."""
        self.storing.close()
        self._store()

    def _store(self) -> None:
        with self._lock:
            entries, lost = list(self._waiting), self._lost
            self._waiting.clear()
            self._lost = 0
        if lost:
            outcome = f"{lost} entries were dropped because too many came at once"
            entries.append(Entry(stamp(datetime.now(UTC)), "", "audit", "", outcome))
        if not entries:
            return
        try:
            self._add(entries)
        except ClipseekError as error:
            if not self._is_away:
                log.warning("the audit cannot be stored, so it is only logged: %s", error)
            self._is_away = True
            for entry in entries:
                log.info("audit: %s", entry)
        else:
            self._is_away = False


def noted(scope: Scope, who: str, outcome: str) -> None:
    """Have a request noted that neither writes nor is refused: a login, and how it ended."""
    scope["state"]["noted"] = who, outcome


def is_audited(method: str, path: str, status: int) -> bool:
    """Whether a request is noted: it was refused, or it asked for a change.

    Parts of uploads that were stored are not: there are thousands, and their end is a job.
    """
    if status in REFUSALS:
        return True
    if method not in _WRITING or path.endswith(_ONLY_READ) or _is_timeline(method, path):
        return False
    return not ("/v1/uploads/" in path and method == "PATCH" and status < 400)


def _is_timeline(method: str, path: str) -> bool:
    """Whether a timeline is asked for; a video may be called `timeline`, and be removed."""
    return method == "POST" and path.endswith("/timeline")
