"""The edition of the page's files: a part of their addresses that changes when one of them does.

Scripts import each other by relative paths, so all of them are in the folder of the edition.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path

_NAME_BYTES = 6
_NAME = re.compile(rf"[0-9a-f]{{{2 * _NAME_BYTES}}}")

_Looked = tuple[tuple[str, int, int], ...]


@dataclass(frozen=True, slots=True)
class Edition:
    """All files of the page as they are now.

    changed: When the last one was changed, in seconds since 1970.
    """

    name: str
    changed: float

    def addressed(self, page: bytes) -> bytes:
        """Return a page that names the files of this edition."""
        return page.replace(b'="static/', b'="static/%b/' % self.name.encode())


def is_edition(name: str) -> bool:
    """Say whether a folder's name has the form of an edition's name."""
    return _NAME.fullmatch(name) is not None


def current(folder: Path) -> Edition:
    """Return the edition of the files in a folder; they are read again after one has changed."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    stats = [path.stat() for path in paths]
    looked = tuple(
        (path.relative_to(folder).as_posix(), stat.st_mtime_ns, stat.st_size)
        for path, stat in zip(paths, stats, strict=True)
    )
    return Edition(_digest(folder, looked), max(stat.st_mtime for stat in stats))


@lru_cache(maxsize=8)
def _digest(folder: Path, looked: _Looked) -> str:
    """Return a hash of names and contents, which is the same on all machines of a release."""
    digest = blake2b(digest_size=_NAME_BYTES)
    for name, _, _ in looked:
        content = (folder / name).read_bytes()
        digest.update(b"%b\0%d\0%b" % (name.encode(), len(content), content))
    return digest.hexdigest()
