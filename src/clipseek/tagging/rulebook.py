"""Files of rules, in YAML or JSON: what an operator writes, and every mistake in it by name."""

import json
import math
import re
import reprlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clipseek.errors import ConfigError
from clipseek.relations import MARGIN, PLACES, Relation
from clipseek.rules import THRESHOLD, Rule
from clipseek.watches import DAYS, Hours

MAX_BYTES = 1_000_000
MAX_RULES = 1000
MAX_SHOWN = 200
"""The most characters of what a file contains that a message shows."""
_NAMES = (
    "name",
    "prompts",
    "exclusions",
    "threshold",
    "cameras",
    "collections",
    "hours",
    "relation",
)
_RELATION_NAMES = ("of", "to", "is", "margin", "shows")
_HOUR_NAMES = ("days", "start", "end", "zone")
_TIME = re.compile(r"([01]?[0-9]|2[0-4]):([0-5][0-9])")
_ZONE_CHARACTERS = 100
_COLLECTION_CHARACTERS = 64
_INTEGER = "tag:yaml.org,2002:int"
_UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError)
"""What PyYAML lets through, such as for a 13th month or for `!!bool perhaps`."""
_REPR = reprlib.Repr()
_REPR.maxlevel, _REPR.maxstring, _REPR.maxother = 2, 80, 80


@dataclass(frozen=True, slots=True)
class Written:
    """A rule as a file has it.

    is_open: Whether the file names no threshold, so that a fitted one stays. collections: Those
    that the rule is for, or None for the one that is asked for.
    """

    rule: Rule
    is_open: bool
    collections: tuple[str, ...] | None


def read(path: Path) -> list[Written]:
    """Read a file of rules: YAML, or JSON if its name ends with `.json`.

    Raises:
        ConfigError: it cannot be read, or a rule in it is wrong; the message says where.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ConfigError(f"{path} must have at most {MAX_BYTES} bytes; write fewer rules")
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigError(f"cannot read the rules {path}: {reason}; name another file") from error
    return parsed(_json(text, path) if path.suffix == ".json" else _yaml(text, path), str(path))


def parsed(content: object, place: str) -> list[Written]:
    """Return the rules of what a file contains; raise ConfigError."""
    given = content.get("rules") if isinstance(content, Mapping) else None
    if not isinstance(given, Sequence) or isinstance(given, str) or not given:
        raise ConfigError(f"{place} must have a list `rules` with one rule or more")
    if isinstance(content, Mapping) and (more := [_shown(n) for n in content if n != "rules"]):
        raise ConfigError(f"{place} may have `rules` alone, got {more[0]} too; remove it")
    if len(given) > MAX_RULES:
        raise ConfigError(f"{place} must have at most {MAX_RULES} rules, got {len(given)}")
    found = [_written(each, f"{place}, rule {n}") for n, each in enumerate(given, 1)]
    names = [written.rule.name for written in found]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ConfigError(f"{place} has rule {twice[0]!r} more than once; give each its own name")
    return found


def _json(text: str, path: Path) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path} is not JSON: {_said(error)}; correct it") from error


def _yaml(text: str, path: Path) -> object:
    try:
        import yaml
    except ImportError as error:
        raise ConfigError(
            "rules in YAML need PyYAML, which is not installed; run `pip install 'clipseek[tags]'`,"
            " or write them as JSON into a file whose name ends with .json"
        ) from error

    class Loader(yaml.SafeLoader):
        """Reads 22:00 without quotes as text, not in base 60 as the integer 1320."""

    def integer(loader: Loader, node: yaml.ScalarNode) -> object:
        return node.value if ":" in node.value else loader.construct_yaml_int(node)

    Loader.add_constructor(_INTEGER, integer)
    try:
        return Loader(text).get_single_data()
    except (yaml.YAMLError, *_UNREADABLE) as error:
        raise ConfigError(f"{path} is not YAML: {_said(error)}; correct it") from error


def _said(error: Exception) -> str:
    """Return what a parser says, in one line that is not too long."""
    if isinstance(error, RecursionError):
        return "lists or names are nested too deeply"
    return " ".join(str(error).split())[:MAX_SHOWN]


def _shown(value: object) -> str:
    """Return a value for a message, cut, however long or deep it is."""
    try:
        return _REPR.repr(value)[:MAX_SHOWN]
    except ValueError:  # Python writes no integer of more than 4300 digits
        return "a number with thousands of digits"


def _written(given: object, place: str) -> Written:
    fields = _fields(given, _NAMES, place)
    relation = None if fields.get("relation") is None else _relation(fields["relation"], place)
    for name in ("name", "prompts") if relation is None else ("name",):
        if name not in fields:
            raise ConfigError(f"{place} must have `{name}`; add it")
    name, threshold = fields["name"], _threshold(fields.get("threshold"), place)
    if not isinstance(name, str):
        raise ConfigError(f"{place}: name must be text, got {_shown(name)}; put it into quotes")
    rule = Rule(
        name=name,
        prompts=_texts(fields.get("prompts", ()), "prompts", place),
        exclusions=_texts(fields.get("exclusions", ()), "exclusions", place),
        threshold=THRESHOLD if threshold is None else threshold,
        cameras=_some(fields, "cameras", place),
        hours=None if fields.get("hours") is None else _hours(fields["hours"], place),
        relation=relation,
    )
    if (wrong := rule.problem()) is not None:
        raise ConfigError(f"{place}: {wrong}")
    return Written(rule, threshold is None, _collections(fields, place))


def _threshold(given: object, place: str) -> float | None:
    if given is None:
        return None
    if isinstance(given, int | float) and not isinstance(given, bool):
        with suppress(OverflowError):  # an integer that no float can have
            return float(given)
    raise ConfigError(
        f"{place}: threshold must be a number of more than 0 and at most 1, got {_shown(given)}"
    )


def _fields(given: object, known: Sequence[str], place: str) -> dict[str, Any]:
    if not isinstance(given, Mapping):
        raise ConfigError(f"{place} must have names and values, got {_shown(given)}")
    if unknown := [name for name in given if name not in known]:
        raise ConfigError(f"{place} has {_shown(unknown[0])}; it may have {', '.join(known)}")
    return {str(name): value for name, value in given.items()}


def _texts(given: object, name: str, place: str) -> tuple[str, ...]:
    many = [given] if isinstance(given, str) else given
    if not isinstance(many, Sequence) or not all(isinstance(each, str) for each in many):
        raise ConfigError(f"{place}: {name} must be a text or a list of texts, got {_shown(given)}")
    return tuple(many)


def _some(fields: Mapping[str, Any], name: str, place: str) -> tuple[str, ...] | None:
    return None if fields.get(name) is None else _texts(fields[name], name, place)


def _collections(fields: Mapping[str, Any], place: str) -> tuple[str, ...] | None:
    found = _some(fields, "collections", place)
    if found is not None and not (found and max(map(len, found)) <= _COLLECTION_CHARACTERS):
        raise ConfigError(
            f"{place}: collections must be 1 name or more of at most {_COLLECTION_CHARACTERS} "
            f"characters, got {_shown(found)}; leave them out for the one that is asked for"
        )
    return found


def _relation(given: object, place: str) -> Relation:
    fields = _fields(given, _RELATION_NAMES, f"{place}: relation")
    for name in ("of", "to", "is"):
        if not isinstance(fields.get(name), str):
            what = f"one of {', '.join(PLACES)}" if name == "is" else "a class of the detector"
            raise ConfigError(f"{place}: relation.{name} must be {what}; write its name")
    margin = fields.get("margin", MARGIN)
    is_number = isinstance(margin, int | float) and not isinstance(margin, bool)
    if not is_number or not 0 <= margin < 1:
        raise ConfigError(
            f"{place}: relation.margin must be at least 0 and less than 1, got {_shown(margin)}"
        )
    shows = _texts(fields.get("shows", ()), "relation.shows", place)
    return Relation(fields["of"], fields["to"], fields["is"], float(margin), shows)


def _hours(given: object, place: str) -> Hours:
    fields = _fields(given, _HOUR_NAMES, f"{place}: hours")
    days = _texts(fields.get("days", DAYS), "hours.days", place)
    zone = fields.get("zone", "UTC")
    if unknown := [day for day in days if day not in DAYS]:
        said = f"{place}: hours.days must be some of {', '.join(DAYS)}"
        raise ConfigError(f"{said}, got {_shown(unknown)}")
    if not isinstance(zone, str) or len(zone) > _ZONE_CHARACTERS:
        raise ConfigError(f"{place}: hours.zone must be such as Europe/Vienna, got {_shown(zone)}")
    start, end = (
        _minutes(fields.get(name, whole), f"hours.{name}", place)
        for name, whole in (("start", "00:00"), ("end", "24:00"))
    )
    return Hours(tuple(day for day in DAYS if day in days), start, end, zone)


def _minutes(given: object, name: str, place: str) -> int:
    """Return minutes since midnight. A number is refused: it may be an hour, or minutes."""
    found = _TIME.fullmatch(given) if isinstance(given, str) else None
    minutes = 60 * int(found[1]) + int(found[2]) if found is not None else math.inf
    if minutes <= 24 * 60:
        return int(minutes)
    is_hour = isinstance(given, int) and not isinstance(given, bool) and 0 <= given <= 24
    hint = f'write "{given:02}:00"' if is_hour else 'write hours and minutes, such as "22:00"'
    raise ConfigError(f'{place}: {name} must be such as "22:00", got {_shown(given)}; {hint}')
