"""Retention: what has expired goes as a whole, and what is kept stays."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert, select, update

from clipseek.brought import Brought
from clipseek.cameras import Camera
from clipseek.catalog import SqlCatalog, tables
from clipseek.catalog.cameras import SqlCameras
from clipseek.catalog.database import Database
from clipseek.catalog.retaining import SqlRetaining
from clipseek.catalog.watch_tables import alerts
from clipseek.errors import CollectionNotFound
from clipseek.holds import Chunk, Hold, HoldNotFound, Rule, expired, seconds_of
from clipseek.live import retention
from clipseek.live.naming import recorded_at
from clipseek.live.retention import Retention
from clipseek.publishing import FolderStore, build
from clipseek.thumbnails import Thumbnails
from tests.contracts.catalogs import DIM, a_video

NOON = seconds_of("2026-11-28T12:00:00Z")
DAY_S = 86400.0


def chunk(number: int, camera: str = "yard", *, start: float = 0.0, size: int = 10) -> Chunk:
    """Return a chunk of five minutes."""
    return Chunk(f"{camera}{number}", camera, "", start, start + 300, size)


ROW = [chunk(n, start=300.0 * n) for n in range(4)]


def rule(retain_s: float | None = None, retain_bytes: int | None = None) -> Rule:
    """Return a rule of all cameras."""
    return Rule("default", None, retain_s, retain_bytes)


def test_a_chunk_is_as_old_as_its_end() -> None:
    """So what is still recorded stays."""
    assert expired(ROW, rule(600.0), (), now=1200.0) == ROW[:1]
    assert expired(ROW, rule(600.0), (), now=900.0) == []
    assert expired(ROW, rule(), (), now=1e9) == []


def test_the_oldest_go_until_the_others_fit() -> None:
    """The newest of each camera stays, because it may still grow."""
    assert expired(ROW, rule(None, 25), (), now=1200.0) == ROW[:2]
    assert expired(ROW, rule(None, 1), (), now=1200.0) == ROW[:3]
    other = chunk(0, "door", start=0.0, size=100)
    assert expired([*ROW, other], rule(None, 1), (), now=1200.0) == ROW[:3]


def test_what_is_kept_stays_and_counts() -> None:
    """Of its camera, and each chunk that the span overlaps."""
    kept = [("yard", 290.0, 310.0)]
    assert expired(ROW, rule(0.0001), kept, now=1e9) == ROW[2:]
    assert expired(ROW, rule(None, 20), kept, now=1200.0) == [ROW[2]]
    assert expired(ROW, rule(None, 40), kept, now=1200.0) == []
    assert expired(ROW, rule(0.0001), [("door", 0, 1e9)], now=1e9) == ROW
    assert expired(ROW, rule(0.0001), [("yard", 300.0, 600.0)], now=1e9) == [ROW[0], *ROW[2:]]


chunks = st.builds(
    chunk,
    st.integers(0, 99),
    st.sampled_from(["yard", "door"]),
    start=st.integers(0, 5000).map(float),
    size=st.integers(0, 50),
)


@given(st.lists(chunks, unique_by=lambda each: each.id), st.integers(1, 300))
def test_what_stays_fits(found: list[Chunk], most: int) -> None:
    """Except the newest of each camera; and nothing goes that is newer than what stays of it."""
    gone = expired(found, rule(None, most), (), now=1e9)
    left = [each for each in found if each not in gone]
    newest = {each.camera: each.id for each in sorted(found, key=lambda each: each.start)}
    assert set(newest.values()) <= {each.id for each in left}
    others = [each for each in left if newest[each.camera] != each.id]
    assert (
        not others
        or sum(each.size_bytes for each in left) <= most
        or all(each.size_bytes == 0 for each in others)
    )
    assert expired(left, rule(None, most), (), now=1e9) == []


@dataclass
class House:
    """A catalog with cameras, and all that is stored beside it."""

    folder: Path
    url: str
    catalog: SqlCatalog
    rows: SqlRetaining
    store: FolderStore
    thumbnails: Thumbnails

    def record(self, video_id: str, camera: str, at: float, *, size: int = 1000) -> Path:
        """Store a chunk with its footage, its pictures and its vectors."""
        file = self.folder / "recordings" / "epoch" / "2026-11-28" / f"{video_id}.mp4"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"footage of " + video_id.encode())
        made = a_video(video_id, uri=str(file))
        names = tuple(
            self.thumbnails.write("default", video_id, float(n), b"\xff\xd8" + bytes([n]))
            for n in range(len(made.picture))
        )
        video = replace(made.video, stream=camera, recorded_at=recorded_at(at), size_bytes=size)
        picture = replace(made.picture, thumbnails=names)
        replace(made, video=video, picture=picture).put_into(self.catalog)
        return file

    def retention(self, now: float) -> Retention:
        """Return what lets go at a time."""

        def publish(name: str) -> None:
            build(self.catalog, self.store, name)
            self.store.forget("default")

        return Retention(
            self.rows,
            self.catalog,
            self.thumbnails,
            recordings=self.folder / "recordings",
            excerpts=self.folder / "excerpts",
            forget=self.brought.forget,
            publish=publish,
            now=lambda: now,
        )

    @property
    def brought(self) -> Brought:
        """What other machines have sent."""
        return Brought(self.folder / "uploads", 1 << 20)

    def ids(self) -> list[str]:
        """Return the videos that are left."""
        return [video.id for video in self.catalog.videos("default")]

    def files(self) -> set[str]:
        """Return every file but those of the database."""
        found = (path for path in self.folder.rglob("*") if path.is_file())
        return {
            str(path.relative_to(self.folder))
            for path in found
            if not path.name.startswith("catalog.db")
        }


@pytest.fixture
def house(catalog_url: str, tmp_path: Path) -> Iterator[House]:
    """Return a house with a camera `yard` that is kept for a day, and one `door` for ever."""
    catalog = SqlCatalog.open(catalog_url)
    catalog.ensure_collection("default", "toy", DIM, "f1")
    with closing(SqlCameras.open(catalog_url)) as cameras:
        cameras.add(Camera("yard", "default", "rtsp://a/", b"", retain_s=DAY_S))
        cameras.add(Camera("door", "default", "rtsp://b/", b""))
    store, thumbnails = FolderStore(tmp_path / "snapshots"), Thumbnails(tmp_path / "thumbnails")
    with closing(SqlRetaining.open(catalog_url)) as rows, closing(catalog):
        yield House(tmp_path, catalog_url, catalog, rows, store, thumbnails)


def test_nothing_remains_of_what_has_expired(house: House) -> None:
    """No row, no file, no picture, no vector in an index, and no cut span."""
    house.record("other", "yard", NOON + DAY_S)
    build(house.catalog, house.store, "default")
    before = house.files()
    gone = house.record("gone", "yard", NOON)
    (house.folder / "excerpts").mkdir()
    (house.folder / "excerpts" / "0a1b.mp4").write_bytes(b"a cut span")
    sent = house.folder / "sent.mp4"
    sent.write_bytes(b"a span of another machine")
    house.brought.keep("default", "gone", "0" * 32, sent)
    build(house.catalog, house.store, "default")
    vector = next(iter(house.catalog.blocks("default", video_ids=["gone"]))).vectors[0]
    assert _has(house, vector)
    done = house.retention(NOON + DAY_S + 60).run()
    assert (dict(done.videos), done.bytes) == ({"default": 1}, 1000)
    assert house.ids() == ["other"]
    assert not gone.exists()
    left = {name for name in house.files() if not name.startswith("snapshots")}
    assert left == {name for name in before if not name.startswith("snapshots")}
    assert not _has(house, vector)
    with closing(Database.at(house.url)) as database, database.reading() as connection:
        for table in (tables.segments, tables.frame_vectors, tables.texts, tables.tags):
            found = connection.execute(select(table.c.video_id)).scalars().all()
            assert set(found) <= {"other"}, table.name
    again = house.retention(NOON + DAY_S + 60).run()
    assert again.count == 0


def _has(house: House, vector: np.ndarray) -> bool:
    """Whether some published file contains a vector, or one near it: as float32 or float16."""
    needles = (vector.astype("<f4").tobytes()[:8], vector.astype("<f2").tobytes()[:8])
    files = (path for path in (house.folder / "snapshots").rglob("*") if path.is_file())
    return any(needle in path.read_bytes() for path in files for needle in needles)


def test_a_hold_and_an_alert_keep_what_they_overlap(house: House) -> None:
    """Until the hold is removed."""
    for n in range(4):
        house.record(f"chunk{n}", "yard", NOON + 6 * n)
    span = recorded_at(NOON + 7), recorded_at(NOON + 8)
    hold = house.rows.hold(Hold("yard", *span, "case 17", by="ann"))
    assert house.rows.holds() == [hold]
    _alert(house, "yard", NOON + 13, keeps=True)
    _alert(house, "yard", NOON + 1, keeps=False)
    late = NOON + 9 * DAY_S
    house.retention(late).run()
    assert house.ids() == ["chunk1", "chunk2"]
    assert house.rows.release(hold.id) == hold
    with pytest.raises(HoldNotFound):
        house.rows.release(hold.id)
    house.retention(late).run()
    assert house.ids() == ["chunk2"]


def test_a_hold_that_comes_during_a_run_is_respected(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is not decided by then stays; what a killed run has decided goes."""
    monkeypatch.setattr(retention, "AT_ONCE", 1)
    files = [house.record(f"chunk{n}", "yard", NOON + 60 * n) for n in range(4)]
    late = house.retention(NOON + 9 * DAY_S)
    remove = house.catalog.remove

    def removed(collection: str, video_id: str) -> int:
        house.rows.hold(Hold("yard", recorded_at(NOON), recorded_at(NOON + 130), "case 17"))
        return remove(collection, video_id)

    monkeypatch.setattr(house.catalog, "remove", removed)
    late.run()
    assert house.ids() == ["chunk1", "chunk2"]
    assert [file.exists() for file in files] == [False, True, True, False]
    (decided,) = house.rows.let_go("default", [replace(chunk(9), id="chunk2", camera="door")])
    assert house.retention(NOON).run().count == 1
    assert (decided.id, house.ids()) == ("chunk2", ["chunk1"])


def test_what_cannot_be_deleted_stops_nothing(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    """It is tried once in each run, and said; what is decided stays so, whatever its rule says."""
    stuck, _ = (house.record(f"chunk{n}", "yard", NOON + 60 * n) for n in range(2))
    stuck.unlink()
    (stuck / "not a file").mkdir(parents=True)
    unlink, tried = Path.unlink, list[Path]()

    def unlinked(path: Path, *, missing_ok: bool = False) -> None:
        tried.append(path)
        unlink(path, missing_ok=missing_ok)

    late = house.retention(NOON + 9 * DAY_S)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Path, "unlink", unlinked)
        for _ in range(2):
            tried.clear()
            late.turn()
            assert tried.count(stuck) == 1
            assert house.ids() == ["chunk0"]
    assert "1 videos of cameras could not be removed; the first is chunk0" in caplog.text
    (stuck / "not a file").rmdir()
    stuck.rmdir()
    assert house.retention(NOON).run().count == 1
    assert house.ids() == []


def test_a_removed_camera_leaves_nothing_but_what_is_kept(house: House) -> None:
    """Until that is free, too; a new camera of its name keeps what it records."""
    for n in range(3):
        house.record(f"chunk{n}", "door", NOON + 60 * n)
    hold = house.rows.hold(Hold("door", recorded_at(NOON), recorded_at(NOON + 1), "case 17"))
    house.rows.depart("default", "door", NOON + 100)
    now = house.retention(NOON + 130)
    now.run()
    assert house.ids() == ["chunk0", "chunk2"]
    house.rows.release(hold.id)
    now.run()
    assert house.ids() == ["chunk2"]


def test_the_rule_of_a_removed_camera_ends_when_nothing_is_left(house: House) -> None:
    """An hour after the removal: a recorder that has not heard of it may store one more."""
    house.rows.depart("default", "door", NOON)
    assert Rule("default", "door", None, None, NOON) in house.rows.rules()
    house.retention(NOON + 3500).run()
    house.record("late", "door", NOON - 5)
    house.record("new", "door", NOON + 5)
    house.retention(NOON + 3700).run()
    assert house.ids() == ["new"]
    house.retention(NOON + 3700).run()
    assert [each.before for each in house.rows.rules()] == [None]


def _alert(house: House, camera: str, at: float, *, keeps: bool) -> None:
    """Store an alert of a second."""
    row = {
        "id": f"alert{at}",
        "watch": "w",
        "watch_name": "w",
        "collection": "default",
        "video_id": "any",
        "stream": camera,
        "start": 0.0,
        "end": 1.0,
        "best_time": 0.0,
        "start_at": recorded_at(at),
        "end_at": recorded_at(at + 1),
        "relevance": 0.9,
        "keeps": keeps,
        "created_at": recorded_at(at),
    }
    with closing(Database.at(house.url)) as database, database.writing() as connection:
        connection.execute(insert(alerts).values(row))


def test_other_videos_and_cameras_stay(house: House) -> None:
    """A camera without limits, a file, and a file outside the folder of recordings."""
    outside = house.folder / "other.mp4"
    outside.write_bytes(b"of a user")
    house.record("door1", "door", NOON)
    file = a_video("file")
    replace(file, video=replace(file.video, stream="")).put_into(house.catalog)
    moved = a_video("moved", uri=str(outside))
    video = replace(moved.video, stream="yard", recorded_at=recorded_at(NOON))
    replace(moved, video=video).put_into(house.catalog)
    house.retention(NOON + 9 * DAY_S).run()
    assert house.ids() == ["door1", "file"]
    assert outside.exists()


def test_a_chunk_of_no_time_is_as_old_as_its_index(house: House) -> None:
    """It was recorded before that: a row that is damaged stops nothing, and a hold keeps it."""
    for name in ("bad", "good"):
        house.record(name, "yard", NOON)
    house.record("newest", "yard", NOON + 9 * DAY_S)
    _damage(house, "bad", recorded_at="2026-13-45T99:99:99Z")
    indexed = seconds_of(house.catalog.video("default", "bad").indexed_at)
    house.retention(indexed + DAY_S - 1).run()
    assert "bad" in house.ids()
    held = house.rows.hold(Hold("yard", recorded_at(NOON - 60), recorded_at(NOON - 30), "case 17"))
    house.retention(indexed + DAY_S + 1).run()
    assert house.ids() == ["bad", "newest"]
    house.rows.release(held.id)
    house.retention(indexed + DAY_S + 1).run()
    assert house.ids() == ["newest"]


def test_a_chunk_of_no_time_at_all_stays(house: House) -> None:
    """Nobody knows how old it is; the others go."""
    for name in ("bad", "good"):
        house.record(name, "yard", NOON)
    _damage(house, "bad", recorded_at="", indexed_at="once")
    house.retention(NOON + 99 * DAY_S).run()
    assert house.ids() == ["bad"]


def test_a_span_that_is_kept_without_an_end_keeps_all_after_it(house: House) -> None:
    """Rather too much than too little, and nothing stops."""
    for n in range(2):
        house.record(f"chunk{n}", "yard", NOON + 3600 * n)
    _alert(house, "yard", NOON + 1800, keeps=True)
    with closing(Database.at(house.url)) as database, database.writing() as connection:
        connection.execute(update(alerts).values(end_at="2026-13-45T99:99:99Z"))
    house.retention(NOON + 9 * DAY_S).run()
    assert house.ids() == ["chunk1"]


def _damage(house: House, video_id: str, **values: str) -> None:
    with closing(Database.at(house.url)) as database, database.writing() as connection:
        row = update(tables.videos).where(tables.videos.c.id == video_id)
        connection.execute(row.values(**values))


def test_a_collection_has_limits_of_its_own(house: House) -> None:
    """Over all cameras together, those that were removed too; an alias names it as well."""
    for n in range(3):
        house.record(f"chunk{n}", "former", NOON + 60 * n)
    house.record("chunk3", "door", NOON + 180)
    house.catalog.set_alias("today", "default")
    house.rows.limit("today", None, 2000)
    assert Rule("default", None, None, 2000) in house.rows.rules()
    house.retention(NOON + DAY_S).run()
    assert house.ids() == ["chunk2", "chunk3"]
    house.rows.limit("default", None, None)
    assert [each.camera for each in house.rows.rules()] == ["yard"]
    with pytest.raises(CollectionNotFound):
        house.rows.limit("nowhere", 60.0, None)


def test_a_camera_of_an_alias_is_found(house: House) -> None:
    """What it has recorded is in the collection behind."""
    house.catalog.set_alias("today", "default")
    with closing(SqlCameras.open(house.url)) as cameras:
        cameras.add(Camera("hall", "today", "rtsp://c/", b"", retain_bytes=1500))
    house.record("hall1", "hall", NOON)
    house.record("hall2", "hall", NOON + 60)
    house.retention(NOON + 120).run()
    assert house.ids() == ["hall2"]


@pytest.mark.parametrize(
    ("start", "end", "reason", "said"),
    [
        ("2026-11-28T12:00:00Z", "2026-11-28T12:00:00Z", "x", "must end after it starts"),
        ("2026-11-28T12:00:00Z", "2026-11-28T13:00:00Z", "", "1 to 1000 characters, got 0"),
        ("2026-11-28T12:00:00", "2026-11-28T13:00:00Z", "x", "must have a time zone"),
    ],
    ids=["empty", "reason", "zone"],
)
def test_a_wrong_hold_is_refused(start: str, end: str, reason: str, said: str) -> None:
    """With the value and what is expected."""
    with pytest.raises(ValueError, match=said):
        Hold("yard", start, end, reason)
