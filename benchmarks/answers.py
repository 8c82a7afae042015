"""What facets, groups and another order cost a search.

    python -m benchmarks.answers [--videos N] [--times N]

Makes a library of N videos with 50 segments each, of random vectors, in a hundred folders, with
three of a hundred tags each and a time of recording, and with a snapshot. It is asked for one
sentence in process, without a cache of answers; every moment that is compared counts as matching,
so that as many videos are counted and sorted as there can be. Prints the median milliseconds of
each kind of search, taken in turns, and `ratio`: that of `all`, which has all three, over `plain`.
"""

import time
from dataclasses import replace
from pathlib import Path
from statistics import median

from benchmarks.library import make_library, print_figures
from clipseek.assembly import open_existing
from clipseek.config import Settings
from clipseek.errors import ClipseekError
from clipseek.query import Query
from clipseek.types import FACETS, Video

SEGMENTS = 50
TAGS = FOLDERS = 100
EVERYTHING = 1e-9
"""A relevance that every moment has."""


def measure(folder: Path, videos: int, times: int) -> dict[str, float]:
    """Return the median milliseconds of each kind of search, and the ratio."""
    make_library(folder, videos=videos, segments=SEGMENTS, described=described)
    service = open_existing(Settings.load(data_dir=folder))
    service.collections.open("default")  # as an API does when it starts
    taken: dict[str, list[float]] = {name: [] for name in queries()}
    try:
        for _ in range(times + 1):
            for name, query in queries().items():
                began = time.perf_counter()
                (answer,) = service.searcher.search([query])
                taken[name].append(1000 * (time.perf_counter() - began))
                if isinstance(answer, ClipseekError):
                    raise answer
    finally:
        service.close()
    found = {name: median(each[1:]) for name, each in taken.items()}
    return found | {"ratio": found["all"] / found["plain"]}


def described(number: int, video: Video) -> Video:
    """Give a video a folder, tags and a time of recording."""
    return replace(
        video,
        uri=f"/videos/{number % FOLDERS}/{video.id}.mp4",
        tags=tuple(f"tag {(7 * number + n) % TAGS}" for n in range(3)),
        recorded_at=f"{2000 + number % 25}-06-01T00:00:00Z",
    )


def queries() -> dict[str, Query]:
    """Return a search of each kind."""
    plain = Query.of("a red car", min_relevance=EVERYTHING)
    counted = replace(plain, facets=FACETS)
    return {
        "plain": plain,
        "hundred": replace(plain, limit=100),
        "facets": counted,
        "groups": replace(plain, group_by="video"),
        "newest": replace(plain, sort="newest"),
        "all": replace(counted, group_by="video", sort="newest"),
    }


if __name__ == "__main__":
    raise SystemExit(print_figures("Searches with facets, groups and an order.", measure))
