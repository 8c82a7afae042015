"""Every store of feeds keeps the contract: a ticket is used once, and one browser sends."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from clipseek.cameras import WEBCAM, Camera, CameraNotFound
from clipseek.catalog import SqlCatalog
from clipseek.catalog.cameras import SqlCameras
from clipseek.catalog.feeds import SqlFeeds
from clipseek.errors import ServiceUnavailable
from clipseek.feeds import FeedRefused, FeedStore
from clipseek.testing import MemoryFeeds

LONG_S = 1e6
"""A lease that does not expire during a test; one of 0 s has expired at once."""
URL, OTHER = "http://10.0.0.5:8000/internal/feeds/a", "http://10.0.0.6:8000/internal/feeds/b"


Removing = Callable[[], object]


@pytest.fixture
def kit(ledger_url: str | None) -> Iterator[tuple[FeedStore, Removing]]:
    """Return a store of each kind, and what removes its camera `desk`."""
    if ledger_url is None:
        known = {"desk"}
        yield MemoryFeeds(known.__contains__), known.clear
        return
    with closing(SqlCameras.open(ledger_url)) as cameras, closing(SqlFeeds.open(ledger_url)) as own:
        cameras.add(Camera("desk", "default", WEBCAM, b""))
        yield own, lambda: cameras.remove("desk")


@pytest.fixture
def store(kit: tuple[FeedStore, Removing]) -> FeedStore:
    """Return the store alone."""
    return kit[0]


def test_a_ticket_is_used_once(store: FeedStore) -> None:
    """It leads to its camera; then recorders know where its pictures are."""
    store.offer("desk", "first", LONG_S)
    assert store.url("desk") is None
    assert store.begin("another", URL, LONG_S) is None
    assert store.begin("first", URL, LONG_S) == "desk"
    assert store.url("desk") == URL
    assert store.begin("first", OTHER, LONG_S) is None
    assert store.url("desk") == URL


def test_a_guess_writes_nothing(tmp_path: Path) -> None:
    """It is answered at once, even if another process writes; a right ticket waits for its turn."""
    place = tmp_path / "catalog.db"
    url = f"sqlite:///{place}"
    SqlCatalog.open(url).close()
    with closing(SqlCameras.open(url)) as cameras:
        cameras.add(Camera("desk", "default", WEBCAM, b""))
    with closing(SqlFeeds.open(url, wait_s=0.1)) as store:
        store.offer("desk", "first", LONG_S)
        with closing(sqlite3.connect(place)) as other:
            other.execute("BEGIN IMMEDIATE")
            assert store.begin("guessed", URL, LONG_S) is None
            with pytest.raises(ServiceUnavailable):
                store.begin("first", URL, LONG_S)
        assert store.begin("first", URL, LONG_S) == "desk"


def test_a_ticket_expires(store: FeedStore) -> None:
    """After its time, it leads nowhere."""
    store.offer("desk", "first", 0.0)
    assert store.begin("first", URL, LONG_S) is None


def test_one_browser_sends_at_a_time(store: FeedStore) -> None:
    """A ticket that was not used gives way; a feed does not, until it has ended."""
    store.offer("desk", "forgotten", LONG_S)
    store.offer("desk", "first", LONG_S)
    assert store.begin("forgotten", URL, LONG_S) is None
    assert store.begin("first", URL, LONG_S) == "desk"
    with pytest.raises(FeedRefused):
        store.offer("desk", "second", LONG_S)
    store.end("second")
    assert store.url("desk") == URL
    store.end("first")
    assert store.url("desk") is None
    store.offer("desk", "second", LONG_S)
    assert store.begin("second", OTHER, LONG_S) == "desk"


def test_a_feed_whose_replica_died_gives_way(store: FeedStore) -> None:
    """It is over when its lease is, and cannot be renewed then."""
    store.offer("desk", "first", LONG_S)
    assert not store.renew("first", LONG_S)
    assert store.begin("first", URL, LONG_S) == "desk"
    assert store.renew("first", 0.0)
    assert store.url("desk") is None
    assert not store.renew("first", LONG_S)
    store.offer("desk", "second", LONG_S)
    assert store.begin("second", OTHER, LONG_S) == "desk"


def test_a_camera_must_be_there(store: FeedStore) -> None:
    """There is no ticket for another name."""
    with pytest.raises(CameraNotFound):
        store.offer("none", "first", LONG_S)


def test_a_feed_ends_with_its_camera(kit: tuple[FeedStore, Removing]) -> None:
    """Its lease cannot be renewed when the camera was removed."""
    store, remove = kit
    store.offer("desk", "first", LONG_S)
    assert store.begin("first", URL, LONG_S) == "desk"
    remove()
    assert not store.renew("first", LONG_S)
    assert store.url("desk") is None


def test_a_catalog_that_is_not_there_has_no_feeds(bare_url: str) -> None:
    """No ticket is valid, and no camera sends."""
    with closing(SqlFeeds.open(bare_url)) as store:
        assert store.begin("guessed", URL, LONG_S) is None
        assert store.url("desk") is None
