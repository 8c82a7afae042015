"""The verbs that look at the store, change single videos, or draw demo films."""

import argparse
import builtins
import math
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from difflib import get_close_matches
from pathlib import Path
from unicodedata import normalize

from clipseek.assembly import open_existing, open_places, open_writer, video_opener
from clipseek.config import PREFIX, Settings
from clipseek.embedding import models as known_models
from clipseek.errors import ClipseekError, ConfigError, NothingIndexed, VideoNotFound
from clipseek.files import as_text
from clipseek.protocols import CatalogReader
from clipseek.query import Query
from clipseek.service import Service
from clipseek.sources import scheme_of
from clipseek.types import Collection, SearchResult, Video
from indexer import reserve
from indexer.naming import resolved
from indexer.originals import Checked, Originals
from indexer.output import Column, clock, counted, emit, note, say, size, table
from indexer.verification import problems

PAGE = 1000
TAGS_SHOWN = 20
MEND = (
    "`indexer build --collection NAME` makes a snapshot again, "
    "`indexer ingest FILE --force --collection NAME` a video with its thumbnails"
)
DEMO_MARK = ".clipseek-demo"
"""Stands in a folder whose films were drawn by us and may be drawn again."""


def search(settings: Settings, options: argparse.Namespace) -> int:
    """Print the moments that a sentence describes, best first. No hits is an answer: 0."""
    tags = tuple(normalize("NFC", tag) for tag in options.tag) or None
    sentence = " ".join(options.query)
    query = Query.of(sentence, options.limit, collection=settings.collection, tags=tags)
    if wrong := query.problem():
        raise wrong
    service = open_existing(settings)
    try:
        answer = service.searcher.search([query])[0]
        unknown = ""
        if tags and isinstance(answer, SearchResult) and not answer.hits:
            unknown = _unknown_tag(service.catalog, settings.collection, tags)
    finally:
        service.close()
    if isinstance(answer, ClipseekError):
        raise answer
    if answer.truncated_at is not None:
        note(_cut(answer.query[: answer.truncated_at], answer.model))
    if unknown:
        note(unknown)
    elif options.json:
        _hits_as_json(answer)
    else:
        _hits_as_table(answer)
    return 0


def _unknown_tag(catalog: CatalogReader, collection: str, tags: Sequence[str]) -> str:
    """Say which of the tags no video has, or that none has them all; empty where one has."""
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


def _hits_as_json(answer: SearchResult) -> None:
    for rank, hit in enumerate(answer.hits, 1):
        emit(
            {
                "rank": rank,
                "video": {"id": hit.video.id, "title": hit.video.title, "uri": hit.video.uri},
                "start": hit.span.start,
                "end": hit.span.end,
                "best_time": hit.best_time,
                "score": round(hit.score, 6),
                "relevance": round(hit.relevance, 6),
            }
        )


def _hits_as_table(answer: SearchResult) -> None:
    if not any(hit.relevance >= 0.5 for hit in answer.hits):
        note("nothing matches well; the nearest moments are:")
    names = ("relevance", "from", "to", "best")
    table(
        [*(Column(name, right=True) for name in names), Column("video")],
        (
            (
                f"{math.floor(100 * hit.relevance)}%",
                *(clock(time) for time in (hit.span.start, hit.span.end, hit.best_time)),
                hit.video.uri,
            )
            for hit in answer.hits
        ),
    )


def list(settings: Settings, options: argparse.Namespace) -> int:  # noqa: A001  named as the verb
    """Print every video of the collection."""
    service = open_existing(settings)
    try:
        videos = all_videos(service.catalog, settings.collection)
        if options.json:
            for video in videos:
                emit(_listed(video))
        else:
            _videos_as_table(videos)
    finally:
        service.close()
    return 0


def _listed(video: Video) -> dict[str, object]:
    return {
        "id": video.id,
        "title": video.title,
        "uri": video.uri,
        "duration": round(video.duration, 3),
        "segments": video.segments,
        "state": video.state,
        "reason": video.reason,
        "tags": [*video.tags],
    }


def _videos_as_table(videos: Iterator[Video]) -> None:
    numbers = [Column("duration", right=True), Column("segments", right=True)]
    table(
        [Column("id"), *numbers, Column("state"), Column("uri")],
        ((v.id, clock(v.duration), str(v.segments), v.state, v.uri) for v in videos),
    )


def all_videos(catalog: CatalogReader, collection: str) -> Iterator[Video]:
    """Yield all videos of a collection; raise CollectionNotFound before the first."""
    catalog.collection(collection)
    after = ""
    while page := catalog.videos(collection, after=after, limit=PAGE):
        yield from page
        after = page[-1].id


def remove(settings: Settings, options: argparse.Namespace) -> int:
    """Remove videos by id or by path; exit 1 when one is not there, the others still go."""
    # What is removed is written down first, and on a full disk there is no room for that.
    reserve.give_back(settings)
    service = open_writer(settings)
    missing: VideoNotFound | None = None
    try:
        for name in options.videos:
            try:
                video = _named(service.catalog, settings.collection, name)
                service.catalog.remove(settings.collection, video.id)
            except VideoNotFound as error:
                note(f"indexer: {error}")
                missing = error
                continue
            if options.json:
                emit({"id": video.id, "uri": video.uri, "state": "removed"})
            else:
                say(f"removed {video.id} {video.uri}")
    finally:
        service.close()
        reserve.keep(settings)
    return 1 if missing else 0


def _named(catalog: CatalogReader, collection: str, name: str) -> Video:
    """Find a video by the path of the file it was indexed from, or by its id.

    A path is found in any normal form of Unicode: macOS stores another than keyboards type.

    Raises:
        VideoNotFound: there is none, or several that differ in their form alone.
    """
    path = name if scheme_of(name) else as_text(resolved(name))
    for uri in (path, os.path.realpath(path)):
        if (video := catalog.video_at(collection, uri)) is not None:
            return video
    try:
        return catalog.video(collection, name)
    except VideoNotFound:
        composed = normalize("NFC", path)
        alike = [v for v in all_videos(catalog, collection) if normalize("NFC", v.uri) == composed]
        if len(alike) != 1:
            raise
        return alike[0]


def status(settings: Settings, options: argparse.Namespace) -> int:
    """Print what each collection holds."""
    states = _states(settings)
    if options.json:
        for state in states:
            emit(state)
    elif states:
        _states_as_lines(states)
    else:
        say(f"nothing is indexed in {settings.data_dir} yet; run `indexer ingest PATH`")
    return 0


def _states(settings: Settings) -> builtins.list[dict[str, object]]:
    try:
        service = open_existing(settings)
    except NothingIndexed:
        return []
    try:
        return [_state(service, each) for each in service.catalog.collections()]
    finally:
        service.close()


def _state(service: Service, collection: Collection) -> dict[str, object]:
    videos, segments, seconds = service.catalog.counts(collection.name)
    manifest = service.indexes.manifest(collection.name)
    return {
        "collection": collection.name,
        "model": collection.model,
        "dim": collection.dim,
        "videos": videos,
        "segments": segments,
        "hours": round(seconds / 3600, 4),
        "version": collection.version,
        "snapshot": asdict(manifest) if manifest else None,
        "relevance": asdict(collection.relevance) if collection.relevance else None,
        "bytes": _bytes_of(service.settings, collection.name),
    }


def _bytes_of(settings: Settings, collection: str) -> dict[str, int]:
    """Measure what lies in the data folder; a database server's bytes are its own."""
    catalog = sum(p.stat().st_size for p in settings.data_dir.glob("catalog.db*"))
    return {
        "catalog": catalog if settings.database_url is None else 0,
        "snapshots": _folder_bytes(settings.snapshot_root / collection),
        "thumbnails": _folder_bytes(settings.thumbnail_root / collection),
    }


def _folder_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _states_as_lines(states: Iterable[dict[str, object]]) -> None:
    for state in states:
        say(f"collection {state['collection']}")
        shot = state["snapshot"]
        about = (
            f"version {shot['version']}, {shot['kind']}, "
            f"{shot['bytes_per_vector']} bytes per vector, recall@10 "
            f"{round(shot['recall_at_10'], 4)}"
            if isinstance(shot, dict)
            else "none; searches read the catalog; `indexer build` makes one"
        )
        say(f"  model     {state['model']} ({state['dim']} dimensions)")
        say(f"  videos    {state['videos']} ({state['hours']} hours)")
        say(f"  segments  {state['segments']}")
        say(f"  version   {state['version']}")
        say(f"  snapshot  {about}")
        say(f"  bytes     {_sizes(state['bytes'])}")


def _sizes(parts: object) -> str:
    if not isinstance(parts, dict):
        return ""
    return ", ".join(f"{name} {size(count)}" for name, count in parts.items())


def verify(settings: Settings, options: argparse.Namespace) -> int:
    """Check that what is stored agrees with itself and with the files; exit 1 and say it else."""
    service = open_existing(settings)
    checked = Checked()
    count = 0
    try:
        for problem in _problems(service, checked, deep=options.deep):
            count += 1
            if options.json:
                emit({"problem": problem})
            else:
                say(problem)
    finally:
        service.close()
    if not options.json:
        note(f"{counted(count, 'problem')} found; {MEND}" if count else "everything agrees")
        if not options.deep and checked.opened < checked.videos:
            note(
                f"{checked.opened} of {counted(checked.videos, 'video')} and "
                f"{counted(checked.thumbnails, 'thumbnail')} were compared with their files; "
                "`indexer verify --deep` decodes all again"
            )
        if checked.without_frames:
            note(
                f"frame vectors of {counted(checked.without_frames, 'video')} were not kept, and "
                "`--deep` does not compare them; with CLIPSEEK_KEEP_FRAME_VECTORS=true, `indexer "
                "ingest FILE --force` stores them"
            )
    return 1 if count else 0


def _problems(service: Service, checked: Checked, *, deep: bool) -> Iterator[str]:
    settings = service.settings
    yield from problems(service.catalog, service.thumbnails, service.indexes, checked)
    for model in sorted({each.model for each in service.catalog.collections()}):
        if damage := known_models.damage(model, settings.data_dir):
            yield damage
    with (
        video_opener(settings.model_copy(update={"decode": "fast"})) as fast,
        video_opener(settings.model_copy(update={"decode": "exact"})) as exact,
    ):
        for each in service.catalog.collections():
            originals = Originals(
                service.catalog,
                service.thumbnails,
                each.name,
                open_places(settings),
                fast,
                exact,
                checked,
            )
            if deep:
                yield from originals.all_problems(service.collections.models.get(each).embedder)
            else:
                yield from originals.problems(seed=each.version)


def models(settings: Settings, options: argparse.Namespace) -> int:
    """Print the models that can be named, and which of them are installed."""
    rows = known_models.listed(settings.data_dir)
    if options.json:
        for row in rows:
            emit(asdict(row))
        return 0
    table(
        [
            Column("model"),
            Column("dim", right=True),
            Column("licence"),
            Column("here"),
            Column("note"),
        ],
        ((r.name, str(r.dim), r.licence, "yes" if r.installed else "no", r.note) for r in rows),
    )
    return 0


def config(settings: Settings, options: argparse.Namespace) -> int:
    """Print every setting, its value and where it came from; secrets are not shown."""
    rows = [*settings_in_force(settings, options)]
    if options.json:
        for row in rows:
            emit(row)
        return 0
    table(
        [Column("setting"), Column("value"), Column("from"), Column("meaning")],
        ([str(row[key]) for key in ("setting", "value", "from", "meaning")] for row in rows),
    )
    return 0


def settings_in_force(
    settings: Settings, options: argparse.Namespace
) -> Iterator[dict[str, object]]:
    """Yield each setting with its value and its source: option, environment or default."""
    given = {"data_dir": options.data_dir}
    for name, declared in Settings.model_fields.items():
        value = getattr(settings, name)
        source = "default"
        if name in settings.model_fields_set:
            source = "option" if given.get(name) is not None else "environment"
        listed = ",".join(value) if isinstance(value, tuple) else str(value)
        plain = value if isinstance(value, int | float | None) else listed
        yield {
            "setting": f"{PREFIX}{name.upper()}",
            "value": plain,
            "from": source,
            "meaning": declared.description,
        }


def _require_own_folder(folder: Path) -> None:
    """Raise ConfigError for a folder with files that are not ours to replace."""
    if folder.exists() and not (folder / DEMO_MARK).exists() and any(folder.iterdir()):
        raise ConfigError(
            f"--out {folder}: this folder contains other files, and demo videos would replace "
            "those with the same names; name an empty or a new folder"
        )


def demo(settings: Settings, options: argparse.Namespace) -> int:  # noqa: ARG001  same shape as all
    """Draw demo films and the captions that are true of them."""
    from clipseek.demo.films import make_films

    if not 1 <= options.films <= 10_000:
        raise ConfigError(f"--films must be 1 to 10000, got {options.films}")
    _require_own_folder(options.out)
    records = make_films(options.films, options.seed, options.out)
    (options.out / DEMO_MARK).touch()
    for record in records:
        if options.json:
            emit(asdict(record))
        else:
            say(f"{options.out / record.file}  {record.duration:.1f} s")
    if not options.json:
        note(f"captions: {options.out / 'captions.jsonl'}")
    return 0
