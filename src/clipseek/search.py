"""The query path: sentences in, ranked moments out."""

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from clipseek import calibration, ranking
from clipseek.cache import Embedded, NoCache, TextVectors
from clipseek.cache.keys import cut_at
from clipseek.errors import (
    ClipseekError,
    CollectionNotFound,
    ConfigError,
    InvalidQuery,
    NothingIndexed,
    QueryNotRead,
    StateError,
)
from clipseek.model import Model
from clipseek.protocols import Cache, Catalog
from clipseek.types import (
    Collection,
    Hit,
    Neighbours,
    Scoring,
    SearchRequest,
    SearchResult,
    Video,
)
from clipseek.view import Bearing, View

MAX_QUERY_CHARACTERS = 1000
MAX_LIMIT = 100
MAX_BATCH = 256
MATCHING = 0.5
"""Relevance from which on a moment counts as showing what was asked."""
LATE_AFTER = 2
"""Refreshes that a view may miss before it is not answered from."""

log = logging.getLogger(__name__)

Key = TypeVar("Key")
Answer = SearchResult | ClipseekError
Judged = tuple[ranking.Moment, float, float]
"""A moment with its evidence and its relevance."""
Sample = Callable[[View, NDArray[np.float32], Neighbours], None]


@dataclass(frozen=True, slots=True)
class CollectionStats:
    """What one opened collection looks like now."""

    version: int
    segments: int
    snapshot_version: int | None
    delta_size: int
    snapshot_at: str | None = None
    is_exact: bool = True


@dataclass(frozen=True, slots=True)
class _Opened:
    """A view and when the catalog was last asked for what changed since, in `monotonic` seconds."""

    view: View
    asked: float


class Searcher:
    """Answers searches over views that it keeps current. Thread-safe.

    No answer is of a view that was current longer than `LATE_AFTER * refresh_s` ago, however busy
    the machine and whatever becomes of the database: a view that is late is brought up to date
    first, and where that cannot be done there is no answer.

    `load_model` turns a collection into its model; it is called once per model. Sentences whose
    vectors are in the `cache` are not embedded again; new ones stay there for `cache_ttl_s`.
    With `on_gpu`, snapshots are searched on a GPU.
    """

    def __init__(
        self,
        catalog: Catalog,
        snapshot_root: Path,
        load_model: Callable[[Collection], Model],
        *,
        refresh_s: float = 1.0,
        cache: Cache | None = None,
        cache_ttl_s: float = 3600.0,
        on_gpu: bool = False,
    ) -> None:
        self._on_gpu = on_gpu
        self._catalog = catalog
        self._snapshot_root = snapshot_root
        self._load_model = load_model
        self._refresh_s = refresh_s
        self._observe: Callable[[str, float], None] = lambda _name, _seconds: None
        self._sample: Sample = lambda _view, _queries, _near: None
        self._texts = TextVectors(NoCache() if cache is None else cache, cache_ttl_s)
        self._views: dict[str, _Opened] = {}
        self._models: dict[str, Model] = {}
        self._told: set[tuple[str, Scoring | None]] = set()
        self._opening = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def search(self, requests: Sequence[SearchRequest]) -> list[Answer]:
        """Answer every request; one that cannot be answered has its error in its place.

        Requests of one collection share one embedding batch, and those with the same filter
        share one index search.
        """
        answers: dict[int, Answer] = {}
        for name, positions in _grouped(request.collection for request in requests).items():
            members = [requests[i] for i in positions]
            answers.update(zip(positions, self._answer(name, members), strict=True))
        return [answers[i] for i in range(len(requests))]

    def _answer(self, name: str, requests: Sequence[SearchRequest]) -> list[Answer]:
        """Answer requests of one collection, errors in their places."""
        answers: list[Answer | None] = [problem(request) for request in requests]
        valid = [i for i, answer in enumerate(answers) if answer is None]
        if valid:
            try:
                results = self._results(name, [requests[i] for i in valid])
            except ClipseekError as error:
                results = [error] * len(valid)
            for i, result in zip(valid, results, strict=True):
                answers[i] = result
        return [answer for answer in answers if answer is not None]

    def _results(self, name: str, requests: Sequence[SearchRequest]) -> Sequence[Answer]:
        """Answer valid requests of one collection."""
        view = self.view(name)
        if not len(view):
            raise NothingIndexed(name)
        model = self.model(view.collection)
        with self._stage("embed"):
            read = self._texts.embed(model.embedder, [request.query for request in requests])
        known = [i for i, end in enumerate(read.ends) if end != 0]
        sentences = Embedded(read.vectors[known], [read.ends[i] for i in known])
        found = self._found(view, model, [requests[i] for i in known], sentences)
        answers = dict(zip(known, found, strict=True))
        return [
            answers[i] if i in answers else QueryNotRead(request.query, view.model)
            for i, request in enumerate(requests)
        ]

    def _found(
        self, view: View, model: Model, requests: Sequence[SearchRequest], read: Embedded
    ) -> list[SearchResult]:
        """Search for sentences that the model reads."""
        if not requests:
            return []
        scoring = view.collection.scoring or model.scoring
        matches = self._matches(view, requests, read.vectors, scoring)
        moments = _made(matches, [request.limit for request in requests])
        videos, gone = self._videos(view.collection.name, moments)
        if gone:
            # What was left out for the limits takes the place of what is gone.
            moments = _made(matches, [None] * len(matches))
            videos, gone = self._videos(view.collection.name, moments)
        return [
            _result(request, end, match, found, videos, gone, view)
            for request, end, match, found in zip(
                requests, read.ends, matches, moments, strict=True
            )
        ]

    def _videos(
        self, name: str, moments: Sequence[Sequence[Judged]]
    ) -> tuple[dict[str, Video], set[str]]:
        """Return the videos of moments by id, and which of them are gone."""
        ids = sorted({moment.video_id for found in moments for moment, _, _ in found})
        with self._stage("catalog"):
            videos = self._catalog.videos_by_id(name, ids)
        return videos, set(ids) - videos.keys()

    def _matches(
        self,
        view: View,
        requests: Sequence[SearchRequest],
        vectors: NDArray[np.float32],
        scoring: Scoring,
    ) -> list["_Match"]:
        """Search, judge and merge: for each request what matches it."""
        found: dict[int, _Match] = {}
        filters = ((request.video_ids, request.tags) for request in requests)
        for (video_ids, tags), positions in _grouped(filters).items():
            allowed = self._allowed(view.collection.name, video_ids, tags)
            k = max(ranking.candidates(requests[i].limit) for i in positions)
            with self._stage("search"):
                near = view.search(vectors[positions], k, allow_videos=allowed)
            if allowed is None:
                self._sample(view, vectors[positions], near)
            together = _Together.of(view, near, scoring)
            # Its own number of neighbours, so that it does not matter who asked beside it.
            asked = [ranking.candidates(requests[i].limit) for i in positions]
            grown = ranking.grow(near, together.rows, asked)
            best = together.best_beyond(asked)
            for i, moments, beyond in zip(positions, grown, best, strict=True):
                found[i] = _Match.of(together, moments, beyond, requests[i].min_relevance)
        return [found[i] for i in range(len(requests))]

    def _allowed(
        self, name: str, video_ids: tuple[str, ...] | None, tags: tuple[str, ...] | None
    ) -> Sequence[str] | Bearing | None:
        """Return the videos that a filter lets through, or None for all."""
        if not tags:
            return video_ids
        if video_ids is not None:
            return self._catalog.tagged(name, tags, video_ids=video_ids)
        return Bearing(
            tuple(sorted(set(tags))),
            lambda among: self._catalog.tagged(name, tags, video_ids=among),
        )

    def opened(self, name: str) -> View | None:
        """Return the view of a collection if it is open and not late; never waits."""
        opened = self._views.get(name)
        if opened is None or monotonic() - opened.asked > LATE_AFTER * self._refresh_s:
            return None
        return opened.view

    def view(self, name: str) -> View:
        """Return the current view of a collection, opened at its first use.

        Raises:
            NothingIndexed: the default collection does not exist.
            CollectionNotFound: another collection does not exist.
            ServiceUnavailable: the catalog cannot be reached, and the view is late.
        """
        if (view := self.opened(name)) is not None:
            return view
        with self._opening:
            if (view := self.opened(name)) is None:
                asked = monotonic()
                view = self._current(name)
                self._put(name, view, asked)
            return view

    def _current(self, name: str) -> View:
        """Bring a view up to date, or open it; what is published is left to `refresh`."""
        late = self._views.get(name)
        try:
            if late is not None:
                return late.view.follow(self._catalog, self._snapshot_root)
            return View.open(self._catalog, self._snapshot_root, name, on_gpu=self._on_gpu)
        except CollectionNotFound as error:
            self._views.pop(name, None)
            if name == "default":
                raise NothingIndexed(name) from error
            raise

    def model(self, collection: Collection) -> Model:
        """Return a collection's model, loaded at its first use."""
        key = collection.fingerprint
        with self._opening:
            if key not in self._models:
                self._models[key] = self._load_model(collection)
            model = self._models[key]
        self._tell_of_other_scoring(collection, model)
        return model

    def _tell_of_other_scoring(self, collection: Collection, model: Model) -> None:
        """Say once that a collection is judged by something else than its model has now."""
        if collection.scoring in (None, model.scoring):
            return
        told = collection.name, collection.scoring
        if told not in self._told:
            self._told.add(told)
            log.warning(
                "collection %s is judged by another bank or other constants than its model %s has "
                "now; `indexer calibrate --collection %s` judges it by those",
                collection.name,
                collection.model,
                collection.name,
            )

    def refresh(self) -> None:
        """Bring every opened view up to the last committed change."""
        for name, opened in list(self._views.items()):
            asked = monotonic()
            try:
                view = opened.view.refresh(self._catalog, self._snapshot_root)
                self._replace(name, opened.view, view, asked)
            except CollectionNotFound:
                self._views.pop(name, None)

    def _replace(self, name: str, before: View, view: View, asked: float) -> None:
        """Swap a view in, unless a search has gone further meanwhile: then bring it there first.

        Opening a large snapshot takes longer than a view may be late.
        """
        with self._opening:
            now = self._views.get(name)
            if now is not None and now.view is not before:
                asked = monotonic()
                view = view.follow(self._catalog, self._snapshot_root)
            self._put(name, view, asked)

    def _put(self, name: str, view: View, asked: float) -> None:
        """Swap a view in; say once why the snapshot that is published is not used."""
        before = self._views.get(name)
        if view.note and (before is None or before.view.note != view.note):
            log.warning("the snapshot of collection %s is not used: %s", name, view.note)
        self._views[name] = _Opened(view, asked)

    def ready(self) -> None:
        """Open what is needed to answer at once; raise unless searches can be answered now.

        A collection whose model is not on this machine does not keep the others from being
        served: a search of it is told so.

        Raises:
            ServiceUnavailable: the catalog cannot be reached.
            CatalogOutdated: the catalog has another schema.
        """
        self._catalog.check()
        for collection in self._catalog.collections():
            try:
                self.model(self.view(collection.name).collection)
            except (ConfigError, StateError) as error:
                log.warning("collection %s cannot be searched: %s", collection.name, error)

    def watch(self, observe: Callable[[str, float], None]) -> None:
        """Tell `observe` the name and the seconds of each stage of the searches from now on.

        The stages of a batch are `embed`, `search` and `catalog`, in this order.
        """
        self._observe = observe

    def sample(self, sample: Sample) -> None:
        """Give `sample` the view, the queries and the neighbours of each search without a filter.

        It is called by the thread that searches, so it must not take long.
        """
        self._sample = sample

    @contextmanager
    def _stage(self, name: str) -> Iterator[None]:
        started = monotonic()
        yield
        self._observe(name, monotonic() - started)

    def stats(self) -> dict[str, CollectionStats]:
        """Return the state of every opened collection by name."""
        return {
            name: CollectionStats(
                version=view.version,
                segments=len(view),
                snapshot_version=view.snapshot_version,
                delta_size=view.delta_size,
                snapshot_at=view.snapshot_at,
                is_exact=view.is_exact,
            )
            for name, view in ((name, opened.view) for name, opened in list(self._views.items()))
        }

    def start(self) -> None:
        """Keep the views current in a background thread until `close`."""
        self._thread = threading.Thread(target=self._keep_current, name="refresh", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop the background thread."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _keep_current(self) -> None:
        while not self._stop.wait(self._refresh_s):
            try:
                self.refresh()
            except ClipseekError as error:
                log.warning("views stay as they are: %s", error)


def problem(request: SearchRequest) -> InvalidQuery | None:
    """Return what is wrong with a request, or None."""
    length = len(request.query.strip())
    if not 1 <= length <= MAX_QUERY_CHARACTERS:
        return InvalidQuery(f"query must have 1 to {MAX_QUERY_CHARACTERS} characters, got {length}")
    if not 1 <= request.limit <= MAX_LIMIT:
        return InvalidQuery(f"limit must be 1 to {MAX_LIMIT}, got {request.limit}")
    if not _is_text(request.query):
        return InvalidQuery("query must be Unicode text; it holds bytes that are not UTF-8")
    if not 0 <= request.min_relevance <= 1:
        return InvalidQuery(f"min_relevance must be 0 to 1, got {request.min_relevance}")
    return None


def _is_text(query: str) -> bool:
    """Whether a text has no lone surrogates, which stand for other bytes of a command line."""
    try:
        query.encode()
    except UnicodeEncodeError:
        return False
    return True


@dataclass(frozen=True, slots=True, eq=False)
class _Together:
    """The neighbours of some requests with one filter, and how well they match.

    rows: What is known of the segments, Q * K of them. evidence: (Q * K,). relevance: its curve,
    as a list, of which single numbers are read several times faster.
    """

    near: Neighbours
    rows: ranking.Rows
    evidence: NDArray[np.float32] | NDArray[np.float64]
    relevance: list[float]
    view: View
    scoring: Scoring

    @classmethod
    def of(cls, view: View, near: Neighbours, scoring: Scoring) -> Self:
        """Judge by what the stored biases were made by, whatever this machine's bundle holds."""
        rows = view.rows(near.ids.ravel())
        scores = near.scores.ravel().astype(np.float64)
        evidence = calibration.evidence(scores, rows.biases, scoring.logit_scale)
        constants = view.collection.relevance or scoring.relevance
        relevance = calibration.relevance(evidence, constants).tolist()
        return cls(near, rows, evidence, relevance, view, scoring)

    def best_beyond(self, asked: Sequence[int]) -> list[float]:
        """Return the most that the relevance of a segment past the neighbours that count can be.

        Of each request: its score is no better than that of the last one, and its bias no less than
        any. -1 where there are no more segments.
        """
        queries, width = self.near.ids.shape
        if not width:
            return [-1.0] * queries
        last = np.minimum(asked, width) - 1
        scores = self.near.scores[np.arange(queries), last]
        biases = np.full(queries, self.view.least_bias, np.float32)
        evidence = calibration.evidence(scores, biases, self.scoring.logit_scale)
        constants = self.view.collection.relevance or self.scoring.relevance
        best = calibration.relevance(evidence, constants)
        # As many as were asked for may be all that there are.
        are_all = np.array(asked) >= min(width + 1, len(self.view))
        found: list[float] = np.where(are_all, -1.0, best).tolist()
        return found


@dataclass(frozen=True, slots=True, eq=False)
class _Match:
    """What matches one request, as relevant as it must be, best first.

    `good` are the moments that count as matching: of the relevance that was asked for or, where
    none was, of 0.5. `more` says whether there may be more of them than were looked at.
    """

    together: _Together
    grown: list[ranking.Grown]
    good: list[ranking.Grown]
    more: bool

    @classmethod
    def of(
        cls, together: _Together, grown: list[ranking.Grown], beyond: float, least: float
    ) -> Self:
        """Choose by relevance from what has grown of one query."""
        relevance, enough = together.relevance, least or MATCHING
        good = [moment for moment in grown if relevance[moment[0]] >= enough]
        return cls(together, good if least else grown, good, beyond >= enough)

    def counts(self, gone: AbstractSet[str]) -> tuple[int, int]:
        """Return how many moments match and in how many videos, without those that are gone."""
        rows = self.together.rows
        peaks = [moment[0] for moment in self.good]
        if gone:
            peaks = [peak for peak in peaks if rows.video_ids[peak] not in gone]
        return len(peaks), len(set(rows.owners[peaks].tolist()))


def _made(matches: Sequence[_Match], limits: Sequence[int | None]) -> list[list[Judged]]:
    """Make the first moments of each request, those of one filter together."""
    made: dict[int, list[Judged]] = {}
    for positions in _grouped(id(match.together) for match in matches).values():
        together = matches[positions[0]].together
        chosen = [matches[i].grown[: limits[i]] for i in positions]
        moments = ranking.moments(together.near, together.rows, chosen)
        evidence = together.evidence.tolist()
        for i, grown, found in zip(positions, chosen, moments, strict=True):
            made[i] = [
                (moment, evidence[peak], together.relevance[peak])
                for moment, (peak, _, _) in zip(found, grown, strict=True)
            ]
    return [made[i] for i in range(len(matches))]


def _result(
    request: SearchRequest,
    end: int | None,
    match: _Match,
    moments: Sequence[Judged],
    videos: dict[str, Video],
    gone: AbstractSet[str],
    view: View,
) -> SearchResult:
    """Cut the moments to what was asked; a video removed meanwhile is left out.

    `end` is where the normalised query is cut, or None.
    """
    hits = [
        _hit(moment, videos[moment.video_id], evidence, relevance)
        for moment, evidence, relevance in moments
        if moment.video_id in videos
    ]
    total, total_videos = match.counts(gone)
    return SearchResult(
        query=request.query,
        hits=tuple(hits[: request.limit]),
        collection=view.collection.name,
        model=view.collection.model,
        version=view.version,
        truncated_at=None if end is None else cut_at(request.query, end),
        total=total,
        total_videos=total_videos,
        more=match.more,
    )


def _hit(moment: ranking.Moment, video: Video, evidence: float, relevance: float) -> Hit:
    return Hit(
        video, moment.segment_id, moment.span, moment.best_time, moment.score, relevance, evidence
    )


def _grouped(keys: Iterable[Key]) -> dict[Key, list[int]]:
    """Return for each distinct key the positions where it stands, in order."""
    groups: dict[Key, list[int]] = {}
    for position, key in enumerate(keys):
        groups.setdefault(key, []).append(position)
    return groups
