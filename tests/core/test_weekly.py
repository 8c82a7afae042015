"""Weeks of cameras: what is wrong with them is told once, and by its name."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from clipseek.curation import quality, weekly
from clipseek.curation.drift import Sample
from clipseek.curation.quality import Look, look, still_share
from clipseek.curation.weekly import Week, judge, repeats, spread, week_of

FRAMES = 60


def scene(rng: np.random.Generator, *, left: int = 0) -> Image.Image:
    """Return a picture of a few boxes that stay, one that does not, and noise."""
    pixels = np.full((108, 192), 90.0)
    for x, y, size in ((20, 30, 25), (80, 60, 30), (140, 15, 35)):
        pixels[y : y + size, x + left : x + left + size] = 200
    x, y = int(rng.integers(0, 170)), int(rng.integers(0, 90))
    pixels[y : y + 15, x : x + 15] = 20
    pixels += rng.normal(0, 2, pixels.shape)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def vectors(rng: np.random.Generator, count: int, shift: float = 0.0) -> NDArray[np.float32]:
    """Return unit vectors around one direction."""
    rows = rng.standard_normal((count, 16)).astype(np.float32)
    rows[:, 0] += 1
    rows[:, 1] += np.float32(shift)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows


def week(
    number: int,
    rng: np.random.Generator,
    *,
    shift: float = 0.0,
    looks: Sequence[Look] | None = None,
    still: float = 0.1,
) -> Week:
    """Return a week of frames that are each a block."""
    if looks is None:
        looks = [look(scene(rng)) for _ in range(FRAMES)]
    blocks = np.arange(FRAMES) + number * FRAMES
    frames = Sample(vectors(rng, FRAMES, shift), blocks)
    return Week(f"2026-W{number:02d}", FRAMES, frames, looks, blocks, still)


def faults(weeks: Sequence[Week], *, is_camera: bool = True) -> list[tuple[str, ...]]:
    """Return what is wrong with each week."""
    return [each.faults for each in judge("yard", weeks, is_camera=is_camera)]


def test_a_camera_that_stays_has_no_fault() -> None:
    """Four weeks by chance; the first has nothing before it."""
    rng = np.random.default_rng(1)
    judged = judge("yard", [week(number, rng) for number in range(1, 5)], is_camera=True)
    assert [each.faults for each in judged] == [()] * 4
    assert judged[0].content is None
    assert [each.before for each in judged] == [0, FRAMES, 2 * FRAMES, 3 * FRAMES]


def test_a_change_is_told_once() -> None:
    """The weeks after it are compared with that one, and not with those before it."""
    rng = np.random.default_rng(2)
    weeks = [week(number, rng, shift=4.0 * (number >= 3)) for number in range(1, 6)]
    assert faults(weeks) == [(), (), ("changed",), (), ()]


def test_a_turned_camera_is_found_by_its_edges() -> None:
    """Although its vectors say nothing of it."""
    rng = np.random.default_rng(3)
    turned = [look(scene(rng, left=12)) for _ in range(FRAMES)]
    judged = judge("yard", [week(1, rng), week(2, rng, looks=turned)], is_camera=True)[-1]
    assert judged.faults == ("changed",)
    assert judged.view is not None
    assert judged.view.is_alarm
    assert judged.content is not None
    assert not judged.content.is_alarm
    assert sum(judged.view.null) >= 1000
    assert judged.view.statistic <= judged.view.null_end


def test_a_blurred_camera_is_found() -> None:
    """It is less sharp by more than a third; a little less is only chance or weather."""
    rng = np.random.default_rng(4)
    soft = [look(scene(rng).filter(ImageFilter.GaussianBlur(2))) for _ in range(FRAMES)]
    assert "blurred" in faults([week(1, rng), week(2, rng, looks=soft)])[-1]
    before = [look(scene(rng)) for _ in range(FRAMES)]
    for factor, is_told in ((0.8, False), (0.6, True)):
        less = [replace(each, sharpness=each.sharpness + np.log(factor)) for each in before]
        told = faults([week(1, rng, looks=before), week(2, rng, looks=less)])[-1]
        assert ("blurred" in told) == is_told


@pytest.mark.parametrize("level", [2, 128], ids=["dark", "covered"])
def test_a_blind_camera_is_found(level: int) -> None:
    """One surface, or nothing; not if it was so before."""
    rng = np.random.default_rng(5)
    flat = [look(Image.new("RGB", (192, 108), (level,) * 3)) for _ in range(FRAMES)]
    assert all(each.is_blind for each in flat)
    weeks = [week(1, rng), week(2, rng, looks=flat), week(3, rng, looks=flat)]
    told = faults(weeks)
    assert "blind" in told[1]
    assert "blind" not in told[2]


def test_a_frozen_camera_is_found() -> None:
    """A folder of slides is still, too, and is not a camera."""
    rng = np.random.default_rng(6)
    weeks = [week(1, rng, still=0.3), week(2, rng, still=0.97), week(3, rng, still=0.97)]
    assert faults(weeks) == [(), ("frozen",), ()]
    assert faults(weeks, is_camera=False) == [(), (), ()]


@pytest.mark.parametrize(
    ("brightness", "contrast", "blind"),
    [(0.055, 0.2, True), (0.065, 0.2, False), (0.5, 0.027, True), (0.5, 0.033, False)],
    ids=["dark", "night with a light", "one surface", "fog with a shape"],
)
def test_a_picture_is_blind_if_it_is_dark_or_one_surface(
    brightness: float, contrast: float, *, blind: bool
) -> None:
    """By luma from 0 to 1: 0.06 of it, and 0.03 of its deviation, as the page on drift says."""
    assert Look(brightness, contrast, 0.0, np.zeros(144, np.float32)).is_blind == blind


def test_eight_weeks_before_count() -> None:
    """What was earlier belongs to another season."""
    rng = np.random.default_rng(11)
    weeks = [
        Week(f"2026-W{n:02d}", 2, Sample(vectors(rng, 2), np.array([2 * n, 2 * n + 1])))
        for n in range(1, 12)
    ]
    judged = judge("yard", weeks, is_camera=True)
    assert [each.before for each in judged] == [0, 2, 4, 6, 8, 10, 12, 14, 16, 16, 16]


@pytest.mark.parametrize(("gap", "still"), [(28.0, 0.0), (32.0, 0.32)])
def test_half_a_minute_without_a_new_frame_is_still(gap: float, still: float) -> None:
    """Less may be a scene in which little moves."""
    times = np.append(np.arange(0.0, 100.0 - gap), 100.0)
    rows = vectors(np.random.default_rng(12), len(times))
    times[-2] = 100.0 - gap
    assert still_share(times, rows, 100.0) == pytest.approx(still)


def test_the_share_of_a_still_picture() -> None:
    """Frames that are one picture, and gaps in which frames repeated and were not stored."""
    rng = np.random.default_rng(7)
    times, rows = np.array([0.0, 1, 2, 3, 40]), vectors(rng, 5)
    rows[2] = rows[1]
    # From 1 to 2 s the same picture, from 3 to 40 s nothing new, from 40 to 50 s not long enough.
    assert still_share(times, rows, 50.0) == pytest.approx((1 + 37) / 50)
    assert still_share(times[:0], rows[:0], 50.0) == 0


def test_repeats_are_of_other_blocks() -> None:
    """Two frames of one video are alike; that is not a repeat."""
    rows = vectors(np.random.default_rng(8), 6)
    rows[1], rows[5] = rows[0], rows[3]
    assert repeats(Sample(rows, np.array([0, 0, 1, 1, 2, 2]))) == pytest.approx(2 / 6)


def test_the_light_leaves_sharpness_and_edges_as_they_are() -> None:
    """Half of the light is half of the brightness."""
    picture = scene(np.random.default_rng(9))
    whole, half = look(picture), look(picture.point(lambda value: value // 2))
    assert half.brightness == pytest.approx(whole.brightness / 2, rel=0.02)
    assert half.sharpness == pytest.approx(whole.sharpness, abs=0.1)
    assert float(half.grid @ whole.grid) > 0.97
    assert float(np.linalg.norm(whole.grid)) == pytest.approx(1, abs=1e-5)
    assert len(whole.grid) == quality.GRID[0] * quality.GRID[1]


def test_rows_are_spread_evenly() -> None:
    """All if there are few; else the middle of equal parts."""
    assert spread(3, 5).tolist() == [0, 1, 2]
    assert spread(100, 4).tolist() == [12, 37, 62, 87]


def test_weeks_begin_on_monday() -> None:
    """In UTC, with the year that ISO 8601 gives them."""
    assert week_of(1_767_571_199) == "2026-W01"  # Sunday, 2026-01-04T23:59:59Z
    assert week_of(1_767_571_200) == "2026-W02"
    assert week_of(1_767_139_200) == "2026-W01"  # Wednesday, 2025-12-31
    assert weekly.FRAMES == 200
