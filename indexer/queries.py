"""The queries that a switch compares two models by, and where they come from."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from clipseek.caches import open_recent
from clipseek.config import Settings
from clipseek.embedding.models import bank_captions
from clipseek.errors import ConfigError, ServiceUnavailable
from clipseek.types import Collection

MAX_QUERIES = 1000
BANK_QUERIES = 100

Origin = Literal["file", "recent", "bank"]


@dataclass(frozen=True, slots=True)
class Queries:
    """Texts to compare by, and where they come from, in a word and in a sentence."""

    texts: Sequence[str]
    origin: Origin
    said: str


def of_file(path: Path) -> Queries:
    """Return the queries of a file, one a line; raise ConfigError."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except OSError as error:
        raise ConfigError(f"--queries {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"--queries {path} must be UTF-8 text: {error}") from error
    found = list(dict.fromkeys(line.strip() for line in lines if line.strip()))
    if not found:
        raise ConfigError(f"--queries {path} must have one query a line, got none")
    return Queries(found[:MAX_QUERIES], "file", f"comparing both models by the queries of {path}")


def of_users(settings: Settings, collection: Collection) -> Queries:
    """Return what was asked of a collection lately, or everyday sentences."""
    try:
        with closing(open_recent(settings)) as recent:
            found = recent.of(collection)[:MAX_QUERIES]
    except ServiceUnavailable as error:
        found, why = [], str(error)
    else:
        why = (
            f"no recent queries of collection {collection.name!r} are stored; the API stores them "
            "if CLIPSEEK_KEEP_QUERIES is above 0"
        )
    if found:
        asked = "the latest query" if len(found) == 1 else f"the {len(found)} latest queries"
        said = f"comparing both models by {asked} of collection {collection.name!r}"
        return Queries(found, "recent", said)
    everyday = bank_captions()[:BANK_QUERIES]
    said = f"{why}. Comparing both models by {len(everyday)} everyday sentences"
    return Queries(everyday, "bank", said)
