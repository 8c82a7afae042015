"""Fixtures of the API's tests: a library of toy videos and clients that ask it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from clipseek.testing import MemoryCatalog
from tests.api.library import Library


@pytest.fixture
def empty(tmp_path: Path) -> Library:
    """Return a library in which nothing is indexed."""
    return Library(tmp_path, MemoryCatalog())


@pytest.fixture
def library(empty: Library) -> Library:
    """Return a library of three videos."""
    return _filled(empty)


def _filled(library: Library) -> Library:
    library.add("traffic.mp4", ["red", "green", "blue"], tags=("city",))
    library.add("sea.mp4", ["blue", "green"], tags=("coast",))
    library.add("dusk.mp4", ["red"], tags=("city", "night"))
    return library


@pytest.fixture(scope="module")
def shared_client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """Return a client as `client` does, for the tests of a file that change nothing."""
    library = _filled(Library(tmp_path_factory.mktemp("library"), MemoryCatalog()))
    with TestClient(create_app(library.service()), raise_server_exceptions=False) as opened:
        assert opened.get("/readyz").status_code == 200
        yield opened


@pytest.fixture
def client(library: Library) -> Iterator[TestClient]:
    """Return a client of an application over the library, warm, so that it opens no more."""
    with TestClient(create_app(library.service()), raise_server_exceptions=False) as opened:
        assert opened.get("/readyz").status_code == 200
        yield opened


@pytest.fixture
def empty_client(empty: Library) -> Iterator[TestClient]:
    """Return a client of an application with nothing indexed."""
    with TestClient(create_app(empty.service()), raise_server_exceptions=False) as opened:
        yield opened
