"""Converts decoded frames of any pixel format to upright RGB, and to what a cut detector sees."""

import struct
from collections.abc import Callable
from fractions import Fraction
from functools import cache
from typing import Any, cast

import numpy as np
from av.sidedata.sidedata import SideData
from av.video.frame import VideoFrame
from av.video.reformatter import Colorspace, Interpolation, VideoReformatter
from numpy.typing import NDArray

from clipseek.video.picture import (
    LUMA_SIZE,
    NO_CROP,
    Crop,
    Turn,
    display_size,
    reduced_size,
)
from clipseek.video.tone import Primaries, Tone, Transfer

# Bicubic, like the preparation that the models were trained with; swscale widens its filters when
# it scales down, so nothing aliases. Scaled to 224 pixels, frames of four videos differ from
# Pillow's bicubic by 0.13 to 0.23 levels of 255 on average, with area averaging by 0.20 to 0.60,
# and without the other two flags, which keep colours exact, by up to 2.2.
_SCALING = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
# A video that does not name its colour matrix has that of BT.709 (the standard of HDTV) from this
# height on, else that of BT.601 (SDTV). Players assume the same; swscale assumes BT.601 for all.
_HD_HEIGHT = 720
_UNNAMED_MATRIX = 2  # AVCOL_SPC_UNSPECIFIED, after ITU-T H.273


# The numbers in ITU-T H.273 of transfers and primaries other than those of SDR and BT.709.
_TRANSFERS: dict[int, Transfer] = {16: "pq", 18: "hlg"}
_PRIMARIES: dict[int, Primaries] = {
    4: "ntsc",
    9: "bt2020",
    11: "p3-dci",
    12: "p3-d65",
}
# Transfers of cameras and cinemas: such pictures look wrong on every screen.
_NOT_FOR_SCREENS = {8: "linear", 9: "logarithmic", 10: "logarithmic", 17: "SMPTE ST 428"}
_UNNAMED = 2
# Sample entries of Dolby Vision whose base layer only Dolby Vision can show: profiles 5 and 4.
_DOLBY_TAGS = frozenset({"dvh1", "dvhe", "dav1", "dva1", "dvav"})
DOLBY = "Dolby Vision without a layer for other screens; export it as HDR10, HLG or SDR"


class Converter:
    """Converts the frames of one video, each by its own size and colours.

    `turn` is that of the first frame, because a display matrix applies to the whole stream.
    """

    def __init__(
        self,
        first: VideoFrame,
        pixel_aspect: Callable[[], Fraction | None],
        *,
        crop: Crop = NO_CROP,
    ) -> None:
        self.turn = turn_of(first)
        self._pixel_aspect = pixel_aspect
        self._crop = crop
        self._first_size = self._displayed(first)
        self._pictures = VideoReformatter()
        self._lumas = VideoReformatter()

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the first frame, upright and in square pixels."""
        return self.turn.size(self._first_size)

    def picture(self, frame: VideoFrame, short_side: int | None) -> NDArray[np.uint8]:
        """Return uint8 (H, W, 3) RGB of BT.709, upright, its shorter side at most `short_side`."""
        size = reduced_size(self._displayed(frame), short_side)
        tone = tone_of(frame)
        if self._crop.is_nothing and not tone.is_needed:
            pixels = self._scaled(frame, size, "rgb24")
        else:
            whole = self._crop.whole(size, (frame.width, frame.height))
            pixels = self._scaled(frame, whole, "rgb48le" if tone.is_needed else "rgb24")
            pixels = self._crop.cut(pixels, (frame.width, frame.height))
            if tone.is_needed:
                pixels = tone.apply(pixels)
        return self.turn.apply(pixels.astype(np.uint8, copy=False))

    def luma(self, frame: VideoFrame) -> NDArray[np.uint8]:
        """Return the brightness of the frame as stored, uint8 (36, 64).

        In swscale this takes 0.2 ms for 1280x720, less than NumPy needs for a strided mean of the
        luma plane (0.27 ms), and swscale knows every pixel format. For high dynamic range it is the
        brightness of the converted picture.
        """
        width, height = LUMA_SIZE
        tone = tone_of(frame)
        if tone.transfer != "sdr":
            return tone.luma(self._scaled(frame, LUMA_SIZE, "rgb48le", Interpolation.AREA))
        small = self._lumas.reformat(
            frame, width, height, "gray", interpolation=Interpolation.AREA, threads=1
        )
        return np.asarray(small.to_ndarray(), dtype=np.uint8)

    def _displayed(self, frame: VideoFrame) -> tuple[int, int]:
        """Return the width and height of a frame in square pixels, cropped, before it is turned."""
        return display_size(self._crop.size((frame.width, frame.height)), self._pixel_aspect())

    def _scaled(
        self,
        frame: VideoFrame,
        size: tuple[int, int],
        layout: str,
        interpolation: Interpolation = _SCALING,
    ) -> NDArray[Any]:
        scaled = self._pictures.reformat(
            frame,
            *size,
            layout,
            src_colorspace=matrix_of(frame),
            interpolation=interpolation,
            threads=1,
        )
        return np.asarray(scaled.to_ndarray())


def tone_of(frame: VideoFrame) -> Tone:
    """Return how a frame becomes SDR of BT.709.

    High dynamic range that does not name its primaries has those of BT.2020. A frame that names
    neither transfer nor primaries is not converted.
    """
    return _tone(frame.color_trc, frame.color_primaries)


@cache
def _tone(transfer: int, primaries: int) -> Tone:
    kind = _TRANSFERS.get(transfer, "sdr")
    if primaries == _UNNAMED and kind != "sdr":
        return Tone(kind, "bt2020")
    return Tone(kind, _PRIMARIES.get(primaries, "bt709"))


def unread_transfer(frame: VideoFrame) -> str:
    """Return the name of a frame's transfer if it cannot be converted, else the empty string."""
    return _NOT_FOR_SCREENS.get(frame.color_trc, "")


def is_only_dolby(frame: VideoFrame, codec_tag: str) -> bool:
    """Say whether a frame has the colours of Dolby Vision, which look green and purple elsewhere.

    Profile 5 does not name a transfer, and each frame has metadata. Profiles with a base layer name
    the transfer of HDR10, HLG or SDR.
    """
    if codec_tag in _DOLBY_TAGS:
        return frame.color_trc == _UNNAMED
    try:
        has_metadata = any(str(name).startswith("DOVI") for name in frame.side_data)
    except ValueError:  # PyAV cannot list side data if it does not know one of the kinds
        return False
    return has_metadata and frame.color_trc == _UNNAMED


def matrix_of(frame: VideoFrame) -> Colorspace | None:
    """Return the colour matrix to assume, or None where the frame names its own."""
    if frame.colorspace != _UNNAMED_MATRIX or frame.format.is_rgb:
        return None
    if frame.color_trc in _TRANSFERS or _PRIMARIES.get(frame.color_primaries) == "bt2020":
        return Colorspace.BT2020
    return Colorspace.ITU709 if frame.height >= _HD_HEIGHT else Colorspace.ITU601


def has_matrix_of_hd(frame: VideoFrame) -> bool:
    """Say whether a frame has the matrix of BT.709, but does not name it."""
    return matrix_of(frame) == Colorspace.ITU709


def turn_of(frame: VideoFrame) -> Turn:
    """Return how a frame becomes upright."""
    try:
        matrix = cast("SideData | None", frame.side_data.get("DISPLAYMATRIX"))
    except ValueError:
        # PyAV cannot list side data if it does not know one of the kinds.
        return Turn.of_rotation(frame.rotation)
    return Turn() if matrix is None else Turn.of_matrix(struct.unpack("=9i", bytes(matrix)))
