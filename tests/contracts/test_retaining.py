"""Every store of what retention looks at keeps the contract: rules, chunks, holds, decisions."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace

import pytest

from clipseek.cameras import Camera
from clipseek.catalog import SqlCatalog
from clipseek.catalog.cameras import SqlCameras
from clipseek.catalog.retaining import SqlRetaining
from clipseek.errors import CollectionNotFound
from clipseek.holds import Hold, HoldNotFound, Retaining, Rule, seconds_of
from clipseek.live.naming import recorded_at
from clipseek.protocols import CatalogWriter
from clipseek.testing import MemoryCameras, MemoryCatalog, MemoryRetaining
from tests.contracts.catalogs import DIM, a_video

NOON = seconds_of("2026-11-28T12:00:00Z")


@dataclass
class House:
    """A catalog with the camera `yard`, which is kept for a day, and `door`, for ever."""

    catalog: CatalogWriter
    rows: Retaining

    def record(self, name: str, camera: str, at: float) -> None:
        """Store a chunk of six seconds."""
        made = a_video(name, uri=f"camera://{camera}/{name}")
        video = replace(made.video, stream=camera, recorded_at=recorded_at(at), size_bytes=1000)
        replace(made, video=video).put_into(self.catalog)

    def ids(self, camera: str | None = None) -> list[str]:
        """Return the chunks of a camera, or of all."""
        return sorted(chunk.id for chunk in self.rows.chunks("default", camera))

    def let_go(self, *names: str) -> list[str]:
        """Decide that chunks are removed; return which are."""
        some = [chunk for chunk in self.rows.chunks("default", None) if chunk.id in names]
        return sorted(chunk.id for chunk in self.rows.let_go("default", some))


@pytest.fixture
def house(ledger_url: str | None) -> Iterator[House]:
    """Return a house of each kind."""
    yard = Camera("yard", "default", "rtsp://a/", b"", retain_s=86400.0)
    door = Camera("door", "default", "rtsp://b/", b"")
    if ledger_url is None:
        memory, watched = MemoryCatalog(), MemoryCameras()
        made = House(memory, MemoryRetaining(memory, watched))
        made.catalog.ensure_collection("default", "toy", DIM, "f1")
        for camera in (yard, door):
            watched.add(camera)
        yield made
        return
    with (
        closing(SqlCatalog.open(ledger_url)) as catalog,
        closing(SqlCameras.open(ledger_url)) as cameras,
        closing(SqlRetaining.open(ledger_url)) as rows,
    ):
        catalog.ensure_collection("default", "toy", DIM, "f1")
        for camera in (yard, door):
            cameras.add(camera)
        yield House(catalog, rows)


def test_rules_are_those_of_cameras_and_collections(house: House) -> None:
    """An alias names its collection, and a limit that is lifted is not a rule."""
    of_yard = Rule("default", "yard", 86400.0, None)
    assert house.rows.rules() == [of_yard]
    house.catalog.set_alias("today", "default")
    house.rows.limit("today", None, 2000)
    assert house.rows.rules() == [of_yard, Rule("default", None, None, 2000)]
    house.rows.limit("default", None, None)
    assert house.rows.rules() == [of_yard]
    with pytest.raises(CollectionNotFound):
        house.rows.limit("nowhere", 60.0, None)


def test_chunks_are_what_cameras_have_recorded(house: House) -> None:
    """With their times and bytes; other videos are left out."""
    house.record("one", "yard", NOON)
    house.record("two", "door", NOON)
    file = a_video("file")
    replace(file, video=replace(file.video, stream="")).put_into(house.catalog)
    assert (house.ids(), house.ids("yard"), house.ids("shed")) == (["one", "two"], ["one"], [])
    (chunk,) = house.rows.chunks("default", "yard")
    assert (chunk.camera, chunk.uri, chunk.size_bytes) == ("yard", "camera://yard/one", 1000)
    assert (chunk.start, chunk.end) == (NOON, NOON + house.catalog.video("default", "one").duration)


def test_a_hold_is_stored_until_it_is_released(house: House) -> None:
    """In the order in which they came, and by camera."""
    span = recorded_at(NOON), recorded_at(NOON + 60)
    first = house.rows.hold(Hold("yard", *span, "case 17", by="ann"))
    second = house.rows.hold(Hold("door", *span, "case 18"))
    assert (first.reason, first.by) == ("case 17", "ann")
    assert first.created_at
    assert house.rows.holds() == [first, second]
    assert house.rows.holds(cameras=["door"]) == [second]
    assert house.rows.kept() == [("yard", NOON, NOON + 60), ("door", NOON, NOON + 60)]
    assert house.rows.release(first.id) == first
    with pytest.raises(HoldNotFound):
        house.rows.release(first.id)
    with pytest.raises(ValueError, match=r"stored|Unicode"):
        house.rows.hold(Hold("yard", *span, "a\x00b"))


def test_what_is_held_by_now_is_not_let_go(house: House) -> None:
    """Although it was found to have expired before the hold came."""
    for number, name in enumerate(("one", "two", "three")):
        house.record(name, "yard", NOON + 60 * number)
    found = house.rows.chunks("default", "yard")
    house.rows.hold(Hold("yard", recorded_at(NOON + 61), recorded_at(NOON + 62), "case 17"))
    gone = house.rows.let_go("default", found)
    assert sorted(chunk.id for chunk in gone) == ["one", "three"]
    assert {(name, chunk.id) for name, chunk in house.rows.going()} == {
        ("default", "one"),
        ("default", "three"),
    }


def test_what_was_let_go_stays_so_until_it_is_removed(house: House) -> None:
    """A process that is killed in between leaves it to the next one, whatever is held since."""
    house.record("one", "yard", NOON)
    assert house.let_go("one") == ["one"]
    assert house.let_go("one") == ["one"]
    house.rows.hold(Hold("yard", recorded_at(NOON), recorded_at(NOON + 60), "case 17"))
    assert [(name, chunk.id) for name, chunk in house.rows.going()] == [("default", "one")]
    house.catalog.remove("default", "one")
    assert house.rows.going() == []


def test_a_camera_that_was_removed_has_a_rule_until_it_is_forgotten(house: House) -> None:
    """By the name or the alias of its collection; the newest removal counts."""
    of_yard = Rule("default", "yard", 86400.0, None)
    house.catalog.set_alias("today", "default")
    house.rows.depart("nowhere", "shed", NOON)
    house.rows.depart("today", "shed", NOON)
    house.rows.depart("today", "shed", NOON + 60.25)
    (rule,) = (each for each in house.rows.rules() if each != of_yard)
    assert rule == Rule("default", "shed", None, None, NOON + 60.25)
    house.rows.forget(Rule("default", "shed", None, None, NOON))
    assert rule in house.rows.rules()
    house.rows.forget(rule)
    assert house.rows.rules() == [of_yard]


def test_a_chunk_that_is_gone_is_not_let_go(house: House) -> None:
    """Somebody else has removed it."""
    house.record("one", "yard", NOON)
    found = house.rows.chunks("default", "yard")
    house.catalog.remove("default", "one")
    assert house.rows.let_go("default", found) == []


def test_no_id_of_a_hold_looks_like_an_option() -> None:
    """A command takes it as an argument: it must not begin with a hyphen."""
    span = (recorded_at(NOON), recorded_at(NOON + 1))
    ids = {Hold("yard", *span, "case 17").id for _ in range(200)}
    assert len(ids) == 200
    assert all(each.isalnum() for each in ids)
