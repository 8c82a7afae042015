"""Videos of high dynamic range for tests, made of SDR pictures by the formulas of the standards.

The arithmetic is the inverse of what the reader does, written apart from it: an SDR picture is
light by BT.1886, its white is 203 cd/m2, and its primaries become BT.2020's by BT.2087's matrix.
"""

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Literal

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc
from av.video.stream import VideoStream
from numpy.typing import NDArray

Kind = Literal["pq", "hlg"]
KINDS: tuple[Kind, ...] = ("pq", "hlg")
TO_2020 = np.array(  # ITU-R BT.2087-0, section 2
    [[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]]
)
_TRANSFERS = {"pq": ColorTrc.SMPTE2084, "hlg": ColorTrc.ARIB_STD_B67}


def codes(pixels: NDArray[np.uint8], kind: Kind) -> NDArray[np.uint16]:
    """Return uint16 (H, W, 3) codes of BT.2020 for uint8 (H, W, 3) RGB of BT.709."""
    nits = 203 * (pixels / 255.0) ** 2.4 @ TO_2020.T
    if kind == "pq":  # SMPTE ST 2084, equation 5.2
        powered = (nits / 10_000) ** (2610 / 16384)
        code = ((3424 / 4096 + 2413 / 128 * powered) / (1 + 2392 / 128 * powered)) ** (2523 / 32)
    else:  # ITU-R BT.2100-2, table 5: the display's light to the scene's, then the OETF
        luminance = np.maximum(nits @ [0.2627, 0.6780, 0.0593], 1e-9)[..., None]
        scene = nits / 1000 * (luminance / 1000) ** ((1 - 1.2) / 1.2)
        logarithm = 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073
        code = np.where(scene <= 1 / 12, np.sqrt(3 * scene), logarithm)
    return np.asarray(np.rint(np.clip(code, 0, 1) * 65535), np.uint16)


def frame(pixels: NDArray[np.uint8], kind: Kind, layout: str, *, full: bool = False) -> VideoFrame:
    """Return a frame of high dynamic range in a layout of pixels."""
    plain = VideoFrame.from_ndarray(codes(pixels, kind), format="rgb48le")
    made = plain.reformat(
        format=layout,
        dst_colorspace=Colorspace.BT2020,
        dst_color_range=ColorRange.JPEG if full else ColorRange.MPEG,
    )
    made.colorspace = Colorspace.BT2020
    made.color_range = ColorRange.JPEG if full else ColorRange.MPEG
    return made


def write(
    path: Path,
    pictures: Iterable[NDArray[np.uint8]],
    kind: Kind,
    *,
    rate: Fraction = Fraction(25),
    codec: str = "libx265",
    layout: str = "yuv420p10le",
    full: bool = False,
    named: bool = True,
) -> None:
    """Write a video of SDR pictures as HDR; where `named` is false, it names no primaries."""
    options = {"libx265": {"preset": "ultrafast", "crf": "10", "x265-params": "log-level=none"}}
    given = options.get(codec, {"preset": "ultrafast", "crf": "8"})
    with av.open(str(path), "w") as output:
        stream: VideoStream | None = None
        for number, pixels in enumerate(pictures):
            made = frame(pixels, kind, layout, full=full)
            if stream is None:
                added = output.add_stream(codec, rate=rate, options=given)
                assert isinstance(added, VideoStream)
                stream = added
                stream.width, stream.height, stream.pix_fmt = made.width, made.height, layout
                context = stream.codec_context
                context.color_trc = _TRANSFERS[kind]
                context.color_primaries = (
                    ColorPrimaries.BT2020 if named else ColorPrimaries.UNSPECIFIED
                )
                context.colorspace = Colorspace.BT2020 if named else 2
                context.color_range = ColorRange.JPEG if full else ColorRange.MPEG
            made.color_trc = _TRANSFERS[kind]
            made.color_primaries = ColorPrimaries.BT2020 if named else ColorPrimaries.UNSPECIFIED
            made.pts, made.time_base = number, 1 / rate
            output.mux(stream.encode(made))
        assert stream is not None
        output.mux(stream.encode(None))
