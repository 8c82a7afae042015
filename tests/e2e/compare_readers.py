"""Compare both readers over a folder of videos: `python -m tests.e2e.compare_readers FOLDER`."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from clipseek.errors import UnreadableVideo
from clipseek.protocols import FrameSource
from clipseek.sampling import grid
from clipseek.video import DecordFrames, PyAVFrames

SHORT_SIDE = 256
COLUMNS = ("file", "pyav", "decord", "max dt / frame", "mean |dp|", "note")


@dataclass(frozen=True)
class Sample:
    """The frames of one file at one per second: times (N,) seconds, pixels (N, H, W, 3)."""

    times: NDArray[np.float64]
    pixels: NDArray[np.uint8]
    frame_s: float
    damage: str


@dataclass(frozen=True)
class Agreement:
    """How far two readers agree on the frames that both gave.

    `time` is the largest difference in frame durations, `pixels` the mean difference of levels
    in 0..255; both are None where one of them refused the file.
    """

    file: str
    counts: tuple[int, int]
    time: float | None
    pixels: float | None
    note: str


def sample(reader: Callable[[Path], FrameSource], path: Path) -> Sample | str:
    """Read one frame per second, or return why the file is refused."""
    try:
        with reader(path) as source:
            batches = list(source.read(grid(1), short_side=SHORT_SIDE))
            return Sample(
                times=np.concatenate([batch.times for batch in batches]),
                pixels=np.concatenate([batch.pixels for batch in batches]),
                frame_s=float(1 / source.frame_rate),
                damage=source.damage,
            )
    except UnreadableVideo as error:
        return error.reason


def compare(path: Path) -> Agreement:
    """Compare what both readers give for one file."""
    pyav, decord = sample(PyAVFrames, path), sample(DecordFrames, path)
    if isinstance(pyav, str) or isinstance(decord, str):
        refusals = {f"{r}" for r in (pyav, decord) if isinstance(r, str)}
        return Agreement(path.name, (_count(pyav), _count(decord)), None, None, "; ".join(refusals))
    shared = min(len(pyav.times), len(decord.times))
    times = np.abs(pyav.times[:shared] - decord.times[:shared]) / pyav.frame_s
    levels = np.abs(pyav.pixels[:shared].astype(np.int16) - decord.pixels[:shared])
    said = (f"pyav: {pyav.damage}", f"decord: {decord.damage}")
    note = " / ".join(said) if pyav.damage or decord.damage else ""
    counts = (len(pyav.times), len(decord.times))
    return Agreement(path.name, counts, float(times.max()), float(levels.mean()), note)


def videos(folder: Path) -> list[Path]:
    """Return the files of a folder and its subfolders, without manifests, by name."""
    return sorted(p for p in folder.rglob("*") if p.is_file() and p.suffix != ".jsonl")


def _count(sampled: Sample | str) -> int:
    return 0 if isinstance(sampled, str) else len(sampled.times)


def _row(agreement: Agreement) -> str:
    time = "-" if agreement.time is None else f"{agreement.time:.4f}"
    pixels = "-" if agreement.pixels is None else f"{agreement.pixels:.2f}"
    counts = [str(count) for count in agreement.counts]
    return " | ".join((agreement.file, *counts, time, pixels, agreement.note))


def main() -> None:
    """Print one row per file, for the folders named on the command line."""
    print(" | ".join(COLUMNS))
    for folder in sys.argv[1:]:
        for path in videos(Path(folder)):
            print(_row(compare(path)), flush=True)


if __name__ == "__main__":
    main()
