"""The verbs `ingest` and `build`: the run, its progress and its summary."""

import argparse
import logging
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import FrameType
from unicodedata import normalize

from rich.console import Console
from rich.progress import BarColumn, ProgressColumn, Task, TextColumn
from rich.progress import Progress as Bar
from rich.text import Text

from clipseek.assembly import (
    PictureSource,
    build_snapshot,
    has_catalog,
    load_model,
    open_places,
    open_writer,
    video_opener,
)
from clipseek.config import Settings
from clipseek.embedding.precision import joined, split
from clipseek.errors import CollectionNotFound, ConfigError, ModelMismatch, ServiceUnavailable
from clipseek.ingest import Options, Report, Run, Tools
from clipseek.ingest.draft import Draft
from clipseek.model import Model
from clipseek.protocols import FrameSourceOpener
from clipseek.service import Service, WritingService
from clipseek.sources import Places
from indexer import discover, reserve, sample
from indexer.naming import shown
from indexer.output import counted, emit, note, say
from indexer.progress import Progress
from indexer.rescoring import rescore

INTERRUPTED = 130


def ingest(settings: Settings, options: argparse.Namespace) -> int:
    """Index the named videos; exit 1 if some could not be indexed."""
    if not all(tag.strip() for tag in options.tag):
        raise ConfigError("--tag must have at least one character, got ''")
    for tag in options.tag:
        if not tag.isprintable():
            raise ConfigError(f"--tag must be one line of text, got {tag!r}")
    places = open_places(settings)
    found = discover.look(options.paths, places, settings.skip)
    run = _Told(found, json=options.json, quiet=options.quiet)
    for failure in found.failures:
        run.report(failure)
    if not found.uris:
        run.summary()
        return 1
    stop = threading.Event()
    with video_opener(settings, stop) as opener:
        return _index(settings, options, run, places, opener, stop)


def _index(
    settings: Settings,
    options: argparse.Namespace,
    run: "_Told",
    places: Places,
    opener: FrameSourceOpener,
    stop: threading.Event,
) -> int:
    """Load the model, index the videos, and build the snapshot."""
    if options.verbose:
        _print_tracebacks()
    pictures = sample.pictures(run.found.uris, places, opener, fps=settings.sample_fps)
    is_fresh = _is_fresh(settings)
    model = _load(settings, None, options, pictures) if is_fresh else None
    service = open_writer(settings, create=True)
    reserve.keep(settings)
    if is_fresh and not options.quiet:
        note(f"new, empty library in {settings.data_dir}")
    try:
        existing = _require_same_model(service, options)
        model = _claim(service, model or _load(settings, existing, options, pictures))
        name = service.catalog.collection(settings.collection).name  # its own, not an alias
        tools = Tools(name, service.catalog, service.thumbnails, model, opener, places)
        code = _ingest(tools, run, _options(settings, options), stop)
        if code != INTERRUPTED and not options.no_build:
            _build(service, quiet=options.quiet or options.json)
        return code
    finally:
        service.close()


def _print_tracebacks() -> None:
    """Send the log of unexpected errors to stderr, one of a decoding child included."""
    handler = logging.StreamHandler()
    for name in ("indexer", "clipseek.video"):
        logging.getLogger(name).addHandler(handler)
        logging.getLogger(name).setLevel(logging.DEBUG)


def _options(settings: Settings, options: argparse.Namespace) -> Options:
    return Options(
        fps=settings.sample_fps,
        force=options.force,
        workers=settings.workers,
        batch_size=settings.batch_size,
        tags=tuple(dict.fromkeys(normalize("NFC", tag) for tag in options.tag)),
        keep_frame_vectors=settings.keep_frame_vectors,
    )


def _is_fresh(settings: Settings) -> bool:
    """Whether there is no catalog yet: then a model that cannot be had leaves nothing behind."""
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
    # A bundle in another precision may be named as it is, where none is asked for.
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


def _ingest(tools: Tools, told: "_Told", options: Options, stop: threading.Event) -> int:
    """Run all steps under the progress bar and print the summary, whatever ends the run."""
    run = Run(tools, options, stop=stop, on_frames=told.frames, on_progress=told.progress_of)
    with _stopping_on_signal(stop) as interrupted:
        try:
            with told:
                for report in run.reports(told.found.uris, told.found.listed):
                    told.report(report)
        finally:
            told.summary()
    if interrupted.is_set():
        note("indexer: interrupted; run the same command again to continue")
        return INTERRUPTED
    return 1 if told.states["failed"] else 0


@contextmanager
def _stopping_on_signal(stop: threading.Event) -> Iterator[threading.Event]:
    """Let the first Ctrl-C finish the transaction in hand; a second one is not held back.

    A terminal that is closed counts as Ctrl-C, unless `nohup` has the signal ignored.
    """
    interrupted = threading.Event()

    def on_signal(number: int, _frame: FrameType | None) -> None:
        interrupted.set()
        stop.set()
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


class _FramesPerSecond(ProgressColumn):
    """Frames embedded per second since the start of the run, and the share left out so far."""

    def render(self, task: Task) -> Text:
        """Draw the rate."""
        rate = task.fields["frames"] / task.elapsed if task.elapsed else 0.0
        return Text(f"{rate:.0f} frames/s, {task.fields['skipped']:.0%} repeats")


@dataclass
class _Told:
    """What one run tells its user: a bar on a terminal, else a line per video; then a summary."""

    found: discover.Found
    json: bool
    quiet: bool
    states: Counter[str] = field(default_factory=Counter)
    sampled: int = 0
    kept: int = 0
    embedded: int = 0
    segments: int = 0
    started: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self._console = Console(stderr=True)
        self._bar = Bar(
            BarColumn(),
            TextColumn("{task.description}"),
            _FramesPerSecond(),
            console=self._console,
            transient=True,
            disable=self.quiet or not self._console.is_terminal,
        )
        self._progress = Progress(len(self.found.uris) + len(self.found.failures))
        self._task = self._bar.add_task("", total=None, frames=0, skipped=0.0)

    def __enter__(self) -> "_Told":
        self.started = time.monotonic()
        self._bar.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._bar.stop()

    def frames(self, count: int) -> None:
        """Count embedded frames as they come."""
        self.embedded += count
        self._bar.update(self._task, frames=self.embedded)

    def progress_of(self, draft: Draft) -> None:
        """Draw how far a video was read."""
        self._progress.at(draft.source.uri, draft.reached, draft.claimed)
        self._draw()

    def _draw(self) -> None:
        self._bar.update(
            self._task,
            description=self._progress.in_words(time.monotonic() - self.started),
            completed=self._progress.done_s,
            total=self._progress.total_s or None,
            skipped=self.skipped,
        )

    def report(self, report: Report) -> None:
        """Tell what became of one video."""
        self._progress.over(report.path)
        if self.found.leaves_out(report):
            self._draw()
            return
        self.states[report.state] += 1
        self.sampled += report.frames
        self.kept += report.embedded
        self.segments += report.segments
        self._draw()
        if self.json:
            emit(asdict(report))
        if self.quiet and report.state != "failed":
            return
        if report.state == "failed" or not self.json:
            reason = f": {report.reason}" if report.reason else ""
            self._console.print(
                shown(f"{report.state:<10} {report.path}{reason}"),
                markup=False,
                highlight=False,
                soft_wrap=True,
            )

    @property
    def skipped(self) -> float:
        """The share of sampled frames that repeat the last one, of the videos done so far."""
        return 1 - self.kept / self.sampled if self.sampled else 0.0

    def summary(self) -> None:
        """Print the totals of the run."""
        if self.quiet:
            return
        states = ", ".join(
            f"{self.states[state]} {state}"
            for state in ("indexed", "incomplete", "unchanged", "failed")
            if self.states[state]
        )
        line = f"{counted(sum(self.states.values()), 'video')}: {states or 'none'}"
        if self.sampled:
            seconds = time.monotonic() - self.started
            line += (
                f"; {counted(self.sampled, 'frame')} ({self.skipped:.0%} repeats), "
                f"{counted(self.segments, 'segment')} in {seconds:.1f} s"
            )
        left_out = self.found.left_out_in_words
        (note if self.json else say)(line + (f"; left out: {left_out}" if left_out else ""))


def build(settings: Settings, options: argparse.Namespace) -> int:
    """Build and publish the snapshot of the collection."""
    service = open_writer(settings)
    try:
        manifest = _build(service, quiet=options.quiet or options.json, sweep=True)
        if options.json:
            emit(manifest)
    finally:
        service.close()
    return 0


def _published(service: Service, name: str) -> str | None:
    """Return the name of the snapshot in use; one that is damaged is about to be replaced."""
    try:
        return service.indexes.pointer(name)
    except ServiceUnavailable:
        return None


def _build(service: WritingService, *, quiet: bool, sweep: bool = False) -> dict[str, object]:
    """Publish a snapshot of the last version, if the one that is published is not that.

    Thumbnails that no row names are swept with a new snapshot, or with `sweep`: going through
    all of them takes long, and where nothing changed there are no more of them than before.
    """
    name = service.catalog.collection(service.settings.collection).name
    before = _published(service, name)
    manifest = build_snapshot(service, name)
    is_new = _published(service, name) != before
    if is_new or sweep:
        service.thumbnails.sweep(name, set(service.catalog.thumbnails(name)))
    if not quiet and is_new:
        about = f"{counted(manifest.count, 'segment')}, {manifest.kind}"
        note(f"snapshot of version {manifest.version}: {about}")
    return asdict(manifest)


__all__ = ["build", "ingest"]
