"""What a search for moments that follow each other costs, against a search of one sentence.

    python -m benchmarks.sequences [--videos N] [--times N]

Makes a library of N videos with 50 segments each, of random vectors, with a snapshot, and asks it
in process, without a cache of answers. The vectors of sentences are known after the first round.
`plain` is one sentence, `filtered` that with a folder, and `without` has two parts, one of them not
wanted. `then` has three parts: one that is wanted, one that is not, and one that must follow within
30 seconds, and the folder. `steps` has three steps with two parts each. Every segment matches every
sentence, which is the worst case. Prints the median milliseconds of CPU time of each, taken in
turns, and `ratio`: that of `then` over that of `plain`. With OMP_NUM_THREADS=1 no thread waits for
another, which would count.
"""

import time
from pathlib import Path
from statistics import median

from benchmarks.library import make_library, print_figures
from clipseek.assembly import open_existing
from clipseek.config import Settings
from clipseek.errors import ClipseekError
from clipseek.parts import Text
from clipseek.query import Filters, Query, Step

SEGMENTS = 50
WITHIN_S = 30.0
EVERY = Filters(folder="/videos")


def measure(folder: Path, videos: int, times: int) -> dict[str, float]:
    """Return the median milliseconds of each kind of search, and the ratio."""
    make_library(folder, videos=videos, segments=SEGMENTS)
    service = open_existing(Settings.load(data_dir=folder))
    taken: dict[str, list[float]] = {name: [] for name in queries()}
    try:
        for _ in range(times + 1):
            for name, query in queries().items():
                began = time.process_time()
                (answer,) = service.searcher.search([query])
                taken[name].append(1000 * (time.process_time() - began))
                if isinstance(answer, ClipseekError):
                    raise answer
    finally:
        service.close()
    found = {name: median(each[1:]) for name, each in taken.items()}
    return found | {"ratio": found["then"] / found["plain"]}


def queries() -> dict[str, Query]:
    """Return a search of each kind."""
    car, boat, tree = (Text(f"a {thing}") for thing in ("red car", "blue boat", "green tree"))
    not_night = Text("at night", -1.0)
    steps = [Step((each, not_night), WITHIN_S) for each in (boat, tree)]
    return {
        "plain": Query.of(car),
        "filtered": Query.of(car, filters=EVERY),
        "without": Query.of((car, not_night)),
        "then": Query.of((car, not_night), filters=EVERY, then=[Step((boat,), WITHIN_S)]),
        "steps": Query.of((car, not_night), filters=EVERY, then=steps),
    }


if __name__ == "__main__":
    raise SystemExit(print_figures("Searches for moments that follow each other.", measure))
