"""In which order the videos of a collection are listed, and which of them a name finds."""

from collections.abc import Iterable
from heapq import nlargest, nsmallest
from typing import Literal
from unicodedata import normalize

from clipseek.types import Named, Video

Order = Literal["id", "newest", "title", "length"]


def listed(
    names: Iterable[Named], order: Order, query: str, *, after: Named | Video | None, most: int
) -> list[str]:
    """Return the ids of the first videos whose titles have every word of `query`.

    `newest` and `length` begin with the highest value, the others with the lowest. Videos that are
    equal are ordered by id in the same direction, so that each has one place. `after` is the last
    video of the page before. Only `most` videos are kept in memory.
    """
    words = folded(query).split()
    wanted = (each for each in names if _has(each.title, words))
    if order in ("newest", "length"):
        last = None if after is None else _key(after, order)
        past = (each for each in wanted if last is None or _key(each, order) < last)
        return [each.id for each in nlargest(most, past, key=lambda each: _key(each, order))]
    last = None if after is None else _key(after, order)
    past = (each for each in wanted if last is None or _key(each, order) > last)
    return [each.id for each in nsmallest(most, past, key=lambda each: _key(each, order))]


def _has(title: str, words: list[str]) -> bool:
    if not words:
        return True
    letters = folded(title)
    return all(word in letters for word in words)


def _key(video: Named | Video, order: Order) -> tuple[str | float, str]:
    """Return what a video is ordered by; an id distinguishes videos that are equal."""
    values: dict[Order, str | float] = {
        "id": "",
        "newest": video.indexed_at,
        "title": folded(video.title),
        "length": video.duration,
    }
    return values[order], video.id


def folded(text: str) -> str:
    """Return a text without the difference of upper and lower case (Unicode, 3.13)."""
    return normalize("NFKC", normalize("NFKC", text).casefold())
