"""What is in an image: its layers, its files, and what should not be there."""

import hashlib
import json
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.engine.context import MARK
from tests.engine.engine import Engine

CACHES = re.compile(
    r"root/\.cache/.|var/lib/apt/lists/.|var/cache/apt/.*\.deb$|tmp/.|build/|var/log/.*\.log$"
    r"|usr/bin/strip$|opt/venv/.*/pip/__init__\.py$|(^|/)\.git(/|$)|.*/hub/models--"
)
"""Paths that only a build needs."""


@dataclass(frozen=True)
class Layer:
    """One step of a build and the bytes that it added."""

    size: int
    made_by: str

    @property
    def shown(self) -> str:
        """The command, short enough for a line."""
        text = re.sub(r"^\|\d+ .*? (?=/bin/sh)", "", " ".join(self.made_by.split()))
        return text.replace("/bin/sh -c ", "").removeprefix("#(nop) ")[:70]


def layers(engine: Engine, image: str) -> list[Layer]:
    """Return the layers of an image that have bytes, largest first."""
    history = json.loads(engine.run("history", "--no-trunc", "--format", "json", image))
    found = [Layer(int(each["size"]), each["CreatedBy"]) for each in history if each["size"]]
    return sorted(found, key=lambda layer: -layer.size)


@contextmanager
def mounted(engine: Engine, image: str) -> Iterator[Path]:
    """Show the file system of an image."""
    path = Path(engine.run("image", "mount", image))
    try:
        yield path
    finally:
        engine.run("image", "unmount", image)


def files(root: Path) -> Iterator[tuple[str, Path]]:
    """Yield each file and link of an image by its path inside, without leading slash."""
    for folder, _, names in os.walk(root):
        for name in names:
            path = Path(folder, name)
            yield path.relative_to(root).as_posix(), path


def not_wanted(root: Path) -> list[str]:
    """Return paths of caches and files with the mark of what stays outside."""
    found = []
    mark = MARK.encode()
    for name, path in files(root):
        marked = name.startswith(("app/", "build/", "etc/")) and mark in _content(path)
        if CACHES.match(name) or marked:
            found.append(name)
    return found


def digests(root: Path) -> dict[str, str]:
    """Return a digest of each file's mode, owner and content, by path."""
    found = {}
    for name, path in files(root):
        about = path.lstat()
        said = f"{stat.filemode(about.st_mode)} {about.st_uid}:{about.st_gid} ".encode()
        found[name] = hashlib.sha256(said + _content(path)).hexdigest()
    return found


def _content(path: Path) -> bytes:
    if path.is_symlink():
        return str(path.readlink()).encode()
    return path.read_bytes() if path.is_file() else b""
