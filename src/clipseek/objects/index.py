"""ObjectIndex: the objects of a collection at one version, compared with a sentence. Pure."""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from clipseek import calibration
from clipseek.timed import OBJECT, FieldHit, ObjectPlace
from clipseek.tracked import Track, VideoObjects
from clipseek.types import Scoring

MOST = 256
"""Objects that a search compares with other fields: as many as passages."""


LEAST = 0.05
"""Relevance below which an object is not found: it says nothing, and would only fill answers."""


class Found(NamedTuple):
    """An object that fits a sentence, and how well."""

    video_id: str
    hit: FieldHit
    track: Track

    def shown(self, time: float) -> "Found":
        """Return it with its place in the frame at a time, if it is seen in that frame."""
        row = self.track.at(time, _SAME_S)
        return self if row is None else self._replace(hit=_hit(self.track, self.hit.relevance, row))


_SAME_S = 0.02
"""Times that differ by less are of one frame: times of thumbnails are stored as they are."""


# Not frozen, because of the cached matrix; nothing else changes.
@dataclass(slots=False, eq=False)
class ObjectIndex:
    """What the videos of a collection show. Immutable; `changed` returns the next state.

    Every object is compared: they are tracks, of which there are about as many as segments.
    """

    _videos: Mapping[str, VideoObjects] = field(default_factory=dict, repr=False)

    def changed(
        self, videos: AbstractSet[str], found: Iterable[tuple[str, VideoObjects]]
    ) -> "ObjectIndex":
        """Return the state in which some videos show what is given, and nothing else."""
        fresh = {video_id: objects for video_id, objects in found if objects.tracks}
        if not fresh and not videos & self._videos.keys():
            return self
        kept = {each: objects for each, objects in self._videos.items() if each not in videos}
        return type(self)(kept | fresh)

    def __len__(self) -> int:
        return sum(len(objects.tracks) for objects in self._videos.values())

    @cached_property
    def _rows(self) -> "_Rows":
        return _Rows.of(self._videos)

    def search(
        self, vector: NDArray[np.float32], scoring: Scoring, only: AbstractSet[str] | None = None
    ) -> tuple[list[Found], bool]:
        """Return the objects that fit a unit vector (dim,) best, and whether there may be more.

        Those of a relevance of `LEAST` or more, of some videos or of all. Their relevance is that
        of a picture with the same score.
        """
        if not self._videos:
            return [], False
        rows = self._rows
        scores = rows.vectors @ vector
        places = np.arange(len(scores))
        if only is not None:
            places = np.flatnonzero(np.isin(rows.owners, rows.numbers(only)))
        order = places[np.argsort(-scores[places], kind="stable")[:MOST]]
        logits = calibration.evidence(
            scores[order].astype(np.float64), rows.biases[order], scoring.logit_scale
        )
        relevance = calibration.relevance(logits, scoring.relevance).tolist()
        found = []
        for place, fit in zip(order.tolist(), relevance, strict=True):
            if fit < LEAST:
                continue
            track = rows.tracks[place]
            video_id = rows.names[rows.owners[place]]
            found.append(Found(video_id, _hit(track, fit, track.best, is_shown=False), track))
        return found, len(found) == MOST < len(places)


def _hit(track: Track, relevance: float, row: int, *, is_shown: bool = True) -> FieldHit:
    place = ObjectPlace(float(track.times[row]), *track.edges(row), is_shown=is_shown)
    return FieldHit(OBJECT, relevance, track.span, track.label, where=place)


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """All objects as arrays; rows belong together. owners: places in `names`."""

    names: tuple[str, ...]
    owners: NDArray[np.int64]
    tracks: tuple[Track, ...]
    vectors: NDArray[np.float32]
    biases: NDArray[np.float64]

    @classmethod
    def of(cls, videos: Mapping[str, VideoObjects]) -> Self:
        names = tuple(sorted(videos))
        tracks = tuple(track for name in names for track in videos[name].tracks)
        counts = [len(videos[name].tracks) for name in names]
        return cls(
            names,
            np.repeat(np.arange(len(names)), counts),
            tracks,
            np.stack([track.vector for track in tracks]),
            np.array([track.bias for track in tracks], np.float64),
        )

    def numbers(self, videos: AbstractSet[str]) -> NDArray[np.int64]:
        """Return the places of some videos."""
        return np.array([i for i, name in enumerate(self.names) if name in videos], np.int64)
