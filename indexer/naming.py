"""Names of files: the one path by which a file is known, and how a name is printed."""

import os
import unicodedata
from pathlib import Path
from urllib.parse import unquote_to_bytes, urlsplit

from clipseek.errors import ConfigError

_SCHEME = "file:"
# Bidirectional marks (Unicode TR9) reorder what is printed after them: "gpj.4pm" for "mp4.jpg".
_REORDERING = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_UNPRINTABLE = frozenset({"Cc", "Cs", "Zl", "Zp"})


def resolved(name: str | Path) -> Path:
    """Return the absolute path that a name stands for; every verb finds a file by it.

    `~` is the home folder and `file://` a path, unless a file has that very name. A link keeps its
    own name; where `..` follows a link to a folder, it is the parent of what the link points to,
    as for the system. The file need not exist.

    Raises:
        ConfigError: no file can have this name.
    """
    text = os.fspath(name)
    if "\0" in text:
        raise ConfigError(
            f"{text!r}: the name of a file cannot contain a NUL character; check the list"
        )
    if not _exists(text):
        text = _meant(text)
    path = Path(text)
    done = Path(path.anchor) if path.is_absolute() else _here()
    for part in path.parts[1 if path.is_absolute() else 0 :]:
        done = _parent(done) if part == ".." else done / part
    return done


def _here() -> Path:
    try:
        return Path.cwd()
    except OSError as error:
        raise ConfigError(
            "the current folder is gone or may not be entered; change to another one, or use "
            "absolute paths"
        ) from error


def at_home(name: str) -> Path:
    """Return the path of an option; `--out=~/x` is not expanded by a shell."""
    return Path(os.path.expanduser(name))  # noqa: PTH111  no home is fine


def _meant(text: str) -> str:
    """Return the path behind a `~` or a `file://` that is not a name."""
    if text.lower().startswith(_SCHEME):
        url = urlsplit(text)
        if url.netloc not in ("", "localhost"):
            raise ConfigError(f"{text}: a file on another machine; mount it, and name its path")
        return os.fsdecode(unquote_to_bytes(url.path))
    return os.path.expanduser(text) if text.startswith("~") else text  # noqa: PTH111  no home is fine


def _parent(path: Path) -> Path:
    return Path(os.path.realpath(path)).parent if os.path.islink(path) else path.parent  # noqa: PTH114  never raises


def _exists(text: str) -> bool:
    return os.path.lexists(text)


def spellings(path: str) -> list[str]:
    """Return a path as it is, composed (NFC) and decomposed (NFD): macOS stores the latter."""
    forms = (path, *(unicodedata.normalize(form, path) for form in ("NFC", "NFD")))
    return list(dict.fromkeys(forms))


def shown(line: str) -> str:
    r"""Return a line as it is printed: control characters escaped, so that it stays one line.

    A name can hold line ends, escape sequences of terminals, and bytes that are not UTF-8.
    """
    if line.isprintable():
        return line
    return "".join(_escaped(c) if _needs_escape(c) else c for c in line)


def _needs_escape(character: str) -> bool:
    return unicodedata.category(character) in _UNPRINTABLE or character in _REORDERING


def _escaped(character: str) -> str:
    if "\udc80" <= character <= "\udcff":  # how Python keeps a byte that is not UTF-8 (PEP 383)
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("unicode_escape").decode("ascii")
