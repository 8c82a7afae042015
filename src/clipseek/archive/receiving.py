"""Storing a part that another machine has sent, in a collection that others send to as well."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote, unquote

from clipseek.archive import parts
from clipseek.archive.importing import moved, named
from clipseek.archive.manifest import DamagedPart, Origin, Part
from clipseek.errors import CollectionNotFound, StateError
from clipseek.protocols import CatalogWriter
from clipseek.stored import VideoRows
from clipseek.thumbnails import Thumbnails
from clipseek.types import Collection


class PartRefused(StateError):
    """A part cannot be stored, however often it is sent."""

    def __init__(self, why: str) -> None:
        super().__init__(f"the part cannot be stored, because {why}; nothing of it was")


@dataclass(frozen=True, slots=True)
class Received:
    """What was stored of a part. others: Ids of videos that are here from elsewhere already."""

    stored: tuple[str, ...]
    others: tuple[str, ...]
    segments: int


def uri_of(sender: str, video_id: str) -> str:
    """Return the uri of a video whose file is at a sender."""
    return f"{prefix_of(sender)}{video_id}"


def prefix_of(sender: str) -> str:
    """Return what the uris of all videos of a sender begin with."""
    return f"edge://{quote(sender, safe='')}/"


def sender_of(uri: str) -> str | None:
    """Return the sender that has the file of a video; None if it is not at a sender."""
    scheme, _, rest = uri.partition("://")
    return unquote(rest.partition("/")[0]) if scheme == "edge" else None


def receive(
    catalog: CatalogWriter,
    thumbnails: Thumbnails,
    collection: str,
    path: Path,
    part: Part,
    *,
    origin: Origin,
    sender: str,
) -> Received:
    """Store the videos of a part, instead of what the same sender has sent of them before.

    The pictures are stored first. A video that is here from elsewhere stays as it is. A collection
    that is missing is made. To receive a part twice changes nothing but the version.

    Raises:
        PartRefused: it is damaged, or its vectors do not fit to the collection.
        ServiceUnavailable: the catalog or the disk failed; the next try stores the rest.
    """
    made = _collection(catalog, collection, origin)
    try:
        content = parts.read(path, part, dim=made.dim)
    except DamagedPart as error:
        raise PartRefused(f"it is damaged: {error.problem}") from error
    ids = [rows.video.id for rows in content.rows]
    here = catalog.videos_by_id(made.name, ids)
    others = {key for key in here if here[key].uri != uri_of(sender, key)}
    fresh: list[VideoRows] = []
    for rows, pictures in zip(content.rows, content.pictures, strict=True):
        if rows.video.id not in others:
            thumbnails.store_all(named(made.key, rows.video.id, pictures))
            fresh.append(_of(sender, moved(rows, made.key)))
    if fresh:
        catalog.restore(made.name, fresh)
    return Received(_ids(fresh), tuple(sorted(others)), sum(len(rows.segments) for rows in fresh))


def _collection(catalog: CatalogWriter, name: str, origin: Origin) -> Collection:
    """Return the collection, made if it is missing; raise PartRefused if it has other vectors."""
    try:
        found = catalog.collection(name)
    except CollectionNotFound:
        scoring = None if origin.scoring is None else origin.scoring.value
        found = catalog.ensure_collection(
            name, origin.model, origin.dim, origin.fingerprint, scoring
        )
    if unlike := origin.unlike(found):
        raise PartRefused(unlike)
    return found


def _of(sender: str, rows: VideoRows) -> VideoRows:
    """Return a video that is at its sender: nothing here is opened by its uri."""
    return replace(rows, video=replace(rows.video, uri=uri_of(sender, rows.video.id), stamp=""))


def _ids(rows: Sequence[VideoRows]) -> tuple[str, ...]:
    return tuple(each.video.id for each in rows)
