"""Which URLs may be read: they come from strangers, and this machine reaches more than these do.

A host must be on a list, and every address that its name has must be public. What is connected to
is the address that was checked: asking the name server again could give another one (rebinding).
"""

import ipaddress
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from clipseek.errors import UrlNotAllowed

PORTS = {"http": 80, "https": 443}
MAX_URL_CHARACTERS = 4096
SENT_TO = "sent to"
"""What a refused URL of `Outgoing` cannot be."""

_ROUTED = ipaddress.IPv6Network("2000::/3")
"""All public IPv6 addresses (RFC 4291, 2.4, and the registry of IANA): not those that contain an
IPv4 address (::ffff:0:0/96, ::/96), of NAT64 (64:ff9b::/96, 64:ff9b:1::/48), site-local, …"""

_TUNNELS = (ipaddress.IPv6Network("2002::/16"), ipaddress.IPv6Network("2001::/32"))
"""6to4 and Teredo: the IPv4 address inside is where packets go."""

_SERVED_INSIDE = (
    ipaddress.IPv4Network("168.63.129.16/32"),
    ipaddress.IPv4Network("192.0.0.0/24"),
)
"""Addresses that count as public and at which clouds serve secrets to their machines: those of
Azure and Oracle. Those of other clouds are link-local, private or shared."""


@dataclass(frozen=True, slots=True)
class Target:
    """A URL that may be read, in its parts; `path` has the query too."""

    url: str
    scheme: str
    host: str
    port: int
    path: str

    @property
    def name(self) -> str:
        """The last part of the path, which is what a file is called; `video` without one."""
        return unquote(self.path.partition("?")[0].rpartition("/")[2]) or "video"


def is_public(address: str) -> bool:
    """Whether an address belongs to the public internet."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    if found.is_multicast or not found.is_global:
        return False
    if isinstance(found, ipaddress.IPv4Address):
        return not any(found in network for network in _SERVED_INSIDE)
    return found in _ROUTED and not any(found in tunnel for tunnel in _TUNNELS)


def resolve(host: str, port: int) -> list[str]:
    """Return all addresses of a host, as the name server gives them now; raise OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


class Guard:
    """Says which URLs may be read, and at which addresses."""

    def __init__(
        self,
        hosts: Sequence[str],
        *,
        resolve: Callable[[str, int], list[str]] = resolve,
        is_public: Callable[[str], bool] = is_public,
    ) -> None:
        """Take the hosts that are allowed; no setting reaches the other arguments.

        A host is a name, or `*.NAME` for all names below one, with `:PORT` unless it is the port of
        the scheme.
        """
        self._hosts = frozenset(hosts)
        self._resolve = resolve
        self._is_public = is_public

    def check(self, url: str) -> Target:
        """Return a URL in its parts; nothing is connected to.

        Raises:
            UrlNotAllowed: it is not a URL of HTTP, has a user or a password, or its host is not
                on the list.
        """
        target = _parsed(url)
        if not self._is_listed(target):
            raise UrlNotAllowed(
                target.host,
                "this host is not one that videos are fetched from; ask the operator to add it to "
                "CLIPSEEK_FETCH_HOSTS, or upload the file",
            )
        return target

    def addresses(self, target: Target) -> list[str]:
        """Return the addresses that may be connected to.

        Raises:
            UrlNotAllowed: one of them is not public. It is not said which: that would tell a
                stranger what is inside.
            OSError: the host has no address now.
        """
        found = self._resolve(target.host, target.port)
        if not found or not all(self._is_public(address) for address in found):
            raise UrlNotAllowed(target.host, "its address is not public; upload the file instead")
        return found

    def _is_listed(self, target: Target) -> bool:
        port = "" if target.port == PORTS[target.scheme] else f":{target.port}"
        labels = target.host.split(".")
        names = [target.host, *(f"*.{'.'.join(labels[i:])}" for i in range(1, len(labels)))]
        return any(f"{name}{port}" in self._hosts for name in names)


class Outgoing(Guard):
    """Says where alerts may be sent: to public addresses by HTTPS, and to hosts on a list."""

    def check(self, url: str) -> Target:
        """Return a URL in its parts; nothing is connected to.

        Raises:
            UrlNotAllowed: it is not a URL of HTTPS, or has a user or a password. HTTP is allowed
                for hosts on the list.
        """
        try:
            target = _parsed(url)
        except UrlNotAllowed as error:
            raise UrlNotAllowed(error.host, error.reason, use=SENT_TO) from None
        if target.scheme != "https" and not self._is_listed(target):
            raise UrlNotAllowed(
                target.host,
                "alerts are sent by https:// alone; use it, or ask the operator to add the host to "
                "CLIPSEEK_WEBHOOK_HOSTS",
                use=SENT_TO,
            )
        return target

    def addresses(self, target: Target) -> list[str]:
        """Return the addresses that may be connected to.

        Raises:
            UrlNotAllowed: one of them is not public, and the host is not on the list.
            OSError: the host has no address now.
        """
        found = self._resolve(target.host, target.port)
        is_free = self._is_listed(target) or all(self._is_public(each) for each in found)
        if not found or not is_free:
            raise UrlNotAllowed(
                target.host,
                "its address is not public; ask the operator to add the host to "
                "CLIPSEEK_WEBHOOK_HOSTS",
                use=SENT_TO,
            )
        return found


def _parsed(url: str) -> Target:
    """Read a URL strictly: what two programs could read differently is refused."""
    if len(url) > MAX_URL_CHARACTERS:
        raise UrlNotAllowed("", f"a URL must have at most {MAX_URL_CHARACTERS} characters")
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise UrlNotAllowed("", "a URL must be ASCII without spaces and backslashes; escape them")
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").removesuffix("."), parts.port
    except ValueError:
        raise UrlNotAllowed("", "the URL cannot be read; check its host and its port") from None
    if parts.scheme not in PORTS:
        raise UrlNotAllowed(
            host,
            f"a URL must begin with https:// or http://, got {parts.scheme or 'no scheme'}; videos "
            "in object stores cannot be fetched by their own addresses, so use an https:// one",
        )
    if parts.username is not None or parts.password is not None or "@" in parts.netloc:
        raise UrlNotAllowed(host, "a URL must have no user and no password; leave them out")
    if not host or "%" in host or port == 0:
        raise UrlNotAllowed(host, "a URL must name a host; check it")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(url, parts.scheme, host, port or PORTS[parts.scheme], path)
