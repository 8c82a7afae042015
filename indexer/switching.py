"""Switching: a collection and the one that takes its place, with what brings them together."""

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from clipseek.assembly import load_model
from clipseek.config import Settings
from clipseek.embedding.precision import split
from clipseek.errors import UnreadableVideo, VideoNotFound
from clipseek.ingest import Options, Report, Run, Tools
from clipseek.ingest.draft import Draft
from clipseek.ingest.fates import reason_of
from clipseek.ingest.recutting import Recutting
from clipseek.model import Model
from clipseek.service import WritingService
from clipseek.stores import open_linked_thumbnails
from clipseek.types import Collection, Put, Video
from clipseek.video.opening import video_opener
from indexer import sample
from indexer.following import Following
from indexer.holding import Holding
from indexer.output import note

_PICTURED = 100
"""Videos whose pictures a precision may be measured with."""


class Told(Protocol):
    """Hears how videos are embedded; a context manager for the time in which they are."""

    def __enter__(self) -> object: ...

    def __exit__(self, *exc: object) -> None: ...

    def frames(self, count: int) -> None:
        """Hear of more frames."""
        ...

    def progress_of(self, draft: Draft) -> None:
        """Hear how far a video was read."""
        ...

    def report(self, report: Report) -> None:
        """Hear what became of a video."""
        ...


class Attending(Protocol):
    """Who waits for a switch: somebody at a terminal, or a job."""

    def reports(self, target: Collection, uris: Sequence[str]) -> Told:
        """Return what hears how these videos are embedded into a collection."""
        ...

    def event(self) -> threading.Event:
        """Return the event that stops the work."""
        ...

    def stopping(self, stop: threading.Event) -> AbstractContextManager[Callable[[], bool]]:
        """Set the event once the work has to stop; give whether that was told."""
        ...


@dataclass
class Switching:
    """Brings the collection `target` to what `source` has. linked: Thumbnails that were reused."""

    service: WritingService
    source: Collection
    target: Collection
    holding: Holding
    model: Callable[[], Model]
    attending: Attending
    linked: int = 0
    _loaded: Model | None = field(default=None, init=False)

    def following(self, changed_at: str = "", kept: Sequence[str] = ()) -> Following:
        """Return what follows the source; see `Following`."""
        return Following(
            self.service.catalog,
            self.source.name,
            self.target.name,
            self._embed,
            self._recut,
            changed_at=changed_at,
            kept=frozenset(kept),
        )

    def _embed(self, uris: Sequence[str], amend: Callable[[Put], Put]) -> Sequence[Report] | None:
        settings, service = self.service.settings, self.service
        loaded = self._model()
        stop = self.attending.event()
        self.holding.stops(stop)
        told = self.attending.reports(self.target, uris)
        key = self.target.key
        thumbnails = open_linked_thumbnails(
            settings, key, self.source.key, identity=service.catalog.identity
        )
        with self.attending.stopping(stop) as is_told, video_opener(settings, stop) as opener:
            tools = Tools(
                self.target.name,
                service.catalog,
                thumbnails,
                loaded,
                opener,
                service.places,
                key,
                amend,
                known_in=self.source.name,
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
        self.linked += thumbnails.linked
        if is_told():
            return None
        self.holding.require()
        return reports

    def _recut(self, videos: Sequence[Video]) -> Mapping[str, str] | None:
        """Embed the objects of videos with the other model; see `following.Recut`."""
        if not videos:
            return {}
        service, stop = self.service, self.attending.event()
        catalog, problems = service.catalog, dict[str, str]()
        self.holding.stops(stop)
        with (
            self.attending.stopping(stop) as is_told,
            video_opener(service.settings, stop) as opener,
        ):
            recutting = Recutting(service.places, opener, self._model())
            for video in videos:
                for video_id, found in catalog.objects(self.source.name, video_ids=[video.id]):
                    try:
                        made = recutting.embedded(video, found)
                        catalog.put_objects(self.target.name, video_id, made)
                    except (UnreadableVideo, OSError) as error:
                        problems[video_id] = reason_of(error, video.uri)
                    except VideoNotFound:
                        continue  # it was removed at this very moment
                if stop.is_set():
                    break
        if is_told():
            return None
        self.holding.require()
        return problems

    def _model(self) -> Model:
        if self._loaded is None:
            self._loaded = self.model()
        return self._loaded


def _options(settings: Settings) -> Options:
    """Return how videos are read: each one again, whatever is stored of it."""
    return Options(
        fps=settings.sample_fps,
        force=True,
        workers=settings.workers,
        batch_size=settings.batch_size,
        keep_frame_vectors=settings.keep_frame_vectors,
        longest_s=settings.max_video_s,
        lease_s=settings.job_lease_s,
        by_parts=settings.decode == "keyframes",
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
