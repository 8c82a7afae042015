"""Importing open_clip, which may need a workaround."""

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from clipseek.errors import ConfigError

_EXTRA = "pip install 'clipseek[models]'"

# torchvision's own schemas (torchvision/csrc/ops/nms.cpp). Kept alive for the process: a Library
# takes its definitions back when it is collected.
_KEPT: list[object] = []


def load_open_clip() -> ModuleType:
    """Import open_clip.

    A CPU-only torch cannot load the compiled operators of a torchvision wheel that was built for
    CUDA, and torchvision then fails on import with "operator
    torchvision::nms does not exist", although open_clip never calls it. If that would happen,
    the missing schemas are declared first.

    Raises:
        ConfigError: the extra `models` is not installed.
    """
    missing = [name for name in ("torch", "open_clip") if importlib.util.find_spec(name) is None]
    if missing:
        raise ConfigError(f"{' and '.join(missing)} not installed; run `{_EXTRA}`")
    if "torchvision" not in sys.modules:
        _declare_torchvision_operators()
    return importlib.import_module("open_clip")


def _declare_torchvision_operators() -> None:
    import torch

    if _KEPT or _operators_load():
        return
    library = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]
    for name in ("nms", "qnms"):
        schema = f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
        library.define(schema)  # type: ignore[no-untyped-call]
    _KEPT.append(library)


def _operators_load() -> bool:
    """Say whether torchvision's compiled operators fit this torch."""
    import torch

    spec = importlib.util.find_spec("torchvision")
    folders = (spec.submodule_search_locations if spec else None) or []
    libraries = [file for folder in folders for file in Path(folder).glob("_C*.*")]
    try:
        for file in libraries:
            torch.ops.load_library(str(file))  # type: ignore[no-untyped-call]
    except OSError:
        return False
    return bool(libraries)
