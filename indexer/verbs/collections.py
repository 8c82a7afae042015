"""The verb `collections`: lists the collections, removes one, or says what one redacts."""

import argparse
from collections.abc import Sequence
from contextlib import closing

from clipseek.assembly import open_existing, open_writer
from clipseek.caches import open_recent
from clipseek.config import Settings
from clipseek.errors import CollectionNotFound, ConfigError, NothingIndexed
from clipseek.protocols import CatalogReader
from clipseek.service import WritingService
from clipseek.switches import Switch
from indexer import leftovers, redaction, reserve
from indexer.output import Column, counted, emit, say, table


def run(settings: Settings, options: argparse.Namespace) -> int:
    """List the collections, or change the one that is named."""
    if options.action == "remove":
        return _remove(settings, options.name, json=options.json)
    if options.action == "redact":
        return redaction.change(settings, options.name, options.kinds, json=options.json)
    listed = _listed(settings)
    if options.json:
        for each in listed:
            emit(each)
    elif listed:
        _as_table(listed)
    else:
        say(f"nothing is indexed in {settings.data_dir} yet; run `indexer ingest PATH`")
    return 0


def _listed(settings: Settings) -> list[dict[str, object]]:
    try:
        service = open_existing(settings)
    except NothingIndexed:
        return []
    with service:
        listed = []
        switches = _states(service.catalog.switches())
        redacted = redaction.redacted(settings)
        for each in service.catalog.collections():
            videos, segments, _ = service.catalog.counts(each.name)
            listed.append(
                {
                    "name": each.name,
                    "model": each.model,
                    "videos": videos,
                    "segments": segments,
                    "version": each.version,
                    "aliases": _aliases_of(service.catalog, each.name),
                    "switch": switches.get(each.key, ""),
                    "redacts": list(redacted.get(each.name, ())),
                }
            )
        return listed


def _states(switches: Sequence[Switch]) -> dict[str, str]:
    """Say of each collection that takes part in a switch what it is there, by its key."""
    said = dict[str, str]()
    for each in switches:
        is_switched = each.state == "switched"
        said[each.old] = f"before {each.name}" if is_switched else "answers"
        said[each.new] = "answers" if is_switched else f"{each.state} for {each.name}"
    return said


def _aliases_of(catalog: CatalogReader, name: str) -> list[str]:
    return [alias for alias, behind in catalog.aliases().items() if behind == name]


def _as_table(listed: Sequence[dict[str, object]]) -> None:
    numbers = [Column(title, right=True) for title in ("videos", "segments", "version")]
    table(
        [Column("name"), *numbers, Column("model"), Column("aliases"), *_STATES],
        ([_cell(each[column]) for column in _COLUMNS] for each in listed),
    )


_COLUMNS = ("name", "videos", "segments", "version", "model", "aliases", "switch", "redacts")
_STATES = (Column("switch"), Column("redacts"))


def _cell(value: object) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value)


def _remove(settings: Settings, name: str, *, json: bool) -> int:
    """Remove a collection: first its rows, then what is derived from them."""
    # SQLite first logs what is removed, and a full disk has no space for that.
    reserve.give_back(settings)
    try:
        with open_writer(settings) as service:
            removed = _removed(service, name)
    finally:
        reserve.keep(settings)
    if json:
        emit({**removed, "state": "removed"})
    else:
        aliases = _cell(removed["aliases"])
        videos = counted(int(str(removed["videos"])), "video")
        segments = counted(int(str(removed["segments"])), "segment")
        say(
            f"removed collection {name}: {videos}, {segments}"
            + (f"; its aliases: {aliases}" if aliases else "")
        )
    return 0


def _removed(service: WritingService, name: str) -> dict[str, object]:
    catalog = service.catalog
    if (behind := catalog.aliases().get(name)) is not None:
        raise ConfigError(
            f"{name!r} is an alias of collection {behind!r}; to remove that collection and its "
            f"aliases, run `indexer collections remove {behind}`"
        )
    for switch in catalog.switches():
        if name in (switch.name, switch.other):
            raise ConfigError(
                f"a switch of collection {switch.name!r} to another model is under way; end it "
                f"with `indexer switch {switch.name} --finish` before you remove a collection"
            )
    try:
        collection = catalog.collection(name)
        videos, segments, _ = catalog.counts(name)
        aliases = _aliases_of(catalog, name)
        catalog.remove_collection(name)
    except CollectionNotFound as error:
        raise ConfigError(
            f"no collection {name!r}; `indexer collections` lists the collections"
        ) from error
    leftovers.delete(service)
    with closing(open_recent(service.settings)) as recent:
        recent.forget(collection)
    return {"name": name, "videos": videos, "segments": segments, "aliases": aliases}
