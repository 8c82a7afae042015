"""The verb `search`: the moments that a sentence describes, or that look alike."""

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from unicodedata import normalize

from clipseek.assembly import open_existing
from clipseek.audit import since
from clipseek.config import Settings
from clipseek.errors import ClipseekError, ConfigError, VideoNotFound
from clipseek.explaining import problem_of
from clipseek.parts import Like, Part, Text
from clipseek.protocols import CatalogReader
from clipseek.query import WITHIN_S, Filters, Query, Step
from clipseek.types import SearchResult
from indexer import found, hints
from indexer.image_files import read_picture
from indexer.naming import resolved
from indexer.output import note
from indexer.videos import AmbiguousVideo, named, videos_called

TAGS_SHOWN = 20


def run(settings: Settings, options: argparse.Namespace) -> int:
    """Print the moments that are asked for, best first. No hits is an answer: 0."""
    tags = tuple(normalize("NFC", tag.strip()) for tag in options.tag) or None
    filters = _filters(options, tags)
    parts = _parts(options)
    if options.like is None:
        _checked(parts, settings, options, filters)
    says_something = bool(options.query or options.unwanted or options.then)
    service = open_existing(settings, is_brief=says_something)
    try:
        if options.like is not None:
            parts.append(_like(options.like, service.catalog, settings.collection))
        query = _checked(parts, settings, options, filters)
        answer = service.searcher.search([query])[0]
        why = None
        if options.explain and isinstance(answer, SearchResult):
            why = found.explained(service, query, answer)
        missing = ""
        if isinstance(answer, SearchResult) and not answer.hits:
            of_tags = _unknown_tag(service.catalog, settings.collection, tags) if tags else ""
            missing = of_tags or hints.nothing(query)
    finally:
        service.close()
    if isinstance(answer, ClipseekError):
        raise answer
    if answer.truncated_at is not None:
        note(_cut(answer.query[: answer.truncated_at], answer.model))
    if answer.incomplete:
        shards = ", ".join(answer.incomplete)
        note(f"shard {shards} of the index did not answer: moments of its videos are missing")
    if missing:
        note(missing)
    elif options.json:
        found.as_json(answer, why)
    else:
        found.as_table(answer, why)
        if not found.matches(answer) and (other := hints.unwanted(" ".join(options.query))):
            note(f"the model does not understand words such as 'no'; try `indexer search {other}`")
    return 0


def _parts(options: argparse.Namespace) -> list[Part]:
    """Return what is wanted and what is not, except for a moment.

    Raises:
        ConfigError: nothing is wanted, or `--within` is given without `--then`.
    """
    given = [bool(options.query), options.like is not None, options.image is not None]
    if not any(given):
        raise ConfigError(
            "search takes a sentence, --like or --image, one of them at least, got none; "
            '`indexer search "a dog runs"` is an example'
        )
    if options.within is not None and not options.then:
        raise ConfigError("--within needs --then, which says what must follow")
    parts: list[Part] = [Text(" ".join(options.query))] if options.query else []
    if options.image is not None:
        parts.append(read_picture(Path(options.image), f"--image {options.image}"))
    return [*parts, *(Text(text, -1.0) for text in options.unwanted)]


def wanted_parts(
    options: argparse.Namespace, catalog: CatalogReader, collection: str
) -> list[Part]:
    """Return the parts that the options name, with the moment; raise what is wrong with them."""
    parts = _parts(options)
    if options.like is not None:
        parts.append(_like(options.like, catalog, collection))
    return parts


def _checked(
    parts: Sequence[Part], settings: Settings, options: argparse.Namespace, filters: Filters
) -> Query:
    """Return the query of some parts; raise InvalidQuery if something is wrong with it."""
    within = WITHIN_S if options.within is None else options.within
    query = Query.of(
        parts,
        options.limit,
        collection=settings.collection,
        filters=filters,
        sort=options.sort,
        group_by=options.group_by,
        facets=tuple(dict.fromkeys(options.facet)),
        sharpen=options.sharpen,
        then=[Step((Text(text),), within) for text in options.then],
    )
    if wrong := query.problem() or (problem_of(query) if options.explain else None):
        raise wrong
    return query


def _like(text: str, catalog: CatalogReader, collection: str) -> Like:
    """Return the moment that VIDEO@SECONDS names; the video by path, id, file name or title."""
    name, at, seconds = text.rpartition("@")
    try:
        time = float(seconds)
    except ValueError:
        at = ""
    if not (at and name):
        raise ConfigError(
            f"--like must be a video and seconds, such as holiday.mp4@12.5, got {text!r}"
        )
    try:
        return Like(named(catalog, collection, name).id, time)
    except AmbiguousVideo:
        raise
    except VideoNotFound:
        called = videos_called(catalog, collection, name)
        if not called:
            raise
    if len(called) > 1:
        raise ConfigError(
            f"--like: {len(called)} videos in collection {collection!r} are called {name!r}, such "
            f"as {called[0].uri} and {called[1].uri}; give the path of one"
        )
    return Like(called[0].id, time)


def _filters(options: argparse.Namespace, tags: tuple[str, ...] | None) -> Filters:
    """Return what the options ask of the videos; times without a zone are of UTC."""
    return Filters(
        tags=tags,
        min_relevance=options.min_relevance or 0.0,
        folder=None if options.folder is None else _uri(options.folder),
        min_duration=options.min_duration or 0.0,
        max_duration=options.max_duration,
        title=options.title,
        min_height=options.min_height or 0,
        max_height=options.max_height,
        language=options.language,
        segment_tags=tuple(tag.strip() for tag in options.segment_tag or ()) or None,
        cameras=tuple(options.camera) if options.camera else None,
        recorded_from=_time("--recorded-from", options.recorded_from),
        recorded_before=_time("--recorded-before", options.recorded_before),
        indexed_from=_time("--indexed-from", options.indexed_from),
        indexed_before=_time("--indexed-before", options.indexed_before),
    )


def _uri(folder: str) -> str:
    """Return what a folder is called in the uris of its videos."""
    return folder if "://" in folder else str(resolved(folder))


def _time(option: str, text: str | None) -> datetime | None:
    try:
        return None if text is None else since(text, datetime.now(UTC))
    except ValueError as error:
        raise ConfigError(f"{option}: {error}") from error


def _unknown_tag(catalog: CatalogReader, collection: str, tags: Sequence[str]) -> str:
    """Say which of the tags no video has, or that none has them all; empty if one has."""
    if catalog.videos(collection, limit=1, tags=tags):
        return ""
    known = catalog.tags(collection)
    unknown = [tag for tag in tags if tag not in known]
    if not unknown:
        return f"no video has all of the tags {', '.join(map(repr, tags))}"
    if not known:
        return f"no video has the tag {unknown[0]!r}, or any other; `indexer ingest --tag` adds one"
    shown = ", ".join(map(repr, known[:TAGS_SHOWN]))
    more = ", …" if len(known) > TAGS_SHOWN else ""
    meant = get_close_matches(unknown[0], known, n=1)
    guess = f"; did you mean {meant[0]!r}?" if meant else ""
    return f"no video has the tag {unknown[0]!r}; tags are {shown}{more}{guess}"


def _cut(read: str, model: str) -> str:
    """Say how much of a query was read."""
    return (
        f"model {model} cannot read such a long sentence: it read the first {len(read)} "
        "characters, up to "
        f"{read[-30:]!r}, and the rest was not searched for"
    )
