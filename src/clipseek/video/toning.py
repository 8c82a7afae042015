"""Toning: frames of high dynamic range or wide gamut as SDR, by a table that a filter looks up."""

from fractions import Fraction
from pathlib import Path

import numpy as np
from av.filter import Graph
from av.video.format import VideoFormat
from av.video.frame import VideoFrame
from av.video.reformatter import ColorPrimaries, ColorTrc

from clipseek.video.tone import Tone

LAYOUT = "gbrp16le"
"""The layout of pixels that frames have before and after: the fastest one of the filter."""
# Colours of each channel in the table; between them the filter interpolates. With 65, random
# colours differ by 1 level of 255 on average from `Tone.apply`, and 1 % by more than 14: the dark
# channels of those at the border of the gamut. With 33 that is 2 and 21 levels. With 81, making
# the table takes a second.
_STEPS = 65
_LEVELS = [f"{level / 255:.4f}" for level in range(256)]


class Toning:
    """Converts frames of one size.

    For 1080p this takes a fifteenth of the time of `Tone.apply`.
    """

    def __init__(self, tone: Tone, width: int, height: int, scratch: Path) -> None:
        """Prepare the filter; it reads its table from the file `scratch`, which is then deleted."""
        scratch.write_text(_cube(tone), "ascii")
        try:
            graph = Graph()
            self._input = graph.add_buffer(
                width=width, height=height, format=VideoFormat(LAYOUT), time_base=Fraction(1)
            )
            table = graph.add("lut3d", file=str(scratch), interp="tetrahedral")
            self._output = graph.add("buffersink")
            self._input.link_to(table)
            table.link_to(self._output)
            graph.configure()
        finally:
            scratch.unlink()
        self._graph = graph  # the filters belong to it

    def apply(self, frame: VideoFrame) -> VideoFrame:
        """Return a frame in `LAYOUT` as SDR of BT.709."""
        self._input.push(frame)
        made = self._output.pull()
        assert isinstance(made, VideoFrame)
        made.color_trc, made.color_primaries = ColorTrc.BT709, ColorPrimaries.BT709
        return made


def _cube(tone: Tone) -> str:
    """Return the table as text (Adobe, Cube LUT Specification 1.0), in which red changes first."""
    steps = np.rint(np.linspace(0, 65535, _STEPS)).astype(np.uint16)
    blue, green, red = np.meshgrid(steps, steps, steps, indexing="ij")
    colours = tone.apply(np.stack([red, green, blue], axis=-1).reshape(1, -1, 3))
    values = iter([_LEVELS[level] for level in colours.ravel().tolist()])
    rows = "\n".join(map(" ".join, zip(values, values, values, strict=True)))
    return f"LUT_3D_SIZE {_STEPS}\n{rows}\n"
