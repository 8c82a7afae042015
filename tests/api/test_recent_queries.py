"""The API notes what people ask if it is told to: what was answered, for the collection asked."""

import logging
from itertools import count
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from clipseek.caches import open_recent
from clipseek.config import Settings
from tests.api.library import Library


def searched(library: Library, **settings: Any) -> None:
    """Send searches to a server of some settings, and end it."""
    with TestClient(create_app(library.service(**settings))) as client:
        assert client.get("/readyz").status_code == 200
        for body in (
            {"query": "a red car"},
            {"query": "red"},
            {"like": {"video_id": "traffic", "time": 1}},
            {"query": "blue", "collection": "other"},
            {"query": "green", "collection": "nowhere"},
        ):
            client.post("/v1/search", json=body)
        batch = {"searches": [{"query": "red"}, {"query": "a blue boat"}]}
        assert client.post("/v1/search/batch", json=batch).status_code == 200


def kept(library: Library, collection: str) -> list[str]:
    """Return the stored queries of a collection."""
    recent = open_recent(Settings.load(data_dir=library.folder))
    return recent.of(library.catalog.collection(collection))


def test_what_was_answered_is_kept(library: Library) -> None:
    """Once each, of a batch too, and sentences alone; of one collection not those of another."""
    library.add("own.mp4", ["blue"], collection="other")
    searched(library, keep_queries=10)
    assert kept(library, "other") == ["blue"]
    assert sorted(kept(library, "default")) == ["a blue boat", "a red car", "red"]


def test_what_was_answered_is_kept_on_a_busy_machine(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There the view may be late when the answer is ready."""
    times = count(0.0, 100.0)
    monkeypatch.setattr("clipseek.library.views.monotonic", lambda: next(times))
    searched(library, keep_queries=10)
    assert sorted(kept(library, "default")) == ["a blue boat", "a red car", "red"]


def test_nothing_is_kept_by_default(library: Library) -> None:
    """No folder is made for it."""
    assert Settings.load().keep_queries == 0
    searched(library)
    assert not (library.folder / "queries").exists()


def test_a_server_that_cannot_store_them_answers(
    library: Library, caplog: pytest.LogCaptureFixture
) -> None:
    """The log says what is missing."""
    (library.folder / "queries").write_bytes(b"")
    with caplog.at_level(logging.WARNING, "clipseek.api"):
        searched(library, keep_queries=10)
    assert "RecentQueries did not end well: recent queries cannot be stored in" in caplog.text
