"""Mutated videos through the whole ingest: nothing crashes, hangs, grows or leaves traces.

    python -m tests.e2e.fuzz_video --files 500

Draws demo videos, mutates them by a seed (flipped bytes, a cut, a splice, changed fields near the
start or the end), ingests them in each decode mode, and prints one JSON line. The exit code is 1 if
anything was not as it must be. Videos in `films` of the folder that CLIPSEEK_FOOTAGE names take
part too.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
MODES = ("exact", "fast", "keyframes")
MOST_MEMORY_MB = 1500
FRAME_S = 20
DECODE_S = 60
LARGEST_BYTES = 4 << 20
"""Of longer footage only so much is mutated: what is tried is parsing, not patience."""

Mutation = Callable[[random.Random, bytearray, bytes], bytearray]


def flipped(rng: random.Random, content: bytearray, _other: bytes) -> bytearray:
    """Change single bytes anywhere."""
    for _ in range(rng.choice((1, 10, 200))):
        content[rng.randrange(len(content))] = rng.randrange(256)
    return content


def cut(rng: random.Random, content: bytearray, _other: bytes) -> bytearray:
    """Leave out the end, or a piece in the middle."""
    start, end = sorted(rng.randrange(len(content)) for _ in range(2))
    return content[: max(start, 1)] + (content[end:] if rng.random() < 0.5 else b"")


def spliced(rng: random.Random, content: bytearray, other: bytes) -> bytearray:
    """Go on with another video, or put a piece of it in."""
    at, size = rng.randrange(len(content)), rng.randrange(1, 1 << 16)
    start = rng.randrange(len(other))
    piece = other[start : start + size]
    return content[:at] + piece + (content[at:] if rng.random() < 0.5 else content[at + size :])


def header_fields(rng: random.Random, content: bytearray, _other: bytes) -> bytearray:
    """Set fields of 1, 2, 4 and 8 bytes near the start or the end to extreme values."""
    for _ in range(rng.choice((1, 4, 16))):
        width = rng.choice((1, 2, 4, 8))
        near = rng.randrange(min(4096, len(content) - width))
        at = near if rng.random() < 0.5 else len(content) - width - near
        extreme = (b"\0", b"\xff", b"\x7f" + b"\xff" * 7, b"\x80" + b"\0" * 7, b"\0" * 7 + b"\1")
        content[at : at + width] = (rng.choice(extreme) * 8)[:width]
    return content


MUTATIONS: Sequence[Mutation] = (flipped, cut, spliced, header_fields)


def mutated(originals: Sequence[bytes], number: int, seed: int) -> tuple[str, bytes]:
    """Return the name of a mutation and what it makes of one of the originals."""
    rng = random.Random(f"{seed} {number}")
    mutation = MUTATIONS[number % len(MUTATIONS)]
    content = mutation(rng, bytearray(rng.choice(originals)), rng.choice(originals))
    return mutation.__name__, bytes(content)


@dataclass
class Outcome:
    """What came of one decode mode."""

    files: int
    states: dict[str, int] = field(default_factory=dict)
    crashes: list[str] = field(default_factory=list)
    over_limit: list[str] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)
    seconds: float = 0.0
    memory_mb: int = 0
    verify: str = ""

    @property
    def is_right(self) -> bool:
        """Whether every file has one fate, no error was unexpected, and nothing grew."""
        return (
            sum(self.states.values()) == self.files
            and not self.unexpected
            and self.memory_mb < MOST_MEMORY_MB
            and not self.verify
        )


def run(folder: Path, mode: str) -> Outcome:
    """Ingest the folder's videos into a store of their own, and verify it."""
    paths = sorted(folder.iterdir())
    outcome = Outcome(len(paths))
    with tempfile.TemporaryDirectory() as data, tempfile.TemporaryFile("w+") as lines:
        began = time.monotonic()
        indexer = [sys.executable, "-m", "indexer", "--data-dir", data]
        ingest = [*indexer, "ingest", *map(str, paths), "--model", "demo", "--decode", mode]
        limits = {"CLIPSEEK_MAX_FRAME_S": str(FRAME_S), "CLIPSEEK_MAX_DECODE_S": str(DECODE_S)}
        with subprocess.Popen(
            [*ingest, "--json"],
            stdout=lines,
            stderr=subprocess.DEVNULL,
            cwd=ROOT,
            env=os.environ | limits,
        ) as program:
            while program.poll() is None:
                outcome.memory_mb = max(outcome.memory_mb, _memory_mb(program.pid))
                time.sleep(0.1)
        outcome.seconds = round(time.monotonic() - began, 1)
        lines.seek(0)
        for line in lines:
            _note(outcome, json.loads(line))
        verify = subprocess.run([*indexer, "verify"], cwd=ROOT, capture_output=True, text=True)
        outcome.verify = "" if verify.returncode == 0 else verify.stdout + verify.stderr
    return outcome


def _note(outcome: Outcome, report: dict[str, str]) -> None:
    outcome.states[report["state"]] = outcome.states.get(report["state"], 0) + 1
    reason = report["reason"]
    said = f"{Path(report['path']).name}: {reason}"
    if "crashed" in reason:
        outcome.crashes.append(said)
    elif "exceeds" in reason:
        outcome.over_limit.append(said)
    elif "unexpected" in reason:
        outcome.unexpected.append(said)


def _memory_mb(pid: int) -> int:
    """Return the memory of a process and its children, shared pages counted once."""
    total = 0
    for each in (pid, *_children(pid)):
        try:
            rollup = Path(f"/proc/{each}/smaps_rollup").read_text()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in rollup.splitlines() if line[:4] == "Pss:")
    return total // 1024


def _children(pid: int) -> list[int]:
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        return [int(child) for task in tasks for child in (task / "children").read_text().split()]
    except OSError:
        return []


def originals(folder: Path, *, videos: int, seed: int) -> list[bytes]:
    """Draw demo videos, and add the footage where there is some."""
    drawn = [sys.executable, "-m", "indexer", "demo", "--videos", str(videos), "--seed", str(seed)]
    subprocess.run([*drawn, "--out", str(folder)], cwd=ROOT, check=True, capture_output=True)
    paths = sorted(folder.glob("*.mp4"))
    footage = Path(os.environ.get("CLIPSEEK_FOOTAGE", ROOT / "shared"), "films")
    if footage.is_dir():
        paths += sorted(
            path for path in footage.iterdir() if path.suffix in (".mp4", ".mkv", ".ogv")
        )
    return [path.read_bytes()[:LARGEST_BYTES] for path in paths]


def main() -> int:
    """Run all modes and print one JSON line."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--files", type=int, default=500)
    options.add_argument("--seed", type=int, default=1)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        sources = originals(Path(scratch, "originals"), videos=12, seed=chosen.seed)
        folder = Path(scratch, "mutated")
        folder.mkdir()
        for number in range(chosen.files):
            name, content = mutated(sources, number, chosen.seed)
            (folder / f"{number:04d}-{name}.mp4").write_bytes(content)
        outcomes = {mode: run(folder, mode) for mode in MODES}
    print(json.dumps({mode: asdict(outcome) for mode, outcome in outcomes.items()}))
    return 0 if all(outcome.is_right for outcome in outcomes.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
