"""Waiting for a PostgreSQL that is not up yet, as programs that start together with it must."""

import logging
import time

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.pq import PGconn, Ping
from sqlalchemy import URL, Dialect

PAUSE_S = 0.2
"""Seconds between two looks."""

log = logging.getLogger("clipseek.catalog")


def wait(address: URL, dialect: Dialect, *, place: str, limit_s: float, connect_s: int) -> None:
    """Return when the server takes connections, or when `limit_s` seconds are over.

    A check needs no correct password (libpq's PQping), so the next connection reports a wrong one
    at once, and also a server that did not come up. `connect_s` limits one check, in seconds.
    """
    try:
        conninfo = _conninfo(address, dialect, connect_s)
    except psycopg.ProgrammingError:
        return  # Options that libpq does not know: the connection itself reports them.
    deadline = time.monotonic() + limit_s
    told = False
    while PGconn.ping(conninfo) in (Ping.REJECT, Ping.NO_RESPONSE):
        if time.monotonic() + PAUSE_S > deadline:
            return
        if not told:
            log.warning("waiting up to %g s for %s", limit_s, place)
            told = True
        time.sleep(PAUSE_S)


def _conninfo(address: URL, dialect: Dialect, connect_s: int) -> bytes:
    """Return libpq's form of a URL, with all its options."""
    _, options = dialect.create_connect_args(address)
    for name in ("context", "prepare_threshold"):
        options.pop(name, None)  # psycopg's own, no option of libpq
    options.setdefault("connect_timeout", connect_s)
    return make_conninfo(**options).encode()
