"""Converts pictures of high dynamic range and wide gamut to what an SDR screen shows. Pure.

Video is coded for a display. The transfer turns code values into light; light of one set of
primaries becomes light of BT.709's primaries; BT.1886 turns that into code values again. Reference
white is 203 cd/m2 (ITU-R BT.2408-7, section 2.1): light up to it keeps its level, as in an SDR
original that was converted to HDR. Brighter light is compressed into the last levels, and keeps its
hue.
"""

from dataclasses import dataclass
from functools import cache, cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Transfer = Literal["sdr", "pq", "hlg"]
Primaries = Literal["bt709", "bt2020", "p3-d65", "p3-dci", "ntsc"]
Floats = NDArray[np.float32]

WHITE = 203.0
"""Reference white in cd/m2."""
_GAMMA = 2.4  # ITU-R BT.1886
# The display that HLG is judged for, in cd/m2, and its system gamma: ITU-R BT.2100-2, table 5.
_HLG_PEAK, _HLG_GAMMA = 1000.0, 1.2
# The SDR code values above this share are used for light brighter than white, so that white itself
# loses less than three levels of 255.
_KNEE = 0.97
_CODES = 1 << 16
# Light in [0, 1] is looked up by its square root, because dark codes are close to each other.
_STEPS = 1 << 14

# Chromaticities x and y of red, green, blue and white: ITU-R BT.709-6, BT.2020-2, BT.470-6,
# SMPTE RP 431-2 and EG 432-1. Those of BT.601 are near BT.709's, so its videos are not converted.
_D65, _C, _DCI = (0.3127, 0.3290), (0.310, 0.316), (0.314, 0.351)
_CHROMATICITIES: dict[Primaries, tuple[tuple[float, float], ...]] = {
    "bt709": ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060), _D65),
    "bt2020": ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), _D65),
    "p3-d65": ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), _D65),
    "p3-dci": ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), _DCI),
    "ntsc": ((0.670, 0.330), (0.210, 0.710), (0.140, 0.080), _C),
}
_LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)
_LUMA_2020 = np.array([0.2627, 0.6780, 0.0593], np.float32)


@dataclass(frozen=True)
class Tone:
    """How pictures of one kind become SDR of BT.709."""

    transfer: Transfer
    primaries: Primaries

    @property
    def is_needed(self) -> bool:
        """Whether anything must be converted."""
        return self.transfer != "sdr" or self.primaries != "bt709"

    def apply(self, codes: NDArray[np.uint16]) -> NDArray[np.uint8]:
        """Convert uint16 (H, W, 3) RGB codes, full range, to uint8 (H, W, 3) RGB of BT.709."""
        light = _decoding(self.transfer)[codes]
        if self.transfer == "hlg":
            # The display's light grows with the scene's luminance: BT.2100-2, table 5, OOTF.
            scene = (light @ _LUMA_2020)[..., None]
            light *= np.power(scene, np.float32(_HLG_GAMMA - 1), where=scene > 0, out=scene)
            light *= np.float32(_HLG_PEAK / WHITE)
        light = np.maximum(light @ self._matrix, np.float32(0))
        brightest = light.max(axis=2, keepdims=True)
        # Pixels brighter than white keep their hue: the brightest channel is compressed, and the
        # others by the same factor.
        over = brightest > np.float32(_KNEE**_GAMMA)
        if over.any():
            light = np.where(
                over, light * (_compressed(brightest) / np.maximum(brightest, 1e-9)), light
            )
        places = np.sqrt(np.minimum(light, np.float32(1))) * np.float32(_STEPS - 1)
        encoded: NDArray[np.uint8] = _encoding()[np.rint(places).astype(np.intp)]
        return encoded

    def luma(self, codes: NDArray[np.uint16]) -> NDArray[np.uint8]:
        """Return the brightness of the converted picture, uint8 (H, W)."""
        levels = self.apply(codes) @ _LUMA
        return np.asarray(np.rint(levels), np.uint8)

    @cached_property
    def _matrix(self) -> Floats:
        """From light of the primaries to light of BT.709's, to be multiplied from the right."""
        if self.primaries == "bt709":
            return np.eye(3, dtype=np.float32)
        to_xyz, from_xyz = _to_xyz(self.primaries), np.linalg.inv(_to_xyz("bt709"))
        adapted = _adaptation(_CHROMATICITIES[self.primaries][3], _D65)
        return np.asarray((from_xyz @ adapted @ to_xyz).T, np.float32)


@cache
def _decoding(transfer: Transfer) -> Floats:
    """Return the light of each 16-bit code: 1 is white; for HLG, the scene's light, up to 1."""
    code = np.linspace(0, 1, _CODES)
    if transfer == "pq":  # SMPTE ST 2084, equation 4.1
        m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
        root = code ** (1 / m2)
        light = 10_000 / WHITE * (np.maximum(root - c1, 0) / (c2 - c3 * root)) ** (1 / m1)
    elif transfer == "hlg":  # ITU-R BT.2100-2, table 5, inverse OETF
        a, b, c = 0.17883277, 0.28466892, 0.55991073
        light = np.where(code <= 0.5, code**2 / 3, (np.exp((code - c) / a) + b) / 12)
    else:
        light = code**_GAMMA
    return light.astype(np.float32)


@cache
def _encoding() -> NDArray[np.uint8]:
    """Return SDR codes; the index is the square root of the light, scaled to the table."""
    root = np.linspace(0, 1, _STEPS)
    return np.rint(255 * root ** (2 / _GAMMA)).astype(np.uint8)


def _compressed(light: Floats) -> Floats:
    """Return light in [0, 1): the same below the knee, compressed more and more above it."""
    code = np.power(light, np.float32(1 / _GAMMA))
    above = np.float32(1 - _KNEE)
    soft = _KNEE + above * (1 - np.exp(-np.maximum(code - np.float32(_KNEE), 0) / above))
    return np.asarray(np.power(soft, np.float32(_GAMMA)), np.float32)


def _to_xyz(primaries: Primaries) -> NDArray[np.float64]:
    """Return the matrix from light of the primaries to CIE XYZ (SMPTE RP 177)."""
    *three, white = _CHROMATICITIES[primaries]
    columns = np.array([_xyz(point) for point in three]).T
    matrix: NDArray[np.float64] = columns * np.linalg.solve(columns, _xyz(white))
    return matrix


def _xyz(point: tuple[float, float]) -> NDArray[np.float64]:
    x, y = point
    return np.array([x / y, 1.0, (1 - x - y) / y])


def _adaptation(one: tuple[float, float], other: tuple[float, float]) -> NDArray[np.float64]:
    """Return the matrix that makes one white the other (Bradford; ICC.1:2022, annex E)."""
    cone = np.array(
        [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
    )
    ratio = (cone @ _xyz(other)) / (cone @ _xyz(one))
    adaptation: NDArray[np.float64] = np.linalg.inv(cone) @ np.diag(ratio) @ cone
    return adaptation
