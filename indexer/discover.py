"""From the names that a user gives to the videos to look at, and what is left out."""

import os
import stat
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from clipseek.errors import ConfigError
from clipseek.files import as_text, open_regular
from clipseek.ingest import Report
from clipseek.sources import LOCAL, Place, Places, Source, scheme_of
from indexer.kinds import (
    HEAD_BYTES,
    PHRASES,
    Reason,
    Siblings,
    Skip,
    by_content,
    by_name,
    is_named_as_video,
    phrase,
)
from indexer.naming import resolved, spellings

LeftOut = dict[Reason, list[str]]
_NO_VIDEO: tuple[tuple[Reason, str], ...] = (
    ("audio", "audio only"),
    ("picture", "a picture, not a video"),
)
"""How a reader begins to say that a file is another kind of thing than a video."""


@dataclass(frozen=True, slots=True)
class Found:
    """The videos to look at, what could not be looked at, and the names of what was left out.

    `listed` are those of them that a listing has looked at already. `named` are those that were
    named themselves; the others are of folders.
    """

    uris: Sequence[str]
    failures: Sequence[Report]
    named: frozenset[str] = frozenset()
    listed: Sequence[Source] = ()
    left_out: LeftOut = field(default_factory=dict)

    def leaves_out(self, report: Report) -> bool:
        """Whether a file failed for being no video, and is of a folder: then it is left out."""
        reason = next((kind for kind, said in _NO_VIDEO if report.reason.startswith(said)), None)
        if report.state != "failed" or reason is None or report.path in self.named:
            return False
        self.left_out.setdefault(reason, []).append(report.path)
        return True

    @property
    def left_out_in_words(self) -> str:
        """Say how many entries were left out, and why; empty if none was."""
        return _in_words(self.left_out)


def look(names: Iterable[str], places: Places, skip: Iterable[str] = ()) -> Found:
    """Find the videos under the names, sorted within a folder, each once.

    A name is a path, or a uri of one of the places. "-" stands for a list of names on standard
    input, one a line. A linked folder is followed once, and a file that several links lead to is
    one video. `skip` is the setting.

    Raises:
        ConfigError: a name does not exist, or a folder contains no video.
    """
    walk = _Walk(Skip(skip))
    tops: list[str] = []
    listed: dict[str, list[Source]] = {}
    for name, is_listed in _names(names):
        place = places.remote(name)
        if place is None:
            tops += map(str, walk.named(name, is_listed=is_listed))
        else:
            tops.append(name)
            listed[name] = walk.elsewhere(name, place, is_listed=is_listed)
    folders = [Path(top) for top in tops if top not in walk.files and top not in listed]
    below = {str(folder): [*map(str, files)] for folder, files in walk.below(folders).items()}
    below |= {name: [source.uri for source in sources] for name, sources in listed.items()}
    for top, uris in below.items():
        if not uris and not walk.failed_below(top):
            raise ConfigError(_empty(top, walk.left_out))
    return Found(
        uris=[*dict.fromkeys(uri for top in tops for uri in below.get(top, [top]))],
        failures=walk.failures,
        named=frozenset(map(as_text, walk.files)),
        listed=[source for sources in listed.values() for source in sources],
        left_out=walk.left_out,
    )


def _in_words(left_out: LeftOut) -> str:
    return ", ".join(phrase(reason, left_out[reason]) for reason in PHRASES if reason in left_out)


def _empty(folder: str, left_out: LeftOut) -> str:
    words = _in_words(left_out)
    return (
        f"{folder}: this folder contains no video{f' (left out: {words})' if words else ''}; "
        "name a folder or file that does"
    )


def _missing(name: str) -> str:
    scheme = scheme_of(name)
    if scheme not in (LOCAL, "file"):
        return f"{name}: videos cannot be read from {scheme}:// here; name a file or a folder"
    return f"{name}: no such file or folder; check the spelling"


def _names(paths: Iterable[str]) -> Iterator[tuple[str, bool]]:
    """Yield each name, and whether it comes from the list on standard input."""
    is_empty = True
    for path in paths:
        for name in _stdin() if path == "-" else [path]:
            is_empty = False
            yield name, path == "-"
    if is_empty:
        raise ConfigError("no path was given; name files or folders, or pipe a list into `-`")


def _stdin() -> Iterator[str]:
    """Yield the lines of standard input; names are bytes, whatever the terminal's encoding is."""
    if sys.stdin is None:
        raise ConfigError("`-` reads paths from standard input, which is closed; pipe a list in")
    raw = getattr(sys.stdin, "buffer", None)
    lines = sys.stdin if raw is None else map(os.fsdecode, raw)
    return (line for line in (line.rstrip("\r\n") for line in lines) if line)


class _Walk:
    """Goes through folders without recursion, and notes what fails and what is left out."""

    def __init__(self, skip: Skip) -> None:
        self.failures: list[Report] = []
        self.left_out: LeftOut = {}
        self.files: set[str] = set()
        self._skip = skip
        self._entered: set[tuple[int, int]] = set()

    def named(self, name: str, *, is_listed: bool) -> list[Path]:
        """Return the file or folder that a name stands for; none if it cannot be read.

        A mistyped name ends the command; a missing one in a list, which may be old, only fails.
        """
        path = resolved(name)
        for spelling in map(Path, spellings(str(path))):
            try:
                spelling.lstat()
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError as error:
                self._fail(spelling, error)
                return []
            if not self._is_folder(spelling):
                self.files.add(str(spelling))
            return [spelling]
        if not is_listed:
            raise ConfigError(_missing(name))
        self.failures.append(Report(as_text(path), "failed", reason="no such file or folder"))
        return []

    @staticmethod
    def _is_folder(path: Path) -> bool:
        """Whether a name is a folder's; the reader says what is wrong with any other."""
        try:
            return stat.S_ISDIR(path.stat().st_mode)
        except OSError:
            return False

    def below(self, tops: Sequence[Path]) -> dict[Path, list[Path]]:
        """Return the video files under each folder, sorted.

        Links come last, so that a file's own path is the one that it is known by.
        """
        trees = {top: _Tree() for top in tops}
        for top, tree in trees.items():
            self._go_through(str(top), tree, follow=False)
        for tree in trees.values():
            while tree.folder_links:
                self._go_through(tree.folder_links.pop(0), tree, follow=True)
        _follow_files(trees.values())
        return {top: sorted(map(Path, tree.files)) for top, tree in trees.items()}

    def _go_through(self, top: str, tree: "_Tree", *, follow: bool) -> None:
        """List a folder and those in it; with `follow`, only what was not entered before."""
        pending = [top]
        while pending:
            folder = pending.pop()
            entries = self._entries(folder, follow=follow)
            siblings = Siblings(entry.name for entry in entries)
            for entry in entries:
                try:
                    if self._take(entry, siblings, tree):
                        pending.append(entry.path)
                except OSError as error:
                    self._fail(entry.path, error)

    def _entries(self, folder: str, *, follow: bool) -> list["os.DirEntry[str]"]:
        """Return the entries of a folder; where listing fails midway, those that came."""
        entries: list[os.DirEntry[str]] = []
        try:
            status = os.stat(folder)  # noqa: PTH116  a Path of a thousand folders takes long
            identity = (status.st_dev, status.st_ino)
            if follow and identity in self._entered:
                return []
            self._entered.add(identity)
            with os.scandir(folder) as listing:
                entries.extend(listing)
        except OSError as error:
            self._fail(folder, error)
        return sorted(entries, key=lambda entry: entry.name)

    def _take(self, entry: "os.DirEntry[str]", siblings: Siblings, tree: "_Tree") -> bool:
        """Sort one entry; return whether it is a folder to be gone through."""
        reason = self._skip.reason(entry.name, siblings)
        if reason is not None:
            if self._would_be_taken(entry, reason):
                self._leave(reason, entry)
        elif entry.is_dir():
            if not entry.is_symlink():
                return True
            tree.folder_links.append(entry.path)
        elif entry.is_file():
            if self._is_video(entry):
                (tree.file_links if entry.is_symlink() else tree.files).append(entry.path)
        elif entry.is_symlink() and not os.path.exists(entry.path):  # noqa: PTH110
            self._leave("link", entry)
        elif is_named_as_video(entry.name):
            self._leave("special", entry)
        return False

    def _would_be_taken(self, entry: "os.DirEntry[str]", reason: Reason) -> bool:
        """Whether what is left out by its name is worth a word: a folder, or likely a video."""
        if reason not in ("hidden", "unfinished") or is_named_as_video(entry.name):
            return True
        return entry.is_dir(follow_symlinks=False)

    def _is_video(self, entry: "os.DirEntry[str]") -> bool:
        try:
            kind = by_name(entry.name) or by_content(entry.name, _head(entry.path))
        except OSError:
            if is_named_as_video(entry.name):
                return True  # the reader says what is wrong with it
            kind = "unreadable"
        if kind is not None and kind != "video":
            self._leave(kind, entry)
        return kind == "video"

    def elsewhere(self, name: str, place: Place, *, is_listed: bool) -> list[Source]:
        """Return the videos at and below a name that is not a path; one that is named is taken.

        A name that cannot be listed is treated as `named` does.
        """
        if "\0" in name:
            raise ConfigError(f"{name!r}: a uri cannot contain a NUL character; check the list")
        try:
            sources = list(place.list(name))
        except OSError as error:
            if is_listed:
                self._fail(name, error)
                return []
            raise ConfigError(f"{name}: {error.strerror or error}; check the name") from error
        if [source.uri for source in sources] == [name]:
            self.files.add(name)
            return sources
        folders: dict[str, list[Source]] = {}
        for source in sources:
            folders.setdefault(source.uri.rpartition("/")[0], []).append(source)
        return [
            source
            for folder, inside in folders.items()
            for siblings in [Siblings(_name(source) for source in inside)]
            for source in inside
            if self._takes(source, folder.removeprefix(name), siblings)
        ]

    def _takes(self, source: Source, folder: str, siblings: Siblings) -> bool:
        """Sort what a place lists by its names and, if they are not enough, its first bytes."""
        none = Siblings(())
        above = (self._skip.reason(part, none) for part in folder.split("/") if part)
        reason: Reason | None = next(filter(None, above), None)
        reason = reason or self._skip.reason(_name(source), siblings)
        if reason is None:
            try:
                kind = by_name(_name(source)) or by_content(_name(source), _head_of(source))
            except OSError:
                kind = "video"  # the reader says what is wrong with it
            if kind is None or kind == "video":
                return kind == "video"
            reason = kind
        self.left_out.setdefault(reason, []).append(source.uri)
        return False

    def failed_below(self, top: str) -> bool:
        """Whether something in a folder could not be read, so that it may contain videos."""
        return any(Path(each.path).is_relative_to(as_text(top)) for each in self.failures)

    def _leave(self, reason: Reason, entry: "os.DirEntry[str]") -> None:
        self.left_out.setdefault(reason, []).append(entry.path)

    def _fail(self, path: str | Path, error: OSError) -> None:
        self.failures.append(Report(as_text(path), "failed", reason=error.strerror or str(error)))


@dataclass(slots=True)
class _Tree:
    """What was found under one folder that the user named."""

    files: list[str] = field(default_factory=list)
    file_links: list[str] = field(default_factory=list)
    folder_links: list[str] = field(default_factory=list)


def _follow_files(trees: Iterable[_Tree]) -> None:
    """Add the files that links lead to, each once, unless they are found by their own names."""
    trees = [tree for tree in trees if tree.files or tree.file_links]
    if not any(tree.file_links for tree in trees):
        return
    known = {os.path.realpath(file) for tree in trees for file in tree.files}
    for tree in trees:
        for link in sorted(tree.file_links):
            target = os.path.realpath(link)
            if target not in known:
                known.add(target)
                tree.files.append(link)


def _head(path: str) -> bytes:
    with open_regular(path) as file:
        return file.read(HEAD_BYTES)


def _name(source: Source) -> str:
    return source.uri.rpartition("/")[2]


def _head_of(source: Source) -> bytes:
    last = min(HEAD_BYTES, source.size_bytes) - 1
    return b"".join(source.stream(0, last)) if last >= 0 else b""
