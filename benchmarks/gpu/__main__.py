"""Measure what a GPU does for clipseek; `make bench-gpu` installs what it needs, and runs it.

    python -m benchmarks.gpu [--device NAME] [--tiny] [--only PART …] [--out FILE]

Runs the contract tests that need a GPU, then measures pictures a second of two models with random
weights beside what the chip could do, frames a second of its decoder, queries a second over one and
ten million vectors with recall, and videos a second end to end. Each part has a number of seconds;
what does not fit is left out, and said. Prints a table and writes an object to FILE.

Exits with 1 if a part failed, and with 2 if there is no such device.
"""

import argparse
import json
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import torch

from benchmarks.gpu import contracts, decoding, searching, towers, whole
from benchmarks.gpu.report import Part, place, table
from benchmarks.gpu.work import TINY, Size, Work

PARTS: Mapping[str, tuple[float, Callable[[Work], None]]] = {
    "contract tests": (90, contracts.measure),
    "towers": (90, towers.measure),
    "decoding": (40, decoding.measure),
    "search": (110, searching.measure),
    "end to end": (90, whole.measure),
}
"""By name: the seconds that a part has, and what runs it."""


class Over(BaseException):
    """The seconds of a part are over. No `except Exception` on the way may keep it."""


@contextmanager
def ended_after(seconds: float) -> Iterator[None]:
    """Raise Over in what is done here once so many seconds have passed."""

    def end(*_: object) -> None:
        raise Over(f"the rest: its {seconds:g} s were over")

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def measured(device: str, size: Size, names: Sequence[str]) -> list[Part]:
    """Run the parts one after the other; one that fails does not end the others."""
    parts = []
    for name in names:
        seconds, run = PARTS[name]
        print(f"measuring {name}, {seconds:.0f} s at most", file=sys.stderr)
        start = time.monotonic()
        work, failed = Work(device, size, start + seconds), ""
        try:
            with ended_after(seconds):
                run(work)
        except Over as over:
            work.left_out.append(str(over))
        except Exception as error:  # noqa: BLE001  the border: one part, one fate
            failed = f"{type(error).__name__}: {error}"
        parts.append(Part(name, work.figures, work.left_out, failed, time.monotonic() - start))
    return parts


def missing(device: str) -> str:
    """Say what is missing for a device, in a sentence; "" if it is there."""
    try:
        wanted = torch.device(device)
    except RuntimeError:
        return f"torch knows no device {device!r}; name cuda, cuda:1 or cpu"
    if wanted.type == "cpu":
        return ""
    there = torch.cuda.device_count() if wanted.type == "cuda" else 0
    if (wanted.index or 0) < there:
        return ""
    return (
        f"torch {torch.__version__} sees {there} GPUs with CUDA, but {device} was asked for; run "
        "`make bench-gpu` on a machine with an NVIDIA card and its driver, or a short form by "
        "`python -m benchmarks.gpu --device cpu --tiny`"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table and write the object."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda", help="cuda, cuda:1 or cpu (cuda)")
    parser.add_argument("--tiny", action="store_true", help="only see whether everything runs")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=[*PARTS], metavar="PART")
    parser.add_argument("--out", type=Path, default=Path("bench-gpu.json"), metavar="FILE")
    options = parser.parse_args(arguments)
    if sentence := missing(options.device):
        print(sentence, file=sys.stderr)
        return 2
    parts = measured(options.device, TINY if options.tiny else Size(), options.only)
    where = place(options.device)
    found = {**where, "parts": [asdict(part) for part in parts]}
    options.out.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    print(table(where, parts))
    return int(any(part.failed for part in parts))


if __name__ == "__main__":
    sys.exit(main())
