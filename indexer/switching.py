"""Switching: a collection and the one that takes its place, with what brings them together."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from clipseek.assembly import load_model
from clipseek.config import Settings
from clipseek.embedding.precision import split
from clipseek.ingest import Options, Report, Run, Tools
from clipseek.model import Model
from clipseek.service import WritingService
from clipseek.thumbnails import LinkedThumbnails
from clipseek.types import Collection, Put
from clipseek.video.opening import video_opener
from indexer import discover, sample
from indexer.following import Following
from indexer.holding import Holding
from indexer.output import note
from indexer.reports import Reports
from indexer.verbs.ingest import stopping_on_signal

_PICTURED = 100
"""Videos whose pictures a precision may be measured with."""


@dataclass
class Switching:
    """Brings the collection `target` to what `source` has. linked: Thumbnails that were reused."""

    service: WritingService
    source: Collection
    target: Collection
    holding: Holding
    model: Callable[[], Model]
    quiet: bool
    json: bool
    linked: int = 0
    _loaded: Model | None = field(default=None, init=False)

    def following(self, changed_at: str = "", kept: Sequence[str] = ()) -> Following:
        """Return what follows the source; see `Following`."""
        return Following(
            self.service.catalog,
            self.source.name,
            self.target.name,
            self._embed,
            changed_at=changed_at,
            kept=frozenset(kept),
        )

    def _embed(self, uris: Sequence[str], amend: Callable[[Put], Put]) -> Sequence[Report] | None:
        settings, service = self.service.settings, self.service
        if self._loaded is None:
            self._loaded = self.model()
        stop = threading.Event()
        self.holding.stops(stop)
        told = Reports(discover.Found(uris, []), json=False, quiet=self.quiet)
        key = self.target.key
        thumbnails = LinkedThumbnails(settings.thumbnail_root, key, self.source.key)
        with stopping_on_signal(stop) as interrupted, video_opener(settings, stop) as opener:
            tools = Tools(
                self.target.name,
                service.catalog,
                thumbnails,
                self._loaded,
                opener,
                service.places,
                key,
                amend,
            )
            run = Run(
                tools,
                _options(settings),
                stop=stop,
                on_frames=told.frames,
                on_progress=told.progress_of,
            )
            reports = []
            with told:
                for report in run.reports(uris):
                    told.report(report)
                    reports.append(report)
        if not self.json:
            told.summary()
        self.linked += thumbnails.linked
        if interrupted.is_set():
            note("indexer: interrupted; run the same command again to continue")
            return None
        self.holding.require()
        return reports


def _options(settings: Settings) -> Options:
    """Return how videos are read: each one again, whatever is stored of it."""
    return Options(
        fps=settings.sample_fps,
        force=True,
        workers=settings.workers,
        batch_size=settings.batch_size,
        keep_frame_vectors=settings.keep_frame_vectors,
        longest_s=settings.max_video_s,
    )


def wanted_model(service: WritingService, precision: str | None, *, quiet: bool) -> Model:
    """Load the model that the settings name, in a precision if one is asked for."""
    settings = service.settings
    videos = service.catalog.videos(settings.collection, limit=_PICTURED)
    with video_opener(settings, threading.Event()) as opener:
        uris = [video.uri for video in videos]
        pictures = sample.pictures(uris, service.places, opener, fps=settings.sample_fps)
        return load_model(
            settings,
            settings.model,
            precision=settings.precision if precision is not None else None,
            pictures=pictures,
            report=_silent if quiet else note,
        )


def stored_model(service: WritingService, collection: Collection) -> Model:
    """Load the model that a collection is indexed with."""
    name = collection.model
    return load_model(service.settings, name, precision=split(name)[1], report=note)


def _silent(step: str) -> None:
    """Say nothing of an export's step."""
