"""A patrol: the threads of a process that judge what is new, and send alerts."""

import os
import secrets
import socket
from contextlib import suppress

from clipseek.config import Settings
from clipseek.errors import ServiceUnavailable
from clipseek.live.sending import Sending
from clipseek.live.signing import Secrets
from clipseek.live.watching import Watching
from clipseek.search import Searcher
from clipseek.sources.guard import Outgoing
from clipseek.threads import Worker
from clipseek.watches import WatchStore

POLL_S = 0.5
"""How often a process looks for what is new: an alert comes at most 2 s after its moment."""


class Patrol:
    """Judges and sends in two threads until it is closed: a slow webhook delays no alert."""

    def __init__(self, settings: Settings, searcher: Searcher, store: WatchStore) -> None:
        """Take what is watched, and the watches, which are closed by the caller."""
        owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._watching = Watching(
            searcher.collections, searcher.texts, searcher.senses, store, owner=owner
        )
        self._sending = Sending(
            store,
            Outgoing(settings.webhook_hosts),
            owner=owner,
            root=settings.root,
            keep_s=settings.keep_alerts_s,
            secrets=Secrets.of(settings),
        )
        self.alerts = 0
        self.judging = Worker("watches", self._judge, pause_s=POLL_S)
        self.sending = Worker("webhooks", self._send, pause_s=POLL_S)

    def start(self) -> None:
        """Begin."""
        self.judging.start()
        self.sending.start()

    def once(self) -> None:
        """Judge what is new and send what is due, in this thread, until nothing is left."""
        while self._found():
            pass
        self._sending.drain()

    def close(self) -> None:
        """Let both turns end, and give up what this process has."""
        self.judging.close()
        self.sending.close()
        for each in (self._watching, self._sending):
            with suppress(ServiceUnavailable):  # then the leases expire
                each.close()

    def _judge(self) -> None:
        self._found()

    def _found(self) -> int:
        found = self._watching.turn()
        self.alerts += found
        return found

    def _send(self) -> None:
        # What a full turn has left is sent at once.
        while self._sending.turn():
            pass
