"""The statements of a writing transaction: each function runs inside one that is open.

`schema.hold` comes first in each, and then `lock`, which resolves an alias and locks the row of the
collection until the commit (in SQLite the whole database is locked already): a second writer waits
there until the first has committed or rolled back, and then continues from what was committed. So
versions are committed in order and without gaps, and a reader of all changes up to 17 never
misses a 16 that is committed later.
"""

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from itertools import count, islice

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from clipseek.catalog import upserts
from clipseek.catalog.collection_rows import as_collection, collection_row
from clipseek.catalog.object_rows import insert_objects
from clipseek.catalog.rows import now, require_alias
from clipseek.catalog.tables import (
    aliases,
    behind,
    changes,
    claims,
    collections,
    frame_vectors,
    leftovers,
    segments,
    tags,
    texts,
    videos,
)
from clipseek.errors import CollectionNotFound
from clipseek.stored import VideoRows
from clipseek.timed import TimedText
from clipseek.types import ChangeKind, Collection, Relevance, Scoring

_AT_ONCE = 10_000  # rows that are updated by one call


def make_collection(
    connection: Connection,
    name: str,
    model: str,
    *,
    dim: int,
    fingerprint: str,
    scoring: Scoring | None,
) -> None:
    """Insert a collection without changes, unless another process was quicker."""
    values = {
        "key": _free_key(connection, name),
        "name": name,
        "model": model,
        "dim": dim,
        "fingerprint": fingerprint,
        "version": 0,
        "scoring": None if scoring is None else asdict(scoring),
        "scored_at": 0,
        "epoch": secrets.token_hex(16),
    }
    connection.execute(delete(leftovers).where(leftovers.c.key == values["key"]))
    made = upserts.into(connection, collections)
    connection.execute(made.values(values).on_conflict_do_nothing())


def free_name(connection: Connection, name: str) -> str:
    """Return the name with the least number that makes it neither a name nor a key."""
    both = connection.execute(select(collections.c.key, collections.c.name)).all()
    taken = {text for row in both for text in row}
    return next(key for key in (f"{name}.{number}" for number in count(2)) if key not in taken)


def _free_key(connection: Connection, name: str) -> str:
    """Return the name, or if a collection of another name has this key, the name with a number."""
    other = (collections.c.key == name, collections.c.name != name)
    is_taken = connection.scalar(select(collections.c.key).where(*other)) is not None
    return free_name(connection, name) if is_taken else name


def set_alias(connection: Connection, name: str, collection: str) -> None:
    """Let a name stand for a collection, instead of for another one.

    Raises:
        CollectionNotFound: no collection has this name itself.
        ValueError: the name is that of a collection.
    """
    query = select(collections.c.name, collections.c.key).where(
        collections.c.name.in_((name, collection))
    )
    found = {row.name: row.key for row in connection.execute(query.with_for_update(key_share=True))}
    if collection not in found:
        raise CollectionNotFound(collection)
    require_alias(name, is_collection=name in found)
    made = upserts.into(connection, aliases)
    # One statement: of two processes that switch a name at the same time, the last one wins.
    connection.execute(
        made.values(name=name, collection=found[collection]).on_conflict_do_update(
            index_elements=[aliases.c.name], set_={"collection": found[collection]}
        )
    )


def remove_collection(connection: Connection, name: str) -> None:
    """Delete a collection, given by its own name, with its videos, its changes and its aliases.

    Raises:
        CollectionNotFound: no collection has this name itself.
    """
    found = lock(connection, name)
    if found.name != name:
        raise CollectionNotFound(name)
    # What refers to it is kept waiting, too: a claim that is made now could not be deleted below.
    connection.execute(collection_row(name).with_for_update())
    for table in (videos, changes, aliases, claims):
        connection.execute(delete(table).where(table.c.collection == found.key))
    connection.execute(delete(collections).where(collections.c.key == found.key))
    connection.execute(delete(leftovers).where(leftovers.c.key == found.key))
    connection.execute(insert(leftovers).values(key=found.key))


def key_of(connection: Connection, name: str) -> str:
    """Return the key of the collection that has a name or an alias; raise CollectionNotFound."""
    key: str | None = connection.scalar(select(behind(name)))
    if key is None:
        raise CollectionNotFound(name)
    return key


def lock(connection: Connection, name: str) -> Collection:
    """Keep other writers of a collection waiting; return it, by its own name.

    Claims, which only refer to it, do not wait.

    Raises:
        CollectionNotFound: there is no collection and no alias with this name.
    """
    query = collection_row(name).with_for_update(key_share=True)
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        raise CollectionNotFound(name)
    return as_collection(row)


def next_version(connection: Connection, collection: str) -> int:
    """Increment the version of a collection, which is given by its key."""
    version: int = connection.execute(
        update(collections)
        .where(collections.c.key == collection)
        .values(version=collections.c.version + 1)
        .returning(collections.c.version)
    ).scalar_one()
    return version


def note(
    connection: Connection,
    collection: str,
    version: int,
    kind: ChangeKind,
    video_id: str | None = None,
) -> None:
    """Write down what the version changed."""
    connection.execute(
        insert(changes).values(
            collection=collection, version=version, kind=kind, video_id=video_id, at=now()
        )
    )


def prune(connection: Connection, collection: str, version: int) -> None:
    """Delete the changes up to a version, except the last one."""
    last = select(collections.c.version).where(collections.c.key == collection)
    connection.execute(
        delete(changes).where(
            changes.c.collection == collection,
            changes.c.version <= version,
            changes.c.version < last.scalar_subquery(),
        )
    )


def evict(connection: Connection, collection: str, uri: str, *, keep: str) -> bool:
    """Remove the video that was indexed from `uri`, unless it is `keep`; say whether one was."""
    removed = connection.scalar(
        delete(videos)
        .where(videos.c.collection == collection, videos.c.uri == uri, videos.c.id != keep)
        .returning(videos.c.id)
    )
    if removed is not None:
        note(connection, collection, next_version(connection, collection), "remove", removed)
    return removed is not None


def delete_video(connection: Connection, collection: str, video_id: str) -> bool:
    """Delete a video with its segments and frame vectors; say whether there was one."""
    result = connection.execute(
        delete(videos).where(videos.c.collection == collection, videos.c.id == video_id)
    )
    return result.rowcount > 0


def title_and_tags(
    connection: Connection, collection: str, video_id: str
) -> tuple[str, list[str]] | None:
    """Return the title and the tags of a video, None if there is no such video."""
    query = select(videos.c.title, videos.c.tags)
    this = (videos.c.collection == collection, videos.c.id == video_id)
    row = connection.execute(query.where(*this)).one_or_none()
    return None if row is None else (row.title, row.tags)


def retitle(connection: Connection, collection: str, video_id: str, title: str) -> None:
    """Write another title of a video."""
    this = (videos.c.collection == collection, videos.c.id == video_id)
    connection.execute(update(videos).where(*this).values(title=title))


def retag(connection: Connection, collection: str, video_id: str, given: Sequence[str]) -> None:
    """Write other tags of a video. Its segments get new ids: views know tags by segments."""
    this = (videos.c.collection == collection, videos.c.id == video_id)
    connection.execute(update(videos).where(*this).values(tags=list(given)))
    connection.execute(
        delete(tags).where(tags.c.collection == collection, tags.c.video_id == video_id)
    )
    _insert_tags(connection, collection, video_id, given)
    own = (segments.c.collection == collection, segments.c.video_id == video_id)
    last = connection.scalar(select(func.max(segments.c.id)).where(*own))
    if last is None:
        return
    copied = [column for column in segments.c if column.name != "id"]
    again = select(*copied).where(*own).order_by(segments.c.id)
    connection.execute(insert(segments).from_select(copied, again))
    connection.execute(delete(segments).where(*own, segments.c.id <= last))


def _insert_tags(
    connection: Connection, collection: str, video_id: str, given: Sequence[str]
) -> None:
    if given:
        connection.execute(
            insert(tags),
            [
                {"collection": collection, "tag": tag, "video_id": video_id}
                for tag in dict.fromkeys(given)
            ],
        )


def insert_video(
    connection: Connection, collection: str, rows: VideoRows, *, indexed_at: str | None = None
) -> None:
    """Write the rows of one video, indexed now unless `indexed_at` says when.

    Segment ids ascend in the order that they are given in.
    """
    video = rows.video
    connection.execute(
        insert(videos).values(
            collection=collection,
            id=video.id,
            uri=video.uri,
            title=video.title,
            duration=video.duration,
            width=video.width,
            height=video.height,
            size_bytes=video.size_bytes,
            stamp=video.stamp,
            frame_rate=video.frame_rate,
            coding=video.coding,
            timecode=video.timecode,
            recorded_at=video.recorded_at,
            stream=video.stream,
            state=video.state,
            reason=video.reason,
            tags=list(video.tags),
            segments=video.segments,
            indexed_at=now() if indexed_at is None else indexed_at,
        )
    )
    if rows.frames is not None:
        connection.execute(
            insert(frame_vectors).values(
                collection=collection,
                video_id=video.id,
                times=rows.frames.times.tobytes(),
                vectors=rows.frames.vectors.tobytes(),
            )
        )
    _insert_tags(connection, collection, video.id, video.tags)
    if rows.segments:
        connection.execute(insert(segments), segment_rows(collection, rows))
    for text in rows.texts:
        _insert_text(connection, collection, video.id, text)
    if rows.objects is not None:
        insert_objects(connection, collection, video.id, rows.objects)


def replace_text(
    connection: Connection, collection: str, video_id: str, text: TimedText
) -> bool | None:
    """Write what one field of a video says; say whether it says something else than before.

    Another meaning counts as something else. None if there is no such video.
    """
    this = (videos.c.collection == collection, videos.c.id == video_id)
    if connection.scalar(select(videos.c.id).where(*this)) is None:
        return None
    own = (
        texts.c.collection == collection,
        texts.c.video_id == video_id,
        texts.c.field == text.field,
    )
    before = connection.execute(select(texts.c.cues, texts.c.model).where(*own)).first()
    connection.execute(delete(texts).where(*own))
    _insert_text(connection, collection, video_id, text)
    cues, model = before or ([], None)
    return (cues, model) != ([list(cue) for cue in text.cues], _model_of(text))


def _insert_text(connection: Connection, collection: str, video_id: str, text: TimedText) -> None:
    connection.execute(
        insert(texts).values(
            collection=collection,
            video_id=video_id,
            field=text.field,
            stamp=text.stamp,
            cues=[list(cue) for cue in text.cues],
            model=_model_of(text),
            vectors=None if text.meaning is None else text.meaning.vectors,
        )
    )


def _model_of(text: TimedText) -> str | None:
    return None if text.meaning is None else text.meaning.model


def segment_rows(collection: str, rows: VideoRows) -> list[dict[str, object]]:
    """Return the rows of the segments of a video, as they are inserted."""
    return [
        {
            "collection": collection,
            "video_id": rows.video.id,
            "field": row.field,
            "start": row.span.start,
            "end": row.span.end,
            "best_time": row.best_time,
            "bias": row.bias,
            "thumbnail": row.thumbnail,
            "vector": row.vector.tobytes(),
            "begins_shot": row.begins_shot,
        }
        for row in rows.segments
    ]


def store_relevance(connection: Connection, collection: str, relevance: Relevance) -> None:
    """Write the fitted constants into the collection's row."""
    constants = {
        "scale": float(relevance.scale),
        "offset": float(relevance.offset),
        "fitted": bool(relevance.fitted),
    }
    connection.execute(
        update(collections).where(collections.c.key == collection).values(relevance=constants)
    )


def store_scoring(
    connection: Connection, collection: str, version: int, scoring: Scoring, *, keep_fitted: bool
) -> None:
    """Write what all biases are made by from this version on into the collection's row."""
    values: dict[str, object] = {"scoring": asdict(scoring), "scored_at": version}
    if not keep_fitted:
        values["relevance"] = None
    connection.execute(update(collections).where(collections.c.key == collection).values(values))


def store_biases(connection: Connection, rows: Iterable[tuple[int, float]]) -> None:
    """Write the biases of segments, given by their ids."""
    statement = (
        update(segments)
        .where(segments.c.id == bindparam("segment"))
        .values(bias=bindparam("evidence"))
    )
    remaining = ({"segment": number, "evidence": bias} for number, bias in rows)
    while some := list(islice(remaining, _AT_ONCE)):
        connection.execute(statement, some)
