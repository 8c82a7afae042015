"""Which rows a filter lets through, as expressions that Milvus evaluates."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Numbers in one expression: 10 000 of 7 digits are 80 kB of text.
_NUMBERS = 10_000


@dataclass(frozen=True, slots=True)
class Some:
    """Some rows: an expression over the fields `id` and `video`, and how many it lets through."""

    expression: str
    count: int


def chosen(
    ids: NDArray[np.int64], owners: NDArray[np.int32], rows: NDArray[np.int64]
) -> list[Some]:
    """Return expressions that together let exactly some rows through, each row once.

    A video whose segments are all among them is named once, by its place; if fewer videos are left
    out than let through, those that are left out are named. Segments of other videos are named by
    their ids.

    Args:
        ids: int64 (N,), ascending.
        owners: int32 (N,), the place of each row's video.
        rows: int64 (R,), ascending and distinct.
    """
    if not len(rows):
        return []
    if len(rows) == len(ids):
        return [Some("", len(ids))]
    count = int(owners.max()) + 1
    of_video = np.bincount(owners, minlength=count)
    asked = np.bincount(owners[rows], minlength=count)
    is_whole = (asked == of_video) & (asked > 0)
    rest = ids[rows[~is_whole[owners[rows]]]]
    whole, others = np.flatnonzero(is_whole), np.flatnonzero(~is_whole & (of_video > 0))
    found = []
    if len(others) < len(whole) and len(others) <= _NUMBERS:
        found.append(Some(f"video not in {others.tolist()}", int(asked[whole].sum())))
    else:
        found += [
            Some(f"video in {some.tolist()}", int(asked[some].sum())) for some in _parts(whole)
        ]
    found += [Some(f"id in {some.tolist()}", len(some)) for some in _parts(rest)]
    return found


def _parts(numbers: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    for start in range(0, len(numbers), _NUMBERS):
        yield numbers[start : start + _NUMBERS]
