"""What each Place promises, over a disk and over the example of a ZIP archive."""

import os
import pickle
import zipfile
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path

import pytest

from clipseek.ranged import read_at, size_of
from clipseek.sources import LOCAL, LocalDisk, Place, Places, Source
from clipseek.sources.keeping import OFF, Keeping
from clipseek.sources.local import BLOCK_BYTES
from clipseek.sources.remote import ObjectStores
from tests.contracts import azure, s3
from tests.examples.zip_place import ZipArchives


class Kept(ABC):
    """A place with a folder in it that a test fills."""

    place: Place

    @abstractmethod
    def uri(self, name: str) -> str:
        """Return the uri of a name in the folder; of the folder for an empty one."""

    @abstractmethod
    def put(self, name: str, content: bytes) -> None:
        """Write or replace one content."""

    @abstractmethod
    def remove(self, name: str) -> None:
        """Remove one content."""


class OnDisk(Kept):
    """Files of a folder."""

    place = LocalDisk()

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def uri(self, name: str) -> str:
        """Return a path."""
        return str(self._folder / name)

    def put(self, name: str, content: bytes) -> None:
        """Write another file in its place."""
        path = self._folder / name
        path.parent.mkdir(exist_ok=True)
        (self._folder / "new").write_bytes(content)
        (self._folder / "new").replace(path)

    def remove(self, name: str) -> None:
        """Remove a file."""
        (self._folder / name).unlink()


class InArchive(Kept):
    """Entries of an archive."""

    place = ZipArchives()

    def __init__(self, folder: Path) -> None:
        self._path = folder / "all.zip"
        self._contents: dict[str, bytes] = {}

    def uri(self, name: str) -> str:
        """Return a uri of the example."""
        return f"zip://{self._path}!/{name}" if name else f"zip://{self._path}"

    def put(self, name: str, content: bytes) -> None:
        """Write the archive again."""
        self._contents[name] = content
        self._write()

    def remove(self, name: str) -> None:
        """Write the archive again without an entry."""
        del self._contents[name]
        self._write()

    def _write(self) -> None:
        with zipfile.ZipFile(self._path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in self._contents.items():
                archive.writestr(name, content)


class InBucket(Kept):
    """Objects of a server that speaks S3, or Azure Blob Storage."""

    def __init__(
        self, server: s3.Server | azure.Server, bucket: str, keeping: Keeping = OFF
    ) -> None:
        self.place = ObjectStores(keeping)
        self._server = server
        self._bucket = bucket

    def uri(self, name: str) -> str:
        """Return the uri of an object below a prefix."""
        return f"{self._bucket}/all/{name}" if name else f"{self._bucket}/all"

    def put(self, name: str, content: bytes) -> None:
        """Write an object."""
        self._server.put(f"all/{name}", content)

    def remove(self, name: str) -> None:
        """Remove an object."""
        self._server.remove(f"all/{name}")


@pytest.fixture(scope="module")
def s3_server() -> Iterator[s3.Server]:
    """Return a server for the tests of this file."""
    with s3.serving() as started:
        yield started


@pytest.fixture(scope="module")
def azure_server() -> Iterator[azure.Server]:
    """Return a server for the tests of this file."""
    with azure.serving() as started:
        yield started


@pytest.fixture(params=["disk", "zip", "s3", "s3 kept", "azure"])
def kept(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kept:
    """Return an empty place of each kind."""
    if request.param in ("s3", "s3 kept"):
        server: s3.Server = request.getfixturevalue("s3_server")
        s3.lead_to(server.endpoint, monkeypatch)
        server.empty()
        keeping = OFF if request.param == "s3" else Keeping(tmp_path, 1 << 20)
        return InBucket(server, f"s3://{s3.BUCKET}", keeping)
    if request.param == "azure":
        other: azure.Server = request.getfixturevalue("azure_server")
        azure.lead_to(other, monkeypatch)
        other.empty()
        return InBucket(other, f"az://{azure.CONTAINER}")
    return OnDisk(tmp_path) if request.param == "disk" else InArchive(tmp_path)


def _look(kept: Kept, name: str = "a.mp4") -> Source:
    return kept.place.look(kept.uri(name))


def _whole(source: Source) -> bytes:
    with source.open() as file:
        return file.read()


def test_a_look_says_where_and_how_long(kept: Kept) -> None:
    """And a state that is not empty."""
    kept.put("a.mp4", b"video")
    source = _look(kept)
    assert (source.uri, source.size_bytes) == (kept.uri("a.mp4"), 5)
    assert source.stamp


def test_what_did_not_change_is_equal(kept: Kept) -> None:
    """Two looks, and one that was sent to another process."""
    kept.put("a.mp4", b"video")
    source = _look(kept)
    assert source == _look(kept) == pickle.loads(pickle.dumps(source))  # noqa: S301  made above


def test_other_bytes_have_another_stamp(kept: Kept) -> None:
    """Also if there are as many."""
    kept.put("a.mp4", b"video")
    before = _look(kept)
    kept.put("a.mp4", b"bilm")
    after = _look(kept)
    assert before.stamp != after.stamp
    assert before != after


def test_the_opened_file_is_read_by_its_descriptor(kept: Kept) -> None:
    """From its start, and anywhere."""
    kept.put("a.mp4", b"0123456789")
    with _look(kept).open() as file:
        assert os.pread(file.fileno(), 3, 4) == b"456"
        assert file.read() == b"0123456789"


def test_parts_are_read_by_a_descriptor(kept: Kept) -> None:
    """From a file, or through a socket; what has changed since the look is not mixed."""
    content = os.urandom(3 * BLOCK_BYTES)
    kept.put("a.mp4", content)
    source = _look(kept)
    with source.parts() as opened:
        assert size_of(opened.fileno()) == len(content)
        assert read_at(opened.fileno(), 300_000, 70_000) == content[70_000:370_000]
        assert read_at(opened.fileno(), 10, len(content)) == b""
    kept.put("a.mp4", content[::-1])
    with pytest.raises(OSError, match="changed"), source.parts() as opened:
        read_at(opened.fileno(), 10, 0)


def test_what_changed_since_the_look_is_not_opened(kept: Kept) -> None:
    """Its hash would be that of something else."""
    kept.put("a.mp4", b"video")
    source = _look(kept)
    kept.put("a.mp4", b"bilm")
    with pytest.raises(OSError, match="changed"):
        _whole(source)
    with pytest.raises(OSError, match="changed"):
        list(source.stream(0, 3))


@pytest.mark.parametrize(
    ("first", "last"), [(0, 0), (3, 5), (9, 9), (0, 9)], ids=lambda position: str(position)
)
def test_a_stream_has_the_bytes_of_its_range(kept: Kept, first: int, last: int) -> None:
    """Both ends are included, as in HTTP."""
    kept.put("a.mp4", b"0123456789")
    got = b"".join(_look(kept).stream(first, last))
    assert got == b"0123456789"[first : last + 1]


def test_a_long_stream_comes_in_blocks(kept: Kept) -> None:
    """So that no answer is held in memory as a whole."""
    content = os.urandom(2 * BLOCK_BYTES + 5)
    kept.put("a.mp4", content)
    blocks = list(_look(kept).stream(1, len(content) - 1))
    assert len(blocks) >= 3
    assert b"".join(blocks) == content[1:]


def test_what_is_gone_cannot_be_looked_at_or_opened(kept: Kept) -> None:
    """The error says so in words."""
    kept.put("a.mp4", b"video")
    kept.put("b.mp4", b"video")
    source = _look(kept)
    kept.remove("a.mp4")
    for use in (lambda: _look(kept), lambda: _whole(source), lambda: list(source.stream(0, 1))):
        with pytest.raises(FileNotFoundError) as raised:
            use()
        assert raised.value.strerror


def test_a_listing_goes_below_and_is_in_order(kept: Kept) -> None:
    """Each source is what a look says."""
    for name in ("b.mp4", "a.mp4", "sub/c.txt"):
        kept.put(name, name.encode())
    listed = list(kept.place.list(kept.uri("")))
    assert [source.uri for source in listed] == [
        kept.uri(name) for name in ("a.mp4", "b.mp4", "sub/c.txt")
    ]
    assert listed == [_look(kept, name) for name in ("a.mp4", "b.mp4", "sub/c.txt")]


def test_a_listing_of_one_is_that_one(kept: Kept) -> None:
    """A name may be a file's."""
    kept.put("a.mp4", b"video")
    kept.put("a.mp4.part", b"fi")
    assert [source.uri for source in kept.place.list(kept.uri("a.mp4"))] == [kept.uri("a.mp4")]


def test_nothing_of_a_name_is_an_error(kept: Kept) -> None:
    """A name that is mistyped must not count as an empty folder."""
    kept.put("a.mp4", b"video")
    with pytest.raises(OSError, match="o such"):
        list(kept.place.list(kept.uri("missing")))


@pytest.mark.parametrize(
    ("header", "position"),
    [
        pytest.param(b"PK\x01\x02", 8, id="encrypted"),
        pytest.param(b"PK\x01\x02", 10, id="packed in an unknown way"),
        pytest.param(b"PK\x03\x04", 30, id="another name"),
        pytest.param(b"PK\x03\x04", 50, id="damaged"),
    ],
)
def test_a_damaged_archive_is_an_error_of_the_system(
    header: bytes, position: int, tmp_path: Path
) -> None:
    """Readers of a source answer OSError; they do not know the library that reads archives."""
    kept = InArchive(tmp_path)
    kept.put("a.mp4", bytes(range(256)) * 100)
    source = _look(kept)
    path = tmp_path / "all.zip"
    damaged = bytearray(path.read_bytes())
    damaged[damaged.index(header) + position] ^= 0x0F
    path.write_bytes(damaged)
    with pytest.raises(OSError, match="cannot be read"):
        _whole(source)


class TestPlaces:
    """Which place a uri belongs to."""

    def test_the_scheme_decides(self, tmp_path: Path) -> None:
        """A path has none."""
        (tmp_path / "a.mp4").write_bytes(b"video")
        archives = ZipArchives()
        places = Places({LOCAL: LocalDisk(), "zip": archives})
        assert places.look(str(tmp_path / "a.mp4")).size_bytes == 5
        assert places.remote("zip:///a.zip") is archives
        assert places.remote(str(tmp_path)) is None

    def test_an_unknown_scheme_is_an_error_in_words(self) -> None:
        """Of a catalog that another installation has written."""
        with pytest.raises(OSError, match="videos cannot be read from s3:// here"):
            Places({LOCAL: LocalDisk()}).look("s3://bucket/a.mp4")
