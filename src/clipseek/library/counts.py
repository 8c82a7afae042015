"""How what a search finds in a view is distributed over tags, folders, years and languages."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet

import numpy as np

from clipseek.arranging import Found
from clipseek.library.facets import is_name, shared
from clipseek.library.view import View
from clipseek.timed import Span
from clipseek.types import Facet, FacetKind

MOST = 100
"""Values of one kind that are counted at most, those with the most videos."""


def counted(
    view: View, found: Found, gone: AbstractSet[str], kinds: Sequence[FacetKind]
) -> dict[FacetKind, Facet]:
    """Return for each kind how many of the videos that match have which value, most first.

    Of tags on spans, how many have a hit that overlaps one, as hits name them. Videos that are gone
    do not count.
    """
    videos = set(found.matching(gone))
    return {
        kind: _facet(
            Counter(
                _marks(view, found, videos)
                if kind == "segment_tag"
                else _VALUES[kind](view, videos)
            )
        )
        for kind in kinds
    }


def _facet(counts: Counter[str]) -> Facet:
    values = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    return Facet(tuple(values[:MOST]), more=len(values) > MOST)


def _tags(view: View, videos: AbstractSet[str]) -> Iterator[str]:
    for part in view.parts:
        tags = part.tags
        before = np.concatenate([[0], np.cumsum(part.among(videos)[tags.rows])])
        counts = np.diff(before[tags.begins]).tolist()
        for tag, number in tags.numbers.items():
            for _ in range(counts[number]):
                yield tag


def _folders(view: View, videos: AbstractSet[str]) -> Iterator[str]:
    """Yield the folder of each video and those that it is in, from the one that has all videos."""
    homes = [
        folders.distinct[place]
        for part in view.parts
        for folders in [part.facts.folders]
        for place in folders.places[part.among(videos)].tolist()
    ]
    if not homes:
        return
    root = shared(min(homes), max(homes))
    for home in homes:
        end = len(root)
        while end <= len(home):
            if is_name(home[:end]):
                yield home[: end - 1]
            end = home.find("/", end) + 1 or len(home) + 1


def _years(view: View, videos: AbstractSet[str]) -> Iterator[str]:
    for part in view.parts:
        times = part.facts.recorded[part.among(videos)]
        known = times[~np.isnan(times)]
        yield from known.astype("datetime64[s]").astype("datetime64[Y]").astype(str).tolist()


def _languages(view: View, videos: AbstractSet[str]) -> Iterator[str]:
    for video_id in videos:
        yield from view.words.spoken_in.codes.get(video_id, ())


def _marks(view: View, found: Found, videos: AbstractSet[str]) -> Iterator[str]:
    """Yield each tag that overlaps a hit once for its video."""
    marks = view.fields.marks
    if not marks.videos:
        return
    met = set[tuple[str, str]]()
    for row in np.flatnonzero(found.is_good).tolist():
        video_id = found.video_ids[row]
        if video_id in videos:
            span = Span(float(found.starts[row]), float(found.ends[row]))
            met |= {(video_id, mark.tag) for mark in marks.over(video_id, span)}
    yield from (tag for _, tag in met)


_VALUES: dict[FacetKind, Callable[[View, AbstractSet[str]], Iterator[str]]] = {
    "tag": _tags,
    "folder": _folders,
    "year": _years,
    "language": _languages,
}
