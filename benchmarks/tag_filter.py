"""What a filter by a tag costs a search of many videos.

    python -m benchmarks.tag_filter [--videos N] [--folder FOLDER] [--json]

Makes a library of N videos with three segments each and a snapshot of it. Each video has up to five
tags, which a thousandth to nearly all of the videos have. A folder that has such a library already
is used as it is.

`ratio`: the time to ask the database for the ids of the half of the videos that have a tag, and to
find the segments of these ids, over the time to find the segments of those that have the tag in an
opened view. Nothing is remembered from one search to the next.
`filter_ms`, `most_filter_ms`: the time to find the segments that pass, by the tag of half of the
videos and at most by any. `search_ms`, `half_search_ms`: a search without and with that filter.
`ids_filter_ms`: the same for a filter by 1000 ids. `folder_filter_ms`, `length_filter_ms`,
`time_filter_ms`: the same by one of ten folders of a thousand, by a length, and by the time of
indexing. `folder_search_ms`: a search with the filter by a folder.
`tags`, `tags_mb`: how many tags all videos have together, and the memory that they take in a view.
`open_s`, `tags_s`, `facts_s`: the time to open the view, and the parts of it that read tags and
what the other filters need, which takes `facts_mb`.
"""

import argparse
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from benchmarks.frames import Made, made
from benchmarks.million import folder_of, write
from clipseek.catalog import SqlCatalog, writes
from clipseek.catalog.database import Database
from clipseek.catalog.rows import packed
from clipseek.library.facts import Facts
from clipseek.library.parts import Part
from clipseek.library.tags import Tags
from clipseek.library.view import View
from clipseek.publishing import FolderStore, build
from clipseek.query import Filters
from clipseek.types import PICTURE, FieldSegments, Put, Video

DIM, EACH, K, TIMES, FOLDERS = 256, 3, 40, 50, 1000
LATER = datetime(2100, 1, 1, tzinfo=UTC)
SHARES = {"thousandth": 0.001, "hundredth": 0.01, "tenth": 0.1, "half": 0.5, "most": 0.95}
"""The share of the videos that have each tag."""

Done = TypeVar("Done")


@dataclass(frozen=True, slots=True)
class Measured:
    """The figures."""

    name: str
    ratio: float
    videos: int
    segments: int
    tags: int
    tags_mb: float
    filter_ms: float
    most_filter_ms: float
    ids_filter_ms: float
    folder_filter_ms: float
    length_filter_ms: float
    time_filter_ms: float
    folder_search_ms: float
    facts_mb: float
    search_ms: float
    half_search_ms: float
    open_s: float
    tags_s: float
    facts_s: float


def main() -> int:
    """Measure and print a line for each figure, or with --json one object."""
    parser = argparse.ArgumentParser(description="Search with a filter by a tag.")
    parser.add_argument("--videos", type=int, default=100_000, help="how many (100000)")
    parser.add_argument("--folder", type=Path, help="where the library is made and left")
    parser.add_argument("--json", action="store_true", help="print one object")
    options = parser.parse_args()
    with folder_of(options.folder) as folder:
        found = measure(folder, options.videos)
    write(asdict(found), as_json=options.json)
    return 0


def measure(folder: Path, videos: int) -> Measured:
    """Make the library, unless it is there, and measure."""
    data = made(EACH * videos, DIM)
    path = folder / "catalog.db"
    with closing(SqlCatalog.open(f"sqlite:///{path}")) as catalog:
        catalog.ensure_collection("default", "made", DIM, "made")
        if not catalog.collection("default").version:
            _fill(path, data, videos)
        store = FolderStore(folder / "snapshots")
        build(catalog, store, "default", queries=lambda: data.held)
        open_s, view = _timed(lambda: View.open(catalog, store, "default"))
        (part,) = view.parts
        tags_s, tags = _timed(lambda: Tags.of(catalog.tagged("default"), part.table.videos))
        facts_s, facts = _timed(lambda: Facts.of(catalog.names("default"), part.table.videos))
    filters = {tag: Filters(tags=(tag,)) for tag in SHARES}
    costs = {tag: _cost(part, only) for tag, only in filters.items()}
    some = tuple(part.table.videos[:: max(1, videos // 1000)].tolist())
    with closing(sqlite3.connect(path)) as database:
        asked = _milliseconds(lambda _: part.allowed(Filters(_asked(database, "half"))))
    return Measured(
        name="tag_filter",
        ratio=round(asked / costs["half"], 1),
        videos=videos,
        segments=len(view),
        tags=len(tags.rows),
        tags_mb=round((tags.rows.nbytes + tags.begins.nbytes) / 1e6, 2),
        filter_ms=round(costs["half"], 2),
        most_filter_ms=round(max(costs.values()), 2),
        ids_filter_ms=round(_cost(part, Filters(some)), 2),
        folder_filter_ms=round(_cost(part, Filters(folder="/videos/0")), 2),
        length_filter_ms=round(_cost(part, Filters(min_duration=1.0, max_duration=8.0)), 2),
        time_filter_ms=round(_cost(part, Filters(indexed_before=LATER)), 2),
        folder_search_ms=round(_search(view, data.asked, Filters(folder="/videos/0")), 2),
        facts_mb=round(_bytes(facts) / 1e6, 2),
        search_ms=round(_search(view, data.asked, None), 2),
        half_search_ms=round(_search(view, data.asked, filters["half"]), 2),
        open_s=round(open_s, 2),
        tags_s=round(tags_s, 2),
        facts_s=round(facts_s, 2),
    )


def _fill(path: Path, data: Made, videos: int) -> None:
    """Store all videos in one transaction."""
    with (
        closing(Database.at(f"sqlite:///{path}")) as database,
        database.writing() as connection,
    ):
        for put in _puts(data, videos):
            version = writes.next_version(connection, "default")
            writes.insert_video(connection, "default", packed(put))
            writes.note(connection, "default", version, "put", put.video.id)


def _puts(data: Made, videos: int) -> Iterator[Put]:
    chance = np.random.default_rng(0)
    tagged = {tag: chance.random(videos) < share for tag, share in SHARES.items()}
    edges = np.arange(0.0, 2 * EACH + 1, 2.0)
    for number in range(videos):
        name = chance.bytes(16).hex()
        tags = tuple(tag for tag, has in tagged.items() if has[number])
        picture = FieldSegments(
            spans=np.stack([edges[:-1], edges[1:]], axis=1),
            vectors=data.frames[EACH * number : EACH * (number + 1)],
            best_times=edges[:-1],
            biases=np.zeros(EACH, np.float32),
            thumbnails=["none.jpg"] * EACH,
        )
        uri = f"/videos/{number % 10}/{number % FOLDERS}/{name}.mp4"
        video = Video(name, uri, name, 2.0 * EACH, 64, 48, 1, tags=tags)
        yield Put(video, {PICTURE: picture})


def _bytes(facts: Facts) -> int:
    texts = facts.folders, facts.titles
    numbers = facts.durations, facts.indexed, facts.recorded, facts.heights
    arrays = sum(each.nbytes for each in numbers) + sum(each.places.nbytes for each in texts)
    return arrays + sum(sys.getsizeof(text) for each in texts for text in each.distinct)


def _asked(database: sqlite3.Connection, tag: str) -> tuple[str, ...]:
    """Return the ids of the videos that have a tag, as the database says now."""
    query = "SELECT video_id FROM tags WHERE collection = 'default' AND tag = ?"
    return tuple(video_id for (video_id,) in database.execute(query, (tag,)))


def _cost(part: Part, only: Filters) -> float:
    return _milliseconds(lambda _: part.allowed(only))


def _search(view: View, asked: NDArray[np.float32], only: Filters | None) -> float:
    return _milliseconds(lambda turn: view.search(asked[turn : turn + 1], K, only=only))


def _timed(work: Callable[[], Done]) -> tuple[float, Done]:
    started = time.perf_counter()
    done = work()
    return time.perf_counter() - started, done


def _milliseconds(work: Callable[[int], object]) -> float:
    """Return the median time of a piece of work, which is told its turn."""
    took = []
    for turn in range(TIMES):
        started = time.perf_counter()
        work(turn)
        took.append(time.perf_counter() - started)
    return 1e3 * median(took)


if __name__ == "__main__":
    raise SystemExit(main())
