"""The verb `compare`: how differently two collections of the same videos answer."""

import argparse
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from clipseek.assembly import open_existing
from clipseek.comparison import Difference, Mean, difference, differences, mean
from clipseek.config import Settings
from clipseek.errors import ConfigError, RequestError, ServiceUnavailable
from clipseek.evaluation import outcomes
from clipseek.query import MAX_LIMIT
from clipseek.redaction import Redactor
from clipseek.service import Service
from clipseek.types import Collection, Hit
from indexer import rule_versions
from indexer.agreement import Agreement, agreement, compared
from indexer.captions import file_of, found_in, read_captions, search
from indexer.compare_options import FORMS
from indexer.output import Column, counted, emit, note, say, table
from indexer.queries import of_file, of_users
from indexer.redaction import redactor_of
from indexer.rule_versions import Versions
from indexer.side_by_side import page, records
from indexer.videos import all_videos


@dataclass(frozen=True, slots=True)
class Compared:
    """What was compared, and what was found. figures: Those of captions, by name."""

    one: Collection
    other: Collection
    agreed: Agreement
    overlap: Mean | None
    relevance: Difference | None
    figures: Mapping[str, Difference | None]

    @property
    def names(self) -> tuple[str, str]:
        """What both sides are called."""
        return self.one.name, self.other.name


def run(settings: Settings, options: argparse.Namespace) -> int:
    """Ask both collections the same, and say how far and how surely they differ."""
    _check(options)
    if options.rule is not None:
        return _run_versions(settings, options)
    with open_existing(settings) as service:
        found = _compared(service, options)
        shown = found.agreed.examples[: options.examples]
        if options.out is not None:
            _write(options.out, service, found, options)
    if options.json:
        emit(_record(found, options))
        return 0
    for name, cells in _lines(found, options.k):
        say(f"{name:<16}  " + "  ".join(cells))
    if options.out is not None:
        note(f"{counted(len(shown), 'query')} side by side in {options.out}")
    else:
        table(
            [Column(f"overlap@{options.k}", right=True), Column("query")],
            ((f"{each.overlap:.0%}", each.query) for each in shown),
        )
    return 0


def _run_versions(settings: Settings, options: argparse.Namespace) -> int:
    """Compare the current version of a rule with another one."""
    with open_existing(settings) as service:
        found = rule_versions.compare(
            service, options.rule, options.other, examples=options.examples, seed=options.seed
        )
        if options.out is not None:
            _write_versions(options.out, service, found)
    if options.json:
        emit(_versions_record(found))
        return 0
    for name, cells in _version_lines(found):
        say(f"{name:<16}  " + "  ".join(cells))
    if options.out is not None:
        note(f"what one of them tags alone is in {options.out}")
    return 0


def _versions_record(found: Versions) -> dict[str, object]:
    one, other = found.rules
    return {
        "rule": one.name,
        "one": {"version": one.version, "threshold": one.threshold, "alone": found.one},
        "other": {"version": other.version, "threshold": other.threshold, "alone": found.other},
        "segments": found.segments,
        "both": found.both,
        "overlap": found.overlap,
        "right": None if found.right is None else asdict(found.right),
    }


def _version_lines(found: Versions) -> list[tuple[str, list[str]]]:
    one, other = found.rules
    lines = [
        ("one", [f"{one.name} {one.version}, threshold {one.threshold:g}: {found.one} alone"]),
        ("other", [f"{other.version}, threshold {other.threshold:g}: {found.other} alone"]),
        ("both", [f"{found.both} of {counted(found.segments, 'segment')}"]),
    ]
    if found.overlap is not None:
        lines.append(("overlap", [f"{found.overlap:.3f}"]))
    if found.right is not None:
        lines.append(("right", _cells(found.right)))
    return lines


def _write_versions(path: Path, service: Service, found: Versions) -> None:
    one, other = found.rules
    if path.suffix.lower() == ".json":
        document = {
            **_versions_record(found),
            "examples": records([found.example], ("one", "other")),
        }
        _write_text(path, json.dumps(document, ensure_ascii=True, indent=1) + "\n")
        return
    most = max(len(found.example.before), len(found.example.after))
    text = page(
        f"Two versions of {one.name}",
        (one.version, other.version),
        _version_lines(found),
        [found.example],
        _pictures(service),
        most=most,
    )
    _write_text(path, text)


def _check(options: argparse.Namespace) -> None:
    if not 1 <= options.k <= MAX_LIMIT:
        raise ConfigError(f"--k must be 1 to {MAX_LIMIT}, got {options.k}")
    if options.seed < 0:
        raise ConfigError(f"--seed must be 0 or more, got {options.seed}")
    if options.examples < 0:
        raise ConfigError(f"--examples must be 0 or more, got {options.examples}")
    if options.out is not None and options.out.suffix.lower() not in FORMS:
        raise ConfigError(f"--out must end in {' or '.join(FORMS)}, got {options.out}")


def _compared(service: Service, options: argparse.Namespace) -> Compared:
    one, other = (
        service.catalog.collection(name) for name in (service.settings.collection, options.other)
    )
    if one.name == other.name:
        raise ConfigError(
            f"{options.other!r} is collection {one.name!r} itself; name another collection, such "
            "as one that another model has indexed"
        )
    _warn_of_others(service, one, other)
    if options.captions is not None:
        agreed, figures = _by_captions(service, one, other, options)
    else:
        agreed, figures = _by_queries(service, one, other, options), {}
    if not agreed.examples:
        raise ConfigError("no query was answered by both collections; ask with other queries")
    before = np.array([each.before[0].relevance for each in agreed.examples], np.float64)
    after = before + np.array([each.shift for each in agreed.examples], np.float64)
    overlaps = np.array([each.overlap for each in agreed.examples], np.float64)
    seed = options.seed
    return Compared(
        one,
        other,
        agreed,
        mean(overlaps, seed=seed),
        difference(before, after, seed=seed),
        figures,
    )


def _warn_of_others(service: Service, one: Collection, other: Collection) -> None:
    """Say how many videos only one of them has: answers differ by these, too."""
    ids, others = (
        {video.id for video in all_videos(service.catalog, each.name)} for each in (one, other)
    )
    if ids != others:
        note(
            f"indexer: {counted(len(ids - others), 'video')} only in collection {one.name!r} and "
            f"{counted(len(others - ids), 'video')} only in {other.name!r}: the figures count "
            "these as differences"
        )


def _by_queries(
    service: Service, one: Collection, other: Collection, options: argparse.Namespace
) -> Agreement:
    if options.queries is not None:
        queries = of_file(options.queries)
    else:
        queries = of_users(service.settings, one)
    note(queries.said)
    return agreement(service.search, one.name, other.name, queries.texts, hits=options.k)


def _by_captions(
    service: Service, one: Collection, other: Collection, options: argparse.Namespace
) -> tuple[Agreement, Mapping[str, Difference | None]]:
    captions = read_captions(options.captions)
    files = {name for caption in captions for name in {caption.file, *caption.also} if name}
    indexed = {file_of(video.uri, files) for video in all_videos(service.catalog, one.name)}
    if missing := files - indexed:
        note(f"{counted(len(missing), 'file')} of the captions not indexed: {min(missing)}")
    answers = [search(service, captions, collection=each.name) for each in (one, other)]
    right = [outcomes(captions, [found_in(answer, files) for answer in some]) for some in answers]
    first = [
        [replace(answer, hits=answer.hits[: options.k]) for answer in some] for some in answers
    ]
    agreed = compared([caption.query for caption in captions], first[0], first[1])
    return agreed, differences(right[0], right[1], seed=options.seed)


def _lines(found: Compared, k: int) -> list[tuple[str, list[str]]]:
    """Return the figures as rows of words."""
    lines = [
        (
            name,
            [f"{each.name} ({each.model}, version {each.version})"],
        )
        for name, each in (("one", found.one), ("other", found.other))
    ]
    lines.append(("queries", [str(len(found.agreed.examples))]))
    if found.overlap is not None:
        whole = found.overlap
        lines.append(
            (f"overlap@{k}", [f"{whole.value:.3f}", f"[{whole.low:.3f}, {whole.high:.3f}]"])
        )
    for name, each in {"relevance": found.relevance, **found.figures}.items():
        if each is not None:
            lines.append((name, _cells(each)))
    return lines


def _cells(found: Difference) -> list[str]:
    sure = "" if found.is_sure else ", may be chance"
    return [
        f"{found.one:.3f} -> {found.other:.3f}",
        f"difference {found.other - found.one:+.3f} [{found.low:+.3f}, {found.high:+.3f}]{sure}",
        f"better {found.better}, worse {found.worse} of {found.queries}",
    ]


def _record(found: Compared, options: argparse.Namespace) -> dict[str, object]:
    return {
        "one": _side(found.one),
        "other": _side(found.other),
        "queries": len(found.agreed.examples),
        "k": options.k,
        "seed": options.seed,
        "overlap": None if found.overlap is None else asdict(found.overlap),
        "relevance": None if found.relevance is None else asdict(found.relevance),
        "figures": {
            name: None if each is None else asdict(each) for name, each in found.figures.items()
        },
    }


def _side(collection: Collection) -> dict[str, object]:
    return {
        "collection": collection.name,
        "model": collection.model,
        "version": collection.version,
    }


def _write(path: Path, service: Service, found: Compared, options: argparse.Namespace) -> None:
    examples = found.agreed.examples[: options.examples]
    if path.suffix.lower() == ".json":
        document = {**_record(found, options), "examples": records(examples, ("one", "other"))}
        text = json.dumps(document, ensure_ascii=True, indent=1) + "\n"
    else:
        title = f"{found.names[0]} and {found.names[1]} compared"
        lines = _lines(found, options.k)
        text = page(title, found.names, lines, examples, _pictures(service))
    _write_text(path, text)


def _write_text(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise ConfigError(f"--out {path}: cannot be written: {error.strerror}") from error


def _pictures(service: Service) -> Callable[[Hit], bytes | None]:
    """Return what reads thumbnails, blurred where the collection is redacted; None if one is gone.

    Raises:
        RedactionUnavailable: what blurs them is not installed.
    """
    redactors: dict[str, Redactor | None] = {}

    def picture(hit: Hit) -> bytes | None:
        try:
            name, segment = service.catalog.segment(hit.segment_id)
            jpeg = service.thumbnails.read(segment.thumbnail)
        except (RequestError, ServiceUnavailable, OSError):
            return None
        if name not in redactors:
            redactors[name] = redactor_of(service.settings, name)[1]
        redactor = redactors[name]
        return jpeg if redactor is None else redactor.redacted_jpeg(jpeg)

    return picture
