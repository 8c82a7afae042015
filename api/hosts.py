"""The host names that a request may use for this server.

A page of another site can point its own name to the address of this server (DNS rebinding), and
then read the answers as its own. Its name is in the header `Host`, so names that are not known here
are refused. An address cannot be rebound and is always accepted, so probes by address need no
setting.
"""

import ipaddress
import re
from functools import lru_cache

ANY = "*"
_NAME = re.compile(
    r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*"
)
_LONGEST = 260
"""Characters of a header: 253 of a name (RFC 1035, section 2.3.4), a dot and the port.

Headers are remembered, so longer ones could fill the memory.
"""
_PORT = re.compile(r":[0-9]{0,5}")


def named(header: str) -> str | None:
    """Return the name or address of a Host header, lower case and without port, or None.

    IPv6 addresses are in brackets (RFC 3986, section 3.2.2). Other parts of a URL before a host,
    such as a user name, are not allowed in this header (RFC 9110, section 7.2).
    """
    return _named(header) if len(header) <= _LONGEST else None


@lru_cache(maxsize=1024)
def _named(header: str) -> str | None:
    host, rest = header.strip().lower(), ""
    if host.startswith("["):
        inside, bracket, rest = host[1:].partition("]")
        if not bracket or not _is_address(inside, 6):
            return None
        host = inside
    elif ":" in host:
        host, _, port = host.partition(":")
        rest = f":{port}"
    if rest and not _PORT.fullmatch(rest):
        return None
    host = host.removesuffix(".")
    return host if _is_address(host) or _NAME.fullmatch(host) else None


@lru_cache(maxsize=1024)
def is_allowed(host: str, allowed: tuple[str, ...]) -> bool:
    """Say whether a name, as `named` returns it, may be asked by.

    `localhost` and the names below it always lead to the own machine (RFC 6761, section 6.3).
    """
    if _is_address(host) or host == "localhost" or host.endswith(".localhost"):
        return True
    return any(one in (ANY, host) for one in allowed)


@lru_cache(maxsize=1024)
def _is_address(host: str, version: int | None = None) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return version is None or address.version == version


__all__ = ["ANY", "is_allowed", "named"]
