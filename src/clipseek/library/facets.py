"""What can be filtered by: the folders and the tags of the videos of a view."""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from clipseek.library.parts import Part

_LAST = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class Facets:
    """Folders without the `/` at their end, ascending, and tags with their videos, most first.

    more_folders, more_tags: Whether some are left out.
    """

    folders: Sequence[str]
    more_folders: bool
    tags: Sequence[tuple[str, int]]
    more_tags: bool


def facets(parts: Sequence[Part], prefix: str, most: int) -> Facets:
    """Return at most so many folders that begin with a text, and the most used tags."""
    folders, more_folders = offered([_folders(part) for part in parts], prefix, most)
    counts: Counter[str] = Counter()
    for part in parts:
        counts.update(_tags(part))
    tags = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    return Facets(folders, more_folders, tags[:most], len(tags) > most)


def _folders(part: Part) -> Sequence[str]:
    """Return the folders of the videos that are not gone, ascending."""
    if part.gone is None:
        return part.facts.folders.distinct
    there = np.unique(part.facts.folders.places[~part.gone])
    return [part.facts.folders.distinct[number] for number in there.tolist()]


def _tags(part: Part) -> dict[str, int]:
    """Return how many videos that are not gone have each tag."""
    tags = part.tags
    alive = np.ones(len(tags.rows), np.int64) if part.gone is None else ~part.gone[tags.rows]
    before = np.concatenate([[0], np.cumsum(alive)])
    counts = before[tags.begins[1:]] - before[tags.begins[:-1]]
    return {tag: count for tag, n in tags.numbers.items() if (count := int(counts[n]))}


def offered(lists: Iterable[Sequence[str]], prefix: str, most: int) -> tuple[list[str], bool]:
    """Return folders that begin with a text, those with few parts first if there are too many.

    From the one that all of these folders are in, which is where they begin to differ. It takes as
    long as the answer, not as there are folders: children are found by bisection.

    Args:
        lists: Several lists of folders, each ascending, with a `/` at the end of each folder.
        prefix: What a folder must begin with.
        most: The most folders to return.

    Returns:
        The folders, ascending, without the `/` at their end, and whether some were left out.
    """
    lists = [within for each in lists if (within := _within(each, prefix))]
    if not lists:
        return [], False
    root = shared(min(each[0] for each in lists), max(each[-1] for each in lists))
    found = [root] if root.startswith(prefix) and is_name(root) else []
    level = [root]
    while level and len(found) <= most:
        below: list[str] = []
        for parent in level:
            below += _children(lists, parent, most + 1 - len(found) - len(below))
            if len(found) + len(below) > most:
                break
        found += below
        level = below
    return sorted(folder[:-1] for folder in found[:most]), len(found) > most


def _within(folders: Sequence[str], prefix: str) -> Sequence[str]:
    """Return those of the folders that begin with a text; all that are folders without one."""
    first = bisect_left(folders, prefix) if prefix else bisect_right(folders, "")
    return folders[first : bisect_left(folders, prefix + _LAST)]


def shared(low: str, high: str) -> str:
    """Return the folder that all folders between two ones are in."""
    differ = (
        place for place, pair in enumerate(zip(low, high, strict=False)) if len(set(pair)) > 1
    )
    shared = low[: next(differ, len(low))]
    return shared[: shared.rfind("/") + 1]


def _children(lists: Sequence[Sequence[str]], parent: str, most: int) -> list[str]:
    """Return the first folders that are directly in another one, ascending, at most so many."""
    children: set[str] = set()
    for folders in lists:
        place = bisect_right(folders, parent)
        count = 0
        while count < most and place < len(folders) and folders[place].startswith(parent):
            child = _child(folders[place], parent)
            children.add(child)
            count += 1
            place = bisect_left(folders, child + _LAST)
    return sorted(children)[:most]


def _child(folder: str, parent: str) -> str:
    """Return the part of a folder that is directly in `parent`."""
    end = folder.find("/", len(parent)) + 1
    while end < len(folder) and not is_name(folder[:end]):
        end = folder.find("/", end) + 1
    return folder[:end]


def is_name(folder: str) -> bool:
    """Whether a folder ends with a name, not within the scheme of a uri or its slashes."""
    return not folder.endswith((":/", "//")) and folder not in ("", "/")
