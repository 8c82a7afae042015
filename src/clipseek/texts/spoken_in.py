"""SpokenIn: the languages in which something is said or written in which videos."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

from clipseek.layers import Layers
from clipseek.texts.languages import code_of

_REMEMBERED = 64
"""Masks that are remembered: of some languages for the few parts of a view."""


@dataclass(frozen=True, slots=True, eq=False)
class SpokenIn:
    """The codes of the languages of each video that has any. Immutable; `changed` gives the next.

    Masks are remembered, because making one takes 140 ms for 100 000 videos, and
    every search with this filter needs it. Threads may make one twice.
    """

    codes: Layers[str, AbstractSet[str]] = field(default_factory=Layers, repr=False)
    # By code and identity of the videos, which are kept, so that no others have this identity.
    _masks: dict[tuple[str, int], tuple[NDArray[np.str_], NDArray[np.bool_]]] = field(
        default_factory=dict, repr=False
    )

    def changed(self, videos: AbstractSet[str], codes: Mapping[str, AbstractSet[str]]) -> Self:
        """Return the state in which some videos have the languages that are given and no others."""
        return type(self)(self.codes.changed(videos, codes))

    def mask(self, language: str, videos: NDArray[np.str_]) -> NDArray[np.bool_]:
        """Return which videos, str (V,), have something in a language, by its tag: bool (V,)."""
        code = code_of(language)
        key = code, id(videos)
        known = self._masks.get(key)
        if known is None:
            spoken = (code in self.codes.get(video_id, ()) for video_id in videos.tolist())
            known = videos, np.fromiter(spoken, np.bool_, len(videos))
            if len(self._masks) >= _REMEMBERED:
                self._masks.clear()
            self._masks[key] = known
        return known[1]
