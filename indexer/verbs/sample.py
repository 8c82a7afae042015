"""The verb `sample`: which frames of a library to label, within a budget."""

import argparse
import json
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from clipseek import samples
from clipseek.assembly import open_existing
from clipseek.config import Settings
from clipseek.curating import Sample, SegmentTag, tag_id
from clipseek.errors import ConfigError
from clipseek.ledgers import open_curating
from clipseek.rules import Rule
from clipseek.service import Service
from indexer.candidates import STRATA, Candidates
from indexer.output import Column, clock, counted, emit, note, say, table
from indexer.questions import (
    Questions,
    known_rules,
    known_tags,
    leave_out_settled,
    of_queries,
    of_rules,
)

JOINER = " / "


@dataclass(frozen=True, slots=True)
class Ordered:
    """Rows in the order in which they are taken, and for some of them why, in words."""

    rows: samples.Rows
    why: dict[int, dict[str, object]]


def run(settings: Settings, options: argparse.Namespace) -> int:
    """Choose frames, and say how well they stand for the library."""
    _check(options)
    with open_existing(settings) as service:
        tags = known_tags(service, settings.collection)
        candidates = Candidates.of(service.catalog, settings.collection, tags)
        rules = _rules(service, candidates, options)
        ordered = _ordered(service, candidates, rules, tags, options)
    chosen = samples.chosen(
        ordered.rows, candidates.block.vectors, options.budget, alike=options.alike
    )
    records = [
        _record(candidates, row, options.kind, ordered.why.get(row, {}))
        for row in chosen.rows.tolist()
    ]
    summary = _summary(candidates, chosen, options)
    if options.review is not None:
        asked = _asked(records, rules)
        with closing(open_curating(settings)) as curating:
            curating.put_samples(candidates.collection.name, options.review, asked)
        summary["list"] = options.review
    if options.out is not None:
        _write(options.out, records)
        _tell(summary, options.out, json=options.json)
        return 0
    if options.json:
        for record in records:
            emit(record)
    else:
        _print(records)
    for line in _said(summary):
        note(line)
    return 0


def _check(options: argparse.Namespace) -> None:
    if options.budget < 1:
        raise ConfigError(f"--budget must be 1 frame or more, got {options.budget}")
    if options.kind == "diverse" and options.budget > samples.MOST_DIVERSE:
        raise ConfigError(
            f"--budget of a diverse sample must be {samples.MOST_DIVERSE} frames or less, got "
            f"{options.budget}; `--kind stratified` has no limit"
        )
    if options.seed < 0:
        raise ConfigError(f"--seed must be 0 or more, got {options.seed}")
    if not 0 < options.threshold < 1:
        raise ConfigError(f"--threshold must be between 0 and 1, got {options.threshold:g}")
    if not options.alike > 0:
        raise ConfigError(
            f"--alike must be more than 0, got {options.alike:g}; above 1 leaves nothing out"
        )
    if options.review is not None and (options.query or not options.review.strip()):
        raise ConfigError("--list NAME asks for the tags of rules: name --rule, and no --query")
    if options.rule and options.query:
        raise ConfigError("--rule and --query cannot be combined; name either")
    if options.rule and options.kind != "hard" and options.review is None:
        raise ConfigError(f"--rule belongs to --kind hard or to --list, got --kind {options.kind}")
    for name, kind in (("by", "stratified"), ("query", "hard"), ("against", "hard")):
        if getattr(options, name) and options.kind != kind:
            raise ConfigError(f"--{name} belongs to --kind {kind}, got --kind {options.kind}")
    if options.kind == "stratified" and not options.by:
        raise ConfigError(f"--kind stratified needs --by, one of {', '.join(STRATA)}")


def _rules(service: Service, candidates: Candidates, options: argparse.Namespace) -> list[Rule]:
    """Return the rules that are asked for; none if sentences are, or nothing is."""
    if options.query or (options.kind != "hard" and options.review is None):
        return []
    rules = known_rules(service, candidates.collection.name, options.rule)
    if not rules:
        raise ConfigError(
            'there are no rules; name what is judged, as in --query "a red car", or '
            "`indexer tags apply` rules"
        )
    return rules


def _ordered(
    service: Service,
    candidates: Candidates,
    rules: Sequence[Rule],
    tags: Sequence[SegmentTag],
    options: argparse.Namespace,
) -> Ordered:
    vectors, seed = candidates.block.vectors, options.seed
    if options.kind == "stratified":
        columns = [candidates.strata(kind) for kind in options.by]
        strata = [JOINER.join(values) for values in zip(*columns, strict=True)]
        rows = samples.stratified(strata, seed=seed)
        return Ordered(rows, {row: {"stratum": strata[row]} for row in rows.tolist()})
    if options.kind == "hard":
        return _hard(service, candidates, rules, tags, options)
    if options.kind == "diverse":
        # Twice as many, because near-duplicates among them are left out afterwards.
        return Ordered(samples.diverse(vectors, 2 * options.budget, seed=seed), {})
    if options.kind == "rare":
        rows, scores = samples.rare(vectors, seed=seed)
        return Ordered(rows, {row: {"distance": round(scores[row], 4)} for row in rows.tolist()})
    return Ordered(samples.shuffled(len(candidates), seed=seed), {})


def _hard(
    service: Service,
    candidates: Candidates,
    rules: Sequence[Rule],
    tags: Sequence[SegmentTag],
    options: argparse.Namespace,
) -> Ordered:
    """Return rows near a threshold first, or those that two collections judge differently."""

    def judged(some: Candidates) -> Questions:
        if rules:
            return of_rules(service, some, rules)
        return of_queries(service, some, options.query, options.threshold)

    asked = judged(candidates)
    if rules:
        leave_out_settled(asked, candidates, tags)
    other = None
    if options.against is None:
        margins = samples.margins(asked.relevance, asked.thresholds)
    else:
        there = Candidates.of(service.catalog, options.against)
        other = _moved(judged(there), there, candidates, options.against)
        margins = samples.disagreement(asked.relevance, other)
    rows, questions = samples.hard(margins)
    why: dict[int, dict[str, object]] = {}
    for row, question in zip(rows.tolist(), questions.tolist(), strict=True):
        why[row] = {
            asked.kind: asked.names[question],
            "relevance": round(float(asked.relevance[question, row]), 4),
        }
        if other is not None:
            why[row]["against"] = round(float(other[question, row]), 4)
    return Ordered(rows, why)


def _moved(
    asked: Questions, there: Candidates, candidates: Candidates, name: str
) -> NDArray[np.float64]:
    """Return the relevance (Q, S) of the same frames in the other collection; NaN without one."""
    rows = there.rows_at(candidates)
    if (rows < 0).all():
        raise ConfigError(
            f"--against {name}: it has no video of collection {candidates.collection.name!r}; "
            "index the same files into both"
        )
    moved = asked.relevance[:, rows]
    moved[:, rows < 0] = np.nan
    return moved


def _asked(records: Sequence[dict[str, object]], rules: Sequence[Rule]) -> list[Sample]:
    """Return what a review asks: for hard frames the rule that they are hard for, else each."""
    found = []
    for record in records:
        names = [str(record["rule"])] if "rule" in record else [rule.name for rule in rules]
        video_id, start, end = str(record["video_id"]), record["start"], record["end"]
        assert isinstance(start, float)
        assert isinstance(end, float)
        relevance = record.get("relevance", 0.0)
        assert isinstance(relevance, float)
        found += [
            Sample(tag_id(video_id, name, start, end), video_id, start, end, name, relevance)
            for name in names
        ]
    return found


def _record(
    candidates: Candidates, row: int, kind: str, why: dict[str, object]
) -> dict[str, object]:
    video, block = candidates.video(row), candidates.block
    start, end = block.spans[row].tolist()
    return {
        "video_id": video.id,
        "title": video.title,
        "uri": video.uri,
        "segment_id": int(block.ids[row]),
        "time": float(block.best_times[row]),
        "start": start,
        "end": end,
        "kind": kind,
        **why,
    }


def _summary(
    candidates: Candidates, chosen: samples.Chosen, options: argparse.Namespace
) -> dict[str, object]:
    if not len(chosen.rows):
        raise ConfigError(
            "there is nothing to choose: people have decided on all of it, or no rule is for what "
            "is indexed; choose by another --rule, or another --kind"
        )
    strata = {kind: candidates.strata(kind) for kind in STRATA}
    covered = samples.covered(candidates.block.vectors, chosen.rows, strata)
    return {
        "collection": candidates.collection.name,
        "version": candidates.collection.version,
        "kind": options.kind,
        "seed": options.seed,
        "frames": len(chosen.rows),
        "of": len(candidates),
        "videos": len({candidates.video(row).id for row in chosen.rows.tolist()}),
        "repeats": chosen.repeats,
        "mean_distance": round(covered.mean_distance, 4),
        "largest_distance": round(covered.largest_distance, 4),
        "covered": {kind: list(counts) for kind, counts in covered.strata.items()},
        "full": len(chosen.rows) == options.budget,
    }


def _tell(summary: dict[str, object], path: Path, *, json: bool) -> None:
    if json:
        emit(summary | {"file": str(path)})
        return
    for line in _said(summary):
        say(line)
    say(f"written to {path}")


def _said(summary: dict[str, object]) -> list[str]:
    counts = summary["covered"]
    assert isinstance(counts, dict)
    shares = ", ".join(f"{kind} {have} of {all_of}" for kind, (have, all_of) in counts.items())
    frames = int(str(summary["frames"]))
    lines = [
        f"{counted(frames, 'frame')} of {summary['of']} segments, from "
        f"{counted(int(str(summary['videos'])), 'video')}; left out as near-duplicates: "
        f"{summary['repeats']}",
        f"covered: {shares}; distance of a segment to the nearest frame of the sample: mean "
        f"{summary['mean_distance']}, largest {summary['largest_distance']}",
    ]
    if not summary["full"]:
        lines.append("fewer than --budget: there are no other frames that differ enough")
    if "list" in summary:
        lines.append(f"stored as list {summary['list']} to review")
    return lines


def _print(records: Sequence[dict[str, object]]) -> None:
    known = ("query", "rule", "relevance", "against", "stratum", "distance")
    table(
        [Column("time", right=True), Column("why"), Column("uri", shrinks=True)],
        (
            (
                clock(float(str(record["time"]))),
                " ".join(str(record[name]) for name in known if name in record) or "-",
                str(record["uri"]),
            )
            for record in records
        ),
    )


def _write(path: Path, records: Sequence[dict[str, object]]) -> None:
    text = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    try:
        path.write_text(text, encoding="utf-8", errors="surrogateescape")
    except OSError as error:
        raise ConfigError(f"--out {path}: cannot be written: {error.strerror}") from error
