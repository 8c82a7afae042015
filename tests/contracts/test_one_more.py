"""One more video costs as much in a large library as in a small one, by the steps of SQLite."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event
from sqlalchemy.pool import Pool

from clipseek import publishing
from clipseek.catalog import SqlCatalog
from clipseek.catalog.rows import packed
from clipseek.library.view import View
from clipseek.publishing import FolderStore
from clipseek.timed import Cue, TimedText
from clipseek.types import PICTURE, Put
from tests.contracts.catalogs import DIM, a_video

FEW, MANY = 80, 400  # more than the changes that say which past a view has
STEP = 10
NAME = "default"

Work = Callable[["Library"], object]


class Library:
    """A catalog of so many videos, its index, and the view of a replica."""

    def __init__(self, folder: Path, videos: int) -> None:
        self.catalog = SqlCatalog.open(f"sqlite:///{folder}/catalog.db")
        self.catalog.ensure_collection(NAME, "toy", DIM, "f" * 64)
        self.catalog.restore(NAME, [packed(made(f"{number:08}")) for number in range(videos)])
        self.store = FolderStore(folder / "snapshots")
        publishing.build(self.catalog, self.store, NAME)
        self.view = View.open(self.catalog, self.store, NAME).named(self.catalog)

    def put(self, name: str) -> None:
        """Store a video."""
        self.catalog.put(NAME, made(name))

    def refresh(self) -> None:
        """Bring the view up to date."""
        self.view = self.view.refresh(self.catalog, self.store)


def made(name: str) -> Put:
    """Return a video with tags and a text."""
    given = a_video(name, tags=("old", "new"))
    text = TimedText("speech", "s", (Cue(0.5, 2.5, f"hello {name}"),))
    return Put(given.video, {PICTURE: given.picture}, frames=given.frames, texts=(text,))


def refreshed(library: Library) -> None:
    """Let a replica hear of a new video."""
    library.refresh()


WORK: dict[str, tuple[Work, Work]] = {
    "put": (lambda _: None, lambda library: library.put("one more")),
    "put again": (lambda _: None, lambda library: library.put("00000007")),
    "remove": (lambda _: None, lambda library: library.catalog.remove(NAME, "00000007")),
    "refresh after a video": (lambda library: library.put("one more"), refreshed),
    "refresh after none": (lambda _: None, refreshed),
    "refresh after it went": (lambda library: library.catalog.remove(NAME, "00000007"), refreshed),
    "refresh after a title": (
        lambda library: library.catalog.edit(NAME, "00000007", title="other"),
        refreshed,
    ),
    "refresh after tags": (
        lambda library: library.catalog.edit(NAME, "00000007", tags=["other"]),
        refreshed,
    ),
    "a page of videos": (
        lambda _: None,
        lambda library: library.catalog.videos(NAME, after="00000004", limit=5),
    ),
    "a moment": (
        lambda _: None,
        lambda library: library.catalog.segments(NAME, "00000007"),
    ),
}
"""What is done before, and the work that is counted."""


@pytest.mark.parametrize(("before", "work"), WORK.values(), ids=WORK.keys())
def test_it_costs_no_more_where_there_are_many(tmp_path: Path, before: Work, work: Work) -> None:
    """Steps of SQLite's virtual machine in a library that has five times as many videos."""
    few, many = (counted(tmp_path / str(size), size, before, work) for size in (FEW, MANY))
    assert many <= 1.5 * few + 5 * STEP


def counted(folder: Path, videos: int, before: Work, work: Work) -> int:
    """Return how many steps some work takes in a library of so many videos."""
    folder.mkdir()
    with steps() as done:
        library = Library(folder, videos)
        with closing(library.catalog):
            before(library)
            begun = done[0]
            work(library)
            return done[0] - begun


@contextmanager
def steps() -> Iterator[list[int]]:
    """Count the steps of all connections that are made meanwhile."""
    done = [0]

    def more() -> int:
        done[0] += STEP
        return 0

    def watch(connection: sqlite3.Connection, _entry: object) -> None:
        connection.set_progress_handler(more, STEP)

    event.listen(Pool, "connect", watch)
    try:
        yield done
    finally:
        event.remove(Pool, "connect", watch)


READS: dict[str, Callable[[SqlCatalog, list[str]], object]] = {
    "segments": lambda catalog, ids: list(catalog.blocks(NAME, video_ids=ids)),
    "tags": lambda catalog, ids: list(catalog.tagged(NAME, video_ids=ids)),
    "videos": lambda catalog, ids: list(catalog.names(NAME, video_ids=ids)),
    "texts": lambda catalog, ids: list(catalog.texts(NAME, video_ids=ids)),
}


@pytest.mark.parametrize("table", READS)
def test_postgresql_reads_one_video_by_an_index(postgres_url: str, table: str) -> None:
    """The plan of the statement that reads a table of many videos scans no other rows of it."""
    with closing(SqlCatalog.open(postgres_url)) as catalog, statements() as sent:
        catalog.ensure_collection(NAME, "toy", DIM, "f" * 64)
        catalog.restore(NAME, [packed(made(f"{number:08}")) for number in range(MANY)])
        sent.clear()
        READS[table](catalog, ["00000007"])
        (asked,) = [each for each in sent if f"FROM {table}" in each[0]]
        with catalog.database.reading() as connection:
            plan = connection.exec_driver_sql(f"EXPLAIN {asked[0]}", asked[1]).scalars().all()
    assert not [line for line in plan if f"Seq Scan on {table}" in line], "\n".join(plan)


@contextmanager
def statements() -> Iterator[list[tuple[str, Any]]]:
    """Note the statements and the parameters of all engines meanwhile."""
    sent: list[tuple[str, Any]] = []

    def note(*said: Any) -> None:
        sent.append((said[2], said[3]))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(Engine, "before_cursor_execute", note)
