"""Fetched videos that are kept: when a copy is read, which ones are deleted, and what may fail."""

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest

from clipseek.ranged import read_at
from clipseek.sources import Source
from clipseek.sources.fetching import FetchLimits
from clipseek.sources.keeping import Entry, Keeping, evicted
from clipseek.sources.local import RESERVE_BYTES
from clipseek.sources.remote import ObjectStores, RemoteObject
from clipseek.sources.web import Web
from tests.contracts import s3
from tests.sites import VIDEO, Site, answer, loopback, running

LIMIT = 1000
OLD, MID, NEW = Entry(1, "old", 400), Entry(2, "mid", 300), Entry(3, "new", 300)


@pytest.mark.parametrize(
    ("more", "limit", "names"),
    [
        pytest.param(0, 1000, [], id="as many as may be"),
        pytest.param(1, 1000, ["old"], id="one byte more"),
        pytest.param(400, 1000, ["old"], id="the oldest is enough"),
        pytest.param(401, 1000, ["old", "mid"], id="two"),
        pytest.param(0, 300, ["old", "mid"], id="a lower limit"),
        pytest.param(1000, 1000, ["old", "mid", "new"], id="all"),
    ],
)
def test_what_was_not_used_for_longest_makes_way(more: int, limit: int, names: list[str]) -> None:
    """And no more than has to."""
    assert evicted([NEW, OLD, MID], more, limit) == names


@pytest.fixture(scope="module")
def server() -> Iterator[s3.Server]:
    """Return a server for the tests of this file."""
    with s3.serving() as started:
        yield started


@pytest.fixture
def bucket(server: s3.Server, monkeypatch: pytest.MonkeyPatch) -> s3.Server:
    """Return an empty bucket that obstore asks."""
    s3.lead_to(server.endpoint, monkeypatch)
    server.empty()
    return server


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder that is not there yet."""
    return tmp_path / "data" / "kept"


@pytest.fixture
def place(folder: Path) -> ObjectStores:
    """Return the place of objects that are kept in that folder."""
    return ObjectStores(Keeping(folder, LIMIT))


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list to which each uri is added that bytes are fetched of."""
    uris: list[str] = []
    stream = RemoteObject.stream

    def noted(source: RemoteObject, first: int, last: int) -> Iterator[bytes]:
        uris.append(source.uri)
        return stream(source, first, last)

    monkeypatch.setattr(RemoteObject, "stream", noted)
    return uris


def uri(name: str) -> str:
    """Return the uri of an object."""
    return f"s3://{s3.BUCKET}/{name}"


def whole(source: Source) -> bytes:
    """Open a source and read it by its descriptor."""
    with source.open() as file:
        return os.pread(file.fileno(), 1 << 21, 0)


def kept(folder: Path) -> list[int]:
    """Return how long the files of the folder are."""
    return sorted(path.stat().st_size for path in folder.iterdir() if path.name != ".lock")


def test_a_second_look_fetches_nothing(
    bucket: s3.Server, place: ObjectStores, fetched: list[str]
) -> None:
    """Whether it is a look or a listing; both files are read from their start."""
    bucket.put("a.mp4", b"video")
    for source in (place.look(uri("a.mp4")), *place.list(uri("")), place.look(uri("a.mp4"))):
        with source.open() as file:
            assert file.read() == b"video"
    assert fetched == [uri("a.mp4")]


def test_parts_of_a_copy_are_not_fetched(
    bucket: s3.Server, place: ObjectStores, fetched: list[str]
) -> None:
    """Without a copy they are, and make none."""
    bucket.put("a.mp4", b"video")
    source = place.look(uri("a.mp4"))
    for count in (1, 2):
        with source.parts() as parts:
            assert read_at(parts.fileno(), 3, 1) == b"ide"
        assert fetched == [uri("a.mp4")] * count
    assert whole(source) == b"video"
    with source.parts() as parts:
        assert read_at(parts.fileno(), 3, 1) == b"ide"
    assert fetched == [uri("a.mp4")] * 3


def test_another_state_is_fetched(
    bucket: s3.Server, place: ObjectStores, fetched: list[str]
) -> None:
    """Also if it is as long."""
    bucket.put("a.mp4", b"video")
    assert whole(place.look(uri("a.mp4"))) == b"video"
    bucket.put("a.mp4", b"other")
    assert whole(place.look(uri("a.mp4"))) == b"other"
    assert fetched == [uri("a.mp4")] * 2


def test_equal_tags_of_two_objects_are_two_copies(
    bucket: s3.Server, place: ObjectStores, folder: Path
) -> None:
    """Because a tag is of one uri alone."""
    for name in ("a.mp4", "b.mp4"):
        bucket.put(name, b"video")
        assert whole(place.look(uri(name))) == b"video"
    assert kept(folder) == [5, 5]


def test_a_copy_of_what_has_changed_or_gone_is_not_opened(
    bucket: s3.Server, place: ObjectStores
) -> None:
    """A source promises that for the time since its look."""
    bucket.put("a.mp4", b"video")
    source = place.look(uri("a.mp4"))
    assert whole(source) == b"video"
    bucket.put("a.mp4", b"other")
    with pytest.raises(OSError, match="changed while it was read"):
        whole(source)
    bucket.remove("a.mp4")
    with pytest.raises(FileNotFoundError):
        whole(source)


def test_the_bound_holds_and_the_least_recently_used_goes(
    bucket: s3.Server, place: ObjectStores, folder: Path, fetched: list[str]
) -> None:
    """A copy that is read counts as used."""
    for name in ("a", "b", "c"):
        bucket.put(name, name.encode() * 400)
    for name in ("a", "b", "a", "c"):
        assert whole(place.look(uri(name))) == name.encode() * 400
        assert sum(kept(folder)) <= LIMIT
    fetched.clear()
    for name in ("a", "c", "b"):
        whole(place.look(uri(name)))
    assert fetched == [uri("b")]


@pytest.mark.parametrize(
    ("limit", "size"),
    [pytest.param(LIMIT, LIMIT + 1, id="larger than all"), pytest.param(0, 0, id="nothing kept")],
)
def test_what_cannot_be_kept_makes_no_folder(
    bucket: s3.Server, folder: Path, limit: int, size: int
) -> None:
    """And drives nothing else out."""
    bucket.put("a.mp4", b"v" * size)
    assert whole(ObjectStores(Keeping(folder, limit)).look(uri("a.mp4"))) == b"v" * size
    assert not folder.exists()


def test_what_is_evicted_while_it_is_open_is_read_on(
    bucket: s3.Server, place: ObjectStores, folder: Path
) -> None:
    """By its descriptor."""
    bucket.put("a", b"a" * LIMIT)
    bucket.put("b", b"b" * 600)
    source = place.look(uri("a"))
    whole(source)
    with source.open() as file:
        whole(place.look(uri("b")))
        assert kept(folder) == [600]
        assert file.read() == b"a" * LIMIT


def test_a_copy_of_another_length_is_replaced(
    bucket: s3.Server, place: ObjectStores, folder: Path
) -> None:
    """Such as one that a repair of the file system cut off."""
    bucket.put("a.mp4", b"video")
    source = place.look(uri("a.mp4"))
    whole(source)
    (copy,) = [path for path in folder.iterdir() if path.name != ".lock"]
    copy.write_bytes(b"vid")
    assert whole(source) == b"video"
    assert kept(folder) == [5]


def test_what_a_killed_process_left_is_deleted(
    bucket: s3.Server, place: ObjectStores, folder: Path
) -> None:
    """It neither stays nor counts."""
    for name in ("a", "b"):
        bucket.put(name, name.encode() * 400)
    whole(place.look(uri("a")))
    (folder / "copy.part").write_bytes(b"p" * 600)
    whole(place.look(uri("b")))
    assert kept(folder) == [400, 400]


def _full(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    usage = shutil.disk_usage

    def free(of: Path) -> object:
        return SimpleNamespace(free=RESERVE_BYTES + 4) if of == folder else usage(of)

    monkeypatch.setattr(shutil, "disk_usage", free)


def _full_meanwhile(monkeypatch: pytest.MonkeyPatch, _folder: Path) -> None:
    def fail(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fail)


def _not_a_folder(_monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    folder.parent.mkdir()
    folder.write_bytes(b"")


@pytest.mark.parametrize(
    ("breaks", "said"),
    [
        pytest.param(_full, "No space left", id="full"),
        pytest.param(_full_meanwhile, "No space left", id="full meanwhile"),
        pytest.param(_not_a_folder, "File exists", id="not a folder"),
    ],
)
def test_a_folder_that_cannot_be_written_costs_the_copy_alone(
    bucket: s3.Server,
    place: ObjectStores,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    breaks: Callable[[pytest.MonkeyPatch, Path], None],
    said: str,
) -> None:
    """The video is read, and the log says why it is not kept."""
    bucket.put("a.mp4", b"video")
    source = place.look(uri("a.mp4"))
    breaks(monkeypatch, folder)
    assert whole(source) == b"video"
    assert not folder.is_dir() or kept(folder) == []
    assert f"{uri('a.mp4')} is not kept in {folder}: {said}" in caplog.text


def test_the_reserve_stays_free(
    bucket: s3.Server, place: ObjectStores, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What fits beside it is kept."""
    _full(monkeypatch, folder)
    bucket.put("a.mp4", b"four")
    whole(place.look(uri("a.mp4")))
    assert kept(folder) == [4]


def test_many_may_share_the_folder(
    bucket: s3.Server, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Each opens the lock itself, as another process does: every copy is whole, the bound holds."""
    contents = {f"{n}": bytes([n]) * (150 + n) for n in range(12)}
    for name, content in contents.items():
        bucket.put(name, content)

    def read(name: str) -> bool:
        return whole(ObjectStores(Keeping(folder, LIMIT)).look(uri(name))) == contents[name]

    with ThreadPoolExecutor(6) as threads:
        assert all(threads.map(read, [*contents] * 5))
    assert 0 < sum(kept(folder)) <= LIMIT
    assert "is not kept" not in caplog.text


def test_a_video_at_a_url_is_kept(folder: Path) -> None:
    """What is asked for afterwards is one byte, to see that it is as it was."""
    with Site() as site:
        running(site)
        site.paths["/v.mp4"] = answer(ETag='"one"')
        guard = loopback(f"a.example:{site.port}")
        web = Web(guard, FetchLimits(2 << 20, 20.0, 2.0), keeping=Keeping(folder, 2 << 20))
        url = f"http://a.example:{site.port}/v.mp4"
        assert whole(web.look(url)) == VIDEO
        site.asked.clear()
        assert whole(web.look(url)) == VIDEO
        assert {headers.get("Range") for _, headers in site.asked} == {"bytes=0-0"}
        site.paths["/v.mp4"] = answer(VIDEO[::-1], ETag='"two"')
        assert whole(web.look(url)) == VIDEO[::-1]
        site.shutdown()
    assert kept(folder) == [len(VIDEO)] * 2
