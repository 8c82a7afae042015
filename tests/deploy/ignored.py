"""Which files a `.dockerignore` keeps from the build.

Patterns are matched as Docker's builder does: against the path and every folder above it, from the
root of the context; the last pattern that matches decides.
Source: https://docs.docker.com/build/concepts/context/#dockerignore-files
"""

import os
import re
from pathlib import Path, PurePosixPath


class Ignored:
    """The patterns of a `.dockerignore`."""

    def __init__(self, text: str) -> None:
        lines = [line.strip() for line in text.splitlines()]
        rules = [
            (line.startswith("!"), line.lstrip("!").strip("/"))
            for line in lines
            if line and not line.startswith("#")
        ]
        self._rules = [(keeps, _pattern(glob)) for keeps, glob in rules]
        self._exceptions = [glob for keeps, glob in rules if keeps]

    def __contains__(self, path: str) -> bool:
        """Whether a path, relative and with slashes, is kept from the build."""
        parts = PurePosixPath(path).parts
        above = ["/".join(parts[: i + 1]) for i in range(len(parts))]
        ignored = False
        for keeps, pattern in self._rules:
            if any(pattern.fullmatch(each) for each in above):
                ignored = not keeps
        return ignored

    def context(self, root: Path) -> set[str]:
        """Return the files that the build gets, relative to the root."""
        found = set[str]()
        for folder, folders, files in os.walk(root):
            here = Path(folder).relative_to(root)
            folders[:] = [name for name in folders if self._may_hold((here / name).as_posix())]
            found |= {path for name in files if (path := (here / name).as_posix()) not in self}
        return found

    def _may_hold(self, folder: str) -> bool:
        """Whether something in a folder may be let in; an exception may be in an ignored one."""
        below = (glob.startswith(("**", f"{folder}/")) for glob in self._exceptions)
        return folder not in self or any(below)


def _pattern(glob: str) -> re.Pattern[str]:
    """Translate a pattern: `**` is any number of folders, `*` and `?` stay in one name."""
    text = re.escape(glob).replace(r"\*\*/", "(?:.*/)?").replace(r"\*\*", ".*")
    return re.compile(text.replace(r"\*", "[^/]*").replace(r"\?", "[^/]"))
