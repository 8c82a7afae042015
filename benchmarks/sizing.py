"""What libraries of some sizes need: memory, disks, replicas and time, from measured figures.

    python -m benchmarks.sizing [--json | --markdown] [--recorded FILE] [--record FILE]

Measures first (`benchmarks.measurements`), a minute with the demo model, unless `--recorded` names
a file of former measurements, which `--record` writes. Assumptions are options, each with its
default in `benchmarks.capacity`. `--page FILE` puts the tables between the marks in a page;
docs/sizing.md says how it was made.
"""

import argparse
import json
import re
import sys
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path

from benchmarks.capacity import Assumptions, Need, largest, needs
from benchmarks.measurements import Measurements, Rows, Size, measure, read, write

BEGIN, END = "<!-- sizing: begin -->", "<!-- sizing: end -->"

HEADS = (
    "users",
    "videos",
    "hours",
    "segments",
    "index",
    "memory of a replica",
    "to build",
    "snapshots",
    "thumbnails",
    "database",
    "searches/s asked",
    "one replica answers",
    "parts",
    "replicas",
    "indexing",
)


def cells(row: Need) -> list[str]:
    """Return a row of the table as text."""
    return [
        f"{row.users:,}",
        f"{row.videos:,}",
        f"{row.hours:,.0f}",
        f"{row.segments:,}",
        row.index,
        _size(row.memory_bytes),
        _size(row.build_bytes),
        _size(row.snapshot_bytes),
        _size(row.thumbnail_bytes),
        _size(row.database_bytes),
        f"{row.asked_per_s:,.2g}" if row.asked_per_s < 10 else f"{row.asked_per_s:,.0f}",
        f"{row.replica_per_s:,.0f}",
        f"{row.parts:,}",
        f"{row.replicas:,}",
        _time(row.indexing_hours),
    ]


def _size(count: float) -> str:
    """Return a number of bytes in decimal units."""
    for unit in ("kB", "MB", "GB"):
        count /= 1000
        if count < 1000:
            return f"{count:.3g} {unit}"
    return f"{count / 1000:,.3g} TB" if count < 1e6 else f"{count / 1000:,.0f} TB"


def _time(hours: float) -> str:
    if hours < 1:
        return f"{60 * hours:.0f} min"
    return f"{hours:.0f} h" if hours < 72 else f"{hours / 24:,.0f} days"


def markdown(given: Assumptions, measured: Measurements) -> str:
    """Return what was measured, the table, and the limit of one machine, as Markdown."""
    rows = [HEADS, ["---"] * len(HEADS), *(cells(row) for row in needs(given, measured))]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return f"{_measured(measured)}\n\n{_assumed(given)}\n\n{table}\n\n{_ends(given, measured)}\n"


def _measured(measured: Measurements) -> str:
    """Say what was measured."""
    figures = [
        ("dimensions of a vector", f"{measured.dim}"),
        ("index, exact, per segment", f"{measured.exact_bytes:,.0f} bytes"),
        (
            f"index, {measured.kind} (recall {measured.recall:.3f}), per segment",
            f"{measured.approximate_bytes:,.0f} bytes",
        ),
        ("the rest of a snapshot, per segment", f"{measured.table_bytes:,.0f} bytes"),
        ("memory per byte of the snapshot", f"{measured.memory_ratio:.2f} bytes"),
        ("memory to build, per byte of float32 vectors", f"{measured.build_ratio:.2f} bytes"),
        ("memory of a replica with a small library", _size(measured.replica_bytes)),
        ("a thumbnail of a demo video", f"{measured.thumbnail_bytes:,.0f} bytes"),
        ("SQLite: a segment, a frame, a video", _of(measured.sqlite)),
        ("PostgreSQL: a segment, a frame, a video", _of(measured.postgresql)),
        ("CPU time to index a frame", f"{1000 * measured.frame_cpu_s:.0f} ms"),
        ("CPU time of a search", f"{1000 * measured.search_cpu_s:.1f} ms"),
        ("CPU time that a million segments add, exact", f"{1000 * measured.exact_cpu_s:.0f} ms"),
        (
            f"CPU time that {measured.rows:,} segments add, {measured.kind}",
            f"{1000 * measured.approximate_cpu_s:.2f} ms, growing with "
            f"the power {measured.approximate_power:.2f} of their number",
        ),
    ]
    lines = "\n".join(f"| {name} | {value} |" for name, value in figures)
    where = f"{measured.cores} cores of {measured.machine}, model {measured.model}"
    return f"Measured on {where}, {measured.rows:,} segments:\n\n| | |\n| --- | --- |\n{lines}"


def _of(rows: Rows | None) -> str:
    if rows is None:
        return "not measured"
    return ", ".join(f"{value:,.0f}" for value in asdict(rows).values()) + " bytes"


def _assumed(given: Assumptions) -> str:
    """Say what was assumed, by the names of the options."""
    said = [f"`{_option(name)} {value:g}`" for name, value in asdict(given).items() if value]
    return "Assumed: " + ", ".join(said) + "."


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")


def _ends(given: Assumptions, measured: Measurements) -> str:
    """Say what the limit of one machine is."""
    most = largest(given, measured)
    return (
        f"The limit of one machine is {_round(most.least):,} segments, "
        f"{_round(most.least / given.segments_per_hour):,} hours of video: with "
        f"{given.memory_gib:g} GiB a replica can load {_round(most.memory):,}, the indexer can "
        f"build {_round(most.building):,}, and {given.slowest_s:g} s of one core can search "
        f"{_round(most.time):,}."
    )


def _round(number: float) -> int:
    """Return a number with two digits that count."""
    return int(float(f"{number:.2g}"))


def table(given: Assumptions, measured: Measurements) -> str:
    """Return the table for a terminal."""
    rows = [list(HEADS), *(cells(row) for row in needs(given, measured))]
    widths = [max(len(row[place]) for row in rows) for place in range(len(HEADS))]
    lines = ["  ".join(f"{c:>{w}}" for c, w in zip(row, widths, strict=True)) for row in rows]
    return "\n".join([*lines, "", _ends(given, measured)]) + "\n"


def renewed(page: str, text: str) -> str:
    """Return a page with the text between its marks."""
    return re.sub(f"(?s)(?<={BEGIN}\n).*(?={END})", lambda _: text, page)


def _report(step: str) -> None:
    sys.stderr.write(f"{step}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure or read, and print what the libraries need."""
    options = _options(arguments)
    if options.recorded:
        measured = read(options.recorded)
    else:
        measured = measure(
            Size(options.videos, options.rows, options.searches),
            options.model,
            checkpoint=options.checkpoint,
            report=_report,
        )
    if options.record:
        write(measured, options.record)
        measured = read(options.record)
    given = Assumptions(**{each.name: getattr(options, each.name) for each in fields(Assumptions)})
    if options.page:
        page = options.page.read_text("utf-8")
        options.page.write_text(renewed(page, markdown(given, measured)), "utf-8")
    sys.stdout.write(_said(options, given, measured))
    return 0


def _said(options: argparse.Namespace, given: Assumptions, measured: Measurements) -> str:
    if options.json:
        found = [asdict(row) for row in needs(given, measured)]
        said = {"measured": asdict(measured), "assumed": asdict(given), "libraries": found}
        return json.dumps(said) + "\n"
    return (markdown if options.markdown else table)(given, measured)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Compute what libraries of some sizes need.")
    parser.add_argument("--json", action="store_true", help="print one object")
    parser.add_argument("--markdown", action="store_true", help="print what docs/sizing.md shows")
    parser.add_argument("--page", type=Path, metavar="FILE", help="put that into a page")
    parser.add_argument("--recorded", type=Path, metavar="FILE", help="measure nothing, read this")
    parser.add_argument("--record", type=Path, metavar="FILE", help="write what was measured")
    parser.add_argument("--model", default="demo", help="model to measure with (demo)")
    parser.add_argument("--checkpoint", type=Path, metavar="FILE", help="local weights of --model")
    for each in fields(Size)[:3]:
        parser.add_argument(f"--{each.name}", type=int, default=each.default, metavar="N")
    for each in fields(Assumptions):
        kind = type(each.default)
        parser.add_argument(
            _option(each.name),
            type=kind,
            default=each.default,
            metavar="N",
            help=f"({each.default})",
        )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
