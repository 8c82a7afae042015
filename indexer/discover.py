"""From the paths that a user names to the video files to look at."""

import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from clipseek.errors import ConfigError

_ENDINGS = """
    3g2 3gp asf avi divx dv f4v flv gif h264 h265 hevc 264 265 ivf m1v m2t m2ts m2v m4v mj2 mjpeg
    mjpg mkv mov mp4 mpe mpeg mpg mts mxf obu ogg ogm ogv ogx qt rm rmvb ts vob webm wmv y4m
"""
SUFFIXES = frozenset(f".{ending}" for ending in _ENDINGS.split())
"""Endings under which a folder's files are taken; a file of another name is taken when its first
bytes are those of a video container, and a file that is named itself is always taken."""

_SNIFF_BYTES = 377  # two packets of an MPEG transport stream, 188 bytes each, and the next 0x47
_STARTS = (
    b"\x1aE\xdf\xa3",  # Matroska
    b"OggS",
    b"FLV\x01",
    b"GIF87a",
    b"GIF89a",
    b"\x00\x00\x01\xba",  # MPEG program stream
    b"\x00\x00\x01\xb3",  # MPEG video
    b"\x00\x00\x00\x01\x67",  # H.264, a sequence parameter set
    b"\x30\x26\xb2\x75\x8e\x66\xcf\x11",  # ASF
)


def files(paths: Iterable[str]) -> list[Path]:
    """Return the video files under the paths, absolute, sorted within a folder, each once.

    "-" stands for a list of paths on standard input, one a line.

    Raises:
        ConfigError: a path does not exist, or a folder holds no video.
    """
    named = [name for path in paths for name in (_stdin() if path == "-" else [path])]
    if not named:
        raise ConfigError("no path was given; name files or folders, or pipe a list into `-`")
    found = [file for name in named for file in _below(Path(name))]
    return list(dict.fromkeys(found))


def _stdin() -> Iterator[str]:
    return (line for line in (raw.rstrip("\r\n") for raw in sys.stdin) if line)


def _below(path: Path) -> list[Path]:
    absolute = _absolute(path)
    if absolute.is_dir():
        found = sorted(_walk(absolute))
        if not found:
            raise ConfigError(
                f"{path}: this folder holds no video; name a folder or file that does"
            )
        return found
    if not os.path.lexists(absolute):
        raise ConfigError(f"{path}: no such file or folder; check the spelling")
    return [absolute]


def _absolute(path: Path) -> Path:
    """Return the one spelling by which a file is known; links keep their own names.

    `a/../b` is `b`, unless `a` is a link to elsewhere: then only the file system knows.
    """
    plain = Path(os.path.abspath(path))  # noqa: PTH100  Path.absolute leaves ".." in
    return plain if os.path.lexists(plain) else path.absolute()


def _walk(folder: Path) -> Iterator[Path]:
    """Yield the video files of a folder and its sub-folders; hidden ones are left out."""
    for root, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            path = Path(root, name)
            if not name.startswith(".") and path.is_file() and _looks_like_video(path):
                yield path


def _looks_like_video(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES or _has_video_signature(path)


def _has_video_signature(path: Path) -> bool:
    """Whether the first bytes are those of a container, a raw stream or an ISO base media file."""
    try:
        with path.open("rb") as file:
            head = file.read(_SNIFF_BYTES)
    except OSError:
        return False
    transport = len(head) == _SNIFF_BYTES and head[0] == head[188] == head[376] == 0x47
    avi = head.startswith(b"RIFF") and head[8:12] == b"AVI "
    return transport or avi or head[4:8] == b"ftyp" or head.startswith(_STARTS)
