"""Reads text in pictures with rapidocr, whose models are in its package (extra `ocr`)."""

from collections.abc import Callable, Sequence
from typing import Protocol, cast

import numpy as np
from numpy.typing import NDArray

from clipseek.errors import ConfigError
from clipseek.texts.writing import Line

_SMALLEST_SIDE = 480
"""Pictures are not enlarged to more: 0.12 s a picture, and 0.31 s with the 736 of rapidocr."""


class RapidReader:
    """A `screen.Reader`: PP-OCR by onnxruntime, in one thread. Not thread-safe."""

    def __init__(self, engine: Callable[[NDArray[np.uint8]], "_Output"]) -> None:
        self._engine = engine

    def read(self, picture: NDArray[np.uint8]) -> list[Line]:
        """Return the lines of an RGB picture, uint8 (H, W, 3)."""
        height, width = picture.shape[:2]
        found = self._engine(np.ascontiguousarray(picture[..., ::-1]))  # it expects BGR
        if found.boxes is None or found.txts is None or found.scores is None:
            return []
        size = np.array([width, height], dtype=np.float64)
        lines = []
        for corners, text, score in zip(found.boxes, found.txts, found.scores, strict=True):
            places = np.clip(np.asarray(corners) / size, 0.0, 1.0)
            (left, top), (right, bottom) = places.min(axis=0), places.max(axis=0)
            box = float(left), float(top), float(right), float(bottom)
            lines.append(Line(str(text), float(score), box))
        return lines


class _Output(Protocol):
    """What rapidocr returns if it detects and recognises: None in each if there is no text."""

    @property
    def boxes(self) -> NDArray[np.float32] | None: ...

    @property
    def txts(self) -> Sequence[str] | None: ...

    @property
    def scores(self) -> Sequence[float] | None: ...


def open_reader() -> RapidReader:
    """Return a reader.

    Raises:
        ConfigError: rapidocr is not installed.
    """
    try:
        from rapidocr import RapidOCR
    except ImportError as error:
        raise ConfigError(
            "text in pictures needs the extra ocr, which is not installed: "
            "pip install 'clipseek[ocr]'"
        ) from error
    params = {
        "Global.log_level": "error",
        "Global.use_cls": False,  # text that is upside down
        "Det.limit_side_len": _SMALLEST_SIDE,
        "EngineConfig.onnxruntime.intra_op_num_threads": 1,
    }
    # Its other outputs are those of single steps.
    return RapidReader(cast("Callable[[NDArray[np.uint8]], _Output]", RapidOCR(params=params)))
