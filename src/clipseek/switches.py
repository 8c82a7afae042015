"""Switch: a collection that is given another model, while the one before it answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from clipseek.errors import StateError

SwitchState = Literal["embedding", "ready", "switched"]
Step = Literal["prepare", "cut", "rollback", "finish"]
"""What may be asked for: embed into the new collection and compare; let it answer; let the one
before answer again; remove the one that does not answer."""


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


class SwitchRefused(StateError):
    """A step of a switch cannot be taken now; the message is for everybody."""


def refusal(
    step: Step, name: str, found: Switch | None, models: tuple[str, str], wanted: str
) -> str:
    """Return why a step of a switch cannot be taken now, in a sentence, or "".

    Args:
        step: What is asked for.
        name: The collection's own name.
        found: Its switch, if one is under way.
        models: The one that answers, and that of `found.other` or "".
        wanted: The model to prepare; only that step has one.
    """
    has, other = models
    state = "" if found is None else found.state
    if step == "prepare" and state == "switched":
        return (
            f"collection {name!r} was switched to model {has!r} before; finish that switch or roll "
            "it back first"
        )
    if step == "prepare" and wanted == has:
        return f"collection {name!r} answers with model {has!r} already; name another one"
    if step == "prepare" and other and wanted != other:
        return (
            f"a switch of collection {name!r} to model {other!r} is under way, not to {wanted!r}; "
            "continue that one, or finish it first to give it up"
        )
    if step == "cut" and state != "ready":
        return f"collection {name!r} has no other model that is ready; prepare one first"
    if step == "rollback" and state != "switched":
        return f"collection {name!r} has no former model to go back to"
    if step == "finish" and found is None:
        return f"no switch of collection {name!r} is under way, so there is nothing to finish"
    return ""
