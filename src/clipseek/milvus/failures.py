"""What a Milvus refuses, as sentences that say what to do, without credentials."""

import re

from clipseek.config.index_url import MilvusAddress
from clipseek.errors import ServiceUnavailable

# Codes of Milvus (`pkg/util/merr/errors.go`): a collection or, in Milvus Lite, an alias that does
# not exist; one that is not loaded; no such database; no right; no such alias.
ABSENT, NOT_LOADED, NO_DATABASE, NO_RIGHT, NO_ALIAS = 100, 101, 800, 1400, 1600
NO_CONNECTION = 2

LEAST, LITE = (2, 4), (3, 0)
"""The oldest versions of a server and of Milvus Lite that are used: 2.4 has `DescribeAlias`."""

_VERSION = re.compile(r"(\d+)\.(\d+)")


class NotLoaded(ServiceUnavailable):
    """A collection must be loaded before it is asked."""


def require_version(address: MilvusAddress, version: str) -> None:
    """Raise ServiceUnavailable if a Milvus says a version that is not used."""
    found, least = _VERSION.search(version), LITE if "lite" in version else LEAST
    if found is None or (int(found[1]), int(found[2])) < least:
        raise ServiceUnavailable(
            f"Milvus at {address} is of version {version[:40]!r}, and clipseek needs "
            f"{'.'.join(map(str, least))} or later; upgrade it, or unset CLIPSEEK_INDEX_URL and "
            "run `indexer build` to publish in the data folder"
        )


def failure(
    address: MilvusAddress, token: str | None, code: object, text: str
) -> ServiceUnavailable:
    """Return the error that says what failed, by the code of Milvus or of gRPC, and what to do."""
    where, status = f"Milvus at {address}", getattr(code, "name", "")
    if code == NOT_LOADED:
        return NotLoaded(f"{where} has not loaded a collection; run `indexer build`")
    if code == NO_DATABASE:
        return ServiceUnavailable(
            f"{where}: there is no such database; create it, or correct CLIPSEEK_INDEX_URL"
        )
    if code == NO_RIGHT or status in ("UNAUTHENTICATED", "PERMISSION_DENIED"):
        return ServiceUnavailable(
            f"{where} does not accept the credentials; set CLIPSEEK_INDEX_TOKEN to "
            "USER:PASSWORD of a user who may read and, for the indexer, write"
        )
    said = text.replace(token, "***") if token else text
    said = " ".join(said.split())[:200]
    if address.file is not None and "local milvus" in said.lower():
        return ServiceUnavailable(
            f"the file {address} of Milvus Lite cannot be opened; one process at a time can, so "
            "stop the other one, or run `milvus-lite server` and set CLIPSEEK_INDEX_URL to its "
            "address"
        )
    if (
        status in ("UNAVAILABLE", "DEADLINE_EXCEEDED")
        or code == NO_CONNECTION
        or "retry" in said.lower()
    ):
        return ServiceUnavailable(
            f"{where} does not answer; check that it runs and can be reached from here"
        )
    return ServiceUnavailable(f"{where} answers with an error: {said}")
