"""What a search of several parts misses, because it compares a part of a library.

    python -m benchmarks.candidates [--videos N] [--narrow]

Makes a library of N videos with 50 segments of two seconds each: noise, to which sentences are
added. A share of all segments, by chance, shows "a green tree" at night, and another one "a blue
boat". 40 videos show neither by chance, and "a red car" once: half of them the tree four seconds
later, and half the boat four seconds before. In 40 others the tree is once without the night, and
farther from the sentence. `rare then common` asks for the car and then the tree, `common then rare`
for the boat and then the car, and `unwanted` for the tree without the night. Prints how many of the
planted moments are among the first 100 hits and match, of how many there are, and the median
milliseconds of a search, as its thread computed. `filtered, three parts` is `common then rare`
with a folder, without "a dog". With `--narrow`, only the nearest segments are compared.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import numpy as np
from numpy.typing import NDArray

from benchmarks.library import make_library
from clipseek import wider
from clipseek.assembly import load_model, open_existing
from clipseek.config import Settings
from clipseek.errors import ClipseekError
from clipseek.parts import Text
from clipseek.query import Filters, Query, Step
from clipseek.types import Hit

SEGMENTS, PLANTED, TIMES = 50, 40, 15
WITHIN_S = 10.0
EVERY = Filters(folder="/videos")
RARE, COMMON, OTHER, UNWANTED = "a red car", "a green tree", "a blue boat", "at night"
Floats = NDArray[np.float32]


def main() -> int:
    """Measure and print a line for each."""
    parser = argparse.ArgumentParser(description="What searches of several parts miss.")
    parser.add_argument("--videos", type=int, default=2000, help="how many (2000)")
    parser.add_argument("--narrow", action="store_true", help="compare only the nearest")
    options = parser.parse_args()
    if options.narrow:
        wider.BESIDE = wider.ENOUGH = 0
    for share in (0.005, 0.05, 0.2):
        with tempfile.TemporaryDirectory() as folder:
            found = measure(Path(folder), options.videos, share)
        for name, (hits, all_of_them, ms) in found.items():
            sys.stdout.write(f"{share:6g} {name:22}{hits:4} of {all_of_them:3}{ms:8.1f} ms\n")
    return 0


def measure(folder: Path, videos: int, share: float) -> dict[str, tuple[int, int, float]]:
    """Return for each kind of search the found and the planted ones, and milliseconds."""
    planted = _Planted(folder, videos, share)
    make_library(folder, videos=videos, segments=SEGMENTS, draw=planted.draw)
    service = open_existing(Settings.load(data_dir=folder))
    rare, common, other = (Text(each) for each in (RARE, COMMON, OTHER))
    step, car = Step((common,), WITHIN_S), Step((rare,), WITHIN_S)
    queries = {
        "plain": (Query.of(rare, 100), planted.rare),
        "rare then common": (Query.of(rare, 100, then=[step]), planted.rare[::2]),
        "common then rare": (
            Query.of(other, 100, then=[car]),
            planted.rare[1::2],
        ),
        "filtered, three parts": (
            Query.of((other, Text("a dog", -1.0)), 100, filters=EVERY, then=[car]),
            planted.rare[1::2],
        ),
        "unwanted": (Query.of((common, Text(UNWANTED, -1.0)), 100), planted.clear),
    }
    found: dict[str, tuple[int, int, float]] = {}
    try:
        for name, (query, expected) in queries.items():
            taken: list[float] = []
            hits: Sequence[Hit] = ()
            for _ in range(TIMES + 1):
                began = time.thread_time()
                (answer,) = service.searcher.search([query])
                taken.append(1000 * (time.thread_time() - began))
                if isinstance(answer, ClipseekError):
                    raise answer
                hits = answer.hits
            good = {hit.video.id for hit in hits if hit.relevance >= 0.5}
            wanted = {f"{number:032x}" for number in expected}
            found[name] = len(good & wanted), len(wanted), median(taken[1:])
    finally:
        service.close()
    return found


class _Planted:
    """Which videos show what, and their vectors."""

    def __init__(self, folder: Path, videos: int, share: float) -> None:
        model = load_model(Settings.load(data_dir=folder, model="demo"), "demo", report=_quiet)
        texts = model.embedder.embed_texts([RARE, COMMON, OTHER, UNWANTED])
        self._of = dict(zip((RARE, COMMON, OTHER, UNWANTED), texts, strict=True))
        self._share = share
        numbers = np.random.default_rng(1).permutation(videos)[: 2 * PLANTED].tolist()
        self.rare, self.clear = numbers[:PLANTED], numbers[PLANTED:]

    def draw(self, number: int, chance: np.random.Generator, dim: int) -> Floats:
        """Return the vectors of one video."""
        noise = chance.standard_normal((SEGMENTS, dim))
        noise /= np.linalg.norm(noise, axis=1, keepdims=True)
        shown = np.zeros((SEGMENTS, dim))
        common, other = chance.random((2, SEGMENTS)) < self._share
        if number in self.rare:
            common[:], other[:] = False, False
        shown[common] += self._of[COMMON] + self._of[UNWANTED]
        shown[other] += self._of[OTHER]
        if number in self.rare:
            shown[20] += self._of[RARE]
            is_before = self.rare.index(number) % 2
            shown[18 if is_before else 22] += 0.8 * self._of[OTHER if is_before else COMMON]
        if number in self.clear:
            shown[30] += 0.8 * self._of[COMMON]
        found: Floats = (0.6 * shown + 0.8 * noise).astype(np.float32)
        found /= np.linalg.norm(found, axis=1, keepdims=True)
        return found


def _quiet(_step: str) -> None:
    pass


if __name__ == "__main__":
    raise SystemExit(main())
