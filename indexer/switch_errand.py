"""What a job of the kind `switch` does: one step of the switch of a collection."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import get_args

from clipseek.assembly import load_model
from clipseek.embedding import models as known_models
from clipseek.embedding.precision import split
from clipseek.ingest import Report
from clipseek.ingest.draft import Draft
from clipseek.jobs import Job, Payload
from clipseek.ledgers import open_switches
from clipseek.model import Model
from clipseek.service import WritingService
from clipseek.switches import Step, Switch, SwitchRefused
from clipseek.types import Collection, Hit
from indexer import leftovers
from indexer.agreement import EXAMPLES, Agreement
from indexer.heartbeat import Heartbeat
from indexer.holding import Holding
from indexer.output import note
from indexer.queries import Queries, of_users
from indexer.steps import Brought, Steps, Stopped

LEAD_S = 10.0
"""How long replicas have to load the model before the cut, as in `indexer switch`."""
STEPS: tuple[Step, ...] = get_args(Step)


class Waiting:
    """A job waits for the switch: its heart hears of the frames, and says when to stop."""

    def __init__(self, service: WritingService, heart: Heartbeat) -> None:
        self._service = service
        self._heart = heart

    def reports(self, target: Collection, uris: Sequence[str]) -> "_Share":
        """Return what counts the videos."""
        there, _, _ = self._service.catalog.counts(target.name)
        return _Share(self._heart, there, there + len(uris))

    def event(self) -> threading.Event:
        """Return the event that stops the job."""
        return self._heart.stop

    @contextmanager
    def stopping(self, stop: threading.Event) -> Iterator[Callable[[], bool]]:  # noqa: ARG002  # it is that of the heart
        """Give whether the job was told to stop."""
        yield lambda: bool(self._heart.why)


class _Share:
    """Notes the share of the videos of a collection that the new one has."""

    def __init__(self, heart: Heartbeat, there: int, all_of_them: int) -> None:
        self._heart = heart
        self._there = there
        self._all = all_of_them
        self._note()

    def __enter__(self) -> None:
        """Nothing is opened."""

    def __exit__(self, *exc: object) -> None:
        """Nothing is closed."""

    def frames(self, count: int) -> None:
        """Count frames."""
        self._heart.embedded(count)

    def progress_of(self, draft: Draft) -> None:
        """Do without: the share is one of videos."""

    def report(self, report: Report) -> None:
        """Count a video."""
        if report.state == "failed":
            note(f"indexer: {report.path}: {report.reason}")
        self._there += 1
        self._note()

    def _note(self) -> None:
        share = round(self._there / self._all, 3) if self._all else 0.0
        self._heart.progress = replace(self._heart.progress, share=min(share, 1.0))


def do(service: WritingService, job: Job, heart: Heartbeat, *, lead_s: float) -> Payload | None:
    """Take a step of a switch; return what came of it, or None if it was told to stop.

    Raises:
        SwitchRefused: the step cannot be taken now, or the model is not installed here.
        VideosMissing: some videos could not be embedded, and that is not allowed.
        ConfigError: another process works on this switch.
    """
    settings = service.settings
    leftovers.delete(service)
    with closing(open_switches(settings)) as switches:
        lease_s = settings.job_lease_s
        with Holding(switches, job.collection, lease_s=lease_s) as holding:
            steps = Steps(
                service,
                switches,
                holding,
                Waiting(service, heart),
                job.collection,
                job.payload.get("without_missing") is True,
            )
            step = next(each for each in STEPS if each == job.payload["step"])
            wanted = str(job.payload.get("model", ""))
            if job.failures or job.attempts > 1:
                done = _done_before(steps, step)
                if done is not None:
                    return done
            found = steps.require(step, wanted)
            if found is not None:
                holding.take()
            try:
                return _taken(steps, step, found, wanted, heart, lead_s)
            except Stopped:
                return None


def _done_before(steps: Steps, step: Step) -> Payload | None:
    """Return the outcome of a step that an attempt before this one has taken, or None."""
    found = steps.switches.get(steps.name)
    state = "" if found is None else found.state
    ends = {"cut": "switched", "rollback": "ready", "finish": ""}
    return _told(steps, step) if ends.get(step) == state else None


def _taken(
    steps: Steps, step: Step, found: Switch | None, wanted: str, heart: Heartbeat, lead_s: float
) -> Payload | None:
    if step == "prepare":
        return _prepared(steps, wanted)
    assert found is not None  # `require` has looked
    if step == "finish":
        steps.finish(found)
        return _told(steps, step)
    brought = steps.prepared(found) if step == "cut" else steps.former(found)
    if heart.stop.wait(lead_s):
        return None
    steps.cut(brought)
    return _told(steps, step, brought)


def _prepared(steps: Steps, wanted: str) -> Payload:
    model = installed_model(steps.service, wanted)
    brought = steps.prepare(model, lambda model: _refused(steps.name, model))
    queries = of_users(steps.service.settings, brought.switching.source)
    agreed = steps.compare(brought, queries.texts)
    told = _told(steps, "prepare", brought)
    return {**told, "model": model.name, "agreement": _agreement(agreed, queries)}


def installed_model(service: WritingService, name: str) -> Model:
    """Load a model that is installed here; raise SwitchRefused: no other one is made or fetched."""
    rows = known_models.listed(service.settings.data_dir)
    if not any(row.installed and row.name == name for row in rows):
        raise SwitchRefused(
            f"the worker has no model {name!r}; the operator installs it there, or copies it into "
            "its data folder"
        )
    return load_model(service.settings, name, precision=split(name)[1], report=note)


def _refused(collection: str, model: Model) -> SwitchRefused:
    return SwitchRefused(
        f"collection {collection!r} has or gets other weights of model {model.name!r} already; "
        "finish the switch that is under way, or name another model"
    )


def _told(steps: Steps, step: Step, brought: Brought | None = None) -> dict[str, object]:
    """Return what came of a step, and which model answers."""
    told: dict[str, object] = {
        "step": step,
        "model": steps.service.catalog.collection(steps.name).model,
    }
    if brought is not None:
        told["embedded"] = brought.following.embedded
        told["left_out"] = len(brought.left_out)
    return told


def _agreement(agreed: Agreement, queries: Queries) -> dict[str, object]:
    return {
        "queries": len(agreed.examples),
        "queries_from": queries.origin,
        "overlap": agreed.overlap,
        "shift": agreed.shift,
        "examples": [
            {
                "query": each.query,
                "overlap": each.overlap,
                "shift": each.shift,
                "before": [_moment(hit) for hit in each.before],
                "after": [_moment(hit) for hit in each.after],
            }
            for each in agreed.examples[:EXAMPLES]
        ],
    }


def _moment(hit: Hit) -> dict[str, object]:
    return {
        "video": hit.video.id,
        "title": hit.video.title,
        "start": hit.span.start,
        "end": hit.span.end,
        "relevance": round(hit.relevance, 6),
    }
