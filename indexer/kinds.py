"""What a file of a folder is, by its name and its first bytes: what is taken and what is not."""

import codecs
import re
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import PurePath
from typing import Literal

from clipseek.config import SKIPPED
from clipseek.video.kinds import is_picture

Reason = Literal[
    "hidden",
    "system",
    "unfinished",
    "double",
    "skipped",
    "text",
    "audio",
    "picture",
    "link",
    "special",
    "unreadable",
]
"""Why an entry of a folder is left out."""
Kind = Literal["video", "audio", "picture", "text", "unreadable"]
"""What a file is that has the name or the first bytes of one of these."""

_ENDINGS = """
    3g2 3gp asf avi divx dv f4v flv gif h264 h265 hevc 264 265 ivf m1v m2t m2ts m2v m4v mj2 mjpeg
    mjpg mkv mov mp4 mpe mpeg mpg mts mxf obu ogg ogm ogv ogx qt rm rmvb ts vob webm wmv y4m
"""
SUFFIXES = frozenset(f".{ending}" for ending in _ENDINGS.split())
"""Endings under which a folder's files are taken; a file of another name is taken when its first
bytes are those of a video container, and a file that is named itself is always taken."""

ASKED = frozenset({".ts", ".mts", ".ogg", ".ogx"})
"""Endings that other things have too: TypeScript, translations, music. Their first bytes decide."""
_MUSIC = "aac flac m4a m4b m4p mka mp3 oga opus spx wav weba wma"
AUDIO_SUFFIXES = frozenset(f".{ending}" for ending in _MUSIC.split())

PICTURE_BYTES = 512
HEAD_BYTES = 8192
"""Read of a file whose name does not say what it is: a stream may begin within a packet."""

_SYSTEM = re.compile(
    # Synology; QNAP; Windows; file systems; macOS' archives; NetApp; Samba; Linux desktops.
    r"@eadir|@tmp|#recycle|#snapshot|@recycle|@recently-snapshot|@sharebin|@snapshots?"
    r"|\$recycle\.bin|recycler|recycled|system volume information|found\.\d{3}"
    r"|lost\+found|__macosx|~snapshot|\.recycle|\.trash.*",
)
# Firefox, wget, yt-dlp, Transmission; Chrome; qBittorrent; uTorrent; BitComet; Safari; Opera;
# WinSCP; FlashGet; Xunlei; Free Download Manager; Resilio; and others.
_DOWNLOADS = """
    part crdownload !qb !ut bc! download opdownload filepart jc! td xltd fdmdownload !sync !bt
    partial tmp temp unfinished incomplete ytdl
"""
_UNFINISHED = frozenset(f".{ending}" for ending in _DOWNLOADS.split())
_CONTROL = ".aria2"
"""aria2 keeps `video.mkv.aria2` beside a `video.mkv` until that is complete."""

_DOUBLE_SUFFIXES = frozenset({".lrv", ".lrf", ".thm"})
_CAMERA_SUFFIXES = SUFFIXES | {".360", ".insv"}
_GOPRO = re.compile(r"g[lpxhs](\d{6})")
_INSTA360 = re.compile(r"lrv_(\d{8}_\d{6})_\d\d_(\d+)")

_STARTS = (
    b"\x1aE\xdf\xa3",  # Matroska
    b"FLV\x01",
    b"GIF87a",
    b"GIF89a",
    b"\x00\x00\x01\xba",  # MPEG program stream
    b"\x00\x00\x01\xb3",  # MPEG video
    b"\x00\x00\x00\x01\x67",  # H.264, a sequence parameter set
    b"\x30\x26\xb2\x75\x8e\x66\xcf\x11",  # ASF
)
_AUDIO_BRANDS = frozenset({b"M4A ", b"M4B ", b"M4P ", b"F4A ", b"F4B "})

_PACKETS = (188, 192, 204)
"""Lengths of packets of a transport stream: plain, with a time code (M2TS), with parity."""
_TIMED = 192
_SYNC = 0x47
_ENOUGH_PACKETS = 5


class Skip:
    """What a folder's entries are left out for, by their names: the setting `skip`."""

    def __init__(self, words: Iterable[str]) -> None:
        """Take the words `hidden`, `system`, `unfinished`, `doubles`, and patterns of names."""
        words = tuple(words)
        self._words = frozenset(words)
        self._patterns = tuple(w.casefold() for w in words if w not in SKIPPED)

    def reason(self, name: str, siblings: "Siblings") -> Reason | None:
        """Return why an entry of this name is left out, or None."""
        lower = name.casefold()
        if any(fnmatchcase(lower, pattern) for pattern in self._patterns):
            return "skipped"
        if "system" in self._words and _SYSTEM.fullmatch(lower):
            return "system"
        if "hidden" in self._words and name.startswith("."):
            return "hidden"
        if "unfinished" in self._words and _is_unfinished(lower, siblings):
            return "unfinished"
        if "doubles" in self._words and _is_double(lower, siblings):
            return "double"
        return None


class Siblings:
    """The names in one folder, in any case of letters."""

    def __init__(self, names: Iterable[str]) -> None:
        """Take the names."""
        self.names = frozenset(name.casefold() for name in names)

    @cached_property
    def stems(self) -> frozenset[str]:
        """Names of videos, without their endings."""
        paths = map(PurePath, self.names)
        return frozenset(path.stem for path in paths if path.suffix in _CAMERA_SUFFIXES)


def _is_unfinished(lower: str, siblings: Siblings) -> bool:
    return PurePath(lower).suffix in _UNFINISHED or lower + _CONTROL in siblings.names


def _is_double(lower: str, siblings: Siblings) -> bool:
    """Whether a camera made this small copy of a video that is in the same folder."""
    path = PurePath(lower)
    if (insta := _INSTA360.fullmatch(path.stem)) is not None:
        original = re.compile(rf"(vid|pro)_{insta[1]}_\d\d_{insta[2]}")
        return any(original.fullmatch(stem) for stem in siblings.stems)
    if path.suffix not in _DOUBLE_SUFFIXES:
        return False
    gopro = _GOPRO.fullmatch(path.stem)
    stems = {f"g{letter}{gopro[1]}" for letter in "pxhs"} if gopro else {path.stem}
    return not stems.isdisjoint(siblings.stems)


def is_named_as_video(name: str) -> bool:
    """Whether a file's name, or what a download will be called, has the ending of a video."""
    suffixes = PurePath(name.casefold()).suffixes[-2:]
    return any(suffix in SUFFIXES for suffix in suffixes)


def by_name(name: str) -> Kind | None:
    """Return what the ending alone says; None if the first bytes must be read."""
    suffix = PurePath(name).suffix.lower()
    if suffix in AUDIO_SUFFIXES:
        return "audio"
    return "video" if suffix in SUFFIXES and suffix not in ASKED else None


def by_content(name: str, head: bytes) -> Kind | None:
    """Return what the first bytes of a file are; None if they are none of the known kinds.

    A file that is named as a transport stream and is not one is text, or a damaged video.
    """
    is_asked = PurePath(name).suffix.lower() in ASKED
    if is_asked and _is_text(head):
        return "text"
    if head[4:8] == b"ftyp":
        return _iso_media(head)
    if head.startswith(b"OggS"):
        return _ogg(head)
    if head.startswith(_STARTS) or (head.startswith(b"RIFF") and head[8:12] == b"AVI "):
        return "video"
    if _is_transport_stream(head):
        return "video"
    if is_picture(head[:PICTURE_BYTES]):
        return "picture"
    return "video" if is_asked else None


def _iso_media(head: bytes) -> Literal["video", "audio", "picture"]:
    """Read the brands of an ISO base media file (ISO/IEC 14496-12, 4.3)."""
    if head[8:12] in _AUDIO_BRANDS:
        return "audio"
    return "picture" if is_picture(head[:PICTURE_BYTES]) else "video"


def _ogg(head: bytes) -> Literal["video", "audio"]:
    """Look for a picture's codec among the streams that an Ogg file begins (RFC 3533, 6)."""
    at, begins = 0, []
    while head[at : at + 4] == b"OggS" and len(head) > at + 27 and head[at + 5] & 2:
        lacing = head[at + 27 : at + 27 + head[at + 26]]
        body = at + 27 + len(lacing)
        begins.append(head[body : body + 8])
        at = body + sum(lacing)
    sound = (b"\x01vorbis", b"OpusHead", b"\x7fFLAC", b"Speex", b"CELT", b"PCM", b"fishead")
    return "audio" if begins and all(each.startswith(sound) for each in begins) else "video"


def _is_transport_stream(head: bytes) -> bool:
    """Whether every packet starts with a sync byte (ISO/IEC 13818-1, 2.4.3.2)."""
    return any(_syncs(head, size) for size in _PACKETS)


def _syncs(head: bytes, size: int) -> bool:
    """Whether packets of a size follow each other: three at the very start, or five anywhere."""
    first = 4 if size == _TIMED else 0
    if head[first::size][:3] == bytes([_SYNC] * 3):
        return True
    wanted, span = bytes([_SYNC] * _ENOUGH_PACKETS), _ENOUGH_PACKETS * size
    at = head.find(_SYNC)
    while at != -1:
        if head[at : at + span : size] == wanted:
            return True
        at = head.find(_SYNC, at + 1)
    return False


def _is_text(head: bytes) -> bool:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return True
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return b"\0" not in head


PHRASES: dict[Reason, tuple[str, str]] = {
    "hidden": ("hidden entry", "hidden entries"),
    "system": ("folder of the system", "folders of the system"),
    "unfinished": ("unfinished download", "unfinished downloads"),
    "double": ("small copy of a camera", "small copies of a camera"),
    "skipped": ("that CLIPSEEK_SKIP names", "that CLIPSEEK_SKIP names"),
    "text": ("text that is named as a video", "texts that are named as videos"),
    "audio": ("file without pictures", "files without pictures"),
    "picture": ("picture", "pictures"),
    "link": ("broken link", "broken links"),
    "special": ("pipe or device", "pipes or devices"),
    "unreadable": ("other file that may not be read", "other files that may not be read"),
}


def phrase(reason: Reason, paths: Sequence[str]) -> str:
    """Say how many entries were left out for a reason, name the first, and say where it is."""
    count = len(paths)
    names = dict.fromkeys(PurePath(path).name for path in paths)
    shown = ", ".join([*names][:2]) + (", …" if len(names) > 2 else "")
    folders = dict.fromkeys(path.rpartition("/")[0] for path in paths)
    where = (next(iter(folders)) or "/") + (" and elsewhere" if len(folders) > 1 else "")
    return f"{count} {PHRASES[reason][count != 1]} ({shown} in {where})"
