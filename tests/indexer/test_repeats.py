"""Frames that repeat the last kept one: what is never taken for a repeat, and what is."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from random import Random

import numpy as np
import pytest
from av.video.frame import VideoFrame
from hypothesis import given, settings
from hypothesis import strategies as st

from clipseek.demo.drawing import draw
from clipseek.demo.world import COLOURS, KINDS, Kind, sample_scene, sample_thing
from clipseek.sampling import grid, repeats, thumbprint
from clipseek.video import PyAVFrames
from tests.contracts.videos import RED, Plan, rgb_frame, write

WIDTH, HEIGHT = 456, 256
# A box of 0.19 of the height covers 2 % of a picture of 16:9; the thing in it covers less.
SIZE = 0.19
CORNERS = [(0.07, 0.11), (0.93, 0.11), (0.07, 0.89), (0.93, 0.89)]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(KINDS), st.sampled_from(CORNERS))
def test_a_thing_that_enters_is_never_a_repeat(
    seed: int, kind: Kind, corner: tuple[float, float]
) -> None:
    """Whatever enters in a corner of whatever scene, its frame is new."""
    random = Random(seed)
    scene = replace(sample_scene(random), things=())
    thing = sample_thing(random, kind, random.choice(COLOURS), 0, 0)
    entered = replace(scene, things=(replace(thing, x=corner[0], y=corner[1], size=SIZE),))
    before, after = (draw(each, WIDTH, HEIGHT) for each in (scene, entered))
    assert not repeats(thumbprint(before), thumbprint(after))


@pytest.mark.parametrize("seed", range(3))
def test_the_noise_of_a_camera_and_its_coding_are_repeats(tmp_path: Path, seed: int) -> None:
    """A still scene, noisy and coded, with a keyframe every four seconds, is seen once."""
    scene = draw(sample_scene(Random(seed)), WIDTH, HEIGHT).astype(np.float64)
    chance = np.random.default_rng(seed)

    def noisy(_time: Fraction) -> VideoFrame:
        pixels = scene + chance.normal(0, 3, scene.shape)
        return rgb_frame(np.clip(pixels, 0, 255).astype(np.uint8))

    plan = Plan(shots=((8, RED),), rate=Fraction(5), size=(WIDTH, HEIGHT))
    write(tmp_path / "still.mp4", plan, frame=noisy, prepare=_coded)
    with PyAVFrames(tmp_path / "still.mp4", decode="fast") as source:
        batches = source.read(grid(1), short_side=HEIGHT)
        prints = [thumbprint(picture) for batch in batches for picture in batch.pixels]
    assert len(prints) == 8
    assert all(repeats(prints[0], each) for each in prints)


def _coded(stream: object) -> None:
    assert hasattr(stream, "codec_context")
    stream.codec_context.options = {"preset": "veryfast", "crf": "23", "g": "20"}
