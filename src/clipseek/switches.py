"""Switch: a collection that is given another model, while the one before it answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

SwitchState = Literal["embedding", "ready", "switched"]


@dataclass(frozen=True, slots=True)
class Switch:
    """Two collections, one of which has the name that people use.

    name: The name that people use. other: The name of the collection that does not answer: the new
    one until the cut, and the old one after it.
    old, new: Their keys.
    state: "embedding" until the new one has every video; "ready" until the cut and after a
    rollback; "switched" after the cut.
    left_out: The ids of videos that could not be read, and that the new one does not have.
    started_at, cut_at: RFC 3339; `cut_at` is that of the last cut, or empty.
    cut_version: The version that the collection which answers since had at the last cut.
    """

    name: str
    other: str
    old: str
    new: str
    state: SwitchState
    left_out: Sequence[str] = ()
    started_at: str = ""
    cut_at: str = ""
    cut_version: int = 0
