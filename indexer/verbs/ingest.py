"""The verb `ingest`: index videos, then publish the collection."""

import argparse
import logging
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType
from unicodedata import normalize

from clipseek.assembly import (
    PictureSource,
    has_catalog,
    load_model,
    open_places,
    open_writer,
)
from clipseek.config import Settings
from clipseek.embedding.precision import joined, split
from clipseek.errors import CollectionNotFound, ConfigError, ModelMismatch
from clipseek.files import as_text
from clipseek.ingest import Options, Run, Tools
from clipseek.model import Model
from clipseek.producers import open_texts
from clipseek.protocols import FrameSourceOpener
from clipseek.service import Service, WritingService
from clipseek.sources import Places
from clipseek.video.opening import video_opener
from indexer import discover, reserve, sample
from indexer.meanings import read_meanings
from indexer.noting import INTERRUPTED, noted
from indexer.objects import find_objects
from indexer.output import counted, note
from indexer.publishing import publish
from indexer.reports import Reports
from indexer.rescoring import rescore
from indexer.runners import passes, runner


def run(settings: Settings, options: argparse.Namespace) -> int:
    """Index the named videos; exit 1 if some could not be indexed."""
    with noted(settings, options) as ingest:
        require_tags(options)
        places = open_places(settings)
        found = discover.look(options.paths, places, settings.skip)
        ingest.reports = reports = Reports(found, json=options.json, quiet=options.quiet)
        for failure in found.failures:
            reports.report(failure)
        if found.uris:
            ingest.code = index(settings, options, reports, places)
        else:
            reports.summary()
            ingest.code = 1
    return ingest.code


def require_tags(options: argparse.Namespace) -> None:
    """Raise ConfigError unless each tag can be printed and typed."""
    if not all(tag.strip() for tag in options.tag):
        raise ConfigError("--tag must have at least one character, got ''")
    for tag in options.tag:
        if not tag.isprintable():
            raise ConfigError(f"--tag must be one line of text, got {tag!r}")


def index(settings: Settings, options: argparse.Namespace, reports: Reports, places: Places) -> int:
    """Index the videos that were found, and return the exit code."""
    stop = threading.Event()
    with video_opener(settings, stop) as opener, runner(settings):
        return _index(settings, options, reports, places, opener, stop)


def _index(
    settings: Settings,
    options: argparse.Namespace,
    reports: Reports,
    places: Places,
    opener: FrameSourceOpener,
    stop: threading.Event,
) -> int:
    """Load the model, index the videos, and build the snapshot."""
    if options.verbose:
        _print_tracebacks()
    pictures = sample.pictures(reports.found.uris, places, opener, fps=settings.sample_fps)
    is_fresh = _is_fresh(settings)
    model = _load(settings, None, options, pictures) if is_fresh else None
    service = open_writer(settings, create=True)
    reserve.keep(settings)
    if is_fresh and not options.quiet:
        note(f"new, empty library in {settings.data_dir}")
    try:
        existing = _require_same_model(service, options)
        model = _claim(service, model or _load(settings, existing, options, pictures))
        found = service.catalog.collection(settings.collection)  # by its own name, not an alias
        tools = Tools(
            found.name,
            service.catalog,
            service.thumbnails,
            model,
            opener,
            places,
            found.key,
            texts=open_texts(settings, opener, places),
        )
        code = _ingest(settings, tools, reports, _options(settings, options), stop)
        if code != INTERRUPTED and (count := read_meanings(service, found.name)):
            texts = "1 text was" if count == 1 else f"{count} texts were"
            note(f"{texts} read by the sentence model")
        if code != INTERRUPTED:
            code = max(code, _find_objects(settings, service, tools, quiet=options.quiet))
        if code != INTERRUPTED and not options.no_build:
            publish(service, quiet=options.quiet or options.json)
        return code
    finally:
        service.close()


def _find_objects(settings: Settings, service: WritingService, tools: Tools, *, quiet: bool) -> int:
    """Let the detector look at what it has not seen yet; exit 1 if something cannot be read."""
    videos = tracks = failed = 0
    # A stop of its own: that of the run is set once the run is over.
    with stopping_on_signal(stop := threading.Event()) as interrupted:
        found = find_objects(
            *(settings, service, lambda: tools.model, tools.places, tools.collection), stop=stop
        )
        for looked in found:
            if interrupted.is_set():
                return INTERRUPTED
            videos, tracks = videos + 1, tracks + looked.tracks
            if looked.problem:
                failed += 1
                note(f"{looked.video.uri}: its objects cannot be found: {looked.problem}")
    if videos and not quiet:
        note(f"found {counted(tracks, 'object')} in {counted(videos, 'video')}")
    return 1 if failed else 0


def _print_tracebacks() -> None:
    """Send the log of unexpected errors to stderr, one of a decoding child included."""
    handler = logging.StreamHandler()
    for name in ("clipseek.ingest", "clipseek.video"):
        logging.getLogger(name).addHandler(handler)
        logging.getLogger(name).setLevel(logging.DEBUG)


def _options(settings: Settings, options: argparse.Namespace) -> Options:
    return Options(
        fps=settings.sample_fps,
        force=options.force,
        workers=settings.workers,
        batch_size=settings.batch_size,
        tags=tuple(dict.fromkeys(normalize("NFC", tag.strip()) for tag in options.tag)),
        keep_frame_vectors=settings.keep_frame_vectors,
        longest_s=settings.max_video_s,
        lease_s=settings.job_lease_s,
        by_parts=settings.decode == "keyframes",
    )


def _is_fresh(settings: Settings) -> bool:
    """Whether there is no catalog yet: then a missing model leaves nothing behind."""
    return settings.database_url is None and not has_catalog(settings)


def _require_same_model(service: Service, options: argparse.Namespace) -> str | None:
    """Return the model that the collection has, None for a new one.

    Another model is refused by its name and precision, before its weights are looked for.

    Raises:
        ModelMismatch: the collection is indexed with another model.
    """
    settings = service.settings
    try:
        existing = service.catalog.collection(settings.collection).model
    except CollectionNotFound:
        return None
    base, precision = split(existing)
    named = options.model and not options.checkpoint and not Path(settings.model).is_dir()
    if named and settings.model not in (existing, base):
        raise ModelMismatch(settings.collection, existing, settings.model)
    if options.precision not in (None, "auto", precision or "fp32"):
        raise ModelMismatch(settings.collection, existing, joined(base, options.precision))
    return existing


def _load(
    settings: Settings, existing: str | None, options: argparse.Namespace, pictures: PictureSource
) -> Model:
    """Load the model of the collection that exists, or the one that the settings name."""
    name = settings.model
    # A bundle in another precision may be named directly, if no precision is asked for.
    precision = options.precision or (None if settings.precision == "fp32" else settings.precision)
    if existing is not None:
        precision = split(existing)[1]
        if not options.checkpoint and not (options.model and Path(name).is_dir()):
            name = existing
    return load_model(
        settings,
        name,
        checkpoint=options.checkpoint,
        precision=precision,
        pictures=pictures,
        when="now" if existing is None else "used",
        report=_silent if options.quiet else note,
    )


def _silent(step: str) -> None:
    """Say nothing of an export's step."""


def _claim(service: WritingService, model: Model) -> Model:
    """Make the collection, or make sure that it has this model and is judged by its bank.

    Raises:
        ModelMismatch: the collection is indexed with another model. Nothing was written.
    """
    name, embedder = service.settings.collection, model.embedder
    service.catalog.ensure_collection(
        name, model.name, embedder.dim, embedder.fingerprint, model.scoring
    )
    rescore(service.catalog, name, model, note)
    return model


def _ingest(
    settings: Settings, tools: Tools, told: Reports, options: Options, stop: threading.Event
) -> int:
    """Run all steps under the progress bar and print the summary, whatever ends the run.

    If the collection is switched to another model meanwhile, the rest is indexed with that.
    """
    done = set[str]()
    with stopping_on_signal(stop) as interrupted:
        try:
            with told:
                while not _is_done(settings, tools, told, options, stop, done):
                    if interrupted.is_set():
                        break
                    tools = _with_other_model(settings, tools)
                    stop.clear()
        finally:
            told.summary()
    if interrupted.is_set():
        note("indexer: interrupted; run the same command again to continue")
        return INTERRUPTED
    return 1 if told.states["failed"] else 0


def _is_done(
    settings: Settings,
    tools: Tools,
    told: Reports,
    options: Options,
    stop: threading.Event,
    done: set[str],
) -> bool:
    """Index what is not `done`; return whether the collection still has the model of the tools."""
    uris = [uri for uri in told.found.uris if as_text(uri) not in done]
    try:
        with passes(settings, tools, options, stop) as through:
            run = Run(
                tools,
                options,
                stop=stop,
                on_frames=told.frames,
                on_progress=told.progress_of,
                on_wait=told.waiting,
                through=through,
            )
            for report in run.reports(uris, told.found.listed):
                done.add(report.path)
                told.report(report)
    except ModelMismatch:
        found = tools.catalog.collection(tools.collection)
        if found.fingerprint == tools.model.embedder.fingerprint:
            raise
        return False
    return True


def _with_other_model(settings: Settings, tools: Tools) -> Tools:
    """Return the tools for the model that the collection has been switched to."""
    found = tools.catalog.collection(tools.collection)
    note(f"collection {found.name} was switched to model {found.model}; continuing with that")
    model = load_model(
        settings, found.model, precision=split(found.model)[1], when="used", report=note
    )
    return replace(tools, model=model, key=found.key)


@contextmanager
def stopping_on_signal(
    stop: threading.Event, wake: Callable[[], None] = lambda: None
) -> Iterator[threading.Event]:
    """Let the first Ctrl-C finish the transaction in hand; a second one is not held back.

    `wake` is called then, too.

    A terminal that is closed counts as Ctrl-C, unless `nohup` has the signal ignored.
    """
    interrupted = threading.Event()

    def on_signal(number: int, _frame: FrameType | None) -> None:
        interrupted.set()
        stop.set()
        wake()
        signal.signal(number, signal.default_int_handler)

    numbers = [
        number
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        if signal.getsignal(number) is not signal.SIG_IGN
    ]
    before = [signal.signal(number, on_signal) for number in numbers]
    try:
        yield interrupted
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
