"""A watch over the past: how often it would have fired, and a threshold that is about right."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray

from clipseek.cache import TextVectors
from clipseek.errors import InvalidQuery
from clipseek.library.collections import Collections
from clipseek.library.view import View
from clipseek.live.asking import query_of, require
from clipseek.live.events import Allowed, Event, Past, Proposal, Rule, Signal, follow
from clipseek.live.events import State as SignalState
from clipseek.live.hours import is_within
from clipseek.live.judging import Question
from clipseek.live.moments import Stream, streams
from clipseek.protocols import CatalogReader
from clipseek.recorded import seconds_of
from clipseek.senses import Senses
from clipseek.types import Named, Video
from clipseek.watches import Alert, Watch

DAY_S = 86400.0
MAX_DAYS = 31.0
SHOWN = 50
"""Alerts that are returned at most, the newest ones."""
MAX_FRAMES = 1_000_000
"""More of them in the window are refused: a million took 590 MB at most."""
_VIDEOS_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Trial:
    """What a watch would have done.

    days: How long the window is, as far as anything was recorded or indexed in it. fired: How many
    alerts there would have been; `alerts` are the last ones, newest first. proposed: None if no
    number was wanted. videos, frames: What was judged; segments count where no frames were kept.
    """

    days: float
    fired: int
    alerts: Sequence[Alert]
    proposed: Proposal | None
    videos: int
    frames: int


def tried(
    collections: Collections,
    texts: TextVectors,
    senses: Senses,
    watch: Watch,
    *,
    since: float,
    until: float,
    wanted_a_day: float | None = None,
) -> Trial:
    """Judge what was recorded or, of videos that say no time, indexed from `since` until `until`.

    Both are in seconds since 1970. A window that begins before the first video counts from there.

    Raises:
        InvalidQuery: the watch is wrong, or too much is in the window.
        CollectionNotFound: there is no such collection.
        ClipseekError: as a search does.
    """
    require(watch)
    if not 0 < until - since <= MAX_DAYS * DAY_S:
        raise InvalidQuery(
            f"days must be more than 0 and at most {MAX_DAYS:g}, got {(until - since) / DAY_S:g}"
        )
    sight = collections.latest(watch.collection)
    collection = sight.view.collection
    name = collection.name
    catalog = collections.catalog
    signals: list[Signal] = []
    times: list[Allowed] = []
    found: list[Alert] = []
    first, videos, frames, fired = math.inf, 0, 0, 0
    rule = Rule(watch.threshold, watch.margin, watch.cooldown_s)
    judge = _Judge(collections, texts, senses, watch, sight.view)
    for some in _grouped(catalog, name, watch, since, until):
        for stream, fit in judge.streams(some):
            frames += len(fit)
            if frames > MAX_FRAMES:
                raise InvalidQuery(
                    f"days must be fewer: more than {MAX_FRAMES} frames are in them; try the "
                    "watch over a shorter time or over some cameras"
                )
            signal, allowed = Signal(stream.times, fit), allows(watch, stream)
            signals.append(signal)
            times.append(allowed)
            events, _ = follow(signal, rule, SignalState(), allowed)
            new = [alert_of(watch, stream, event, signal) for event in events if event.fires]
            fired += len(new)
            found += new
        videos += len(some)
        first = min(first, *(_when(video) for video in some))
    days = (until - min(max(first, since), until)) / DAY_S if videos else (until - since) / DAY_S
    days = max(days, 1 / 24)
    proposed = None
    if wanted_a_day is not None and signals:
        past = Past(signals, () if watch.hours is None else times)
        proposed = past.proposed(
            wanted_a_day * days, margin=watch.margin, cooldown_s=watch.cooldown_s
        )
    newest = sorted(found, key=lambda alert: (alert.start_at, alert.video_id, alert.start))
    return Trial(days, fired, newest[::-1][:SHOWN], proposed, videos, frames)


class _Judge:
    """Judges videos of one collection by one watch; the query is read with the first of them."""

    def __init__(
        self, collections: Collections, texts: TextVectors, senses: Senses, watch: Watch, view: View
    ) -> None:
        self._collections, self._texts, self._senses = collections, texts, senses
        self._watch, self._view = watch, view

    @cached_property
    def _question(self) -> Question:
        collection, catalog = self._view.collection, self._collections.catalog
        model = self._collections.models.get(collection)
        query = query_of(self._watch.asked, self._watch.collection)
        return Question.of(query, collection, model, self._texts, catalog)

    def streams(self, videos: Sequence[Named]) -> list[tuple[Stream, NDArray[np.float64]]]:
        """Return the streams of some videos with their fits, some videos at a time."""
        found: dict[str, list[tuple[Stream, NDArray[np.float64]]]] = {}
        for start in range(0, len(videos), _VIDEOS_AT_ONCE):
            some = videos[start : start + _VIDEOS_AT_ONCE]
            for stream, fit in self._some(some):
                found.setdefault(stream.name or next(iter(stream.videos)), []).append((stream, fit))
        return [first.joined(fit, others) for (first, fit), *others in found.values()]

    def _some(self, videos: Sequence[Named]) -> Iterator[tuple[Stream, NDArray[np.float64]]]:
        ids, collection = [video.id for video in videos], self._view.collection
        meant = self._senses.of([self._question.query]) if len(self._view.words) else {}
        said = self._question.said(self._view, ids, meant)
        with self._collections.catalog.consistent(collection.name) as now:
            blocks = now.blocks(collection.name, video_ids=ids)
            frames = partial(now.frame_vectors, collection.name)
            found = streams(videos, blocks, collection.dim, frames)
        for stream in found:
            if len(stream.block):
                fit = self._question.fit(stream.block, stream.times, said)
                yield stream.without_vectors(), fit


def allows(watch: Watch, stream: Stream, now: float | None = None) -> Allowed:
    """Return what says whether an event that begins at a time of a stream causes an alert.

    The hours of a video that does not say when it was recorded are those at which it was indexed.
    """
    if watch.hours is None:
        return lambda _: True
    if stream.is_camera:
        return partial(is_within, watch.hours)
    (video,) = stream.videos.values()
    recorded = seconds_of(video.recorded_at)
    if recorded is not None:
        return lambda start: is_within(watch.hours, recorded + start)
    indexed = now if now is not None else _when(video)
    return lambda _: is_within(watch.hours, indexed)


def alert_of(watch: Watch, stream: Stream, event: Event, signal: Signal, made: str = "") -> Alert:
    """Return the alert of an event that begins in a stream; `made` is its id."""
    block, video_id = stream.block, str(stream.block.video_ids[event.first])
    last = event.last
    while str(block.video_ids[last]) != video_id:
        last -= 1
    best = event.best if str(block.video_ids[event.best]) == video_id else event.first
    return Alert(
        id=made,
        watch=watch.id,
        watch_name=watch.name,
        collection=watch.collection,
        video_id=video_id,
        start=float(block.spans[event.first, 0]),
        end=float(block.spans[last, 1]),
        best_time=float(block.best_times[best]),
        relevance=round(float(signal.fit[event.best]), 4),
        stream=stream.name,
        start_at=stream.wall(event.first),
        end_at=stream.wall(event.last, end=True),
        keeps=watch.keeps,
    )


def _when(video: Video | Named) -> float:
    """Return when a video was recorded or, if it does not say, indexed."""
    recorded = seconds_of(video.recorded_at)
    if recorded is not None:
        return recorded
    return seconds_of(video.indexed_at) or 0.0


def _grouped(
    catalog: CatalogReader, name: str, watch: Watch, since: float, until: float
) -> Iterator[list[Named]]:
    """Yield the videos of a window, some at once; all chunks of a camera together, in time."""
    cameras: dict[str, list[Named]] = {}
    others: list[Named] = []
    for video in catalog.names(name):
        is_there = _when(video) < until and _when(video) + video.duration > since
        if is_there and is_watched(watch, video):
            (cameras.setdefault(video.stream, []) if video.stream else others).append(video)
    for mine in cameras.values():
        yield sorted(mine, key=_when)
    for start in range(0, len(others), _VIDEOS_AT_ONCE):
        yield others[start : start + _VIDEOS_AT_ONCE]


def is_watched(watch: Watch, video: Video | Named) -> bool:
    """Whether a video is one that a watch looks at."""
    return watch.cameras is None or video.stream in watch.cameras
