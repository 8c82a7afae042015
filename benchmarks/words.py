"""How much of what the demo videos say and write is recognised, and when.

    indexer demo --videos 40 --seed 4242 --words subtitle,speech,sign --out demo-data/videos
    CLIPSEEK_SPEECH_MODEL=demo indexer --data-dir demo-data ingest demo-data/videos --model demo \
        --fields picture,subtitle,speech,text
    python -m benchmarks.words demo-data demo-data/videos/captions.jsonl

Prints for each kind of words how many passages there are, how many of them have a cue, the share of
their words that the cues have in the same order, how many are the same in every word, by how many
seconds the cues begin and end elsewhere (median, most), and how many cues are about nothing.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from pathlib import Path, PurePath
from statistics import median

from clipseek.assembly import open_existing
from clipseek.config import Settings
from clipseek.timed import SPEECH, SUBTITLE, TEXT, Cue, Field
from indexer.videos import all_videos

FIELDS: dict[str, Field] = {"subtitle": SUBTITLE, "speech": SPEECH, "sign": TEXT}
Cues = Mapping[tuple[str, Field], Sequence[Cue]]
"""Cues by the name of the file and the field."""


@dataclass(slots=True)
class Figures:
    """What was found of one kind of words; seconds in `starts` and `ends`."""

    passages: int = 0
    found: int = 0
    exact: int = 0
    words: int = 0
    right: int = 0
    extra: int = 0
    starts: list[float] = field(default_factory=list)
    ends: list[float] = field(default_factory=list)


def compare(lines: Iterable[Mapping[str, object]], cues: Cues) -> dict[str, Figures]:
    """Compare the lines of captions.jsonl with what is stored."""
    figures = {kind: Figures() for kind in FIELDS}
    used: set[tuple[str, Field, Cue]] = set()
    for line in lines:
        kind = str(line.get("kind"))
        if kind not in FIELDS or line.get("absent"):
            continue
        of, file, truth = figures[kind], str(line["file"]), str(line["text"]).lower()
        start, end = float(str(line["start"])), float(str(line["end"]))
        of.passages += 1
        of.words += len(truth.split())
        near = [
            (min(cue.end, end) - max(cue.start, start), cue)
            for cue in cues.get((file, FIELDS[kind]), ())
        ]
        overlap, cue = max(near, default=(0.0, Cue(0, 0, "")))
        if overlap <= 0:
            continue
        used.add((file, FIELDS[kind], cue))
        of.found += 1
        of.exact += cue.text.lower() == truth
        of.right += _common(truth.split(), cue.text.lower().split())
        of.starts.append(abs(cue.start - start))
        of.ends.append(abs(cue.end - end))
    for kind, name in FIELDS.items():
        stored = {(file, of, cue) for (file, of), said in cues.items() for cue in said}
        figures[kind].extra = sum(of == name for _, of, _ in stored - used)
    return figures


def _common(one: list[str], other: list[str]) -> int:
    blocks = SequenceMatcher(None, one, other, autojunk=False).get_matching_blocks()
    return sum(block.size for block in blocks)


def stored(data_dir: str) -> Cues:
    """Return the cues of the collection `default` of a data folder."""
    service = open_existing(Settings.load(data_dir=data_dir))
    try:
        name = service.settings.collection
        files = {each.id: PurePath(each.uri).name for each in all_videos(service.catalog, name)}
        texts = service.catalog.texts(name)
        return {(files[video], text.field): text.cues for video, text in texts}
    finally:
        service.close()


def main() -> int:
    """Print one line for each kind."""
    parser = argparse.ArgumentParser(description="How much of the demo's words is recognised.")
    parser.add_argument("data_dir", metavar="DATA_DIR")
    parser.add_argument("captions", type=Path, metavar="CAPTIONS")
    options = parser.parse_args()
    lines = [json.loads(line) for line in options.captions.read_text("utf-8").splitlines()]
    for kind, of in compare(lines, stored(options.data_dir)).items():
        sys.stdout.write(
            f"{kind:9} passages {of.passages}  found {of.found}  exact {of.exact}  "
            f"words {of.right / max(1, of.words):.3f}  start {_seconds(of.starts)}  "
            f"end {_seconds(of.ends)}  extra {of.extra}\n"
        )
    return 0


def _seconds(values: Sequence[float]) -> str:
    return f"{median(values):.2f}/{max(values):.2f} s" if values else "-"


if __name__ == "__main__":
    raise SystemExit(main())
