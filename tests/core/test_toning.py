"""Frames that a filter converts have the colours of the exact conversion."""

from pathlib import Path

import numpy as np
import pytest
from av.video.frame import VideoFrame

from clipseek.video.tone import Tone, Transfer
from clipseek.video.toning import LAYOUT, Toning


@pytest.mark.parametrize("transfer", ["pq", "hlg"])
def test_random_colours_differ_by_no_more_than_the_table_is_coarse(
    tmp_path: Path, transfer: Transfer
) -> None:
    """Of evenly distributed codes, many are white in both; half the table doubles the rest."""
    tone = Tone(transfer, "bt2020")
    codes = np.random.default_rng(7).integers(0, 65536, (128, 128, 3), np.uint16)
    made = Toning(tone, 128, 128, tmp_path / "a.cube").apply(VideoFrame.from_ndarray(codes, LAYOUT))
    shown = np.rint(made.to_ndarray().astype(np.float64) / 257)
    apart = np.abs(shown - tone.apply(codes))
    assert apart.mean() < 0.25
    assert np.percentile(apart, 99) < 6
    assert list(tmp_path.iterdir()) == []
