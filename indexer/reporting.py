"""Gathers what a report is made of: from the catalog, the thumbnails, the history and the disk."""

from collections import defaultdict
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from clipseek.assembly import bundle_of
from clipseek.audit import Entry
from clipseek.config import Settings
from clipseek.curation.report import Facts
from clipseek.curation.report.costs import Prices, Use
from clipseek.curation.report.mapping import MOST, Map, mapped
from clipseek.curation.weekly import spread, week_of
from clipseek.drifts import Drift
from clipseek.embedding import models
from clipseek.errors import ClipseekError
from clipseek.holds import seconds_of
from clipseek.ledgers import open_audit, open_curating_reader, open_drift_reader
from clipseek.service import Service
from clipseek.types import Collection, Video
from indexer.report_pictures import Chosen, Pictures
from indexer.verbs.status import bytes_of
from indexer.videos import all_videos

DAYS, WEEKS = 28, 26
"""The newest days and weeks that are drawn."""
MONTH_S = 30 * 86400.0
_ENTRIES = 200


def gather(service: Service, *, since: float | None, prices: Prices | None, now: datetime) -> Facts:
    """Return the facts of the collection of the settings, of videos from `since` on.

    Raises:
        CollectionNotFound: there is none.
    """
    name = service.settings.collection
    shown = Pictures.of(service)  # asked before what is shown is read
    collection = service.catalog.collection(name)
    every = list(all_videos(service.catalog, name))
    videos = [video for video in every if since is None or _began(video) >= since]
    map_, pictures, no_map = _map(service, collection, videos, shown)
    ingests = _ingests(service.settings, collection)
    hours = _hours(videos)
    weeks = _weeks(videos)
    return Facts(
        about=_about(collection, videos, every, since),
        hours=hours,
        days=sorted({day for by_day in hours.values() for day in by_day})[-DAYS:],
        weeks=weeks,
        tags=_tags(service.settings, videos, weeks),
        map=map_,
        no_map=no_map,
        pictures=pictures,
        drifts=_drifts(service.settings),
        index=_index(service, collection),
        ingests=ingests,
        use=_use(service, every, ingests, now),
        prices=prices,
        notes=[*_notes(collection), *shown.notes],
    )


def _began(video: Video) -> float:
    return seconds_of(video.recorded_at or video.indexed_at)


def _about(
    collection: Collection, videos: Sequence[Video], every: Sequence[Video], since: float | None
) -> list[tuple[str, str]]:
    seconds = sum(video.duration for video in videos)
    began = [_began(video) for video in videos]
    cameras = {video.stream for video in videos if video.stream}
    said = [
        ("collection", collection.name),
        ("model", f"{collection.model} ({collection.dim} dimensions)"),
        ("videos", f"{len(videos)}" + ("" if since is None else f" of {len(every)}")),
        ("hours of video", f"{seconds / 3600:.2f}"),
        ("segments that can be searched", f"{sum(video.segments for video in videos)}"),
        ("version of the collection", str(collection.version)),
    ]
    if cameras:
        said.append(("cameras", str(len(cameras))))
    damaged = sum(video.state == "incomplete" for video in videos)
    if damaged:
        said.append(("videos that are damaged in part", str(damaged)))
    undated = sum(not video.recorded_at for video in videos)
    if began:
        said.append(("from", f"{_day(min(began))} to {_day(max(began))}"))
    if undated:
        said.append(("dated by when they were indexed", f"{undated}: their files have no date"))
    return said


def _notes(collection: Collection) -> list[str]:
    if collection.model != "demo":
        return []
    return [
        "The demo model knows its cartoon world alone: of other videos, the names of the groups, "
        "what is near on the map and the relevance of answers mean nothing."
    ]


def _day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d")


def group_of(video: Video) -> str:
    """Return the camera of a video, or the name of the folder that it is in."""
    return video.stream or video.uri.rpartition("/")[0] or "/"


def _hours(videos: Sequence[Video]) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for video in videos:
        found[group_of(video)][_day(_began(video))] += video.duration / 3600
    return {group: dict(by_day) for group, by_day in found.items()}


def _weeks(videos: Sequence[Video]) -> list[str]:
    return sorted({week_of(_began(video)) for video in videos})[-WEEKS:]


def _tags(
    settings: Settings, videos: Sequence[Video], weeks: Sequence[str]
) -> dict[str, list[int]]:
    """Return how often each tag was given in each week: to videos, and to spans by rules."""
    place = {week: i for i, week in enumerate(weeks)}
    row = {video.id: place.get(week_of(_began(video))) for video in videos}
    found: dict[str, list[int]] = defaultdict(lambda: [0] * len(weeks))
    for video in videos:
        for tag in video.tags:
            _count(found[tag], row[video.id])
    with closing(open_curating_reader(settings)) as curating:
        for each in curating.tags(settings.collection):
            if each.state != "rejected" and each.video_id in row:
                _count(found[each.rule], row[each.video_id])
    return dict(found)


def _count(counts: list[int], row: int | None) -> None:
    if row is not None:
        counts[row] += 1


def _map(
    service: Service, collection: Collection, videos: Sequence[Video], shown: Pictures
) -> tuple[Map | None, list[list[bytes]], str]:
    """Return the map, pictures of its groups, and why there is no map."""
    chosen = _chosen(service, videos)
    if len(chosen.vectors) < 8:
        return None, [], "There are fewer than 8 segments: too few for a map."
    try:
        bank, sentences = _bank(service.settings, collection)
    except ClipseekError as error:
        return None, [], f"No map, because its groups cannot be named: {error}"
    found = mapped(chosen.vectors, bank, sentences)
    pictures = [shown.typical(chosen, group.rows) for group in found.groups]
    return found, pictures, ""


def _bank(settings: Settings, collection: Collection) -> tuple[NDArray[np.float32], list[str]]:
    """Return the vectors of the everyday sentences, and these, by the model of a collection."""
    bundle = bundle_of(settings, collection)
    bank, sentences = bundle.bank(), models.bank_captions()
    count = min(len(bank), len(sentences))  # a bundle of an older bank has its first sentences
    return bank[:count], sentences[:count]


def _chosen(service: Service, videos: Sequence[Video]) -> Chosen:
    """Return at most `MOST` segments, evenly from all; memory is that of these and one block."""
    name = service.settings.collection
    kept = {video.id for video in videos}
    total = sum(video.segments for video in videos)
    rows = spread(total, MOST)
    vectors, ids, times, passed = [], list[str](), [], 0
    for block in service.catalog.blocks(name):
        own = np.flatnonzero([video in kept for video in block.video_ids.tolist()])
        some = own[rows[(rows >= passed) & (rows < passed + len(own))] - passed]
        passed += len(own)
        vectors.append(block.vectors[some])
        ids += block.video_ids[some].tolist()
        times.append(block.best_times[some])
    if not ids:
        return Chosen(np.zeros((0, 1), np.float32), (), np.zeros(0))
    return Chosen(np.concatenate(vectors), tuple(ids), np.concatenate(times))


def _drifts(settings: Settings) -> list[Drift]:
    with closing(open_drift_reader(settings)) as drifts:
        return drifts.drifts(settings.collection)


def _index(service: Service, collection: Collection) -> list[tuple[str, str]]:
    manifest = service.indexes.manifest(collection.key)
    if manifest is None:
        return [("snapshot", "none: searches read the catalog; `indexer build` makes one")]
    return [
        ("kind", manifest.kind),
        ("vectors", f"{manifest.count:,}"),
        ("bytes of a vector", str(manifest.bytes_per_vector)),
        ("recall@10 against exact search", f"{manifest.recall_at_10:.4f}"),
        ("built, UTC", manifest.created_at[:16].replace("T", " ")),
        ("changes since", str(collection.version - manifest.version)),
    ]


def _ingests(settings: Settings, collection: Collection) -> list[Entry]:
    """Return the ingests of a collection that have ended, the newest first."""
    with closing(open_audit(settings, read_only=True)) as audit:
        entries = audit.history(
            collections=sorted({collection.name, settings.collection}), limit=_ENTRIES
        )
    return [entry for _, entry in entries if entry.work is not None and entry.work.kind == "ingest"]


def _use(service: Service, every: Sequence[Video], ingests: Sequence[Entry], now: datetime) -> Use:
    hours = sum(video.duration for video in every) / 3600
    newest = now.timestamp() - MONTH_S
    coming = sum(v.duration for v in every if seconds_of(v.indexed_at) >= newest) / 3600
    works = [entry.work for entry in ingests if entry.work is not None]
    video_s = sum(work.video_s for work in works)
    taken = sum(work.seconds for work in works if work.video_s)
    key = service.catalog.collection(service.settings.collection).key
    stored = bytes_of(service.settings, key)
    return Use(
        bytes={**stored, "videos": sum(video.size_bytes for video in every)},
        hours=hours,
        hours_a_month=coming,
        compute_s_per_hour=3600 * taken / video_s if video_s else None,
    )
