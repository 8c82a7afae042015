"""What the commands print: tables for people, one JSON object per line for programs."""

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


def emit(record: dict[str, object]) -> None:
    """Print one JSON object on its own line, at once."""
    print(json.dumps(record, ensure_ascii=False), flush=True)


def say(line: str) -> None:
    """Print a result for a person."""
    print(line)


def note(line: str) -> None:
    """Print what is not a result, on standard error."""
    print(line, file=sys.stderr, flush=True)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table; numbers stand to the right."""

    title: str
    right: bool = False


def table(columns: Sequence[Column], rows: Iterable[Sequence[str]]) -> None:
    """Print rows under their titles, each column as wide as its widest cell."""
    lines = [[column.title for column in columns], *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(columns))]
    for line in lines:
        cells = (
            cell.rjust(width) if column.right else cell.ljust(width)
            for cell, width, column in zip(line, widths, columns, strict=True)
        )
        print("  ".join(cells).rstrip())


def clock(seconds: float) -> str:
    """Write seconds as h:mm:ss.s, without the hours where there are none."""
    tenths = round(seconds * 10)
    minutes, tenths = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    rest = f"{minutes:02d}:{tenths / 10:04.1f}"
    return f"{hours}:{rest}" if hours else rest


def size(count: float) -> str:
    """Write bytes in the largest unit that leaves at least 1."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def counted(count: int, noun: str) -> str:
    """Write a number of things: 1 film, 2 films."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
