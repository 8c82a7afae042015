"""Files that name other files: nothing but the file itself is ever read."""

import struct
from pathlib import Path

import pytest

from clipseek.errors import UnreadableVideo
from clipseek.sampling import grid
from clipseek.video import PyAVFrames
from tests.contracts.readers import BOTH, FileReader, read_all
from tests.contracts.videos import BLUE, RED, Plan, write

CONTAINERS = (b"moov", b"trak", b"mdia", b"minf", b"dinf", b"dref")


def _with_reference(content: bytes, entry: bytes) -> bytes:
    """Put another entry into the `dref` box of the first track, and make the boxes around fit.

    ISO/IEC 14496-12, 8.7.2; `moov` must come last, so that no offset into `mdat` moves.
    """
    grown = bytearray(content)
    at = 0
    for name in CONTAINERS:
        at = grown.index(name, at)
    start, size = at - 4, struct.unpack_from(">I", grown, at - 4)[0]
    box = struct.pack(">I4sII", 16 + len(entry), b"dref", 0, 1) + entry
    grown[start : start + size] = box
    at = 0
    for name in CONTAINERS[:-1]:
        at = grown.index(name, at)
        before = struct.unpack_from(">I", grown, at - 4)[0]
        struct.pack_into(">I", grown, at - 4, before + len(box) - size)
    return bytes(grown)


def _url(location: str) -> bytes:
    data = location.encode() + b"\0"
    return struct.pack(">I4sI", 12 + len(data), b"url ", 0) + data


def _alias(path: Path) -> bytes:
    """Return a QuickTime alias record that names a file by its path, as libav reads them."""
    name = str(path).encode()
    record = bytes(10) + bytes([0]) + bytes(27) + bytes(12)
    record += bytes([len(path.name)]) + path.name.encode().ljust(63, b"\0") + bytes(16)
    record += struct.pack(">hh", 1, 1) + bytes(16)
    record += struct.pack(">hh", 18, len(name)) + name + bytes(len(name) % 2)
    record += struct.pack(">hh", -1, 0)
    return struct.pack(">I4sI", 12 + len(record), b"alis", 0) + record


@BOTH
@pytest.mark.parametrize("kind", ["url", "alias"])
def test_the_pictures_of_another_file_are_not_read(
    reader: FileReader, kind: str, tmp_path: Path
) -> None:
    """A MOV whose track says that its pictures are in another file shows none of that one."""
    other, path = tmp_path / "other.mov", tmp_path / "video.mov"
    write(other, Plan(shots=((2, BLUE),)))
    write(path, Plan(shots=((2, RED),)))
    entry = _url(f"file://{other}") if kind == "url" else _alias(other)
    path.write_bytes(_with_reference(path.read_bytes(), entry))
    try:
        with reader(path) as source:
            colours = read_all(source, grid(1)).colours
    except UnreadableVideo:
        return
    assert BLUE not in colours


@pytest.mark.parametrize("name", ["%03d.png", "*.png", "pipe:0", "subfile,,start,0,end,9,,:x.mp4"])
def test_names_are_never_patterns_or_protocols(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is no file of this name, though there are pictures that the pattern would match."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "001.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(UnreadableVideo, match="No such file or directory"):
        PyAVFrames(Path(name))
