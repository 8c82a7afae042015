"""The URL of a Milvus, read: a server and a database of it, or a file of Milvus Lite."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import unquote, urlsplit

from clipseek.urls import shown

SERVER, SECURE = "milvus", "milvus+tls"
PORT = 19530
_DATABASE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,254}")
_EXPECTED = (
    "it must be milvus://HOST[:PORT][/DATABASE], milvus+tls://… for TLS, or "
    "milvus:///FOLDER/NAME.db for a file of Milvus Lite"
)


@dataclass(frozen=True, slots=True)
class MilvusAddress:
    """Where a Milvus is: a server, or the file of Milvus Lite.

    host, port, is_secure, database: The server, whether TLS is used, and one of its databases, or
    the empty text for the one that a server has by itself. file: That of Milvus Lite, or None.
    """

    host: str = ""
    port: int = PORT
    is_secure: bool = False
    database: str = ""
    file: Path | None = None

    @classmethod
    def parse(cls, url: str) -> Self:
        """Read a URL; raise ValueError, whose text repeats no password."""
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port
        except ValueError as error:
            raise ValueError(f"{_EXPECTED}; this one cannot be read") from error
        if "@" in parts.netloc:
            raise ValueError(
                "the URL must not contain a user or a password; set CLIPSEEK_INDEX_TOKEN to "
                "USER:PASSWORD, or to an API key"
            )
        if parts.scheme not in (SERVER, SECURE) or parts.query or parts.fragment:
            raise ValueError(f"{_EXPECTED}, got {shown(url)!r}")
        path = unquote(parts.path)
        if not parts.netloc:
            if parts.scheme == SECURE or not path.endswith(".db") or "\0" in path:
                raise ValueError(f"{_EXPECTED}, got {shown(url)!r}")
            return cls(file=Path(path))
        database = path.strip("/")
        if ":" in host:
            raise ValueError(
                f"pymilvus takes a host by its name or its IPv4 address, got {shown(url)!r}"
            )
        if not host or (database and not _DATABASE.fullmatch(database)):
            raise ValueError(f"{_EXPECTED}, got {shown(url)!r}")
        return cls(host, PORT if port is None else port, parts.scheme == SECURE, database)

    def __str__(self) -> str:
        """Name it for people."""
        if self.file is not None:
            return str(self.file)
        return f"{self.host}:{self.port}" + (f"/{self.database}" if self.database else "")


def milvus_url(url: object) -> object:
    """Return the URL if it can be read; raise ValueError."""
    if not isinstance(url, str):
        return url
    if not url:  # a variable of Compose that is not set
        return None
    MilvusAddress.parse(url)
    return url
