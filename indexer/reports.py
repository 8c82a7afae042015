"""What a run of the ingest tells its user."""

import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import PurePath

from rich.console import Console
from rich.progress import BarColumn, ProgressColumn, Task, TextColumn
from rich.progress import Progress as Bar
from rich.text import Text

from clipseek.audit import Work
from clipseek.ingest import Report
from clipseek.ingest.draft import Draft
from indexer import discover
from indexer.naming import shown
from indexer.output import counted, emit, note, say
from indexer.progress import Progress


class _FramesPerSecond(ProgressColumn):
    """Frames embedded per second since the start of the run, and the share left out so far."""

    def render(self, task: Task) -> Text:
        """Draw the rate."""
        rate = task.fields["frames"] / task.elapsed if task.elapsed else 0.0
        return Text(f"{rate:.0f} frames/s, {task.fields['skipped']:.0%} repeats")


@dataclass
class Reports:
    """What one run tells its user: a bar on a terminal, else a line per video; then a summary."""

    found: discover.Found
    json: bool
    quiet: bool
    states: Counter[str] = field(default_factory=Counter)
    sampled: int = 0
    kept: int = 0
    embedded: int = 0
    segments: int = 0
    video_s: float = 0.0
    elsewhere: int = 0
    failure: str = ""
    started: float = field(default_factory=time.monotonic)
    took_s: float | None = None

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

    def __enter__(self) -> "Reports":
        self.started = time.monotonic()
        self._bar.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._bar.stop()
        self.took_s = time.monotonic() - self.started

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
        self.elsewhere += report.elsewhere
        if report.state in ("indexed", "incomplete"):
            self.video_s += report.duration
        if report.state == "failed" and not self.failure:
            self.failure = f"{shown(PurePath(report.path).name)}: {report.reason}"
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

    def work(self, collection: str) -> Work:
        """Return the figures of the run so far."""
        states = self.states
        seconds = time.monotonic() - self.started if self.took_s is None else self.took_s
        return Work(
            collection,
            "ingest",
            state="failed" if states["failed"] and states.total() == states["failed"] else "done",
            seconds=round(seconds, 3),
            video_s=round(self.video_s, 3),
            indexed=states["indexed"],
            incomplete=states["incomplete"],
            unchanged=states["unchanged"],
            failed=states["failed"],
            frames=self.sampled,
            segments=self.segments,
            reason=self.failure,
        )

    def waiting(self, count: int) -> None:
        """Tell that only videos are left that another ingest works on."""
        if not self.quiet:
            line = f"waiting for {counted(count, 'video')} that another ingest works on"
            self._console.print(line, markup=False, highlight=False)

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
        if self.elsewhere:
            line += f" ({self.elsewhere} indexed by another ingest meanwhile)"
        if self.sampled:
            seconds = time.monotonic() - self.started
            line += (
                f"; {counted(self.sampled, 'frame')} ({self.skipped:.0%} repeats), "
                f"{counted(self.segments, 'segment')} in {seconds:.1f} s"
            )
        left_out = self.found.left_out_in_words
        (note if self.json else say)(line + (f"; left out: {left_out}" if left_out else ""))
