"""A library that is sent to a central one: what changes, what goes, and what is refused."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from clipseek.assembly import open_existing, open_writer
from clipseek.config import Settings
from clipseek.stored import VideoRows
from tests.e2e.conftest import Library
from tests.e2e.served import Served, served

__all__ = ["served"]

Send = Callable[..., int]


@pytest.fixture
def edge(library: Library, monkeypatch: pytest.MonkeyPatch, served: Served) -> Library:
    """Return a library of its own with a key for the central one."""
    monkeypatch.setenv("CLIPSEEK_CENTER_KEY", served.key)
    return library


@pytest.fixture
def there(request: pytest.FixtureRequest) -> str:
    """Return the name of a collection of its own in the central library."""
    return str(request.node.name)[:40]


@pytest.fixture
def send(edge: Library, served: Served, there: str) -> Send:
    """Return what sends the library to a collection of its own."""

    def run(address: str = served.address, into: str = there) -> int:
        return edge.run("forward", address, "--into", into, "--json")

    return run


def _rows(data_dir: Path, collection: str = "default") -> list[VideoRows]:
    with open_existing(Settings(data_dir=data_dir)) as service:
        return service.catalog.stored(collection, limit=1000)


def _bare(rows: VideoRows) -> tuple[object, ...]:
    """Return what must be equal in both libraries."""
    segments = [
        (row.span, row.best_time, row.bias, row.vector.tobytes(), Path(row.thumbnail).name)
        for row in rows.segments
    ]
    video = dataclasses.replace(rows.video, uri="", stamp="")
    assert rows.frames is not None
    return video, segments, rows.frames.vectors.tobytes(), rows.frames.times.tobytes(), rows.texts


def test_what_is_indexed_is_sent(edge: Library, send: Send, served: Served, there: str) -> None:
    """The same vectors, biases and pictures are there, and the files stay where they are."""
    assert send() == 0
    here = _rows(edge.data_dir)
    found = _rows(served.library.data_dir, there)
    assert [*map(_bare, found)] == [*map(_bare, here)]
    assert [rows.video.uri for rows in found] == [f"edge://ann/{each.video.id}" for each in here]
    with open_existing(Settings(data_dir=served.library.data_dir)) as service:
        names = service.catalog.thumbnails(there)
        assert list(service.thumbnails.missing(names)) == []


def test_only_what_changes_is_sent_again(
    edge: Library, send: Send, served: Served, there: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A removed video goes, an edited one changes, and the others are not sent."""
    assert send() == 0
    first, second, *_ = (rows.video.id for rows in _rows(edge.data_dir))
    with open_writer(Settings(data_dir=edge.data_dir)) as service:
        service.catalog.remove("default", first)
        service.catalog.edit("default", second, title="Another title")
    capsys.readouterr()
    assert send() == 0
    assert capsys.readouterr().out.startswith('{"videos": 1, "removed": 1, ')
    found = {each.video.id: each.video for each in _rows(served.library.data_dir, there)}
    assert first not in found
    assert found[second].title == "Another title"
    capsys.readouterr()
    assert send() == 0
    assert capsys.readouterr().out.startswith('{"videos": 0, "removed": 0, "bytes": 0')


def test_changes_that_are_forgotten_are_found_by_comparing(
    edge: Library, send: Send, served: Served, there: str
) -> None:
    """After a long time without a network, what is gone here goes there too."""
    assert send() == 0
    gone = _rows(edge.data_dir)[0].video.id
    with open_writer(Settings(data_dir=edge.data_dir)) as service:
        service.catalog.remove("default", gone)
        version = service.catalog.edit("default", _rows(edge.data_dir)[0].video.id, title="Left")
        service.catalog.prune("default", version)
    assert send() == 0
    found = [rows.video.id for rows in _rows(served.library.data_dir, there)]
    assert found == [rows.video.id for rows in _rows(edge.data_dir)]


def test_without_a_network_it_is_sent_later(
    edge: Library, send: Send, served: Served, there: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A connection that breaks in the middle of a part is an error; then all is sent once."""
    with served.cutting() as (link, _):
        link.cuts.append(20_000)
        assert send(link.address) == 1
        assert "cannot be reached" in capsys.readouterr().err
        assert send(link.address) == 0
    found = _rows(served.library.data_dir, there)
    assert [*map(_bare, found)] == [*map(_bare, _rows(edge.data_dir))]


def test_a_video_from_elsewhere_stays(send: Send, served: Served) -> None:
    """Nobody can overwrite or remove what the central library has from its own files."""
    before = _rows(served.library.data_dir)
    assert send(into="default") == 0
    assert [each.video for each in _rows(served.library.data_dir)] == [
        each.video for each in before
    ]


def test_vectors_of_another_model_are_refused(
    edge: Library, send: Send, served: Served, there: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The sentence names both models, and nothing is stored."""
    with open_writer(Settings(data_dir=served.library.data_dir)) as service:
        service.catalog.ensure_collection(there, "other", 8, "f" * 64)
    assert send() == 2
    said = capsys.readouterr().err
    assert "its vectors are of demo" in said
    assert "of other" in said
    assert _rows(served.library.data_dir, there) == []


def test_a_url_with_a_password_is_refused(
    capsys: pytest.CaptureFixture[str], edge: Library
) -> None:
    """It would be seen in the list of processes; the sentence does not repeat it."""
    assert edge.run("forward", "https://ann:hush@center.example") == 2
    said = capsys.readouterr().err
    assert "CLIPSEEK_CENTER_KEY_FILE" in said
    assert "hush" not in said
