"""What the kinds of jobs do: ingest, receive, remove or edit a video, take a step of a switch."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from clipseek.archive import Origin, Part, receive
from clipseek.errors import ModelMismatch, NotFetched, ServiceUnavailable, VideoNotFound
from clipseek.ingest import Options, Report, Run, Tools
from clipseek.jobs import Ending, Job, JobReader, JobState, Payload
from clipseek.producers import open_texts
from clipseek.service import WritingService
from clipseek.uploads import Uploads
from clipseek.video.opening import video_opener
from indexer import reserve, sample, switch_errand
from indexer.collection_models import CollectionModels
from indexer.heartbeat import Heartbeat
from indexer.incoming import Incoming
from indexer.leftovers import brought
from indexer.meanings import read_meanings
from indexer.objects import find_objects

FRUITLESS: tuple[JobState, ...] = ("failed", "cancelled")
"""The states of jobs that may have left a file that no video is played from."""
PAGE = 1000


@dataclass(frozen=True, slots=True)
class Ended:
    """How a job ended, and why. upload: One that is deleted when the end is stored."""

    state: Ending
    outcome: Payload | None = None
    reason: str = ""
    upload: str = ""


@dataclass(frozen=True, slots=True)
class Errands:
    """Does what jobs ask for; several threads may use it.

    service: Its settings have the share of one job of the memory of the decoders.
    """

    service: WritingService
    models: CollectionModels
    incoming: Incoming

    @property
    def uploads(self) -> Uploads:
        """The uploads that videos come from."""
        return self.incoming.uploads

    def do(self, job: Job, heart: Heartbeat) -> Ended | None:
        """Do what a job asks for; return None if it was told to stop before it was done.

        Raises:
            ServiceUnavailable: the database or a disk cannot be used now.
            ClipseekError: another try would fail too.
        """
        match job.kind:
            case "ingest":
                return self._ingest(job, heart)
            case "receive":
                return self._receive(job)
            case "remove":
                return self._remove(job)
            case "edit":
                return self._edit(job)
            case "switch":
                outcome = switch_errand.do(self.service, job, heart, lead_s=switch_errand.LEAD_S)
                return None if outcome is None else Ended("done", outcome)

    def _ingest(self, job: Job, heart: Heartbeat) -> Ended | None:
        try:
            path = self.incoming.bring(job, heart.fetched)
        except NotFetched:
            if heart.why:
                return None
            raise
        report = self._index(job, str(path), heart)
        if report is None:
            return None
        if report.state != "failed":
            read_meanings(self.service, job.collection, [report.id])
        ended, is_used = self._judged(job, report, str(path))
        if not is_used:
            self.uploads.stored.remove(path)
        return ended

    def _index(self, job: Job, uri: str, heart: Heartbeat) -> Report | None:
        """Run one source through all steps; None if that was stopped."""
        settings = self.service.settings
        options = Options(
            fps=settings.sample_fps,
            workers=1,
            batch_size=settings.batch_size,
            tags=tuple(_texts(job.payload.get("tags"))),
            title=str(job.payload.get("title") or ""),
            keep_frame_vectors=settings.keep_frame_vectors,
            longest_s=settings.max_video_s,
            lease_s=settings.job_lease_s,
            by_parts=settings.decode == "keyframes",
        )
        try:
            reports = self._reports(job, uri, heart, options)
        except ModelMismatch:
            # The collection was switched to another model meanwhile, which is loaded now.
            heart.stop.clear()
            if heart.why:  # looked at last: it is set before `stop` is
                return None
            reports = self._reports(job, uri, heart, options)
        # What was read when the decoder was stopped says nothing about the video.
        return None if not reports or (heart.why and reports[0].state == "failed") else reports[0]

    def _reports(self, job: Job, uri: str, heart: Heartbeat, options: Options) -> list[Report]:
        """Run one source through all steps, with the model that the collection has now."""
        service, settings = self.service, self.service.settings
        with video_opener(settings, heart.stop) as opener:
            pictures = sample.pictures([uri], service.places, opener, fps=settings.sample_fps)
            collection, model = self.models.get(job.collection, pictures)
            tools = Tools(
                collection.name,
                service.catalog,
                service.thumbnails,
                model,
                opener,
                service.places,
                collection.key,
                texts=open_texts(settings, opener, service.places),
            )
            run = Run(
                tools, options, stop=heart.stop, on_frames=heart.embedded, on_progress=heart.read
            )
            reports = list(run.reports([uri]))
        ids = [each.id for each in reports if each.state != "failed"]
        looked = find_objects(
            *(settings, service, lambda: model, service.places, collection.name), video_ids=ids
        )
        problems = [each.problem for each in looked if each.problem]
        return [_with_problems(each, problems) for each in reports]

    def _judged(self, job: Job, report: Report, uri: str) -> tuple[Ended, bool]:
        """Return how an ingest ended, and whether the video is played from its file."""
        if report.state == "failed":
            return Ended("failed", reason=report.reason), False
        catalog, fate, reason = self.service.catalog, str(report.state), report.reason
        stored = catalog.videos_by_id(job.collection, [report.id]).get(report.id)
        is_used = stored is not None and stored.uri == uri
        if report.state == "unchanged" and stored is not None:
            # An attempt before this one has indexed it, or it was indexed from elsewhere.
            fate = stored.state if is_used else "unchanged"
            reason = stored.reason if is_used else "a video with the same content is indexed"
        figures = {
            "frames": report.frames,
            "segments": report.segments,
            "video_s": report.duration if report.frames else 0.0,
        }
        return Ended("done", {"videos": [report.id], "fate": fate, **figures}, reason), is_used

    def _receive(self, job: Job) -> Ended:
        """Store the videos that another machine has sent.

        What it has uploaded is deleted when the job has ended: a worker that is killed before that
        leaves it to the one that does the job again.
        """
        upload_id = str(job.payload.get("upload", ""))
        received = receive(
            self.service.catalog,
            self.service.thumbnails,
            job.collection,
            self.uploads.parts.data(upload_id),
            Part.model_validate(job.payload.get("part"), strict=False),
            origin=Origin.model_validate(job.payload.get("origin"), strict=False),
            sender=job.by,
        )
        outcome = {
            "videos": list(received.stored),
            "others": list(received.others),
            "fate": "received",
            "segments": received.segments,
        }
        return Ended("done", outcome, upload=upload_id)

    def clear(self, ended: Ended) -> None:
        """Delete what a job that has ended does not need; what cannot be now is swept later."""
        if ended.upload:
            with suppress(ServiceUnavailable):
                self.uploads.parts.delete(ended.upload)

    def _remove(self, job: Job) -> Ended:
        """Remove a video and, if it came by an upload, its file first: then no kill leaves it."""
        catalog = self.service.catalog
        # SQLite first logs what is removed, and a full disk has no space for that.
        reserve.give_back(self.service.settings)
        try:
            self.uploads.stored.remove(Path(catalog.video(job.collection, job.video).uri))
            catalog.remove(job.collection, job.video)
            brought(self.service.settings).forget(catalog.collection(job.collection).key, job.video)
        except VideoNotFound as error:
            if not job.failures:
                return Ended("failed", reason=error.told)
            # An attempt before this one has removed it.
        finally:
            reserve.keep(self.service.settings)
        return Ended("done", {"videos": [job.video], "fate": "removed"})

    def _edit(self, job: Job) -> Ended:
        tags = job.payload.get("tags")
        title = job.payload.get("title")
        self.service.catalog.edit(
            job.collection,
            job.video,
            title=None if title is None else str(title),
            tags=None if tags is None else _texts(tags),
        )
        return Ended("done", {"videos": [job.video], "fate": "edited"})

    def tidy(self, jobs: JobReader) -> None:
        """Delete the files that jobs have left that failed or were cancelled.

        A file of no such job stays, although no video is played from it: it may be the only copy
        of a video, if the catalog was restored or the folder has another name now.
        """
        self.uploads.sweep(lambda job_id: _is_open(jobs, job_id))
        stored = self.uploads.stored
        for state in FRUITLESS:
            for job in _all(jobs, state):
                if job.kind == "ingest":
                    upload = self.incoming.upload_of(job)
                    for path in stored.older_than_a_day(upload, job.collection):
                        if not self._is_played(path):
                            stored.remove(path)

    def _is_played(self, path: Path) -> bool:
        """Whether a video is played from a file, in any collection: names may have changed."""
        catalog = self.service.catalog
        return any(catalog.video_at(each.name, str(path)) for each in catalog.collections())


def _is_open(jobs: JobReader, job_id: str) -> bool:
    job = jobs.some([job_id]).get(job_id)
    return job is not None and not job.is_over


def _all(jobs: JobReader, state: JobState) -> Iterator[Job]:
    page = jobs.jobs(state=state, limit=PAGE)
    while page:
        yield from page
        page = jobs.jobs(state=state, after=page[-1].id, limit=PAGE)


def _texts(value: object) -> Sequence[str]:
    return [str(each) for each in value] if isinstance(value, list) else []


def _with_problems(report: Report, problems: Sequence[str]) -> Report:
    """Return a report that says why objects could not be found."""
    said = [f"its objects cannot be found: {each}" for each in problems]
    return replace(report, reason="; ".join(filter(None, [report.reason, *said])))
