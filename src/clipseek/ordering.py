"""What matches a query, in the order that it asks for: by something else, or one hit of each video.

Every page arranges the same hits, so there are no `further` ones.
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clipseek.arranging import Found, Order, arranged
from clipseek.following import Following
from clipseek.fused import Fused
from clipseek.matching import Judged, Match
from clipseek.query import Query
from clipseek.types import Named, Video

Matched = Match | Following | Fused


@dataclass(frozen=True, slots=True, eq=False)
class Ordered:
    """The hits of one query in the order that it asks for."""

    match: Matched
    _found: Found
    order: Order
    further: bool = False

    @classmethod
    def of(cls, match: Matched, query: Query, videos: Mapping[str, Video | Named]) -> "Ordered":
        """Arrange all hits; `videos` are those of them that are there, the others match nothing."""
        found = match.found().within(videos.keys())
        return cls(match, found, arranged(found, videos, query.sort, query.group_by))

    def found(self) -> Found:
        """Return what is known of all hits before they are arranged; none of a gone video match."""
        return self._found

    def __len__(self) -> int:
        return len(self.order.places)

    @property
    def more(self) -> bool:
        """Whether more hits may match than were compared."""
        return self.match.more

    @property
    def enough(self) -> float:
        """From which relevance or score on a hit matches."""
        return self.match.enough

    def has_last(self, query: Query) -> bool:
        """Whether the last hit of the page before is there; a video may be removed meanwhile."""
        after = query.after
        return after is None or after.is_first or bool(np.any(self._ids == after.segment_id))

    def page(self, query: Query) -> slice:
        """Return where the hits of a page are among all, if the last one before it is there."""
        start = 0
        if query.after is not None:
            here = np.flatnonzero(self._ids == query.after.segment_id)
            start = int(here[0]) + 1 if len(here) else 0
        return slice(start, start + query.size)

    def before(self, query: Query, gone: AbstractSet[str]) -> NDArray[np.int64]:
        """Return the segments of the hits before a page, without videos that are gone."""
        places = self.order.places[: self.page(query).start].tolist()
        ids = self._found.segment_ids
        kept = [ids[place] for place in places if self._found.video_ids[place] not in gone]
        return np.array(kept, np.int64)

    def counts(self, gone: AbstractSet[str]) -> tuple[int, int]:
        """Return how many moments match and in how many videos, without those that are gone."""
        return self._found.counts(gone)

    def made(self, page: slice) -> list[Judged]:
        """Make some of the hits."""
        hits = self.match.made(self.order.places[page])
        if self.order.others is None:
            return hits
        others = self.order.others[page].tolist()
        return [hit._replace(more_in_video=n) for hit, n in zip(hits, others, strict=True)]

    @property
    def _ids(self) -> NDArray[np.int64]:
        return self._found.segment_ids[self.order.places]
