"""Redaction: what is blurred in the pictures of a collection, as commands show and change it."""

from collections.abc import Sequence
from contextlib import closing

from clipseek.assembly import open_existing
from clipseek.catalog.redactions import SqlRedactionReader, SqlRedactions
from clipseek.config import Settings
from clipseek.errors import CollectionNotFound, ConfigError
from clipseek.redaction import Redactor
from clipseek.redaction.faults import RedactionUnavailable
from clipseek.redaction.opening import kinds_of, open_redactor
from clipseek.redaction.setting import chosen_of
from indexer.output import emit, note, say

OFF = "off"


def redacted(settings: Settings) -> dict[str, tuple[str, ...]]:
    """Return what is redacted in each collection that redacts something."""
    with closing(SqlRedactionReader.open(settings.catalog_url)) as reader:
        return reader.all()


def redactor_of(settings: Settings, collection: str) -> tuple[tuple[str, ...], Redactor | None]:
    """Return what is redacted in a collection, and what blurs it; nothing and None if nothing is.

    Raises:
        RedactionUnavailable: what blurs it is not installed.
        ConfigError: the detector of the settings cannot be read.
    """
    with closing(SqlRedactionReader.open(settings.catalog_url)) as reader:
        kinds = reader.of(collection)
    if not kinds:
        return (), None
    chosen = chosen_of(settings)
    kinds = (*kinds, *kinds_of(chosen))
    return kinds, open_redactor(kinds, chosen=chosen)


def change(settings: Settings, name: str, said: str, *, json: bool) -> int:
    """Say what is redacted in a collection: kinds of regions, or `off`.

    Raises:
        ConfigError: there is no such collection, or the detector of the settings cannot be read.
    """
    kinds = () if said == OFF else (said,)
    if kinds:
        kinds_of(chosen_of(settings))  # before anything is changed
    # What is missing is said by this, as every verb says it; a new database is not made.
    open_existing(settings).close()
    with closing(SqlRedactions.open(settings.catalog_url)) as redactions:
        try:
            redactions.redact(name, kinds)
        except CollectionNotFound as error:
            raise ConfigError(
                f"no collection {name!r}; `indexer collections` lists the collections"
            ) from error
    if json:
        emit({"name": name, "redacts": list(kinds)})
    elif kinds:
        say(f"{said} are blurred in everything that the API shows of collection {name}")
    else:
        say(f"collection {name} is shown as it is")
    _warn(kinds)
    return 0


def _warn(kinds: Sequence[str]) -> None:
    """Say if the model is missing here, as it may be where the API runs."""
    try:
        open_redactor(kinds)
    except RedactionUnavailable as error:
        note(f"indexer: {error}; without it, the API answers 503 and shows nothing")
