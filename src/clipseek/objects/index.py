"""ObjectIndex: the objects of a collection at one version, compared with a sentence. Pure."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from clipseek import calibration
from clipseek.nearest import rounding
from clipseek.objects.block import Block, gathered
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


_BLOCK = 16_384
"""Objects of a full block: 32 MB of vectors of 512 numbers."""
_MOST_SMALL = 32
"""Blocks of less than a quarter of that are gathered again once there are more of them."""


@dataclass(frozen=True, slots=True, eq=False)
class ObjectIndex:
    """What the videos of a collection show. Immutable; `changed` returns the next state.

    Every object is compared: they are tracks, of which there are about as many as segments. They
    are in blocks, so that a change costs what has changed, and the others stay where they are.
    """

    _blocks: tuple[Block, ...] = field(default=(), repr=False)

    def changed(
        self, videos: AbstractSet[str], found: Iterable[tuple[str, VideoObjects]]
    ) -> "ObjectIndex":
        """Return the state in which some videos show what is given, and nothing else."""
        fresh = list(gathered(found, _BLOCK))
        gone = videos | {video_id for block in fresh for video_id in block.places}
        kept = [block.without(gone) for block in self._blocks]
        if not fresh and all(a is b for a, b in zip(kept, self._blocks, strict=True)):
            return self
        return type(self)(_tidied([*(block for block in kept if block.places), *fresh]))

    def __len__(self) -> int:
        return sum(map(len, self._blocks))

    def search(
        self, vector: NDArray[np.float32], scoring: Scoring, only: AbstractSet[str] | None = None
    ) -> tuple[list[Found], bool]:
        """Return the objects that fit a unit vector (dim,) best, and whether there may be more.

        Those of a relevance of `LEAST` or more, of some videos or of all. Their relevance is that
        of a picture with the same score.
        """
        best, count = self._best(vector, only)
        scores = np.array([score for score, *_ in best], np.float64)
        biases = np.array([self._blocks[block].biases[row] for *_, block, row in best], np.float64)
        logits = calibration.evidence(scores, biases, scoring.logit_scale)
        relevance = calibration.relevance(logits, scoring.relevance).tolist()
        found = []
        for (_, video_id, block, row), fit in zip(best, relevance, strict=True):
            if fit >= LEAST:
                track = self._blocks[block].track(row)
                found.append(Found(video_id, _hit(track, fit, track.best, is_shown=False), track))
        return found, len(found) == MOST < count

    def _best(
        self, vector: NDArray[np.float32], only: AbstractSet[str] | None
    ) -> tuple[list[tuple[float, str, int, int]], int]:
        """Return score, video, block and row of the nearest objects, and how many were compared.

        Scores that count are summed in float64, whatever block an object is in; equal ones are in
        the order of videos and of time.
        """
        ends = np.cumsum([0, *(len(block.alive) for block in self._blocks)])
        scores, allowed = np.empty(ends[-1], np.float32), np.empty(ends[-1], np.bool_)
        for number, block in enumerate(self._blocks):
            mine = slice(ends[number], ends[number + 1])
            allowed[mine] = block.among(only)
            np.dot(block.vectors, vector, out=scores[mine])
        places = np.flatnonzero(allowed)
        if not len(places):
            return [], 0
        rough, most = scores[places], max(0, len(places) - MOST)
        places = places[rough >= np.partition(rough, most)[most] - rounding(len(vector))]
        near, wide = [], vector.astype(np.float64)
        for number, block in enumerate(self._blocks):
            inside = (places >= ends[number]) & (places < ends[number + 1])
            rows = places[inside] - ends[number]
            # Not a product of matrices: that rounds a row by the shape of the matrix it is in.
            exact = (block.vectors[rows] * wide).sum(axis=1).tolist()
            names = block.names(rows)
            for row, score, video_id in zip(rows.tolist(), exact, names, strict=True):
                near.append((score, video_id, number, row))
        near.sort(key=lambda each: (-each[0], each[1], each[3]))
        return near[:MOST], int(allowed.sum())


def _tidied(blocks: list[Block]) -> tuple[Block, ...]:
    """Gather blocks again that have few objects, if they are many; full ones stay as they are."""
    small = [block for block in blocks if len(block) * 4 < max(_BLOCK, 2 * len(block.alive))]
    if len(small) <= _MOST_SMALL:
        return tuple(blocks)
    full = [block for block in blocks if all(block is not each for each in small)]
    again = (each for block in small for each in block.found())
    return (*full, *gathered(again, _BLOCK))


def _hit(track: Track, relevance: float, row: int, *, is_shown: bool = True) -> FieldHit:
    place = ObjectPlace(float(track.times[row]), *track.edges(row), is_shown=is_shown)
    return FieldHit(OBJECT, relevance, track.span, track.label, where=place)
