"""The precisions a bundle runs in, and when one is as good as fp32.

A model's name carries its precision: `NAME` runs in fp32, `NAME@int8` and `NAME@bf16` are bundles
of their own, made from it. A collection keeps the name, so all its vectors are of one precision.
"""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from clipseek.errors import ConfigError

Precision = Literal["fp32", "bf16", "int8"]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)
Choice = Literal["fp32", "bf16", "int8", "auto"]
"""What may be asked for: a precision, or the fastest that is measured as good as fp32."""
Runtime = Literal["onnxruntime", "openvino"]

LEAST_COSINE = 0.99
LEAST_OVERLAP = 0.95
LEAST_PICTURES = 40
"""Fewer do not tell the ten nearest of many from all there are."""
_NEAREST = 10
_ALIKE = 1e-3
"""Cosines this near to each other rank alike. Those of a trained model span some tenths."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What a precision costs against fp32, over pictures that it was not calibrated with.

    images, texts: mean cosine between a picture's (sentence's) vectors in both precisions.
    overlap: share of the ten nearest pictures of a sentence that are as near in fp32.
    pictures: how many were compared. speedup: pictures a second, by those of fp32.
    """

    images: float
    texts: float
    overlap: float
    pictures: int
    speedup: float

    @property
    def is_as_good(self) -> bool:
        """Whether `auto` may take it."""
        return (
            self.images >= LEAST_COSINE
            and self.texts >= LEAST_COSINE
            and self.overlap >= LEAST_OVERLAP
            and self.pictures >= LEAST_PICTURES
        )

    def __str__(self) -> str:
        return (
            f"{self.speedup:.1f}x the pictures per second of fp32; cosine {self.images:.4f} of "
            f"pictures, {self.texts:.4f} of sentences; top-10 overlap {self.overlap:.3f} over "
            f"{self.pictures} pictures"
        )


def split(name: str) -> tuple[str, Precision | None]:
    """Return a model's name without its precision, and the precision if the name has one.

    The path of a bundle has none.

    Raises:
        ConfigError: the text after the last @ is not a precision.
    """
    base, at, said = name.rpartition("@")
    if not at or "/" in said or name.startswith(("/", ".", "~")):
        return name, None
    for precision in PRECISIONS:
        if said == precision:
            return base, precision
    raise ConfigError(
        f"{name!r} names the unknown precision {said!r}; it is one of {', '.join(PRECISIONS)}"
    )


def joined(name: str, precision: Precision) -> str:
    """Return the name of a model in a precision."""
    return name if precision == "fp32" else f"{name}@{precision}"


def cosine(found: NDArray[np.float32], wanted: NDArray[np.float32]) -> float:
    """Return the mean cosine of rows, unit vectors (N, dim) each."""
    return float(np.sum(found * wanted, axis=1).mean())


def overlap(found: NDArray[np.float32], wanted: NDArray[np.float32]) -> float:
    """Return the mean share of the ten highest scores of each row that are as high in `wanted`.

    A score counts if it is as high in `wanted` as the tenth there, within 0.001, as neighbours are
    counted in ann-benchmarks (Aumueller et al. 2020): the order of two frames of one scene whose
    scores differ by less does not depend on the precision.

    Args:
        found: Cosines float32 (Q, N) in one precision.
        wanted: Those of the same pairs in fp32.
    """
    count = min(_NEAREST, found.shape[1])
    tenth = np.sort(wanted, axis=1)[:, -count]
    best = np.argsort(-found, axis=1, kind="stable")[:, :count]
    return float((np.take_along_axis(wanted, best, axis=1) >= tenth[:, None] - _ALIKE).mean())
