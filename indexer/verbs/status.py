"""The verb `status`: what each collection contains."""

import argparse
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from clipseek.assembly import open_existing
from clipseek.config import Settings
from clipseek.errors import NothingIndexed
from clipseek.service import Service
from clipseek.types import Collection
from indexer.output import emit, say, size


def run(settings: Settings, options: argparse.Namespace) -> int:
    """Print what each collection contains."""
    states = _states(settings)
    if options.json:
        for state in states:
            emit(state)
    elif states:
        _states_as_lines(states)
    else:
        say(f"nothing is indexed in {settings.data_dir} yet; run `indexer ingest PATH`")
    return 0


def _states(settings: Settings) -> list[dict[str, object]]:
    try:
        service = open_existing(settings)
    except NothingIndexed:
        return []
    try:
        return [_state(service, each) for each in service.catalog.collections()]
    finally:
        service.close()


def _state(service: Service, collection: Collection) -> dict[str, object]:
    videos, segments, seconds = service.catalog.counts(collection.name)
    manifest = service.indexes.manifest(collection.key)
    return {
        "collection": collection.name,
        "model": collection.model,
        "dim": collection.dim,
        "videos": videos,
        "segments": segments,
        "hours": round(seconds / 3600, 4),
        "version": collection.version,
        "snapshot": asdict(manifest) if manifest else None,
        "relevance": asdict(collection.relevance) if collection.relevance else None,
        "bytes": bytes_of(service.settings, collection.key),
        "bytes_per_hour": _per_hour(service, collection, seconds / 3600),
    }


def _per_hour(service: Service, collection: Collection, hours: float) -> dict[str, int] | None:
    """Return the bytes of an hour of video, by part; None if there is no video."""
    if not hours:
        return None
    folders = bytes_of(service.settings, collection.key)
    parts = service.catalog.part_bytes(collection.name)
    parts |= {name: folders[name] for name in ("snapshots", "thumbnails")}
    return {name: round(count / hours) for name, count in parts.items()}


def bytes_of(settings: Settings, collection: str) -> dict[str, int]:
    """Measure the folders of this machine, without what a server or a bucket stores."""
    catalog = sum(p.stat().st_size for p in settings.data_dir.glob("catalog.db*"))
    return {
        "catalog": catalog if settings.database_url is None else 0,
        "snapshots": _folder_bytes(
            settings.snapshot_root / collection
            if settings.store_url is None
            else settings.store_root / collection
        ),
        "thumbnails": _folder_bytes(settings.thumbnail_root / collection),
    }


def _folder_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _states_as_lines(states: Iterable[dict[str, object]]) -> None:
    for state in states:
        say(f"collection {state['collection']}")
        shot = state["snapshot"]
        about = (
            f"version {shot['version']}, {shot['kind']}, "
            f"{shot['bytes_per_vector']} bytes per vector, recall@10 "
            f"{round(shot['recall_at_10'], 4)}"
            if isinstance(shot, dict)
            else "none; searches read the catalog; `indexer build` makes one"
        )
        say(f"  model     {state['model']} ({state['dim']} dimensions)")
        say(f"  videos    {state['videos']} ({state['hours']} hours)")
        say(f"  segments  {state['segments']}")
        say(f"  version   {state['version']}")
        say(f"  snapshot  {about}")
        say(f"  bytes     {_sizes(state['bytes'])}")
        if state["bytes_per_hour"] is not None:
            say(f"  an hour   {_sizes(state['bytes_per_hour'])}")


def _sizes(parts: object) -> str:
    if not isinstance(parts, dict):
        return ""
    return ", ".join(f"{name.replace('_', ' ')} {size(count)}" for name, count in parts.items())
