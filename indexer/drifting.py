"""Reads what is compared of the weeks of a collection: sampled frames, thumbnails and tags."""

import io
import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
from PIL import Image

from clipseek.curation import drift, quality, weekly
from clipseek.curation.weekly import FRAMES, WEEKS, Week, spread, week_of
from clipseek.drifts import Drift
from clipseek.errors import ServiceUnavailable, VideoNotFound
from clipseek.holds import seconds_of
from clipseek.service import Service
from clipseek.types import Segment, Video
from indexer.videos import all_videos

By = Literal["camera", "folder", "collection"]
HOUR_S = 3600.0
MOST_GROUPS = 1000
"""More cameras or folders of one collection are not measured: each takes some seconds."""


def groups(service: Service, by: By | None) -> dict[str, list[Video]]:
    """Return the videos of the collection by the camera, folder or collection that they are of.

    By default videos of a camera are grouped by it, and others by the folder that they are in.
    """
    name = service.settings.collection
    found: dict[str, list[Video]] = defaultdict(list)
    for video in all_videos(service.catalog, name):
        group = _group(video, by, name)
        if group is not None:
            found[group].append(video)
    return {group: found[group] for group in sorted(found)}


def _group(video: Video, by: By | None, collection: str) -> str | None:
    if by == "collection":
        return collection
    if by == "camera" or (by is None and video.stream):
        return video.stream or None
    return video.uri.rpartition("/")[0] or "/"


def measure(service: Service, group: str, videos: Sequence[Video], weeks: int) -> list[Drift]:
    """Judge the newest weeks of a group by those before them."""
    of_week: dict[str, list[tuple[float, Video]]] = defaultdict(list)
    for video in videos:
        began = seconds_of(video.recorded_at or video.indexed_at)
        of_week[week_of(began)].append((began, video))
    looked = sorted(of_week)[-(weeks + WEEKS) :]
    numbers = _Numbers()
    read = [_week(service, week, sorted(of_week[week], key=_first), numbers) for week in looked]
    is_camera = bool(videos) and all(video.stream for video in videos)
    return weekly.judge(group, read, is_camera=is_camera)[-weeks:]


def _first(found: tuple[float, Video]) -> tuple[float, str]:
    return found[0], found[1].id


class _Numbers:
    """The numbers of blocks: an hour of a camera, or a video that is not of a camera."""

    def __init__(self) -> None:
        self._known: dict[str, int] = {}

    def of(self, video: Video, seconds: float) -> int:
        """Return the number of the block that a moment of a video is in."""
        name = f"{video.stream}/{seconds // HOUR_S:.0f}" if video.stream else video.id
        return self._known.setdefault(name, len(self._known))


def _week(
    service: Service, week: str, videos: Sequence[tuple[float, Video]], numbers: _Numbers
) -> Week:
    chosen = [videos[row] for row in spread(len(videos), FRAMES)]
    each = math.ceil(FRAMES / len(chosen))
    vectors, blocks, still, seconds = [], [], 0.0, 0.0
    looks: list[quality.Look] = []
    look_blocks: list[int] = []
    for began, video in chosen:
        try:
            times, rows = _frames(service, video)
            segments = service.catalog.segments(service.settings.collection, video.id)
        except VideoNotFound:  # removed meanwhile
            continue
        if not len(times):
            continue
        still += video.duration * quality.still_share(times, rows, video.duration)
        seconds += video.duration
        some = spread(len(times), each)
        vectors.append(rows[some])
        blocks += [numbers.of(video, began + times[row]) for row in some]
        for shown in _shown(segments, times[some]):
            if (look := _look(service, shown.thumbnail)) is not None:
                looks.append(look)
                look_blocks.append(numbers.of(video, began + shown.best_time))
    dim = service.catalog.collection(service.settings.collection).dim
    return Week(
        week=week,
        videos=len(videos),
        frames=drift.Sample(
            np.concatenate(vectors) if vectors else np.zeros((0, dim), np.float32),
            np.array(blocks, np.int64),
        ),
        looks=looks,
        look_blocks=np.array(look_blocks, np.int64),
        still=still / seconds if seconds else 0.0,
        tags=Counter(tag for _, video in videos for tag in video.tags),
    )


def _frames(service: Service, video: Video) -> tuple[np.ndarray, np.ndarray]:
    """Return times and vectors of the sampled frames, or of segments if those were not kept."""
    name = service.settings.collection
    times, vectors = service.catalog.frame_vectors(name, video.id)
    if len(times):
        return times, vectors
    blocks = list(service.catalog.blocks(name, video_ids=[video.id]))
    if not blocks:
        return times, vectors
    best = np.concatenate([block.best_times for block in blocks])
    order = np.argsort(best, kind="stable")
    return best[order], np.concatenate([block.vectors for block in blocks])[order]


def _shown(segments: Sequence[Segment], times: np.ndarray) -> Iterator[Segment]:
    """Yield the segments that some moments are in, each once."""
    starts = [segment.span.start for segment in segments]
    if segments:
        rows = np.searchsorted(starts, times, side="right") - 1
        yield from (segments[row] for row in np.unique(np.maximum(rows, 0)))


def _look(service: Service, thumbnail: str) -> quality.Look | None:
    """Measure a thumbnail; None if there is no readable picture of this name."""
    try:
        jpeg = service.thumbnails.read(thumbnail)
        with Image.open(io.BytesIO(jpeg)) as picture:
            picture.draft("L", (2 * quality.WIDTH, 2 * quality.WIDTH))
            return quality.look(picture)
    except (OSError, ServiceUnavailable):
        return None
