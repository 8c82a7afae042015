"""What the commands print: tables for people, one JSON object per line for programs."""

import contextlib
import errno
import io
import json
import math
import os
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TextIO

from rich.cells import cell_len

from clipseek.errors import ServiceUnavailable
from indexer.naming import shown

_LEAST_WIDTH = 16


class OutputFailed(ServiceUnavailable):
    """Standard output takes nothing: a full disk, or closed from the start."""


@contextlib.contextmanager
def outputs() -> Iterator[None]:
    """Let both outputs accept any text, and ignore errors of standard error.

    A name that the encoding lacks is escaped. Standard error only reports, so a full or closed one
    does not end the command.
    """
    for number in (0, 1, 2):
        _keep_taken(number)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    with contextlib.redirect_stderr(_Lenient(sys.stderr)):
        yield


def _keep_taken(number: int) -> None:
    """Open nothing in the place of a closed stream: the next file, a database, would take it."""
    try:
        os.fstat(number)
    except OSError:
        os.open(os.devnull, os.O_RDWR)


class _Lenient(io.TextIOBase):
    """Standard error; what it cannot take is not written."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write what can be written."""
        if self._stream is not None:
            try:
                self._stream.write(text)
            except OSError:
                self._give_up()
        return len(text)

    def flush(self) -> None:
        """Flush what can be flushed."""
        if self._stream is not None:
            try:
                self._stream.flush()
            except OSError:
                self._give_up()

    def _give_up(self) -> None:
        discard(self._stream)
        self._stream = None

    def isatty(self) -> bool:
        """Whether a person reads this on a terminal."""
        return self._stream is not None and self._stream.isatty()

    def fileno(self) -> int:
        """Return the number of the file behind it."""
        if self._stream is None:
            raise io.UnsupportedOperation("fileno")
        return self._stream.fileno()

    @property
    def encoding(self) -> str:  # type: ignore[override]  # it is never set
        """The encoding of the stream."""
        return "utf-8" if self._stream is None else self._stream.encoding


def discard(stream: TextIO | None) -> None:
    """Discard what a stream has buffered, so that the interpreter prints nothing at its end."""
    if stream is not None:
        with contextlib.suppress(OSError, ValueError):  # no file is behind it, or it is closed
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def write(text: str, *, flush: bool = False) -> None:
    """Print a text on standard output as it is.

    Raises:
        BrokenPipeError: nobody reads it any more.
        OutputFailed: it cannot be written.
    """
    if sys.stdout is None:
        raise OutputFailed("standard output is closed; leave it open, or send it to a file")
    try:
        print(text, flush=flush)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise _unwritable(error) from error


def finish() -> None:
    """Write out what is held back of standard output; raises as printing does."""
    if sys.stdout is None:
        return
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise _unwritable(error) from error


def _unwritable(error: OSError) -> OutputFailed:
    discard(sys.stdout)
    way = "make room" if error.errno == errno.ENOSPC else "check where it leads"
    return OutputFailed(f"standard output cannot be written: {error.strerror}; {way}")


def emit(record: dict[str, object]) -> None:
    """Print one JSON object on its own line, at once."""
    line = json.dumps(record, ensure_ascii=False)
    write(line if _fits(line) else json.dumps(record), flush=True)


def _fits(line: str) -> bool:
    """Whether standard output can write a text as it is, on one line."""
    try:
        line.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return False
    return len(line.splitlines()) == 1


def say(line: str) -> None:
    """Print a result for a person."""
    write(shown(line))


def note(line: str) -> None:
    """Print what is not a result, on standard error."""
    if sys.stderr is not None:
        print(shown(line), file=sys.stderr, flush=True)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table; numbers are aligned to the right.

    shrinks: Whether the beginnings of its cells are left out on a terminal that is too narrow.
    """

    title: str
    right: bool = False
    shrinks: bool = False


def table(columns: Sequence[Column], rows: Iterable[Sequence[str]]) -> None:
    """Print rows under their titles, each column as wide as its widest cell.

    On a terminal, columns that shrink get what the others leave of its width.
    """
    titles = [column.title for column in columns]
    lines = [titles, *([shown(str(cell)) for cell in row] for row in rows)]
    widths = [max(cell_len(line[i]) for line in lines) for i in range(len(columns))]
    if sys.stdout is not None and sys.stdout.isatty():
        excess = sum(widths) + 2 * (len(widths) - 1) - shutil.get_terminal_size().columns
        for i, column in enumerate(columns):
            if column.shrinks and excess > 0:
                widths[i] = max(_LEAST_WIDTH, widths[i] - excess)
    for line in lines:
        cells = (
            _padded(ending(cell, width), width, right=column.right)
            for cell, width, column in zip(line, widths, columns, strict=True)
        )
        write("  ".join(cells).rstrip())


def ending(text: str, width: int) -> str:
    """Return the end of a text that fits a width, where a path has its name, after "…"."""
    if cell_len(text) <= width:
        return text
    while cell_len(text) > width - 1:
        text = text[1:]
    return f"…{text}"


def _padded(cell: str, width: int, *, right: bool) -> str:
    """Fill a cell up to a width in columns of a terminal, of which a wide character takes two."""
    blank = " " * (width - cell_len(cell))
    return blank + cell if right else cell + blank


def clock(seconds: float) -> str:
    """Write seconds as h:mm:ss.s, without the hours if there are none."""
    tenths = math.floor(seconds * 10 + 0.5)  # a half goes up, as on the page
    minutes, tenths = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    rest = f"{minutes:02d}:{tenths / 10:04.1f}"
    return f"{hours}:{rest}" if hours else rest


def percent(relevance: float) -> str:
    """Write a relevance, rounded down and at most 99%, as the page does: 100% promises too much."""
    return f"{min(99, math.floor(relevance * 100 + 1e-6))}%"


def size(count: float) -> str:
    """Write bytes in the largest unit that leaves at least 1."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def counted(count: int, noun: str) -> str:
    """Write a number of things: 1 video, 2 videos."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
