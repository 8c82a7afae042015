"""The figures of the benchmarks: measured, recorded, and put into docs/figures.md as a table.

    python -m benchmarks.report [NAME ...]

Runs `python -m benchmarks.NAME --json` for each name, records what each printed in
benchmarks/results.json and writes the tables between the markers of docs/figures.md. Without names
the tables are written from what is recorded. One that fails is named, and its former figures stay.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results.json"
PAGE = ROOT / "docs" / "figures.md"
BEGIN, END = "<!-- bench -->", "<!-- bench: end -->"

FIGURES = {
    "embed_images": "pictures to vectors, against open_clip in fp32",
    "embed_text": "a sentence to a vector, against open_clip in fp32",
    "decode": "1080p at one picture a second, against decord",
    "ingest": "videos end to end, against decord, open_clip in fp32 and IndexFlatIP",
    "index": "a sentence among a million frames, against IndexFlatIP",
    "peers": "the same, against the fastest other store of equal recall",
    "tag_filter": "a filter by a tag of half of 100 000 videos, against asking for their ids",
    "nothing_new": "an ingest with nothing new, against hashing every file",
}
"""Benchmarks by name, in the order of the table: what each compares."""

Result = dict[str, Any]


def run(name: str) -> Result:
    """Run one benchmark and return the object that it prints; raise ValueError if it fails."""
    command = [sys.executable, "-m", f"benchmarks.{name}", "--json"]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    printed = done.stdout.strip().splitlines()
    if done.returncode or not printed:
        raise ValueError(f"benchmarks.{name} ended with {done.returncode}")
    result: Result = json.loads(printed[-1])
    return result


def recorded() -> dict[str, Result]:
    """Return what is recorded, by name."""
    if not RESULTS.exists():
        return {}
    results: dict[str, Result] = json.loads(RESULTS.read_text("utf-8"))
    return results


def tables(results: dict[str, Result]) -> str:
    """Return the tables in Markdown, with that of the stores if they were measured."""
    lines = ["| what | times as fast | other figures | command |", "|---|---|---|---|"]
    for name, about in FIGURES.items():
        if name in results:
            found = results[name]
            ratio = "-" if found["ratio"] is None else found["ratio"]
            lines.append(
                f"| {about} | {ratio} | {_beside(found)} | `python -m benchmarks.{name}` |"
            )
    return "\n".join([*lines, *_stores(results.get("peers", {}))]) + "\n"


def _beside(found: Result) -> str:
    """Return the other figures of one benchmark, without times: those are of one machine."""
    return ", ".join(
        f"{key.replace('_', ' ')} {value}"
        for key, value in found.items()
        if key not in ("name", "ratio")
        and not key.endswith(("_ms", "_s"))
        and isinstance(value, str | int | float)
    )


def _stores(peers: Result) -> list[str]:
    """Return the lines of the table of vector stores, in milliseconds of the run's machine."""
    if not peers:
        return []
    lines = [
        "",
        "| store | runs | searched by | recall@10 | ms per query |",
        "|---|---|---|---|---|",
    ]
    for store in peers["stores"]:
        title = f"{store['peer']} {store['version']}".strip()
        about = store.get("runs", "in the process"), store["searched_by"]
        lines.append(f"| {title} | {' | '.join(about)} | {store['recall']} | {store['query_ms']} |")
    return lines + [f"| {name} | missing: {why} | | | |" for name, why in peers["missing"].items()]


def placed(page: str, text: str) -> str:
    """Return a page with the text between its markers; raise ValueError if it has none."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page has no {BEGIN} and {END}")
    return f"{before}{BEGIN}\n{text}{END}{after}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, record and write; exit with 1 if a benchmark failed."""
    parser = argparse.ArgumentParser(
        description="Record figures and write them to docs/figures.md."
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(FIGURES))
    names = parser.parse_args(arguments).names
    if unknown := set(names) - set(FIGURES):
        parser.error(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(FIGURES)}")
    results, failed = recorded(), False
    for name in names:
        print(f"measuring {name}", file=sys.stderr)
        try:
            results[name] = run(name)
        except ValueError as error:
            print(error, file=sys.stderr)
            failed = True
        RESULTS.write_text(json.dumps(results, indent=1) + "\n", "utf-8")
    PAGE.write_text(placed(PAGE.read_text("utf-8"), tables(results)), "utf-8")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
