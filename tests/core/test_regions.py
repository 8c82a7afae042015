"""Regions of many faces: what is kept and covered, and that a crowd takes no more than it must."""

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from clipseek.redaction.regions import ALIKE, OVERLAP, REACH, Look, Regions, covering, distinct

EIGHTHS = st.integers(0, 8)
BOXES = st.lists(st.tuples(EIGHTHS, EIGHTHS, st.integers(1, 4), st.integers(1, 4)), max_size=8)


def regions_of(boxes: list[tuple[int, int, int, int]]) -> Regions:
    """Return regions of left, top, width and height in eighths, which are exact."""
    rows = [(x, y, x + width, y + height) for x, y, width, height in boxes]
    return np.array(rows, np.float32).reshape(-1, 4) / np.float32(8)


@given(BOXES)
def test_regions_that_repeat_a_surer_one_are_left_out(
    boxes: list[tuple[int, int, int, int]],
) -> None:
    """The first is the surest here."""
    kept: list[tuple[int, int, int, int]] = []
    for x, y, width, height in boxes:
        shares = []
        for left, top, wide, high in kept:
            across = max(0, min(x + width, left + wide) - max(x, left))
            down = max(0, min(y + height, top + high) - max(y, top))
            shares.append(across * down / (width * height + wide * high - across * down))
        if all(share <= OVERLAP for share in shares):
            kept.append((x, y, width, height))
    found = distinct(regions_of(boxes), -np.arange(len(boxes), dtype=np.float32))
    assert found.tolist() == regions_of(kept).tolist()


@given(BOXES, BOXES)
def test_the_ways_of_faces_are_covered(
    first: list[tuple[int, int, int, int]], last: list[tuple[int, int, int, int]]
) -> None:
    """Of each two regions that are near enough and about as large."""
    ways = []
    for x, y, width, height in first:
        for left, top, wide, high in last:
            apart = abs(x + width / 2 - left - wide / 2), abs(y + height / 2 - top - high / 2)
            is_near = (
                apart[0] <= REACH * (width + wide) / 2 and apart[1] <= REACH * (height + high) / 2
            )
            sizes = sorted((width, wide)), sorted((height, high))
            if is_near and all(large <= ALIKE * small for small, large in sizes):
                right, bottom = max(x + width, left + wide), max(y + height, top + high)
                ways.append((min(x, left), min(y, top), right - min(x, left), bottom - min(y, top)))
    looks = [Look(1.0, regions_of(first)), Look(1.1, regions_of(last))]
    found = covering(looks, 1.05)
    assert found.tolist() == regions_of([*first, *last, *ways]).tolist()


def calls_of(work: Callable[[], object]) -> int:
    """Return how many functions some work calls."""
    count = 0

    def called(_frame: FrameType, event: str, _about: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(called)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


def crowd() -> Regions:
    """Return 64 faces that touch no other one."""
    places = np.arange(8, dtype=np.float32) / 8
    corners = np.stack(np.meshgrid(places, places), axis=2).reshape(-1, 2)
    return np.concatenate([corners, corners + np.float32(1 / 16)], axis=1)


def test_the_marks_of_a_crowd_are_compared_at_once() -> None:
    """Not pair by pair: a picture of 300 faces took seconds."""
    marks = np.tile(crowd(), (8, 1))
    assert calls_of(lambda: distinct(marks, np.zeros(len(marks), np.float32))) < 30 * 64


def test_the_ways_of_a_crowd_are_found_at_once() -> None:
    """Not pair by pair: each picture of an excerpt took seconds."""
    looks = [Look(1.0, crowd()), Look(1.1, crowd())]
    assert calls_of(lambda: covering(looks, 1.05)) < 30 * 64
