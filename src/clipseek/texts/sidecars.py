"""Files of subtitles beside a video: which there are, and what they say."""

import html
import logging
import os
import posixpath
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import TYPE_CHECKING

from clipseek.files import NotARegularFile, as_text, local_stamp, mtime_ns, open_regular
from clipseek.sources import Places, Source
from clipseek.texts.fitting import language
from clipseek.timed import Cue

if TYPE_CHECKING:
    from pysubs2 import SSAFile

MAX_BYTES = 8 << 20
"""Bytes of a file that is read: subtitles of three hours have 200 kB."""
FORMATS = {".srt": "srt", ".vtt": "vtt", ".ass": "ass", ".ssa": "ass"}
_MOST = 16
"""Files beside a video that are read."""
_FOLDERS = 8
"""Folders whose listings are kept, because a run goes through videos folder by folder."""
_FRESH_S, _FRESH_SHARE = 60.0, 20.0
_BOMS = {
    b"\xef\xbb\xbf": "utf-8-sig",
    b"\xff\xfe\x00\x00": "utf-32",
    b"\x00\x00\xfe\xff": "utf-32",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}
# Encodings in which subtitles were written before UTF-8, apart from those of the Unicode standard.
_LEGACY = [
    *("cp1250", "cp1251", "cp1252", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258"),
    *("cp874", "cp932", "cp949", "big5", "gb18030", "euc_jp", "koi8_r", "koi8_u"),
    *("iso8859_2", "iso8859_5", "iso8859_7", "iso8859_9", "iso8859_15"),
]
_WORD, _WORDS = re.compile(r"[A-Za-z]{2,12}([-_][A-Za-z]{2,8})?"), 2
_MARKUP = re.compile(r"</?[A-Za-z][^<>]*>|<\d[\d:.]*>")


log = logging.getLogger(__name__)


class UnreadableText(Exception):
    """A file of subtitles cannot be read; it says which, and why."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name} {reason}")


@dataclass(frozen=True, slots=True)
class Sidecar:
    """A file of subtitles. suffix: What its name has more than that of the video, `.en.srt`.

    far: What it is read from if it is not a file of this machine.
    """

    path: str
    suffix: str
    stamp: str
    far: Source | None = field(default=None, compare=False)

    @property
    def name(self) -> str:
        """The name of the file."""
        return as_text(PurePath(self.path).name)

    @property
    def language(self) -> str:
        """The language that the name says: `en` of `film.en.srt`; empty if none."""
        return next(filter(None, map(language, self.suffix.split(".")[1:-1])), "")

    def read(self) -> list[Cue]:
        """Return what the file says.

        Raises:
            UnreadableText: it is not a file of subtitles that is read.
            OSError: it cannot be fetched now.
        """
        content = self._local() if self.far is None else _fetched(self.far)
        if len(content) > MAX_BYTES:
            raise UnreadableText(
                self.name, f"has more than {MAX_BYTES} bytes; subtitles of a video have fewer"
            )
        kind = FORMATS["." + self.suffix.rpartition(".")[2].lower()]
        return cues_of(decoded(content, self.name), kind, self.name, self.language)

    def _local(self) -> bytes:
        try:
            with open_regular(self.path) as file:
                return file.read(MAX_BYTES + 1) or b""
        except (OSError, NotARegularFile) as error:
            raise UnreadableText(self.name, f"cannot be read: {error.strerror}") from error


def _fetched(far: Source) -> bytes:
    if not far.size_bytes:
        return b""
    return b"".join(far.stream(0, min(far.size_bytes, MAX_BYTES + 1) - 1))


class Sidecars:
    """Finds the files beside videos. Thread-safe.

    A file belongs to a video if its name is that of the video without its ending, with an ending of
    subtitles, and up to two words between both, such as a language: `film.en.forced.srt`.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listed: dict[str, tuple[int, dict[str, list[str]]]] = {}

    def of(self, path: str) -> list[Sidecar]:
        """Return the files beside a video that are there now, by name."""
        folder, name = os.path.split(path)
        stem = os.path.splitext(name)[0]  # noqa: PTH122  names of any bytes, as they are
        found = []
        for other in self._names(folder, stem)[:_MOST]:
            beside = os.path.join(folder, other)  # noqa: PTH118
            try:
                status = os.stat(beside)  # noqa: PTH116
            except OSError:
                continue  # it was removed meanwhile
            stamp = local_stamp(status.st_size, mtime_ns(status))
            found.append(Sidecar(beside, other[len(stem) :], stamp))
        return found

    def _names(self, folder: str, stem: str) -> Sequence[str]:
        """Return the names of subtitles that begin with a stem and a dot, sorted."""
        try:
            changed = mtime_ns(os.stat(folder))  # noqa: PTH116
            with self._lock:
                known = self._listed.get(folder)
                if known is None or known[0] != changed:
                    known = changed, _by_start(os.listdir(folder))  # noqa: PTH208
                    self._listed.pop(folder, None)
                    self._listed[folder] = known
                    if len(self._listed) > _FOLDERS:
                        del self._listed[next(iter(self._listed))]
        except OSError:
            return ()
        return known[1].get(stem, ())


class FarSidecars:
    """Finds the files beside videos that are not on this machine, as `Sidecars` does. Thread-safe.

    A folder is listed again when its listing is a minute old, or twenty times as old as it took.
    """

    def __init__(self, places: Places, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._places = places
        self._clock = clock
        self._lock = threading.Lock()
        self._listed: dict[str, tuple[float, dict[str, list[Source]]]] = {}

    def of(self, uri: str) -> list[Sidecar]:
        """Return the files beside a video, by name; none where nothing may be listed.

        Raises:
            OSError: the folder cannot be listed now.
        """
        folder, _, name = uri.rpartition("/")
        stem = posixpath.splitext(name)[0]
        with self._lock:
            known = self._listed.get(folder)
            if known is None or known[0] < self._clock():
                known = self._list(folder, uri)
                self._listed.pop(folder, None)
                self._listed[folder] = known
                if len(self._listed) > _FOLDERS:
                    del self._listed[next(iter(self._listed))]
        start = len(folder) + 1 + len(stem)
        found = known[1].get(stem, ())[:_MOST]
        return [Sidecar(each.uri, each.uri[start:], each.stamp, each) for each in found]

    def _list(self, folder: str, uri: str) -> tuple[float, dict[str, list[Source]]]:
        """Return until when the listing of a folder is used, and its subtitles by their stems."""
        begun, there = self._clock(), dict[str, Source]()
        try:
            for each in self._places.beside(uri):
                name = each.uri.rpartition("/")[2]
                if posixpath.splitext(name)[1].lower() in FORMATS:
                    there[name] = each
        except PermissionError as error:
            log.warning(
                "%s may not be listed, so subtitles beside its videos are not found: %s",
                folder,
                error.strerror,
            )
        now = self._clock()
        by_start = _by_start([*there])
        return now + max(_FRESH_S, _FRESH_SHARE * (now - begun)), {
            stem: [there[name] for name in names] for stem, names in by_start.items()
        }


def _by_start(names: Sequence[str]) -> dict[str, list[str]]:
    """Return the names of subtitles by each stem that they may belong to."""
    found: dict[str, list[str]] = {}
    for name in sorted(names):
        base, ending = os.path.splitext(name)  # noqa: PTH122
        if ending.lower() not in FORMATS:
            continue
        for _ in range(1 + _WORDS):
            if base:
                found.setdefault(base, []).append(name)
            base, _, word = base.rpartition(".")
            if not _WORD.fullmatch(word):
                break
    return found


def decoded(content: bytes, name: str) -> str:
    """Return the text of a file, in whatever encoding it is.

    Raises:
        UnreadableText: it is not a text, or its encoding is not known.
    """
    for mark, encoding in _BOMS.items():
        if content.startswith(mark):
            return _by(encoding, content, name)
    if b"\0" in content:
        even, odd = content[::2].count(0), content[1::2].count(0)
        if max(even, odd) < len(content) // 8 or min(even, odd) > max(even, odd) // 8:
            raise UnreadableText(name, "has NUL bytes, so it is not a text; save it as UTF-8")
        return _by("utf-16-be" if even > odd else "utf-16-le", content, name)
    try:
        return content.decode()
    except UnicodeDecodeError:
        return _legacy(content, name)


def _by(encoding: str, content: bytes, name: str) -> str:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        raise UnreadableText(
            name, f"begins as {encoding} and is not, from byte {error.start}; save it as UTF-8"
        ) from error


def _legacy(content: bytes, name: str) -> str:
    """Detect an encoding that was used before UTF-8."""
    from charset_normalizer import from_bytes

    best = from_bytes(content, cp_isolation=_LEGACY).best()
    if best is None:
        raise UnreadableText(name, "is in an unknown encoding; save it as UTF-8")
    return str(best)


def cues_of(text: str, kind: str, name: str, language: str) -> list[Cue]:
    """Return what a text in one of the `FORMATS` says.

    Raises:
        UnreadableText: it is not in this format.
    """
    import pysubs2

    try:
        parsed = pysubs2.SSAFile.from_string(text, format_=kind)
        found = list(_cues(parsed, language))
    except (pysubs2.exceptions.Pysubs2Error, ValueError, ArithmeticError, LookupError) as error:
        raise UnreadableText(name, f"is not a file of subtitles ({kind})") from error
    if not found and text.strip() and kind != "ass" and "-->" not in text:
        raise UnreadableText(name, f"is not a file of subtitles ({kind})")
    return found


def _cues(parsed: "SSAFile", language: str) -> Iterator[Cue]:
    for event in parsed:
        if event.is_comment or event.is_drawing:
            continue
        text = html.unescape(_MARKUP.sub("", event.plaintext))
        yield Cue(event.start / 1000, event.end / 1000, text, language)
