"""The verb `tags`: applies rules, lists rules and tags, removes rules, and fits thresholds."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, replace
from time import monotonic

from clipseek.assembly import load_collection_model, open_writer
from clipseek.config import Settings
from clipseek.curating import Curating, SegmentTag
from clipseek.errors import ConfigError, InvalidQuery
from clipseek.ledgers import open_curating, open_curating_reader
from clipseek.rules import Rule, RuleNotFound
from clipseek.service import WritingService
from clipseek.tagging import rulebook, thresholds
from clipseek.tagging.fitting import Quality, Rate
from clipseek.tagging.tags import Judge, Report, apply, require_objects
from indexer.output import Column, counted, emit, note, say, table

BY = "indexer"


def run(settings: Settings, options: argparse.Namespace) -> int:
    """Do what is named."""
    return _ACTIONS[options.action](settings, options)


def _apply(settings: Settings, options: argparse.Namespace) -> int:
    written = None if options.rules is None else rulebook.read(options.rules)
    names = [settings.collection]
    if written is not None and options.collection is None:
        named = {name for each in written for name in each.collections or names}
        names = sorted(named)
    with open_writer(settings) as service, closing(open_curating(settings)) as store:
        for name in names:
            service.catalog.collection(name)
        for name in names:
            _apply_to(service, store, name, written, options)
    return 0


def _apply_to(
    service: WritingService,
    store: Curating,
    name: str,
    written: Sequence[rulebook.Written] | None,
    options: argparse.Namespace,
) -> None:
    """Apply the rules of a file, or those that are stored, to one collection."""
    began, stored = monotonic(), {rule.name: rule for rule in store.rules(name)}
    given = [
        _kept(each, stored.get(each.rule.name))
        for each in written or ()
        if name in (each.collections or (name,))
    ]
    current = {**stored, **{rule.name: rule for rule in given}}
    if not current:
        raise ConfigError(
            f"collection {name!r} has no rules; name a file of rules, as in "
            "`indexer tags apply rules.yaml`"
        )
    _look_for_objects(service, store, name, list(current.values()), given)
    if given and not options.dry_run:
        store.put_rules(name, given, BY)
    judge = _judge(service, name, list(current.values()))
    report = apply(store, service.catalog, judge, is_dry=options.dry_run)
    _print(name, report, monotonic() - began, options)


def _look_for_objects(
    service: WritingService,
    store: Curating,
    name: str,
    rules: Sequence[Rule],
    given: Sequence[Rule],
) -> None:
    """Warn of videos without objects, and of classes that rules of a file name and nothing has."""
    missing = require_objects(store.facts(name), name, rules)
    if missing:
        note(
            f"no detector has looked at {counted(missing, 'video')} of collection {name}, which "
            "get no tags by relations; run `indexer objects --detector FILE.onnx`"
        )
    relations = [rule.relation for rule in given if rule.relation is not None]
    unseen = {label for each in relations for label in (each.of, each.to)}
    for _, found in service.catalog.objects(name) if unseen else ():
        unseen -= {track.label for track in found.tracks}
        if not unseen:
            break
    for label in sorted(unseen):
        note(
            f"no object of collection {name} has the class {label!r}; see the detector's JSON file"
        )


def _kept(written: rulebook.Written, stored: Rule | None) -> Rule:
    """Return a rule with the threshold that was fitted, unless the file names one."""
    rule = written.rule
    if not written.is_open or stored is None or not stored.is_fitted:
        return rule
    same = (rule.prompts, rule.exclusions, rule.relation) == (
        stored.prompts,
        stored.exclusions,
        stored.relation,
    )
    return replace(rule, threshold=stored.threshold, is_fitted=True) if same else rule


def _judge(service: WritingService, name: str, rules: Sequence[Rule]) -> Judge:
    collection = service.catalog.collection(name)
    model = load_collection_model(service.settings, collection)
    return Judge.of(collection, model, service.searcher.texts, rules)


def _print(name: str, report: Report, seconds: float, options: argparse.Namespace) -> None:
    if options.json:
        by_rule = {
            rule: {"added": added, "removed": removed}
            for rule, (added, removed) in sorted(report.by_rule.items())
        }
        about = {"collection": name, "dry_run": options.dry_run, "seconds": round(seconds, 3)}
        emit({**about, **asdict(report), "by_rule": by_rule})
        return
    would = "would add" if options.dry_run else "added"
    removing = "remove" if options.dry_run else "removed"
    if report.by_rule:
        titles = (Column("rule"), Column("added", right=True), Column("removed", right=True))
        rows = sorted(report.by_rule.items())
        table(titles, ([rule, str(plus), str(minus)] for rule, (plus, minus) in rows))
    say(
        f"{would} {counted(report.added, 'tag')} and {removing} {report.removed} in collection "
        f"{name}; looked at {report.looked_at} of {counted(report.videos, 'video')} in "
        f"{seconds:.1f} s"
    )


def _list(settings: Settings, options: argparse.Namespace) -> int:
    if not 1 <= options.limit <= 1_000_000:
        raise ConfigError(f"--limit must be 1 to 1000000, got {options.limit}")
    with closing(open_curating_reader(settings)) as reader:
        if options.tags:
            tags = reader.tags(
                settings.collection, rules=options.rule, states=options.state, limit=options.limit
            )
            _print_tags(tags, options)
            return 0
        rules = reader.rules(settings.collection)
        counts = reader.tag_counts(settings.collection)
        decided = reader.tags(settings.collection, states=("accepted", "rejected", "corrected"))
    known = thresholds.qualities(rules, decided)
    wanted = [rule for rule in rules if options.rule is None or rule.name in options.rule]
    for rule in wanted if options.json else ():
        count = sum(counts.get(rule.name, {}).values())
        emit({**described(rule), "tags": count, **measured(known[rule.name])})
    if not options.json and wanted:
        titles = ("rule", "version", "threshold", "tags", "precision", "recall")
        rows = (_row(rule, sum(counts.get(rule.name, {}).values()), known) for rule in wanted)
        table([Column(title) for title in titles], rows)
    elif not wanted:
        note("there are no such rules; `indexer tags apply rules.yaml` adds some")
    return 0


def _row(rule: Rule, count: int, known: Mapping[str, Quality]) -> list[str]:
    quality = known[rule.name]
    threshold = f"{rule.threshold:g}{' fitted' if rule.is_fitted else ''}"
    shares = _share(quality.precision), _share(quality.recall)
    return [rule.name, rule.version, threshold, str(count), *shares]


def _share(rate: Rate) -> str:
    low, high = rate.interval
    return f"{rate.share:.2f} ({low:.2f}-{high:.2f})" if rate.count else "not reviewed"


def described(rule: Rule) -> dict[str, object]:
    """Return what is printed of a rule as JSON."""
    return {**rule.content(), "version": rule.version, "is_fitted": rule.is_fitted}


def measured(quality: Quality) -> dict[str, object]:
    """Return what is printed of how good a threshold is as JSON."""
    found: dict[str, object] = {}
    for name, rate in (("precision", quality.precision), ("recall", quality.recall)):
        low, high = rate.interval
        share = rate.share if rate.count else None
        counts = {"samples": rate.count, "missing": rate.missing}
        found[name] = {"share": share, "low": low, "high": high, **counts}
    return found


def _print_tags(tags: Sequence[SegmentTag], options: argparse.Namespace) -> None:
    for tag in tags if options.json else ():
        emit(asdict(tag))
    if not options.json and tags:
        titles = ("video", "from", "to", "tag", "relevance", "state", "by")
        rows = (
            [
                tag.video_id,
                f"{tag.start:.1f}",
                f"{tag.end:.1f}",
                tag.rule,
                f"{tag.relevance:.2f}",
                tag.state,
                tag.by,
            ]
            for tag in tags
        )
        table([Column(title) for title in titles], rows)
    elif not tags:
        note("there are no such tags")


def _remove(settings: Settings, options: argparse.Namespace) -> int:
    with open_writer(settings), closing(open_curating(settings)) as store:
        removed = store.remove_rule(settings.collection, options.name)
    if options.json:
        emit({"rule": options.name, "state": "removed", "tags": removed})
    else:
        say(f"removed rule {options.name} and {counted(removed, 'tag')}; decisions stay")
    return 0


def _fit(settings: Settings, options: argparse.Namespace) -> int:
    name = settings.collection
    with open_writer(settings) as service, closing(open_curating(settings)) as store:
        rules = {rule.name: rule for rule in store.rules(name)}
        for wanted in options.names:
            if wanted not in rules:
                raise RuleNotFound(wanted, name)
        judge = _judge(service, name, list(rules.values()))
        found: list[Rule] = []
        for rule in rules.values():
            if options.names and rule.name not in options.names:
                continue
            try:
                quality = thresholds.fit(store, service.catalog, judge, rule)
            except InvalidQuery as error:
                note(f"rule {rule.name} keeps its threshold {rule.threshold:g}: {error}")
                continue
            found.append(replace(rule, threshold=quality.threshold, is_fitted=True))
            _print_fit(rule, quality, options)
        if found and not options.dry_run:
            store.put_rules(name, found, BY)
            changed = {**rules, **{rule.name: rule for rule in found}}
            judge = _judge(service, name, list(changed.values()))
            report = apply(store, service.catalog, judge)
            note(f"added {counted(report.added, 'tag')} and removed {report.removed}")
    return 0


def _print_fit(rule: Rule, quality: Quality, options: argparse.Namespace) -> None:
    if options.json:
        before = {"rule": rule.name, "before": rule.threshold, "threshold": quality.threshold}
        emit({**before, "f1": quality.f1, **measured(quality)})
        return
    say(
        f"{rule.name}: threshold {rule.threshold:g} -> {quality.threshold:g}, F1 {quality.f1:.3f}, "
        f"precision {_share(quality.precision)}, recall {_share(quality.recall)} of what was "
        "reviewed"
    )


_ACTIONS: Mapping[str, Callable[[Settings, argparse.Namespace], int]] = {
    "apply": _apply,
    "list": _list,
    "remove": _remove,
    "fit": _fit,
}
