"""Sending: alerts go to webhooks, signed, until they have arrived or hours have passed.

The headers and the signature are those of Standard Webhooks 1.0
(https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md).
"""

import hashlib
import hmac
import http.client
import json
import logging
import random
import threading
import time
from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import UTC, datetime
from ssl import SSLContext, SSLError
from urllib.parse import quote

from clipseek.errors import ConfigError, ServiceUnavailable, UrlNotAllowed
from clipseek.live.signing import Secrets
from clipseek.sources.fetching import Pinned
from clipseek.sources.guard import Outgoing
from clipseek.urls import host_of
from clipseek.watches import Alert, Delivery, WatchStore, alert_json

PAUSES_S = (5.0, 30.0, 120.0, 600.0, 1800.0, 3600.0, 7200.0, 14400.0, 28800.0)
"""Pauses after failed attempts, as the specification proposes; the tenth is the last attempt."""
JITTER = 0.2
"""Share by which a pause varies, so that a server that is back is not asked by all at once."""
LIMIT_S = 15.0
"""Seconds that one attempt may take."""
LEASE_S = 60.0
AT_ONCE = 8
OF_HOST = 2
"""Attempts at a time: all together, and those to one host, so that a slow one delays itself."""
PATIENCE_S = 1.0
"""A turn waits so long for the attempts that it has begun; slower ones end during later turns."""
PRUNE_S = 3600.0
_ANSWER_BYTES = 1024
_GONE = 410

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt ended. reason: Empty if the alert has arrived. is_last: Whether to give up."""

    reason: str = ""
    is_last: bool = False


class Sending:
    """Sends what is due, for one thread; attempts run in threads of their own.

    root: The path below which the API is served. keep_s: How long alerts are kept. context: What
    TLS trusts, by default what the system does.
    """

    def __init__(
        self,
        store: WatchStore,
        outgoing: Outgoing,
        *,
        owner: str,
        root: str = "",
        keep_s: float = 90 * 86400.0,
        context: SSLContext | None = None,
        secrets: Secrets | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._store, self._outgoing, self._owner, self._root = store, outgoing, owner, root
        self._keep_s, self._context, self._now = keep_s, context, now
        self._secrets = secrets or Secrets(None)
        self._running: dict[Future[bool], str] = {}
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="webhook")
        self._pruned_at = -PRUNE_S

    def turn(self) -> int:
        """Begin to send what is due; return how many alerts have arrived since the last turn.

        Old alerts are deleted now and then.
        """
        arrived = self._ended()
        begun = self._begin()
        wait(begun, PATIENCE_S)
        if time.monotonic() - self._pruned_at >= PRUNE_S:
            self._store.prune(self._keep_s)
            self._pruned_at = time.monotonic()
        return arrived + self._ended()

    def drain(self) -> None:
        """Send until nothing is due and every attempt has ended."""
        while self.turn() or self._running:
            wait(self._running, PATIENCE_S, FIRST_COMPLETED)

    def _begin(self) -> list[Future[bool]]:
        """Begin as many attempts as may run, and no more to a host than it may have."""
        begun = []
        while len(self._running) < AT_ONCE:
            busy = [
                host for host, count in Counter(self._running.values()).items() if count >= OF_HOST
            ]
            due = self._store.due(self._owner, LEASE_S, 1, besides=busy)
            if not due:
                break
            future = self._pool.submit(self._delivered, due[0])
            self._running[future] = host_of(due[0].url)
            begun.append(future)
        return begun

    def _ended(self) -> int:
        """Forget the attempts that have ended; return how many alerts have arrived by them."""
        ended = [future for future in self._running if future.done()]
        for future in ended:
            del self._running[future]
        return sum(future.result() for future in ended)

    def close(self) -> None:
        """Wait for the attempts, and give back what was taken."""
        self._pool.shutdown()
        self._store.release(self._owner)

    def _delivered(self, delivery: Delivery) -> bool:
        """Send one alert and store what became of it; a lost lease leaves it to another process."""
        try:
            outcome = self.attempt(delivery)
            if not outcome.reason:
                return self._store.delivered(delivery)
            is_last = outcome.is_last or delivery.attempts >= len(PAUSES_S)
            pause_s = (
                None if is_last else PAUSES_S[delivery.attempts] * random.uniform(1, 1 + JITTER)
            )
            self._store.undelivered(delivery, outcome.reason, pause_s)
        except ServiceUnavailable as error:
            log.warning(
                "alert %s: it is not stored what became of it: %s", delivery.alert.id, error
            )
        return False

    def attempt(self, delivery: Delivery) -> Outcome:
        """Send an alert once; reasons name no part of the URL but its host."""
        try:
            target = self._outgoing.check(delivery.url)
            addresses = self._outgoing.addresses(target)
            secret = self._secrets.told(delivery.secret, delivery.alert.watch)
        except (UrlNotAllowed, ConfigError) as error:
            return Outcome(str(error))
        except OSError:
            return Outcome("the host of the webhook has no address")
        body = json.dumps(payload(delivery.alert, self._root)).encode()
        headers = signed(delivery.alert.id, int(self._now()), body, secret)
        connection = Pinned(target, addresses, LIMIT_S, self._context)
        late = threading.Timer(LIMIT_S, connection.cut)
        late.daemon = True
        began = time.monotonic()  # before the timer, so that what it cuts is late
        late.start()
        try:
            connection.request("POST", target.path, body=body, headers=headers)
            with connection.getresponse() as answer:
                answer.read(_ANSWER_BYTES)
                status = answer.status
        except (OSError, http.client.HTTPException, ValueError) as error:
            is_late = time.monotonic() - began >= LIMIT_S
            return Outcome(f"no answer in {LIMIT_S:g} s" if is_late else _said(error))
        finally:
            late.cancel()
            connection.close()
        if 200 <= status < 300:
            return Outcome()
        return Outcome(f"the server answered {status}", is_last=status == _GONE)


def payload(alert: Alert, root: str = "") -> dict[str, object]:
    """Return what is sent of an alert."""
    return {
        "type": "alert",
        "timestamp": alert.created_at or datetime.now(UTC).isoformat(timespec="seconds"),
        "data": alert_json(alert)
        | {"thumbnail_url": f"{root}/v1/alerts/{quote(alert.id, safe='')}/thumbnail"},
    }


def signed(message_id: str, timestamp: int, body: bytes, secret: str) -> dict[str, str]:
    """Return the headers of a message; the signature is over its id, its time and its body."""
    key = b64decode(secret.removeprefix("whsec_"))
    content = b"%s.%d.%s" % (message_id.encode(), timestamp, body)
    signature = b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    return {
        "Content-Type": "application/json",
        "User-Agent": "clipseek",
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{signature}",
    }


def _said(error: BaseException) -> str:
    """Say why there was no answer, without the address."""
    if isinstance(error, SSLError):
        return f"TLS failed: {error.reason or 'the connection broke'}"
    if isinstance(error, TimeoutError):
        return f"no answer in {LIMIT_S:g} s"
    if isinstance(error, ConnectionRefusedError):
        return "the connection was refused"
    return "the connection broke"
