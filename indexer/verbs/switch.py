"""The verb `switch`: give a collection another model, while it answers with the one it has."""

import argparse
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager

from clipseek.assembly import open_writer
from clipseek.config import Settings
from clipseek.errors import ConfigError
from clipseek.ledgers import open_switches
from clipseek.model import Model
from clipseek.types import Collection, Hit
from indexer import discover, leftovers
from indexer.agreement import EXAMPLES, Agreement
from indexer.holding import Holding
from indexer.noting import INTERRUPTED
from indexer.output import Column, clock, counted, emit, note, percent, say, table
from indexer.queries import Origin, Queries, of_file, of_users
from indexer.reports import Reports
from indexer.steps import Brought, Steps, Stopped, VideosMissing
from indexer.switching import wanted_model
from indexer.verbs.ingest import stopping_on_signal

LONGEST_LEAD_S = 3600.0


def run(settings: Settings, options: argparse.Namespace) -> int:
    """Switch a collection, go back, or remove the one that is not needed any more."""
    if not (options.model or options.rollback or options.finish):
        raise ConfigError(
            "switch needs the model to change to, as in `indexer switch default --model NAME`, or "
            "--rollback or --finish"
        )
    if not 0 <= options.lead <= LONGEST_LEAD_S:
        raise ConfigError(f"--lead must be >= 0 and <= {LONGEST_LEAD_S:g} s, got {options.lead:g}")
    queries = None if options.queries is None else of_file(options.queries)
    with open_writer(settings) as service, closing(open_switches(settings)) as switches:
        leftovers.delete(service)
        name = service.catalog.collection(settings.collection).name
        if name != settings.collection:
            raise ConfigError(
                f"{settings.collection!r} is an alias of collection {name!r}; run "
                f"`indexer switch {name}`, and the alias follows"
            )
        with Holding(switches, name, lease_s=settings.job_lease_s) as holding:
            if switches.get(name) is not None:
                holding.take()
            terminal, without = _Terminal(options), options.without_missing
            steps = Steps(service, switches, holding, terminal, name, without)
            verb = _Verb(steps, options, queries)
            try:
                if options.finish:
                    return verb.finish()
                return verb.roll_back() if options.rollback else verb.switch()
            except Stopped:
                return INTERRUPTED
            except VideosMissing as error:
                note(f"indexer: {error}")
                return 1


class _Terminal:
    """Somebody at a terminal waits for the switch: signals stop it, and all videos are told."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options

    def reports(self, _target: Collection, uris: Sequence[str]) -> "_Told":
        """Return what prints a line or a bar."""
        found = discover.Found(uris, [])
        return _Told(found, json=self._options.json, quiet=self._options.quiet)

    def event(self) -> threading.Event:
        """Return an event that nobody has set."""
        return threading.Event()

    @contextmanager
    def stopping(self, stop: threading.Event) -> Iterator[Callable[[], bool]]:
        """Stop on a signal."""
        with stopping_on_signal(stop) as interrupted:
            yield interrupted.is_set
        if interrupted.is_set():
            note("indexer: interrupted; run the same command again to continue")


class _Told(Reports):
    """Prints videos to stderr, in words also if the results are JSON, and a summary."""

    def __init__(self, found: discover.Found, *, json: bool, quiet: bool) -> None:
        super().__init__(found, json=False, quiet=quiet)
        self._has_summary = not json

    def __exit__(self, *exc: object) -> None:
        super().__exit__(*exc)
        if self._has_summary and exc[0] is None:
            self.summary()


class _Verb:
    """One run of the verb, with what it works with."""

    def __init__(
        self,
        steps: Steps,
        options: argparse.Namespace,
        queries: Queries | None,
    ) -> None:
        self._steps = steps
        self._service = steps.service
        self._catalog = steps.service.catalog
        self._options = options
        self._queries = queries
        self._name = steps.name
        self._quiet = options.quiet

    def switch(self) -> int:
        """Embed into the new collection, compare, and cut over."""
        found = self._steps.switches.get(self._name)
        if found is not None and found.state == "switched":
            has = self._catalog.collection(self._name).model
            raise ConfigError(
                f"collection {self._name!r} was switched to model {has!r}; run "
                f"`indexer switch {self._name} --finish` to keep that, or --rollback to go back"
            )
        model = wanted_model(self._service, self._options.precision, quiet=self._quiet)
        brought = self._steps.prepare(model, self._refused)
        queries = self._queries or of_users(self._service.settings, brought.switching.source)
        if not self._quiet:
            note(f"indexer: {queries.said}")
        agreed = self._steps.compare(brought, queries.texts)
        self._tell_examples(agreed)
        state = "ready"
        if not self._options.no_cut:
            time.sleep(self._options.lead)
            self._steps.cut(brought)
            state = "switched"
        self._tell(state, model.name, brought, agreed, queries.origin)
        return 0

    def roll_back(self) -> int:
        """Bring the old collection up to date, and let it answer again."""
        found = self._steps.switches.get(self._name)
        if found is None or found.state != "switched":
            raise ConfigError(
                f"collection {self._name!r} has no former model to go back to; `indexer "
                "collections` shows the switches"
            )
        former = self._catalog.collection(found.other)
        brought = self._steps.former(found)
        self._steps.cut(brought)
        self._tell("rolled back", former.model, brought)
        return 0

    def finish(self) -> int:
        """Remove the collection that does not answer."""
        found = self._steps.switches.get(self._name)
        if found is None:
            raise ConfigError(
                f"no switch of collection {self._name!r} is under way, so there is nothing to "
                "finish; `indexer collections` shows the switches"
            )
        removed = self._steps.finish(found)
        kept = self._catalog.collection(self._name).model
        if self._options.json:
            emit({"collection": self._name, "state": "finished", "model": kept})
        else:
            say(f"collection {self._name} keeps model {kept}; that of {removed.model} is removed")
        return 0

    def _refused(self, model: Model) -> ConfigError:
        """Return why a collection cannot be switched to a model: it has it, or gets another one."""
        present = self._catalog.collection(self._name)
        if present.fingerprint == model.embedder.fingerprint:
            return ConfigError(
                f"collection {self._name!r} is indexed with model {present.model!r} already; name "
                "another one with --model or --precision"
            )
        found = self._steps.switches.get(self._name)
        new = "" if found is None else self._catalog.collection(found.other).model
        return ConfigError(
            f"a switch of collection {self._name!r} to model {new!r} is under way, not "
            f"to {model.name!r}; continue it with `--model {new}`, or give it up with "
            f"`indexer switch {self._name} --finish`"
        )

    def _tell_examples(self, agreed: Agreement) -> None:
        if self._options.json:
            for each in agreed.examples[:EXAMPLES]:
                emit(
                    {
                        "query": each.query,
                        "overlap_at_10": round(each.overlap, 4),
                        "relevance_shift": round(each.shift, 4),
                        "before": [_hit(hit) for hit in each.before],
                        "after": [_hit(hit) for hit in each.after],
                    }
                )
        elif not self._quiet:
            table(
                [
                    Column("overlap@10", right=True),
                    Column("query"),
                    Column("best before"),
                    Column("best after"),
                ],
                (
                    (f"{each.overlap:.0%}", each.query, _best(each.before), _best(each.after))
                    for each in agreed.examples[:EXAMPLES]
                ),
            )

    def _tell(
        self,
        state: str,
        model: str,
        brought: Brought,
        agreed: Agreement | None = None,
        origin: Origin | None = None,
    ) -> None:
        told: dict[str, object] = {
            "collection": self._name,
            "state": state,
            "model": model,
            "embedded": brought.following.embedded,
            "thumbnails_reused": brought.switching.linked,
            "without_objects": sorted(brought.following.bare),
            "left_out": brought.left_out,
        }
        if agreed is not None:
            told["queries"] = len(agreed.examples)
            told["queries_from"] = origin
            told["overlap_at_10"] = _rounded(agreed.overlap)
            told["relevance_shift"] = _rounded(agreed.shift)
        if self._options.json:
            emit(told)
        elif not self._quiet:
            for line in _in_words(told, self._name):
                say(line)


_ANEW = (
    "rules, samples and decisions of people went along; if you use them, run `indexer tags apply "
    "--collection {0}` now: tags that rules propose belong to one model"
)
_ORIGINS = {"file": "queries", "recent": "recent queries", "bank": "everyday sentences"}


def _in_words(told: dict[str, object], name: str) -> Iterator[str]:
    """Yield what was done, how alike both answer, and what can be done next."""
    reused = counted(int(str(told["thumbnails_reused"])), "thumbnail")
    yield f"{counted(int(str(told['embedded'])), 'video')} embedded, {reused} reused"
    bare = told["without_objects"]
    if isinstance(bare, list) and bare:
        yield (
            f"the objects of {counted(len(bare), 'video')} could not be embedded, for the reasons "
            f"above; correct that and run `indexer objects --collection {name}` after the switch"
        )
    if told.get("queries") == 0:
        yield "no query was answered by both models, so it is not known how alike they answer"
    elif "queries" in told:
        yield (
            f"{told['queries']} {_ORIGINS[str(told['queries_from'])]}: "
            f"overlap@10 {told['overlap_at_10']:.3f}, "
            f"relevance of the best moment {told['relevance_shift']:+.3f}"
        )
    match told["state"]:
        case "switched":
            yield (
                f"collection {name} answers with model {told['model']}; `indexer switch {name} "
                "--rollback` goes back, and --finish removes what it had before"
            )
            yield _ANEW.format(name)
        case "rolled back":
            yield (
                f"collection {name} answers with model {told['model']} again; `indexer switch "
                f"{name} --finish` removes the other one"
            )
            yield _ANEW.format(name)
        case _:
            yield (
                f"collection {name} answers as before; the same command without --no-cut changes "
                f"over to model {told['model']}"
            )


def _rounded(mean: float | None) -> float | None:
    return None if mean is None else round(mean, 4)


def _hit(hit: Hit) -> dict[str, object]:
    return {
        "uri": hit.video.uri,
        "start": hit.span.start,
        "end": hit.span.end,
        "relevance": round(hit.relevance, 6),
    }


def _best(hits: tuple[Hit, ...]) -> str:
    if not hits:
        return "nothing"
    best = hits[0]
    return f"{percent(best.relevance)} {best.video.title} {clock(best.span.start)}"
