"""In which order the hits of a search are given, and which of them stand for others."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Literal, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from clipseek.listing import folded
from clipseek.types import Named, Video

Sort = Literal["relevance", "time", "newest"]
"""The best hits first; by the titles of videos, and by time in each; or by time of indexing."""
SORTS: tuple[Sort, ...] = ("relevance", "time", "newest")
Group = Literal["video"]
"""What the hits have in common of which one is given."""
GROUPS: tuple[Group, ...] = ("video",)


class Found(NamedTuple):
    """What is known of hits before they are arranged, best first, rows together.

    segment_ids: int64 (M,). starts, ends: float64 (M,) seconds. is_good: bool (M,), which match.
    """

    segment_ids: NDArray[np.int64]
    video_ids: Sequence[str]
    starts: NDArray[np.float64]
    ends: NDArray[np.float64]
    is_good: NDArray[np.bool_]

    def matching(self, gone: AbstractSet[str]) -> list[str]:
        """Return the video of each hit that matches, without those that are gone."""
        return [
            video_id
            for video_id, good in zip(self.video_ids, self.is_good.tolist(), strict=True)
            if good and video_id not in gone
        ]

    def counts(self, gone: AbstractSet[str]) -> tuple[int, int]:
        """Return how many hits match and in how many videos, without those that are gone."""
        videos = self.matching(gone)
        return len(videos), len(set(videos))

    def within(self, videos: AbstractSet[str]) -> Self:
        """Return the hits of which only those of some videos match."""
        is_there = np.array([video_id in videos for video_id in self.video_ids], np.bool_)
        return self._replace(is_good=self.is_good & is_there)


@dataclass(frozen=True, slots=True, eq=False)
class Order:
    """Which hits are given, int64 (N,) places among all, in order.

    others: int64 (N,), how many other hits of the same video match, or None if hits stand for
    themselves.
    """

    places: NDArray[np.int64]
    others: NDArray[np.int64] | None


def arranged(
    found: Found, videos: Mapping[str, Video | Named], sort: Sort, group_by: Group | None
) -> Order:
    """Return the order of hits: those that match before the others, but by relevance as they are.

    Of a group the best hit that matches is given, or the best one. Hits of videos that are not
    among `videos`, which are known by their ids, are left out.
    """
    places = [place for place, video_id in enumerate(found.video_ids) if video_id in videos]
    good = found.is_good.tolist()
    matching: dict[str, int] = {}
    if group_by is not None:
        standing: dict[str, int] = {}
        for place in places:
            video_id = found.video_ids[place]
            matching[video_id] = matching.get(video_id, 0) + good[place]
            known = standing.setdefault(video_id, place)
            if good[place] and not good[known]:
                standing[video_id] = place
        places = sorted(standing.values())
    if sort != "relevance":
        starts = found.starts.tolist()
        names = {video_id: (folded(each.title), video_id) for video_id, each in videos.items()}
        places.sort(key=lambda place: (names[found.video_ids[place]], starts[place]))
        if sort == "newest":
            places.sort(key=lambda place: videos[found.video_ids[place]].indexed_at, reverse=True)
        places.sort(key=lambda place: not good[place])
    order = np.array(places, np.int64)
    if group_by is None:
        return Order(order, None)
    others = [matching[found.video_ids[place]] - good[place] for place in places]
    return Order(order, np.array(others, np.int64))
