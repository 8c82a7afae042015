"""The verb `work`: run the jobs that were asked for over HTTP, until a signal comes."""

import argparse
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, replace

from clipseek.assembly import fetch_rules, open_uploads, open_writer
from clipseek.config import Settings
from clipseek.errors import ConfigError
from clipseek.jobs import Job
from clipseek.ledgers import open_audit, open_jobs, open_watches
from clipseek.live.patrol import Patrol
from clipseek.service import Service
from indexer import reserve
from indexer.collection_models import CollectionModels
from indexer.errands import Errands
from indexer.incoming import Incoming
from indexer.noting import note_job
from indexer.output import emit, say
from indexer.verbs.ingest import stopping_on_signal
from indexer.worker import Worker

MAX_JOBS = 64
LEAST_BYTES = 1 << 27
"""The least memory of decoders that the settings allow."""


def run(settings: Settings, options: argparse.Namespace) -> int:
    """Run jobs; a signal ends it with 0, and what is not done is given back."""
    jobs = settings.workers if options.jobs is None else options.jobs
    if not 1 <= jobs <= MAX_JOBS:
        raise ConfigError(f"--jobs must be >= 1 and <= {MAX_JOBS}, got {jobs}")
    share = max(settings.max_decode_bytes // jobs, LEAST_BYTES)
    settings = settings.model_copy(update={"max_decode_bytes": share, "workers": 1})
    stop = threading.Event()
    with (
        open_writer(settings, create=True) as service,
        closing(open_jobs(settings)) as queue,
        closing(open_audit(settings)) as audit,
    ):
        reserve.keep(settings)
        incoming = Incoming(open_uploads(settings), *fetch_rules(settings))
        errands = Errands(service, CollectionModels(service), incoming)
        told = _emit if options.json else _silent if options.quiet else _say

        def ended(job: Job) -> None:
            note_job(audit, job, settings.keep_audit_s)
            told(job)

        worker = Worker(queue, errands, jobs, stop, ended, quiet=options.quiet or options.json)
        with stopping_on_signal(stop, worker.wake), _watching(service, settings, options):
            worker.run(once=options.once)
    return 1 if options.once and worker.failed else 0


@contextmanager
def _watching(service: Service, settings: Settings, options: argparse.Namespace) -> Iterator[None]:
    """Judge watches and send alerts meanwhile, unless the worker ends when no job is ready."""
    if options.once:
        yield
        return
    with (
        closing(open_watches(settings)) as store,
        closing(Patrol(settings, service.searcher, store)) as patrol,
    ):
        patrol.start()
        yield


def _emit(job: Job) -> None:
    emit(asdict(replace(job, payload=dict(job.payload))))


def _say(job: Job) -> None:
    reason = f": {job.reason}" if job.reason else ""
    say(f"{job.state:<9} {job.kind} {job.id}{reason}")


def _silent(job: Job) -> None:
    """Say only what failed."""
    if job.state == "failed":
        _say(job)
