"""An example of another kind of place for videos: the entries of ZIP archives.

It keeps the promises of `clipseek.sources.Place` in one file, and needs one other line: an entry of
`PLACES` in `clipseek/assembly.py`,

    "zip": lambda _settings: ZipArchives(),

Then `indexer ingest zip:///media/holiday.zip` indexes the videos of an archive.
The uri of one is `zip:///media/holiday.zip!/beach/morning.mp4`.
"""

import errno
import io
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

SCHEME = "zip://"
_INSIDE = "!/"
_BLOCK_BYTES = 1 << 20
# What zipfile raises for an archive that is damaged, cut off, encrypted or packed in another way.
_UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError)


@dataclass(frozen=True, slots=True)
class ZipEntry:
    """A video in an archive. The archive's own list says how long it is, and its CRC-32."""

    uri: str
    size_bytes: int
    stamp: str

    @contextmanager
    def open(self) -> Iterator[io.FileIO]:
        """Unpack the entry into a file without a name, which is gone when it is closed."""
        with tempfile.TemporaryFile(buffering=0) as file:
            assert isinstance(file, io.FileIO)
            for block in self.stream(0, self.size_bytes - 1):
                file.write(block)
            file.seek(0)
            yield file

    def parts(self) -> AbstractContextManager[io.FileIO]:
        """Unpack the whole, because a packed entry cannot be read from its middle on."""
        return self.open()

    def stream(self, first: int, last: int) -> Iterator[bytes]:
        """Yield a range of what is unpacked; what is before it is unpacked, too, and left out."""
        with _opened(self.uri) as archive, archive.open(_entry(archive, self.uri)) as packed:
            if _look(archive, self.uri) != self:
                raise OSError(errno.ESTALE, "it changed while it was read; run again", self.uri)
            packed.seek(first)
            left = last + 1 - first
            while left > 0 and (block := packed.read(min(_BLOCK_BYTES, left))):
                left -= len(block)
                yield block


class ZipArchives:
    """The Place of archives on the disk of this machine."""

    def look(self, uri: str) -> ZipEntry:
        """Return one entry."""
        with _opened(uri) as archive:
            return _look(archive, uri)

    def list(self, uri: str) -> Iterator[ZipEntry]:
        """Yield all entries of an archive, or those below a folder in it."""
        path, inside = _parts(uri)
        with _opened(uri) as archive:
            names = [info.filename for info in archive.infolist() if not info.is_dir()]
            found = sorted(
                name
                for name in names
                if name == inside or name.startswith(f"{inside.rstrip('/')}/" if inside else "")
            )
            if not found:
                raise FileNotFoundError(errno.ENOENT, "no such entry", uri)
            yield from [_look(archive, f"{SCHEME}{path}{_INSIDE}{name}") for name in found]


def _parts(uri: str) -> tuple[str, str]:
    """Return the path of the archive, and the name in it."""
    path, _, inside = uri.removeprefix(SCHEME).partition(_INSIDE)
    return path, inside


@contextmanager
def _opened(uri: str) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(_parts(uri)[0]) as archive:
            yield archive
    except _UNREADABLE as error:
        raise OSError(errno.EINVAL, f"the ZIP archive cannot be read: {error}", uri) from error


def _entry(archive: zipfile.ZipFile, uri: str) -> zipfile.ZipInfo:
    try:
        return archive.getinfo(_parts(uri)[1])
    except KeyError as error:
        raise FileNotFoundError(errno.ENOENT, "no such entry", uri) from error


def _look(archive: zipfile.ZipFile, uri: str) -> ZipEntry:
    info = _entry(archive, uri)
    return ZipEntry(uri, info.file_size, f"{info.CRC:08x}-{info.file_size}")
