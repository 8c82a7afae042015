"""How the values of settings are read: paths, lists, names; each refusal is one sentence."""

import ipaddress
import re
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator

from clipseek.errors import ConfigError
from clipseek.timed import FIELDS, OBJECT, PICTURE, WORDS
from clipseek.urls import shown

PREFIX = "CLIPSEEK_"

SKIPPED = ("hidden", "system", "unfinished", "doubles")
"""Kinds of folder entries that an ingest leaves out."""

_BUCKET = re.compile(r"(s3|gs|az)://[A-Za-z0-9][A-Za-z0-9._-]{1,254}(/[A-Za-z0-9._-]+)*")
_ORIGIN = re.compile(r"https?://[a-z0-9.\[\]:-]+")
_HOST = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?")
_FETCHED = re.compile(r"(?:\*\.)?[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?(?::[1-9][0-9]{0,4})?")
_ROOT_PATH = re.compile(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9_.~-]*)+")
_COLLECTION = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_SHARD = re.compile(r"[1-9][0-9]{0,2}")


def collection_name(name: str) -> str:
    """Return the name if it is valid; it becomes a folder name and a label, so it is plain.

    Raises:
        ValueError: the name has other characters or more than 64 of them.
    """
    if not _COLLECTION.fullmatch(name):
        raise ValueError(
            f"the name of a collection has 1 to 64 of a-z, 0-9, '_' and '-', "
            f"and starts with a letter or digit, got {name!r}"
        )
    return name


def listed_origins(listed: object) -> object:
    """Split text at commas; each part is an origin as browsers send it (RFC 6454, 6.2)."""
    if not isinstance(listed, str):
        return listed
    origins = tuple(part.strip() for part in listed.split(",") if part.strip())
    for origin in origins:
        if not _ORIGIN.fullmatch(origin):
            raise ValueError(
                f"an origin is scheme and host, such as https://a.example; "
                f"separate several by commas, got {shown(origin)!r}"
            )
    return origins


def bucket_url(url: str) -> str:
    """Return the URL of a folder in a bucket, without a slash at its end."""
    url = url.rstrip("/")
    if not _BUCKET.fullmatch(url):
        raise ValueError(
            "it must be s3://BUCKET/PREFIX, gs://BUCKET/PREFIX or az://CONTAINER/PREFIX, without a "
            f"user or a password, got {shown(url)!r}"
        )
    return url


def at_home(path: Path) -> Path:
    """Return a path with its `~` expanded, which a shell does not do in `NAME=~/x` or a file."""
    try:
        str(path).encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"a path must be UTF-8 text, got {str(path)!r}") from error
    try:
        return path.expanduser()
    except RuntimeError as error:
        raise ValueError(f"no user has the home folder {path.parts[0]}, got {path}") from error


def not_empty(path: object) -> object:
    """Refuse an empty text: an unset variable leaves one, and Path would read it as `.`."""
    if path == "":
        raise ValueError("a path must not be empty, got ''")
    return path


def default_folder() -> Path:
    """Return the data folder where none is set; raise ConfigError for a user without a home."""
    try:
        return Path.home() / ".clipseek"
    except RuntimeError as error:
        raise ConfigError(
            f"this user has no home folder; set {PREFIX}DATA_DIR or --data-dir to a folder"
        ) from error


def model_at_home(name: str) -> str:
    """Expand the `~` of a bundle's folder; other names are of models."""
    return str(at_home(Path(name))) if name.startswith("~") else name


def listed_kinds(listed: object) -> object:
    """Split text at commas; each part is a kind or a pattern of names. Empty text gives none.

    A word that is almost the name of a kind is refused, because it would silently match nothing.
    """
    if not isinstance(listed, str):
        return listed
    words = tuple(part.strip() for part in listed.split(",") if part.strip())
    for word in words:
        meant = get_close_matches(word, SKIPPED, n=1, cutoff=0.75)
        if meant and word not in SKIPPED:
            kinds = ", ".join(SKIPPED)
            raise ValueError(
                f"{word!r} is not a kind, did you mean {meant[0]!r}? The kinds are {kinds}"
            )
    return words


AtHome = Annotated[Path, BeforeValidator(not_empty), AfterValidator(at_home)]
"""A path that a user gives; `~` is the home folder."""


def names(listed: object) -> object:
    """Split text at commas; each part is a name. Empty text gives none."""
    if not isinstance(listed, str):
        return listed
    return tuple(dict.fromkeys(part.strip() for part in listed.split(",") if part.strip()))


def field_names(listed: object) -> object:
    """Split text at commas; each part is a field, and pictures are among them."""
    if not isinstance(listed, str):
        return listed
    words = tuple(dict.fromkeys(part.strip() for part in listed.split(",") if part.strip()))
    for word in words:
        if word == OBJECT:
            raise ValueError(f"{OBJECT} needs no name here; CLIPSEEK_DETECTOR says what finds it")
        if word not in FIELDS:
            known = ", ".join((PICTURE, *WORDS))
            raise ValueError(f"{word!r} is not a field; the fields are {known}")
    if PICTURE not in words:
        raise ValueError(f"{PICTURE} must be among the fields, got {listed!r}")
    return words


def host_names(listed: object) -> object:
    """Split text at commas; each part is a name without scheme and port, or `*`."""
    if not isinstance(listed, str):
        return listed
    hosts = tuple(part.strip().lower().removesuffix(".") for part in listed.split(","))
    for host in filter(None, hosts):
        if host != "*" and not _HOST.fullmatch(host):
            raise ValueError(
                "a host is a name without scheme and port; "
                f"separate several by commas, got {host!r}"
            )
    return tuple(filter(None, hosts))


def fetched_hosts(listed: object) -> object:
    """Split text at commas; each part is a name, or `*.` and a name, with a port if it has one."""
    if not isinstance(listed, str):
        return listed
    hosts = tuple(part.strip().lower() for part in listed.split(",") if part.strip())
    for host in hosts:
        if not _FETCHED.fullmatch(host):
            raise ValueError(
                "a host is a name such as videos.example, *.example or videos.example:8443; "
                f"separate several by commas, got {host!r}"
            )
    return hosts


def hosts_of_cameras(listed: object) -> object:
    """Split text at commas; each part is `*`, a network, or a host as `fetched_hosts` takes it."""
    if not isinstance(listed, str):
        return listed
    hosts = []
    for part in filter(None, (part.strip() for part in listed.split(","))):
        if "/" in part:
            try:
                hosts.append(str(ipaddress.ip_network(part)))
            except ValueError:
                raise ValueError(
                    "a network is an address with zeros and the length of its prefix, such as "
                    f"192.168.7.0/24, got {part!r}"
                ) from None
        elif part == "*":
            hosts.append(part)
        else:
            found = fetched_hosts(part)
            assert isinstance(found, tuple)
            hosts.extend(found)
    return tuple(hosts)


def url_path(path: object) -> object:
    """Return the path below which the API is served, without a slash at its end."""
    if not isinstance(path, str):
        return path
    plain = path.rstrip("/")
    if plain and not _ROOT_PATH.fullmatch(plain):
        raise ValueError(
            "a path begins with / and has parts of letters, digits, '-', '_' and '.', "
            f"such as /clips, got {path!r}"
        )
    return plain or None


def issuer_url(url: object) -> object:
    """Return the URL of an issuer as it is: its tokens must name exactly this one."""
    if isinstance(url, str) and (not is_private_url(url) or "?" in url):
        raise ValueError(
            "an issuer is https://HOST with a path if it has one, and http:// for a loopback "
            f"address alone, without ? and #, got {shown(url)!r}"
        )
    return url


def is_private_url(url: str) -> bool:
    """Whether nobody else can read what is sent to a URL: it is https, or of this machine.

    A URL with a user or a fragment, or with characters that must be escaped, is not one of these.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    if not host or not url.isascii() or not url.isprintable() or " " in url:
        return False
    if "@" in parts.netloc or "#" in url:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


EMBEDDED = ("pictures", "sentences")
"""What a server may embed."""

_GRPC = ("grpc", "grpcs")
_EMBEDDER_PATH = re.compile(r"(?:/[A-Za-z0-9_.~-]+)*/?")


def embedded(listed: object) -> object:
    """Split text at commas; each part is one of `EMBEDDED`, and there is at least one."""
    if not isinstance(listed, str):
        return listed
    words = tuple(dict.fromkeys(part.strip() for part in listed.split(",") if part.strip()))
    if not words or not set(words) <= set(EMBEDDED):
        raise ValueError(f"must be {', '.join(EMBEDDED)} or one of them, got {listed!r}")
    return words


def inference_url(url: object) -> object:
    """Return the address of an inference server, without a slash at its end.

    Its user and password would be in logs, so it has none: there is a setting for a token.
    """
    if not isinstance(url, str):
        return url
    if not url:  # a variable of Compose that is not set
        return None
    if not _is_inference(url):
        raise ValueError(
            "must be grpc://HOST:PORT or http://HOST:PORT, or grpcs:// or https:// with TLS, "
            "and https://HOST/PATH if a proxy serves it below a path, without user, ? and #; "
            f"got {shown(url)!r}"
        )
    return url.rstrip("/")


def _is_inference(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return False
    if not host or not url.isascii() or not url.isprintable() or set(url) & set(' @?#\\"'):
        return False
    if parts.scheme in _GRPC:
        return port is not None and parts.path in ("", "/")
    return parts.scheme in ("http", "https") and bool(_EMBEDDER_PATH.fullmatch(parts.path))


def numbered_shards(listed: object) -> object:
    """Split text at commas; each part is the number of a shard. Empty text means all shards."""
    if not isinstance(listed, str):
        return listed
    if not listed.strip():
        return None
    parts = [part.strip() for part in listed.split(",")]
    if not all(_SHARD.fullmatch(part) for part in parts):
        raise ValueError(f"it must be numbers of shards from 1 on, such as 1,3, got {listed!r}")
    return tuple(sorted({int(part) for part in parts}))


def addressed_shards(listed: object) -> object:
    """Split text at blanks; each part is numbers of shards, `=`, and the URL of who searches them.

    A part with a user or a password is not repeated.
    """
    if not isinstance(listed, str):
        return listed
    peers: dict[int, str] = {}
    for part in listed.split():
        numbers, _, url = part.partition("=")
        if not all(_SHARD.fullmatch(each) for each in numbers.split(",")) or not _is_peer(url):
            shown = part if "@" not in part else f"{numbers}=…@…"
            raise ValueError(
                "it must be numbers of shards and the URL of a replica, such as "
                f"2,4=http://api-2:8000, several separated by blanks, without user, ? and #, got "
                f"{shown!r}"
            )
        for number in map(int, numbers.split(",")):
            if number in peers:
                raise ValueError(f"shard {number} must have one URL, got {listed!r}")
            peers[number] = url.rstrip("/")
    return tuple(sorted(peers.items())) or None


def _is_peer(url: str) -> bool:
    return url.startswith(("http://", "https://")) and _is_inference(url)
