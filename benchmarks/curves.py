"""How what people wait for, memory and bytes grow with a library.

    python -m benchmarks.curves [--segments N ...] [--each N ...] [--shards N] [--within SHARE]
                                [--record FILE]

For each number of segments, and for each number of segments that a video has, makes a library as
`benchmarks.million` does: a catalog in SQLite with a vector for each segment and as many frames,
and its index. Then it measures, over that library:

- `build_s`: the time to build the index, and `build_mb`, the most memory that a process needs;
- `put_ms`, `remove_ms`: the catalog stores one more video of 50 segments, and removes such a one;
- `refresh_ms`, `removed_ms`: a replica brings its view up to date after each of them, by its CPU;
- `start_s`: the server starts and is ready; `start_mb`: its memory after searches;
- `memory_ratio`: that memory over the bytes of the index file;
- `search_ms`, `search_p99_ms`: a search as the client sees it, none of them asked before;
- `tag_ms`: such a search among the videos of a tag that half of them have;
- `list_ms`, `title_ms`, `collections_ms`: a page of the list of videos, by id and by title, and the
  list of collections with their sizes;
- `segment_bytes`: bytes of the database for each segment, with its frame.

With `--within SHARE`, as root, a line follows each of a server that has only so many times the
bytes of the index file, for its own memory and pages of files together (a control group of Linux),
while no page is in memory before: `start_s`, `search_ms` and `search_p99_ms` as above, and
`own_mb`, its memory that no file has, which the system cannot take back. Where that is too little,
the server is killed, or is never ready, and the benchmark waits for it.

All are medians, except p99. Prints one JSON object for each library. `benchmarks.plots` draws them.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median, quantiles
from urllib.parse import urlencode
from urllib.request import urlopen

from benchmarks.library import put_of
from benchmarks.measurements import built
from benchmarks.million import DIM, folder_of, longer_model, vectors_of
from benchmarks.servers import Server, limited, serving
from clipseek.assembly import load_model, open_service, open_writer
from clipseek.catalog import writes
from clipseek.catalog.database import Database
from clipseek.catalog.rows import packed
from clipseek.config import Settings
from clipseek.protocols import CatalogWriter
from clipseek.service import Service
from clipseek.types import PICTURE, Put, Video

SEGMENTS, EACH = (1_000, 10_000, 100_000, 1_000_000), (10, 500)
ONE_MORE, AT_ONCE = 50, 1000
TAG = "half"


@dataclass(frozen=True, slots=True)
class Grown:
    """What a library of a size costs; see the head of this file."""

    segments: int
    videos: int
    build_s: float
    build_mb: float
    put_ms: float
    remove_ms: float
    refresh_ms: float
    removed_ms: float
    start_s: float
    start_mb: float
    memory_ratio: float
    search_ms: float
    search_p99_ms: float
    tag_ms: float
    list_ms: float
    title_ms: float
    collections_ms: float
    index_mb: float
    segment_bytes: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure libraries, and print a line for each."""
    options = _options(arguments)
    found = []
    for each in options.each:
        for segments in options.segments:
            with folder_of(None) as folder:
                settings = _settings(folder, options)
                found.append(measure(settings, segments, each, options))
                _say(asdict(found[-1]))
                if options.within:
                    _say(within(settings, options))
    if options.record:
        lines = [json.dumps(asdict(one)) for one in found]
        options.record.write_text("\n".join(lines) + "\n", "utf-8")
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure how costs grow with a library.")
    parser.add_argument("--segments", type=int, nargs="+", default=SEGMENTS, help="of a library")
    parser.add_argument("--each", type=int, nargs="+", default=EACH, help="segments of a video")
    parser.add_argument("--shards", type=int, default=1, help="parts of the index (1)")
    parser.add_argument("--times", type=int, default=21, help="each thing is done (21)")
    parser.add_argument("--searches", type=int, default=200, help="of a library (200)")
    parser.add_argument(
        "--within", type=float, metavar="SHARE", help="limit a server to these bytes of the index"
    )
    parser.add_argument("--record", type=Path, metavar="FILE", help="write the lines to a file too")
    return parser.parse_args(arguments)


def _say(found: dict[str, float]) -> None:
    sys.stdout.write(json.dumps(found) + "\n")
    sys.stdout.flush()


def _settings(folder: Path, options: argparse.Namespace) -> Settings:
    model = folder / "model"
    longer_model(model)
    return Settings.load(data_dir=folder / "library", model=str(model), shards=options.shards)


def measure(settings: Settings, segments: int, each: int, options: argparse.Namespace) -> Grown:
    """Make a library of a size, and measure it."""
    made(settings, segments, each)
    begun = time.monotonic()
    build_bytes = built(settings.data_dir, _environment(settings))
    build_s = time.monotonic() - begun
    index = _index_bytes(settings)
    served = _served(settings, index, options)
    database = (settings.data_dir / "catalog.db").stat().st_size
    return Grown(
        segments=segments,
        videos=-(-segments // each),
        build_s=_digits(build_s),
        build_mb=_digits(build_bytes / 1e6),
        index_mb=_digits(index / 1e6),
        segment_bytes=_digits(database / segments),
        **served,
        **_changed(settings, options.times),
    )


def within(settings: Settings, options: argparse.Namespace) -> dict[str, float]:
    """Start a server over a library with so many times the bytes of its index, and ask it."""
    allowed = int(options.within * _index_bytes(settings))
    for file in settings.data_dir.rglob("*"):
        if file.is_file():
            _forget(file)  # or its pages would be those of another group
    environment = _environment(settings)
    with (
        limited(allowed) as group,
        serving(["api", "--quiet"], "readyz", environment, into=group) as server,
    ):
        times = [server.searched_ms(number) for number in range(options.searches)]
        own = server.memory("RssAnon")
    return {
        "within": options.within,
        "allowed_mb": _digits(allowed / 1e6),
        "start_s": _digits(server.ready_s),
        "search_ms": _digits(median(times)),
        "search_p99_ms": _digits(quantiles(times, n=100)[98]),
        "own_mb": _digits(own / 1e6),
    }


def _forget(file: Path) -> None:
    """Let the system forget the pages of a file that it keeps in memory."""
    with file.open("rb") as opened:
        os.fsync(opened.fileno())
        os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _index_bytes(settings: Settings) -> int:
    return sum(file.stat().st_size for file in settings.snapshot_root.rglob("*.faiss"))


def made(settings: Settings, segments: int, each: int) -> None:
    """Make a catalog of so many segments; half of the videos bear a tag."""
    model = load_model(settings, settings.model, report=lambda _step: None)
    with closing(open_writer(settings, create=True)) as service:
        service.catalog.ensure_collection(
            "default", model.name, DIM, model.embedder.fingerprint, model.scoring
        )
    puts = list[Put]()
    url = f"sqlite:///{settings.data_dir}/catalog.db"
    with closing(Database.at(url)) as database:
        for put in _puts(segments, each):
            puts.append(put)
            if sum(len(one.fields[PICTURE]) for one in puts) >= AT_ONCE:
                _stored(database, puts)
                puts.clear()
        _stored(database, puts)


def _puts(segments: int, each: int) -> Iterator[Put]:
    for number, start in enumerate(range(0, segments, each)):
        yield one_put(number, min(each, segments - start))


def one_put(number: int, size: int) -> Put:
    """Return a video of so many segments of two seconds, with a frame in each."""
    name = f"{number:032x}"
    tags = (TAG,) if number % 2 else ()
    uri = f"/videos/{number % 1000:03}/{name}.mp4"
    video = Video(name, uri, f"{number * 7919 % 10**9:09}", 2.0 * size, 64, 48, 1, tags=tags)
    thumbnail = f"default/{name[:2]}/{name}/000000000-0123456789ab.jpg"
    return put_of(video, vectors_of(number, size), thumbnail=thumbnail)


def _stored(database: Database, puts: Sequence[Put]) -> None:
    """Store some videos in one transaction, by the statements that the catalog uses."""
    with database.writing() as connection:
        for put in puts:
            version = writes.next_version(connection, "default")
            writes.insert_video(connection, "default", packed(put))
            writes.note(connection, "default", version, "put", put.video.id)


def _environment(settings: Settings) -> dict[str, str]:
    return {"CLIPSEEK_DATA_DIR": str(settings.data_dir), "CLIPSEEK_SHARDS": str(settings.shards)}


def _served(settings: Settings, index_bytes: int, options: argparse.Namespace) -> dict[str, float]:
    """Start a server over a library, ask it, and return what it took."""
    with serving(["api", "--quiet"], "readyz", _environment(settings)) as server:
        times = [server.searched_ms(number) for number in range(options.searches)]
        tagged = [server.searched_ms(number, tag=TAG) for number in range(options.searches // 4)]
        memory = server.memory()
        asked = {
            "list_ms": "videos?" + urlencode({"limit": 50, "after": f"{settings.shards:032x}"}),
            "title_ms": "videos?" + urlencode({"limit": 50, "order": "title"}),
            "collections_ms": "collections",
        }
        pages = {name: _page(server, path, options.times) for name, path in asked.items()}
    return {
        "start_s": _digits(server.ready_s),
        "start_mb": _digits(memory / 1e6),
        "memory_ratio": _digits(memory / index_bytes),
        "search_ms": _digits(median(times)),
        "search_p99_ms": _digits(quantiles(times, n=100)[98]),
        "tag_ms": _digits(median(tagged)),
        **pages,
    }


def _page(server: Server, path: str, times: int) -> float:
    """Return the median time of a page, in milliseconds."""

    def ask(_turn: int) -> None:
        with urlopen(f"{server.url}v1/{path}", timeout=60) as answer:  # noqa: S310
            answer.read()

    return _digits(median(_timed(partial(ask, turn), time.perf_counter) for turn in range(times)))


def _changed(settings: Settings, times: int) -> dict[str, float]:
    """Add videos to a library and remove them; return what that took, and a replica after it."""
    with closing(open_service(settings)) as replica, closing(open_writer(settings)) as service:
        replica.collections.open("default")
        put_ms, refresh_ms = _turns(
            replica, times, lambda turn: service.catalog.put("default", _more(turn))
        )
        remove_ms, removed_ms = _turns(replica, times, lambda turn: _remove(service.catalog, turn))
    return {
        "put_ms": put_ms,
        "refresh_ms": refresh_ms,
        "remove_ms": remove_ms,
        "removed_ms": removed_ms,
    }


def _more(turn: int) -> Put:
    put = one_put(10**9 + turn, ONE_MORE)
    return replace(put, video=replace(put.video, title=f"one more {turn}"))


def _remove(catalog: CatalogWriter, turn: int) -> None:
    catalog.remove("default", _more(turn).video.id)


def _turns(replica: Service, times: int, change: Callable[[int], object]) -> tuple[float, float]:
    """Return the median times of a change and of bringing a replica up to date, milliseconds."""
    changing, refreshing = [], []
    for turn in range(times):
        changing.append(_timed(partial(change, turn), time.perf_counter))
        refreshing.append(_timed(replica.collections.refresh, time.process_time))
    return _digits(median(changing)), _digits(median(refreshing))


def _timed(work: Callable[[], object], clock: Callable[[], float]) -> float:
    begun = clock()
    work()
    return 1000 * (clock() - begun)


def _digits(number: float) -> float:
    """Return a number with three digits that count."""
    return float(f"{number:.3g}")


if __name__ == "__main__":
    sys.exit(main())
