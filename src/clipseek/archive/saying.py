"""What people have said of a collection, as a file of an archive: JSON, checked when it is read."""

import hashlib
import math
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from clipseek import files
from clipseek.archive.manifest import CURATION, MAX_CURATION_BYTES, DamagedPart, File
from clipseek.curating import Said
from clipseek.errors import ConfigError
from clipseek.files import open_regular
from clipseek.parts import is_unicode

_SAID = TypeAdapter(Said)


def write(folder: Path, said: Said) -> File | None:
    """Write the file, unless nothing was said; return what the manifest says of it."""
    if not said:
        (folder / CURATION).unlink(missing_ok=True)
        return None
    text = _SAID.dump_json(said, indent=1) + b"\n"
    if len(text) > MAX_CURATION_BYTES:
        raise ConfigError(
            f"rules, samples and decisions have {len(text)} bytes, and an archive can have "
            f"{MAX_CURATION_BYTES}; remove lists of samples that are not needed"
        )
    files.replace(folder / CURATION, text)
    return File(bytes=len(text), sha256=hashlib.sha256(text).hexdigest())


def read(folder: Path, file: File | None) -> Said:
    """Read and check the file; without one, nothing was said.

    Raises:
        DamagedPart: it is damaged, or not what `indexer export` writes.
        ConfigError: it is missing.
    """
    if file is None:
        return Said()
    path = folder / CURATION
    try:
        with open_regular(path, follow_links=False) as opened:
            text = opened.read(file.bytes + 1)
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be read: {error.strerror}; copy the whole folder again"
        ) from error
    if len(text) != file.bytes or hashlib.sha256(text).hexdigest() != file.sha256:
        raise DamagedPart(path, "it has another length or SHA-256 than the manifest says")
    try:
        said = _SAID.validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise DamagedPart(path, f"{where}: {first['msg']}") from error
    if wrong := next(_problems(said), ""):
        raise DamagedPart(path, wrong)
    return said


def _problems(said: Said) -> Iterator[str]:
    """Yield what is wrong with values that have the right types."""
    for value in _values(asdict(said)):
        if isinstance(value, float) and not math.isfinite(value):
            yield "it has a number that is not finite"
        elif isinstance(value, str) and (not is_unicode(value) or "\0" in value):
            yield "it has a text that is not Unicode or has NUL"
    yield from (str(wrong) for each in said.rules if (wrong := each.rule.problem()) is not None)
    yield from (str(wrong) for each in said.decisions if (wrong := each.problem()) is not None)
    spans = [(each.start, each.end) for listed in said.samples.values() for each in listed]
    spans += [(each.start, each.end) for each in said.decisions]
    for start, end in spans:
        if not 0 <= start < end:
            yield f"a span must have 0 <= start < end, got {start:g} and {end:g}"


def _values(value: Any) -> Iterator[Any]:
    """Yield each value in nested ones, and the keys of mappings."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield key
            yield from _values(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _values(each)
    else:
        yield value
