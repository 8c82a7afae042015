"""What SqlReader promises: it makes nothing, waits for a catalog, and misses nothing of one."""

import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from clipseek.catalog import SqlCatalog, SqlReader
from clipseek.errors import (
    CollectionNotFound,
    NoCatalog,
    SegmentNotFound,
    ServiceUnavailable,
    VideoNotFound,
)
from tests.contracts.catalogs import DIM, a_video


def fill(url: str) -> None:
    """Make a catalog with one video."""
    with closing(SqlCatalog.open(url)) as catalog:
        catalog.ensure_collection("default", "toy", DIM, "f1")
        a_video().put_into(catalog)


def take_away(url: str) -> None:
    """Remove a catalog, as with a disk that is not mounted, or a new database."""
    if url.startswith("sqlite"):
        Path(url.removeprefix("sqlite:///")).unlink()
        return
    with psycopg.connect(url) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")


class TestBeforeTheFirstIngest:
    def test_a_catalog_that_is_not_there_is_an_empty_one(self, bare_url: str) -> None:
        """Every method answers as it does for a collection or a video that does not exist."""
        with closing(SqlReader.open(bare_url)) as reader:
            reader.check()
            assert reader.collections() == []
            assert reader.counts("default") == (0, 0, 0.0)
            assert reader.videos("default") == []
            assert reader.video_at("default", "/a") is None
            assert reader.videos_at("default", ["/a"]) == {}
            assert reader.videos_by_id("default", ["a"]) == {}
            assert [*reader.names("default")] == []
            assert [*reader.tagged("default")] == []
            assert reader.tags("default") == []
            assert reader.changes("default", 0) == []
            assert [*reader.blocks("default")] == []
            assert [*reader.thumbnails("default")] == []
            assert [array.tolist() for array in reader.biases("default")] == [[], []]
            for call in (reader.video, reader.segments, reader.frame_vectors):
                with pytest.raises(VideoNotFound):
                    call("default", "a")
            with pytest.raises(SegmentNotFound):
                reader.segment(1)
            with pytest.raises(CollectionNotFound):
                reader.collection("default")
            with pytest.raises(CollectionNotFound), reader.consistent("default"):
                pass
            with pytest.raises(NoCatalog, match="indexer ingest PATH"):
                reader.identity()

    def test_it_is_taken_up_once_it_is_there(self, bare_url: str) -> None:
        """By the very reader that was there before it."""
        with closing(SqlReader.open(bare_url)) as reader:
            assert reader.collections() == []
            fill(bare_url)
            reader.check()
            assert reader.counts("default") == (1, 3, 6.0)
            with reader.consistent("default") as now:
                assert len(next(now.blocks("default"))) == 3

    def test_one_that_was_there_and_is_gone_is_no_empty_one(self, bare_url: str) -> None:
        """A disk that is not mounted would be taken for an empty library."""
        fill(bare_url)
        with closing(SqlReader.open(bare_url)) as reader:
            assert len(reader.collections()) == 1
            take_away(bare_url)
            for call in (reader.check, reader.collections, reader.identity):
                with pytest.raises(NoCatalog, match="disk is mounted"):
                    call()

    def test_a_reader_leaves_the_folder_as_it_was(self, tmp_path: Path) -> None:
        """No folder, no file, and none of SQLite's own beside the catalog, open or closed."""
        missing = tmp_path / "missing" / "catalog.db"
        with closing(SqlReader.open(f"sqlite:///{missing}")) as reader:
            assert reader.collections() == []
        assert [*tmp_path.iterdir()] == []
        fill(f"sqlite:///{tmp_path / 'catalog.db'}")
        with closing(SqlReader.open(f"sqlite:///{tmp_path / 'catalog.db'}")) as reader:
            assert reader.counts("default") == (1, 3, 6.0)
            assert [path.name for path in tmp_path.iterdir()] == ["catalog.db"]
        assert [path.name for path in tmp_path.iterdir()] == ["catalog.db"]


class TestFilesThatChange:
    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        """Return the URL of a catalog of one video in a file, with no log beside it."""
        url = f"sqlite:///{tmp_path / 'catalog.db'}"
        fill(url)
        assert [path.name for path in tmp_path.iterdir()] == ["catalog.db"]
        return url

    def test_a_writer_that_comes_later_is_followed(self, url: str) -> None:
        """What it has committed is in its log, while the file is as it was."""
        with closing(SqlReader.open(url)) as reader, closing(SqlCatalog.open(url)) as writer:
            assert reader.collection("default").version == 1
            for version in (2, 3):
                a_video(str(version), uri=f"/{version}").put_into(writer)
                assert reader.collection("default").version == version

    def test_a_log_that_a_crash_left_is_read(self, url: str, tmp_path: Path) -> None:
        """Its changes were committed: a reader without rights to mend it sees them all the same."""
        kept = tmp_path / "kept"
        kept.mkdir()
        with closing(SqlCatalog.open(url)) as writer:
            a_video("b", uri="/b").put_into(writer)
            for name in ("catalog.db", "catalog.db-wal"):
                (kept / name).write_bytes((tmp_path / name).read_bytes())
        assert (kept / "catalog.db-wal").stat().st_size > 0
        with closing(SqlReader.open(f"sqlite:///{kept / 'catalog.db'}")) as reader:
            assert reader.counts("default") == (2, 6, 12.0)

    def test_a_file_that_is_written_under_a_reader_is_told(self, url: str) -> None:
        """Nothing locks a file that is read as one that never changes: rows may be of two moments.

        The next read is of the file as it is then.
        """
        with closing(SqlReader.open(url)) as reader:
            blocks = reader.blocks("default", block=1)
            next(blocks)
            with closing(SqlCatalog.open(url)) as writer:
                a_video("b", uri="/b").put_into(writer)
            with pytest.raises(ServiceUnavailable, match="written while it was read; try again"):
                list(blocks)
            assert reader.counts("default") == (2, 6, 12.0)

    def test_a_moment_of_a_file_that_is_written_is_told(self, url: str) -> None:
        """Each read of it looks again."""
        with closing(SqlReader.open(url)) as reader, reader.consistent("default") as now:
            with closing(SqlCatalog.open(url)) as writer:
                a_video("b", uri="/b").put_into(writer)
            with pytest.raises(ServiceUnavailable, match="written while it was read"):
                now.counts("default")

    def test_a_write_that_was_cut_short_is_not_read_as_done(self, url: str, tmp_path: Path) -> None:
        """A journal beside the file takes changes back that are in it."""
        path = tmp_path / "catalog.db"
        with closing(sqlite3.connect(path)) as other:
            other.execute("PRAGMA journal_mode = DELETE")
        torn = tmp_path / "torn"
        torn.mkdir()
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("PRAGMA cache_size = 1")
            other.execute("BEGIN IMMEDIATE")
            other.execute("UPDATE segments SET thumbnail = hex(randomblob(90000))")
            for name in ("catalog.db", "catalog.db-journal"):
                (torn / name).write_bytes((tmp_path / name).read_bytes())
        with (
            closing(SqlReader.open(f"sqlite:///{torn / 'catalog.db'}")) as reader,
            pytest.raises(ServiceUnavailable, match="can be read but not written"),
        ):
            reader.check()
