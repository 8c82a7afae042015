"""Watching: judges what is new in each collection that is watched, and stores what was found."""

import logging
import math
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from clipseek.cache import TextVectors
from clipseek.errors import ClipseekError, RequestError
from clipseek.library.collections import Collections
from clipseek.live.asking import query_of
from clipseek.live.events import Event, Rule, Signal, State, follow
from clipseek.live.judging import Question
from clipseek.live.moments import Stream, streams
from clipseek.live.trying import alert_of, allows, is_watched
from clipseek.protocols import CatalogReader
from clipseek.recorded import seconds_of
from clipseek.senses import Senses
from clipseek.spoken import Spoken
from clipseek.types import Collection, Video
from clipseek.watches import Alert, Findings, Longer, StreamState, Turn, Watch, WatchStore

LEASE_S = 10.0
"""Seconds without a sign of life after which another process has the turn of a collection."""
VIDEOS_AT_ONCE = 64
AGAIN_S = 60.0
"""Seconds after which a watch is tried again whose query could not be read."""
_SILENT = frozenset({"remove", "relocate", "calibrate"})
"""Changes after which a video shows and says nothing that it did not before."""

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Found:
    """What one step of judging has found so far."""

    alerts: list[Alert] = field(default_factory=list)
    longer: list[Longer] = field(default_factory=list)
    states: dict[tuple[str, str], StreamState] = field(default_factory=dict)

    def findings(self) -> Findings:
        """Return what is to be stored."""
        return Findings(self.alerts, self.longer, self.states)


@dataclass(frozen=True, slots=True)
class _Read:
    """A watch whose query was read, or the reason why not. made_of: What that depends on."""

    made_of: object
    question: Question | None
    at: float


class Watching:
    """Judges what is new, for one thread. `owner` names the process.

    now: The clock of this machine, in seconds since 1970.
    """

    def __init__(
        self,
        collections: Collections,
        texts: TextVectors,
        senses: Senses,
        store: WatchStore,
        *,
        owner: str,
        lease_s: float = LEASE_S,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._collections, self._texts, self._senses = collections, texts, senses
        self._store, self._owner, self._lease_s, self._now = store, owner, lease_s, now
        self._turns: dict[str, tuple[Turn, float]] = {}
        self._read: dict[str, _Read] = {}
        self._before: dict[tuple[str, str], str] = {}
        self._told: dict[str, str] = {}

    def turn(self) -> int:
        """Judge what is new in every collection that is watched; return how many alerts came.

        What is wrong with one collection keeps no other back: it is tried again with the next turn.
        """
        on = [watch for watch in self._store.watches() if watch.is_on]
        count = 0
        for collection, watches in self._grouped(on):
            try:
                count += self._judge(collection, watches)
            except ClipseekError as error:
                self._tell(collection.key, f"collection {collection.name}: {error}")
            else:
                self._told.pop(collection.key, None)
        self._read = {watch.id: self._read[watch.id] for watch in on if watch.id in self._read}
        return count

    def close(self) -> None:
        """Give up the turns, so that another process goes on at once."""
        if self._turns:
            self._store.release(self._owner)
            self._turns.clear()

    def _grouped(self, on: Sequence[Watch]) -> list[tuple[Collection, list[Watch]]]:
        """Return the collections that are watched, each with its watches."""
        if not on:
            return []
        catalog = self._collections.catalog
        names = {watch.collection for watch in on}
        behind = {**{name: name for name in names}, **catalog.aliases(sorted(names))}
        known = {collection.name: collection for collection in catalog.collections()}
        groups: dict[str, list[Watch]] = {}
        for watch in on:
            if behind[watch.collection] in known:
                groups.setdefault(behind[watch.collection], []).append(watch)
        return [(known[name], mine) for name, mine in groups.items()]

    def _judge(self, collection: Collection, watches: Sequence[Watch]) -> int:
        """Judge what is new in one collection, some videos at a time, if this process may."""
        turn = self._turn_of(collection)
        if turn is None or turn.version == collection.version:
            return 0
        count = 0
        with self._collections.catalog.consistent(collection.name) as now:
            current = now.collection(collection.name)
            if (current.key, current.epoch) != (collection.key, collection.epoch):
                return 0
            for version, ids in _steps(now, current, turn, min(w.since for w in watches)):
                found = self._step(now, current, ids, watches)
                if not self._store.commit(turn, version, found, self._lease_s):
                    self._turns.pop(collection.key, None)
                    return count
                turn = replace(turn, version=version)
                self._turns[collection.key] = turn, self._now()
                count += len(found.alerts)
        return count

    def _turn_of(self, collection: Collection) -> Turn | None:
        """Return the turn of a collection, renewed in time; None if another process has it."""
        turn, at = self._turns.get(collection.key, (None, -math.inf))
        is_held = turn is not None and turn.epoch == collection.epoch
        if is_held and self._now() - at < self._lease_s / 3:
            return turn
        turn = self._store.take(self._owner, collection.key, collection.epoch, self._lease_s)
        if turn is None:
            self._turns.pop(collection.key, None)
        else:
            self._turns[collection.key] = turn, self._now()
        return turn

    def _step(
        self,
        now: CatalogReader,
        collection: Collection,
        ids: Sequence[str],
        watches: Sequence[Watch],
    ) -> Findings:
        """Judge some videos by all watches."""
        name, found = collection.name, _Found()
        videos = {
            key: video
            for key, video in now.videos_by_id(name, ids).items()
            if any(_is_new(watch, video) for watch in watches)
        }
        if not videos:
            return found.findings()
        self._add_chunks_before(now, collection, videos)
        questions = [
            (watch, question)
            for watch in watches
            if (question := self._question(watch, collection)) is not None
        ]
        ids = list(videos)
        has_others = bool(now.text_stamps(name, ids) or now.object_stamps(name, ids))
        said = {
            watch.id: self._said(question, collection, ids) if has_others else []
            for watch, question in questions
        }
        states = self._store.states([watch.id for watch, _ in questions])
        blocks = now.blocks(name, video_ids=list(videos))
        frames = partial(now.frame_vectors, name)
        for stream in streams(videos.values(), blocks, collection.dim, frames):
            if not len(stream.block):
                continue
            for watch, question in questions:
                if not is_watched(watch, next(iter(stream.videos.values()))):
                    continue
                fit = question.fit(stream.block, stream.times, said[watch.id])
                signal = Signal(stream.times, fit)
                if stream.is_camera:
                    state = states.get((watch.id, stream.name), StreamState())
                    self._follow_camera(watch, stream, signal, state, found)
                else:
                    self._follow_video(watch, stream, signal, found)
        return found.findings()

    def _follow_camera(
        self, watch: Watch, stream: Stream, signal: Signal, state: StreamState, found: _Found
    ) -> None:
        """Go on where a camera was judged last."""
        begin = max(state.until, watch.since)
        rows = (stream.times[:, 1] > begin).nonzero()[0]
        if not len(rows):
            return
        new = replace(stream, block=stream.block.taken(rows), times=stream.times[rows])
        signal = Signal(signal.spans[rows], signal.fit[rows])
        rule = Rule(watch.threshold, watch.margin, watch.cooldown_s)
        before = State(state.until, state.is_up, state.fired_at)
        events, after = follow(signal, rule, before, allows(watch, new))
        alert = state.alert if state.is_up else ""
        for event in events:
            if not event.is_new:
                self._lengthen(alert, new, event, signal, found)
            elif event.fires:
                made = alert_of(watch, new, event, signal, secrets.token_hex(12))
                found.alerts.append(made)
                alert = made.id
            else:
                alert = ""
        found.states[watch.id, stream.name] = StreamState(
            after.until, after.is_up, alert if after.is_up else "", after.fired_at
        )

    def _lengthen(
        self, alert_id: str, stream: Stream, event: Event, signal: Signal, found: _Found
    ) -> None:
        """Note that the event of an alert goes on; in another file only its end is noted."""
        if not alert_id:
            return
        try:
            alert = self._store.alert(alert_id)
        except RequestError:
            return  # it was deleted
        rows = range(event.first, event.last + 1)
        mine = [row for row in rows if str(stream.block.video_ids[row]) == alert.video_id]
        end, best_time, relevance = alert.end, alert.best_time, alert.relevance
        if mine:
            end = max(end, float(stream.block.spans[mine[-1], 1]))
            best = max(mine, key=lambda row: float(signal.fit[row]))
            if float(signal.fit[best]) > relevance:
                best_time = float(stream.block.best_times[best])
                relevance = round(float(signal.fit[best]), 4)
        end_at = stream.wall(event.last, end=True)
        found.longer.append(Longer(alert_id, end, best_time, relevance, end_at))

    def _follow_video(self, watch: Watch, stream: Stream, signal: Signal, found: _Found) -> None:
        """Judge a whole video; an event that has its alert already causes no other."""
        ((video_id, video),) = stream.videos.items()
        if not isinstance(video, Video) or not _is_new(watch, video):
            return
        rule = Rule(watch.threshold, watch.margin, watch.cooldown_s)
        events, _ = follow(signal, rule, State(), allows(watch, stream))
        if not (firing := [event for event in events if event.fires]):
            return
        known = self._store.alerts_of(watch.id, [video_id])
        for event in firing:
            made = alert_of(watch, stream, event, signal, secrets.token_hex(12))
            if not any(made.start < each.end and each.start < made.end for each in known):
                found.alerts.append(made)

    def _question(self, watch: Watch, collection: Collection) -> Question | None:
        """Return the question of a watch by the model of the collection, read once.

        None if it cannot be read: the moment that it compares with may have been removed.
        """
        which = collection.key, collection.epoch, collection.fingerprint
        made_of = (*which, collection.scoring, collection.relevance, watch.asked)
        known = self._read.get(watch.id)
        is_known = known is not None and known.made_of == made_of
        if known and is_known and (known.question or self._now() - known.at < AGAIN_S):
            return known.question
        model = self._collections.models.get(collection)
        question = None
        try:
            query = query_of(watch.asked, watch.collection)
            catalog = self._collections.catalog
            question = Question.of(query, collection, model, self._texts, catalog)
        except RequestError as error:
            self._tell(watch.id, f"watch {watch.name!r} cannot be judged: {error}")
        else:
            self._told.pop(watch.id, None)
        self._read[watch.id] = _Read(made_of, question, self._now())
        return question

    def _said(
        self, question: Question, collection: Collection, videos: Sequence[str]
    ) -> list[Spoken]:
        """Return what is said in some videos; the view knows the words of the collection."""
        if not question.query.asks_text:
            return []
        view = self._collections.latest(collection.name).view
        if view.version < collection.version:
            self._collections.refresh()
            view = self._collections.latest(collection.name).view
        return question.said(view, videos, self._senses.of([question.query]))

    def _add_chunks_before(
        self, now: CatalogReader, collection: Collection, videos: dict[str, Video]
    ) -> None:
        """Add the chunk before the first one of each camera, where a sequence may have begun."""
        cameras: dict[str, list[Video]] = {}
        for video in videos.values():
            if video.stream:
                cameras.setdefault(video.stream, []).append(video)
        wanted = []
        for name, mine in cameras.items():
            newest = max(mine, key=lambda video: video.recorded_at)
            before = self._before.get((collection.key, name), "")
            if before and before not in videos:
                wanted.append(before)
            if before != newest.id:
                self._before[collection.key, name] = newest.id
        videos.update(now.videos_by_id(collection.name, wanted))

    def _tell(self, about: str, sentence: str) -> None:
        """Log a sentence, once while it stays the same."""
        if self._told.get(about) != sentence:
            self._told[about] = sentence
            log.warning("watching goes on, after: %s", sentence)


def _is_new(watch: Watch, video: Video) -> bool:
    """Whether a watch may fire for a video; of a camera it is decided frame by frame.

    Videos say to the second when they were indexed.
    """
    if video.stream:
        return is_watched(watch, video)
    indexed = seconds_of(video.indexed_at)
    return is_watched(watch, video) and indexed is not None and indexed >= math.floor(watch.since)


def _steps(
    now: CatalogReader, collection: Collection, turn: Turn, since: float
) -> Iterator[tuple[int, list[str]]]:
    """Yield videos that have changed, some at a time, and up to which version that judges.

    If changes are not known any more, because nobody judged for long, all videos that were indexed
    since then are looked at. Before the first turn, those since the first watch was made.
    """
    changes = now.changes(collection.name, turn.version) if turn.version >= 0 else []
    if turn.version < 0 or (changes and changes[0].version != turn.version + 1):
        limit = since if turn.version < 0 else max(since, turn.at - LEASE_S)
        yield from _recent(now, collection, turn, math.floor(limit))
        return
    ids: dict[str, None] = {}
    version = turn.version
    for change in changes:
        if len(ids) >= VIDEOS_AT_ONCE:
            yield version, list(ids)
            ids = {}
        version = change.version
        if change.kind not in _SILENT and change.video_id is not None:
            ids[change.video_id] = None
    yield collection.version, list(ids)


def _recent(
    now: CatalogReader, collection: Collection, turn: Turn, since: float
) -> Iterator[tuple[int, list[str]]]:
    """Yield the videos that were indexed, or recorded, since a time; of cameras in time's order."""
    found = []
    for video in now.names(collection.name):
        indexed = seconds_of(video.indexed_at) or 0.0
        recorded = (seconds_of(video.recorded_at) or 0.0) + video.duration if video.stream else 0.0
        if max(indexed, recorded) >= since:
            found.append(video)
    found.sort(key=lambda video: (video.recorded_at if video.stream else "", video.id))
    for start in range(0, len(found), VIDEOS_AT_ONCE):
        some = [video.id for video in found[start : start + VIDEOS_AT_ONCE]]
        is_last = start + VIDEOS_AT_ONCE >= len(found)
        yield (collection.version if is_last else turn.version), some
    if not found:
        yield collection.version, []
