"""Frames in the place of segments, on the clock of their stream."""

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from clipseek.live.moments import sampled
from clipseek.stored import SegmentBlock

Floats = NDArray[np.float64]


def block(*edges: float) -> SegmentBlock:
    """Return segments of one video that begin at each of some times but the last."""
    count = len(edges) - 1
    return SegmentBlock(
        ids=np.arange(count) + 7,
        video_ids=np.array(["a"] * count),
        spans=np.array([*itertools.pairwise(edges)]),
        best_times=np.array(edges[:-1]),
        biases=np.arange(count, dtype=np.float32),
        vectors=np.full((count, 2), -1.0, np.float32),
    )


def seen(*times: float) -> tuple[Floats, NDArray[np.float32]]:
    """Return frames whose vectors say which they are."""
    return np.array(times), np.stack([np.arange(len(times)), times], axis=1).astype(np.float32)


def test_frames_cover_what_their_segments_cover() -> None:
    """Each until the next one, with the id and the bias of its segment."""
    found = sampled(block(0.0, 3.0, 10.0), *seen(0.5, 1.0, 3.0, 4.0))
    assert found.spans.tolist() == [[0.0, 1.0], [1.0, 3.0], [3.0, 4.0], [4.0, 10.0]]
    assert found.best_times.tolist() == [0.5, 1.0, 3.0, 4.0]
    assert found.ids.tolist() == [7, 7, 8, 8]
    assert found.biases.tolist() == [0.0, 0.0, 1.0, 1.0]
    assert found.vectors[:, 0].tolist() == [0.0, 1.0, 2.0, 3.0]


def test_a_segment_without_frames_stays() -> None:
    """Such as the last one of a chunk whose frames come later."""
    found = sampled(block(0.0, 3.0, 5.0, 6.0), *seen(0.0, 5.0))
    assert found.spans.tolist() == [[0.0, 3.0], [3.0, 5.0], [5.0, 6.0]]
    assert found.vectors[:, 0].tolist() == [0.0, -1.0, 1.0]


@pytest.mark.parametrize("times", [(), (6.0, 7.0)], ids=["none", "behind the end"])
def test_without_frames_segments_are_judged(times: tuple[float, ...]) -> None:
    """If none were kept, or those that are there belong to what was replaced."""
    made = block(0.0, 3.0, 5.0)
    frames = seen(*times) if times else (np.empty(0), np.empty((0, 2), np.float32))
    found = sampled(made, *frames)
    assert found.spans.tolist() == made.spans.tolist()
    assert (found.vectors == -1.0).all()


def test_frames_are_stored_less_precisely_than_segments() -> None:
    """A frame that begins a segment is in it, though its time was rounded down."""
    third = 10 / 3
    frames = seen(0.0, float(np.float32(third) - np.float32(1e-6)), 5.0)
    found = sampled(block(0.0, third, 6.0), *frames)
    assert found.ids.tolist() == [7, 8, 8]
    assert found.spans[1].tolist() == [third, 5.0]
