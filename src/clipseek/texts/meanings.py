"""Meanings: which passages say the same as a sentence in other words, by vectors of both."""

import threading
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from clipseek import calibration
from clipseek.layers import Layers
from clipseek.timed import FIELDS, Field, Meaning
from clipseek.types import Relevance

STORED = np.dtype("<f2")
"""Of the components of a vector, as a catalog stores them."""


@dataclass(frozen=True, slots=True, eq=False)
class Sense:
    """What a sentence means: its vector, float32 (dim,), by a model, and the curve of relevance."""

    model: str
    vector: NDArray[np.float32] = field(repr=False)
    curve: Relevance


class Meant(NamedTuple):
    """What the passages of one field of a video mean: `rows` of them from the one at `first`."""

    field: Field
    first: int
    rows: int
    meaning: Meaning


class Near(NamedTuple):
    """A passage that means something like a sentence: its video, its place there, the relevance."""

    video: int
    at: int
    relevance: float


class _Rows(NamedTuple):
    """All passages of one model: places int64 (N, 3), video, number there and field; vectors."""

    places: NDArray[np.int64]
    vectors: NDArray[np.float32]


class Meanings:
    """What the passages of some videos mean, by the number of the video; `changed` returns others.

    The matrix of a model is made when it is first searched, so a process without a sentence model
    has none. Thread-safe.
    """

    def __init__(self, known: Mapping[int, Sequence[Meant]]) -> None:
        self._known = known if isinstance(known, Layers) else Layers(known)
        self._rows: dict[str, _Rows] = {}
        self._lock = threading.Lock()

    def changed(self, gone: AbstractSet[int], added: Mapping[int, Sequence[Meant]]) -> Self:
        """Return the meanings without those of some videos and with those of others."""
        new = {number: said for number, said in added.items() if said}
        return type(self)(self._known.changed(gone, new))

    def near(
        self,
        sense: Sense,
        *,
        fields: AbstractSet[Field],
        only: AbstractSet[int] | None,
        least: float,
        most: int,
    ) -> list[Near]:
        """Return passages of some fields, and with `only` of some videos, best first.

        So many at most, with a relevance of `least` or more. Those of other models are not
        compared.
        """
        places, vectors = self._of(sense)
        mine = np.isin(places[:, 2], [FIELDS.index(each) for each in fields])
        if only is not None:
            mine &= np.isin(places[:, 0], list(only))
        if not mine.all():
            places, vectors = places[mine], vectors[mine]
        relevance = calibration.relevance(vectors @ sense.vector, sense.curve)
        order = np.lexsort((places[:, 1], places[:, 0], -relevance))[:most]
        found = zip(places[order].tolist(), relevance[order].tolist(), strict=True)
        return [Near(video, at, fit) for (video, at, _), fit in found if fit >= least]

    def _of(self, sense: Sense) -> _Rows:
        with self._lock:
            if sense.model not in self._rows:
                self._rows[sense.model] = self._made(sense.model, len(sense.vector))
            return self._rows[sense.model]

    def _made(self, model: str, dim: int) -> _Rows:
        """Join what a model has said; a text whose passages are other ones by now is left out."""
        places = [np.empty((0, 3), np.int64)]
        vectors = [np.empty((0, dim), np.float32)]
        for number, said in self._known.items():
            for each in said:
                size = each.rows * dim * STORED.itemsize
                if each.meaning.model == model and len(each.meaning.vectors) == size:
                    at = np.arange(each.first, each.first + each.rows)
                    of = np.full_like(at, number), at, np.full_like(at, FIELDS.index(each.field))
                    places.append(np.stack(of, axis=1))
                    rows = np.frombuffer(each.meaning.vectors, STORED).reshape(each.rows, dim)
                    vectors.append(rows.astype(np.float32))
        return _Rows(np.concatenate(places), np.concatenate(vectors))
