"""The verb `hold`: keeps spans of recordings, lists what is kept, and lets it go."""

import argparse
from contextlib import closing
from datetime import UTC, datetime

from clipseek.assembly import open_writer
from clipseek.audit import since, stamp
from clipseek.cameras import CameraNotFound, camera_name
from clipseek.config import Settings
from clipseek.errors import ConfigError
from clipseek.holds import Chunk, Hold, Retaining, is_kept, seconds_of
from clipseek.ledgers import open_cameras, open_retaining
from clipseek.service import Service
from indexer.noting import user
from indexer.output import Column, counted, emit, note, say, table


def run(settings: Settings, options: argparse.Namespace) -> int:
    """Do what is named: add, list or remove."""
    with (
        open_writer(settings, create=options.action == "add") as service,
        closing(open_retaining(settings)) as rows,
    ):
        if options.action == "add":
            return _add(service, rows, options)
        if options.action == "remove":
            return _remove(rows, options)
        return _list(rows, json=options.json)


def _add(service: Service, rows: Retaining, options: argparse.Namespace) -> int:
    now = datetime.now(UTC)
    try:
        start, end = (stamp(since(text, now)) for text in (options.start, options.end))
        hold = Hold(camera_name(options.camera), start, end, options.reason, by=user())
    except ValueError as error:
        raise ConfigError(str(error)) from error
    made = rows.hold(hold)
    recorded = _recorded(service, rows, made.camera)
    span = [(made.camera, seconds_of(made.start_at), seconds_of(made.end_at))]
    kept = sum(is_kept(chunk, span) for chunk in recorded)
    if options.json:
        emit({**_shown(made), "recordings": kept})
    else:
        held = counted(kept, "recording")
        say(f"hold {made.id}: {made.camera}, {made.start_at} to {made.end_at}, now {held}")
    if not recorded and not _is_known(service.settings, made.camera):
        note(
            f"indexer: no camera and no recording is named {made.camera!r}, so this hold keeps "
            f"nothing yet; `indexer cameras list` prints the cameras, and `indexer hold remove "
            f"{made.id}` removes the hold"
        )
    return 0


def _recorded(service: Service, rows: Retaining, camera: str) -> list[Chunk]:
    """Return what a camera has recorded, once each, although a switch has it in two collections."""
    found = {
        chunk.id: chunk
        for collection in service.catalog.collections()
        for chunk in rows.chunks(collection.name, camera)
    }
    return list(found.values())


def _is_known(settings: Settings, camera: str) -> bool:
    with closing(open_cameras(settings)) as cameras:
        try:
            cameras.get(camera)
        except CameraNotFound:
            return False
    return True


def _remove(rows: Retaining, options: argparse.Namespace) -> int:
    removed = rows.release(options.name)
    if options.json:
        emit({"id": removed.id, "state": "removed"})
    else:
        say(f"removed hold {removed.id}; what has expired goes with the next run of retention")
    return 0


def _list(rows: Retaining, *, json: bool) -> int:
    found = rows.holds()
    if json:
        for hold in found:
            emit(_shown(hold))
    elif found:
        titles = ("id", "camera", "from", "to", "by", "reason")
        table(
            [Column(title) for title in titles],
            ((h.id, h.camera, h.start_at, h.end_at, h.by, h.reason) for h in found),
        )
    else:
        say("there are no holds; `indexer hold add CAMERA --from T --to T --reason TEXT` makes one")
    return 0


def _shown(hold: Hold) -> dict[str, object]:
    return {
        "id": hold.id,
        "camera": hold.camera,
        "start_at": hold.start_at,
        "end_at": hold.end_at,
        "reason": hold.reason,
        "by": hold.by,
        "created_at": hold.created_at,
    }
