"""Decoding: two readers of video files; each imports its library when it is first used.

`Confined` runs either of them in child processes, within `Limits`.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from clipseek.video.confined import Confined
from clipseek.video.limits import Limits

if TYPE_CHECKING:
    from clipseek.video.decord import DecordFrames
    from clipseek.video.pyav import PyAVFrames

__all__ = ["Confined", "DecordFrames", "Limits", "PyAVFrames"]

_MODULES = {"DecordFrames": "clipseek.video.decord", "PyAVFrames": "clipseek.video.pyav"}


def __getattr__(name: str) -> object:
    """Import a reader on first use (PEP 562)."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)
