"""Where the server is and who asks: given, or from the environment."""

import os
import re
from importlib import metadata
from urllib.parse import urlsplit

import httpx2

from clipseek_client.errors import InvalidValue
from clipseek_client.retrying import Retries
from clipseek_client.steps import Server

ADDRESS, KEY = "CLIPSEEK_URL", "CLIPSEEK_KEY"
LOCAL = "http://127.0.0.1:8000"
CONNECT_S = 5.0
"""Seconds to connect, at most; longer would only delay the next try."""
EVENTS_S = 20.0
"""Seconds without a word until a stream of events counts as lost; the server sends one every 5."""


def server(address: str | None, retries: int) -> Server:
    """Return the server that is asked.

    Raises:
        InvalidValue: A value is wrong.
    """
    if retries < 0:
        raise InvalidValue(f"retries must be 0 or more, got {retries}")
    return Server(_address(address or os.environ.get(ADDRESS) or LOCAL), Retries(retries))


def headers(key: str | None) -> dict[str, str]:
    """Return the headers of every request, with the key.

    Raises:
        InvalidValue: The key cannot be sent; the message does not contain it.
    """
    said = {"User-Agent": f"clipseek-client/{version()}"}
    secret = os.environ.get(KEY) or None if key is None else key
    if secret is None:
        return said
    if not re.fullmatch(r"[!-~]+", secret):
        raise InvalidValue(
            f"key ({KEY}) must be visible ASCII characters without spaces, got something else; "
            "give the line that `indexer keys add` has printed"
        )
    return {**said, "Authorization": f"Bearer {secret}"}


def version() -> str:
    """Return the version of the client; 0 if it is not installed, but only on the path."""
    try:
        return metadata.version("clipseek-client")
    except metadata.PackageNotFoundError:
        return "0"


def timeout(timeout_s: float) -> httpx2.Timeout:
    """Return the limits of one try, each in seconds.

    Raises:
        InvalidValue: The value is not above 0.
    """
    if not timeout_s > 0:
        raise InvalidValue(f"timeout_s must be > 0, got {timeout_s}")
    return httpx2.Timeout(timeout_s, connect=min(CONNECT_S, timeout_s))


def target(server: Server, url: str) -> str:
    """Return a path or a URL of an answer as a URL of the server.

    Raises:
        InvalidValue: It is that of another server, which must not get the key.
    """
    if url.startswith("/"):
        return server.address + url
    if not url.startswith(f"{server.address}/"):
        raise InvalidValue(f"the URL must be below {server.address}, got {url}")
    return url


def _address(given: str) -> str:
    advice = f"such as {LOCAL} or https://videos.example/clips"
    try:
        parts = urlsplit(given)
        known = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError as error:
        raise InvalidValue(f"address ({ADDRESS}) must be a URL, {advice}: {error}") from error
    if parts.username or parts.password:
        raise InvalidValue(
            f"address ({ADDRESS}) must not contain a user or a password; give the key as key or "
            f"in {KEY}"
        )
    if not known or parts.query or parts.fragment:
        raise InvalidValue(
            f"address ({ADDRESS}) must be a http:// or https:// URL without ? and #, {advice}, "
            f"got {given!r}"
        )
    return given.rstrip("/")
