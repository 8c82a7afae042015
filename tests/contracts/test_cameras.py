"""Every store of cameras keeps the contract: one recorder for each camera, and fair shares."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest

from clipseek.cameras import Camera, CameraNotFound, CameraState, CameraTaken
from clipseek.catalog.cameras import SqlCameraReader, SqlCameras
from clipseek.errors import CatalogOutdated
from clipseek.protocols import CameraStore
from clipseek.testing import MemoryCameras
from tests.core.test_migrations import set_revision
from tests.releases import NEXT

LONG_S = 1e6
"""A lease that does not expire during a test; one of 0 s has expired at once."""


@pytest.fixture
def store(ledger_url: str | None) -> Iterator[CameraStore]:
    """Return an empty store of each kind."""
    if ledger_url is None:
        yield MemoryCameras()
        return
    with closing(SqlCameras.open(ledger_url)) as opened:
        yield opened


def a_camera(name: str, collection: str = "default") -> Camera:
    """Return a camera with every setting."""
    return Camera(
        name,
        collection,
        f"rtsp://{name}.example/live",
        b"\0sealed\xff",
        fps=2.0,
        records=True,
        retain_s=7 * 86400.0,
        retain_bytes=2**40,
    )


def add(store: CameraStore, *names: str) -> None:
    """Add cameras."""
    for name in names:
        store.add(a_camera(name))


def names_of(cameras: list[Camera] | tuple[Camera, ...]) -> list[str]:
    """Return the names of cameras."""
    return [camera.name for camera in cameras]


def test_a_camera_is_stored_as_it_was_added(store: CameraStore) -> None:
    """With all its settings; no recorder runs it yet."""
    given = a_camera("yard")
    added = store.add(given)
    assert store.get("yard") == added
    assert replace(added, created_at="", state=given.state) == given
    assert (added.state.status, added.state_at) == ("waiting", "")
    assert "indexer record" in added.state.reason
    assert added.created_at.endswith("Z")


def test_a_name_is_given_once(store: CameraStore) -> None:
    """The first camera stays as it is."""
    add(store, "yard")
    with pytest.raises(CameraTaken, match="there is a camera 'yard' already"):
        store.add(replace(a_camera("yard"), fps=1.0))
    assert store.get("yard").fps == 2.0


def test_cameras_are_listed_by_name(store: CameraStore) -> None:
    """All, or those of some collections."""
    add(store, "yard", "door")
    store.add(a_camera("hall", "indoors"))
    assert names_of(store.cameras()) == ["door", "hall", "yard"]
    assert names_of(store.cameras(collections=["indoors", "nope"])) == ["hall"]
    assert store.cameras(collections=[]) == []


def test_a_camera_that_is_not_there_is_told(store: CameraStore) -> None:
    """To everybody who names it."""
    with pytest.raises(CameraNotFound, match="no camera 'nope'"):
        store.get("nope")
    with pytest.raises(CameraNotFound):
        store.change(a_camera("nope"))
    with pytest.raises(CameraNotFound):
        store.remove("nope")


def test_settings_change_and_the_camera_stays_the_same(store: CameraStore) -> None:
    """Its epoch and its collection stay, so that its recordings stay its own."""
    before = store.add(a_camera("yard"))
    other = replace(a_camera("yard", "elsewhere"), fps=None, retain_s=None, sealed=b"new")
    after = store.change(other)
    assert (after.fps, after.retain_s, after.sealed) == (None, None, b"new")
    assert (after.epoch, after.collection) == (before.epoch, "default")


def test_a_removed_camera_is_gone(store: CameraStore) -> None:
    """Its recorder learns it with the next beat."""
    add(store, "yard", "door")
    store.take("one", LONG_S, 10)
    assert store.remove("yard").name == "yard"
    assert names_of(store.cameras()) == ["door"]
    assert names_of(store.beat("one", LONG_S, {}).cameras) == ["door"]


def test_a_camera_is_run_by_one_recorder(store: CameraStore) -> None:
    """Until its lease expires; then another one takes it, and the first has lost it."""
    add(store, "yard")
    assert names_of(store.take("one", 0, 10)) == ["yard"]
    assert names_of(store.take("two", LONG_S, 10)) == ["yard"]
    assert store.take("one", LONG_S, 10) == []
    assert store.beat("one", LONG_S, {}).cameras == ()
    assert names_of(store.beat("two", LONG_S, {}).cameras) == ["yard"]


def test_a_beat_renews_the_lease_and_stores_the_state(store: CameraStore) -> None:
    """Everybody sees it, until the lease has expired."""
    add(store, "yard", "door")
    store.take("one", LONG_S, 10)
    live = CameraState("live", "", 250, 25, 3, 20, 25.0, 0.5, 1.5, 2, "2026-11-29T10:00:00.000Z")
    assert names_of(store.beat("one", LONG_S, {"yard": live, "nope": live}).cameras) == [
        "door",
        "yard",
    ]
    assert store.get("yard").state == live
    assert store.get("yard").state_at.endswith("Z")
    assert store.get("door").state.status == "connecting"
    store.beat("two", LONG_S, {"yard": CameraState("failed")})
    assert store.get("yard").state == live
    store.beat("one", 0, {})
    assert store.get("yard").state.status == "waiting"
    assert store.get("yard").state.received == 250


def test_a_paused_camera_is_run_by_nobody(store: CameraStore) -> None:
    """Its recorder learns it with the next beat; it is taken again when it is resumed."""
    add(store, "yard")
    store.take("one", LONG_S, 10)
    store.change(replace(store.get("yard"), paused=True))
    assert store.get("yard").state.status == "paused"
    assert store.beat("one", LONG_S, {}).cameras == ()
    assert store.take("two", LONG_S, 10) == []
    store.change(replace(store.get("yard"), paused=False))
    assert names_of(store.take("one", LONG_S, 10)) == ["yard"]


def test_a_recorder_takes_no_more_than_it_can_run(store: CameraStore) -> None:
    """Together with those that it holds."""
    add(store, *"abcde")
    assert len(store.take("one", LONG_S, 2)) == 2
    assert store.take("one", LONG_S, 2) == []
    assert len(store.take("one", LONG_S, 3)) == 1


def test_a_second_recorder_gets_its_share(store: CameraStore) -> None:
    """The first one is told which cameras to release, and keeps the others."""
    add(store, *"abcde")
    assert len(store.take("one", LONG_S, 100)) == 5
    assert store.beat("one", LONG_S, {}).spare == frozenset()
    assert store.take("two", LONG_S, 100) == []
    held = store.beat("one", LONG_S, {})
    assert (len(held.cameras), sorted(held.spare)) == (5, ["d", "e"])
    store.release("one", sorted(held.spare))
    assert names_of(store.take("two", LONG_S, 100)) == ["d", "e"]
    assert store.beat("one", LONG_S, {}).spare == frozenset()
    assert store.beat("two", LONG_S, {}).spare == frozenset()


def test_a_dead_recorder_has_no_share(store: CameraStore) -> None:
    """The others take all that it had when its lease expires."""
    add(store, *"abcd")
    store.take("dead", 0, 100)
    assert names_of(store.take("one", LONG_S, 100)) == [*"abcd"]


def test_a_recorder_that_ends_gives_everything_back(store: CameraStore) -> None:
    """At once, and it counts no more."""
    add(store, *"abcd")
    store.take("one", LONG_S, 100)
    store.take("two", LONG_S, 100)
    store.release("one")
    assert names_of(store.take("two", LONG_S, 100)) == [*"abcd"]


def test_a_recorder_that_was_forgotten_keeps_its_cameras(store: CameraStore) -> None:
    """It was late, and nobody took them; nothing is spare because of that."""
    add(store, "yard")
    store.take("late", 0, 100)
    store.release("two")
    store.take("two", LONG_S, 0)
    held = store.beat("late", LONG_S, {})
    assert (names_of(held.cameras), held.spare) == (["yard"], frozenset())


def test_a_text_that_cannot_be_stored_is_refused(store: CameraStore) -> None:
    """In both databases alike, before either is asked."""
    with pytest.raises(ValueError, match="text"):
        store.add(replace(a_camera("yard"), address="rtsp://a\0b/"))


def test_a_catalog_that_is_not_there_has_no_cameras(bare_url: str) -> None:
    """A reader makes nothing."""
    with closing(SqlCameraReader.open(bare_url)) as reader:
        assert reader.cameras() == []
        with pytest.raises(CameraNotFound):
            reader.get("yard")


def test_cameras_are_not_written_by_the_rules_of_another_release(catalog_url: str) -> None:
    """A catalog that was migrated meanwhile is left as it is."""
    with closing(SqlCameras.open(catalog_url)) as store:
        set_revision(catalog_url, NEXT)
        with pytest.raises(CatalogOutdated):
            store.add(a_camera("yard"))
        with pytest.raises(CatalogOutdated):
            store.take("one", LONG_S, 1)
