"""The verb `switch`: give a collection another model, while it answers with the one it has."""

import argparse
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial

from clipseek.assembly import build_snapshot, open_writer
from clipseek.caches import open_recent
from clipseek.catalog.switches import SqlSwitches
from clipseek.config import Settings
from clipseek.errors import ConfigError
from clipseek.ledgers import open_switches
from clipseek.model import Model
from clipseek.service import WritingService
from clipseek.switches import Switch
from clipseek.types import Hit
from indexer import reserve
from indexer.agreement import EXAMPLES, Agreement, agreement
from indexer.following import Following
from indexer.holding import Holding
from indexer.output import Column, clock, counted, emit, note, say, table
from indexer.queries import Origin, Queries, of_file, of_users
from indexer.rescoring import rescore
from indexer.switching import Switching, stored_model, wanted_model
from indexer.verbs.ingest import INTERRUPTED

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
        name = service.catalog.collection(settings.collection).name
        if name != settings.collection:
            raise ConfigError(
                f"{settings.collection!r} is an alias of collection {name!r}; run "
                f"`indexer switch {name}`, and the alias follows"
            )
        with Holding(switches, name, lease_s=settings.job_lease_s) as holding:
            if switches.get(name) is not None:
                holding.take()
            verb = _Verb(service, switches, holding, options, queries)
            if options.finish:
                return verb.finish()
            return verb.roll_back() if options.rollback else verb.switch()


class _Verb:
    """One run of the verb, with what it works with."""

    def __init__(
        self,
        service: WritingService,
        switches: SqlSwitches,
        holding: Holding,
        options: argparse.Namespace,
        queries: Queries | None,
    ) -> None:
        self._service = service
        self._catalog = service.catalog
        self._switches = switches
        self._holding = holding
        self._options = options
        self._queries = queries
        self._name = service.settings.collection
        self._quiet = options.quiet

    def switch(self) -> int:
        """Embed into the new collection, compare, and cut over."""
        found = self._switches.get(self._name)
        if found is not None and found.state == "switched":
            has = self._catalog.collection(self._name).model
            raise ConfigError(
                f"collection {self._name!r} was switched to model {has!r}; run "
                f"`indexer switch {self._name} --finish` to keep that, or --rollback to go back"
            )
        model = wanted_model(self._service, self._options.precision, quiet=self._quiet)
        found = self._begun(model)
        switching = self._switching(found, lambda: model)
        rescore(self._catalog, found.other, model, note)
        following = switching.following()
        version = following.catch_up()
        if version is None:
            return INTERRUPTED
        if self._stops_for(following):
            return 1
        build_snapshot(self._service, found.other)
        self._switches.ready(self._name, sorted(following.failed))
        queries = self._queries or of_users(self._service.settings, switching.source)
        if not self._quiet:
            note(f"indexer: {queries.said}")
        agreed = agreement(self._service.search, self._name, found.other, queries.texts)
        self._tell_examples(agreed)
        state = "ready"
        if not self._options.no_cut:
            time.sleep(self._options.lead)
            code = self._cut(following, version, to=found.new)
            if code:
                return code
            state = "switched"
        self._tell(state, model.name, switching, following, agreed, queries.origin)
        return 0

    def roll_back(self) -> int:
        """Bring the old collection up to date, and let it answer again."""
        found = self._switches.get(self._name)
        if found is None or found.state != "switched":
            raise ConfigError(
                f"collection {self._name!r} has no former model to go back to; `indexer "
                "collections` shows the switches"
            )
        former = self._catalog.collection(found.other)
        switching = self._switching(found, partial(stored_model, self._service, former))
        following = switching.following(found.cut_at, found.left_out)
        version = following.catch_up(found.cut_version)
        if version is None:
            return INTERRUPTED
        if self._stops_for(following):
            return 1
        build_snapshot(self._service, found.other)
        code = self._cut(following, version, to=found.old)
        if not code:
            self._tell("rolled back", former.model, switching, following)
        return code

    def finish(self) -> int:
        """Remove the collection that does not answer."""
        found = self._switches.get(self._name)
        if found is None:
            raise ConfigError(
                f"no switch of collection {self._name!r} is under way, so there is nothing to "
                "finish; `indexer collections` shows the switches"
            )
        removed = self._catalog.collection(found.other)
        # SQLite first logs what is removed, and a full disk has no space for that.
        reserve.give_back(self._service.settings)
        try:
            key = self._switches.end(self._name)
        finally:
            reserve.keep(self._service.settings)
        self._service.indexes.remove(key)
        self._service.thumbnails.remove(key)
        with closing(open_recent(self._service.settings)) as recent:
            recent.forget(removed)
        kept = self._catalog.collection(self._name).model
        if self._options.json:
            emit({"collection": self._name, "state": "finished", "model": kept})
        else:
            say(f"collection {self._name} keeps model {kept}; that of {removed.model} is removed")
        return 0

    def _begun(self, model: Model) -> Switch:
        """Return the switch to a model, begun now or before.

        Raises:
            ConfigError: the collection has this model, or is switched to another one.
        """
        embedder, present = model.embedder, self._catalog.collection(self._name)
        if present.fingerprint == embedder.fingerprint:
            raise ConfigError(
                f"collection {self._name!r} is indexed with model {present.model!r} already; name "
                "another one with --model or --precision"
            )
        found = self._switches.begin(
            self._name,
            model.name,
            dim=embedder.dim,
            fingerprint=embedder.fingerprint,
            scoring=model.scoring,
        )
        self._holding.take()
        new = self._catalog.collection(found.other)
        if new.fingerprint != embedder.fingerprint:
            raise ConfigError(
                f"a switch of collection {self._name!r} to model {new.model!r} is under way, not "
                f"to {model.name!r}; continue it with `--model {new.model}`, or give it up with "
                f"`indexer switch {self._name} --finish`"
            )
        return found

    def _switching(self, found: Switch, model: Callable[[], Model]) -> Switching:
        source, target = (self._catalog.collection(each) for each in (self._name, found.other))
        return Switching(
            self._service,
            source,
            target,
            self._holding,
            model,
            quiet=self._quiet,
            json=self._options.json,
        )

    def _stops_for(self, following: Following) -> bool:
        """Say which videos could not be embedded; return whether that stops the switch."""
        if not following.failed:
            return False
        missing = counted(len(following.failed), "video")
        if self._options.without_missing:
            note(f"{missing} could not be read and will not be in the collection")
            return False
        note(
            f"indexer: {missing} could not be read, so collection {self._name!r} answers as "
            "before; correct or remove what is listed above and run the same command again, or add "
            "--without-missing to go on without them"
        )
        return True

    def _cut(self, following: Following, version: int | None, *, to: str) -> int:
        """Exchange both collections as soon as nothing is missing; return the exit code."""
        left_out = set(following.failed)
        while (version := following.catch_up(version)) is not None:
            if following.failed.keys() != left_out:
                left_out = set(following.failed)
                if self._stops_for(following):
                    return 1
            self._note_left_out(following)
            if self._switches.cut(self._name, version, to=to):
                return 0
        return INTERRUPTED

    def _note_left_out(self, following: Following) -> None:
        found = self._switches.get(self._name)
        failed = sorted(following.failed)
        if found is not None and found.state == "ready" and list(found.left_out) != failed:
            self._switches.ready(self._name, failed)

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
        switching: Switching,
        following: Following,
        agreed: Agreement | None = None,
        origin: Origin | None = None,
    ) -> None:
        told: dict[str, object] = {
            "collection": self._name,
            "state": state,
            "model": model,
            "embedded": following.embedded,
            "thumbnails_reused": switching.linked,
            "left_out": sorted(following.failed),
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


_ORIGINS = {"file": "queries", "recent": "recent queries", "bank": "everyday sentences"}


def _in_words(told: dict[str, object], name: str) -> Iterator[str]:
    """Yield what was done, how alike both answer, and what can be done next."""
    reused = counted(int(str(told["thumbnails_reused"])), "thumbnail")
    yield f"{counted(int(str(told['embedded'])), 'video')} embedded, {reused} reused"
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
        case "rolled back":
            yield (
                f"collection {name} answers with model {told['model']} again; `indexer switch "
                f"{name} --finish` removes the other one"
            )
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
    return f"{best.relevance:.0%} {best.video.title} {clock(best.span.start)}"
