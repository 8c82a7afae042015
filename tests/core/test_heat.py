"""Heat maps and boxes, from patches whose colours are known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipseek.embedding.pixels import Recipe, covered, prepare
from clipseek.heat import Heat, heat_of
from clipseek.patches import Box, Patches

WHOLE = Box(0, 0, 1, 1)
ASKED = np.array([1, 0], np.float32)


def heat(scores: list[list[float]], area: Box = WHOLE) -> Heat:
    """Return the heat of patches with these scores."""
    vectors = np.stack([np.array(scores), np.ones(np.shape(scores))], axis=-1)
    found = heat_of(Patches(vectors.astype(np.float32), area), ASKED)
    assert found is not None
    return found


def test_the_best_patch_is_hottest_and_the_usual_one_cold() -> None:
    """Heat compares the patches of one picture: scores of any size give 0 to 1."""
    found = heat([[0.1, 0.1, 0.1, 0.1], [0.1, 0.3, 0.2, 0.0]])
    assert found.grid.tolist() == [[0, 0, 0, 0], [0, 1, pytest.approx(0.5), 0]]
    assert heat([[-90, -90, -90], [-90, -90, -50]]).grid.tolist() == [[0, 0, 0], [0, 0, 1]]


def test_the_box_is_around_what_hangs_together_with_the_best() -> None:
    """A second warm place apart from it, or at a corner of it, is outside the box."""
    found = heat(
        [
            [0, 0, 0, 0, 0],
            [0, 9, 8, 0, 0],
            [0, 0, 7, 0, 0],
            [0, 0, 0, 6, 0],
            [8, 0, 0, 0, 0],
        ]
    )
    assert found.box == pytest.approx((0.2, 0.2, 0.6, 0.6))


@pytest.mark.parametrize(("warmth", "right"), [(0.1, 0.5), (0.3, 0.75)], ids=["cool", "warm"])
def test_a_fifth_of_the_best_is_warm(warmth: float, right: float) -> None:
    """Half the threshold, and one and a half of it, decide differently."""
    found = heat([[0, 1, warmth, 0], [0, 0, 0, 0]])
    assert found.box == (0.25, 0, right, 0.5)


def test_padding_is_left_out() -> None:
    """What a model adds above and below a wide picture is in no picture, however warm it is."""
    found = heat([[9, 9], [0, 0], [0, 1], [8, 8]], Box(0, -0.5, 1, 1.5))
    assert found.grid.tolist() == [[0, 0], [0, 1]]
    assert found.area == (0, 0, 1, 1)
    assert found.box == (0.5, 0.5, 1, 1)


def test_a_cut_picture_is_covered_in_part() -> None:
    """A model that sees the middle of a wide picture says nothing of its ends."""
    found = heat([[0, 1], [0, 0]], Box(0.25, 0, 0.75, 1))
    assert found.area == (0.25, 0, 0.75, 1)
    assert found.box == (0.5, 0, 0.75, 0.5)


def test_equal_patches_have_no_heat() -> None:
    """A grey picture has no place that fits better."""
    assert heat_of(Patches(np.ones((3, 3, 2), np.float32), WHOLE), ASKED) is None


def test_patches_outside_have_no_heat() -> None:
    """No patch with its middle in the picture has no answer, and raises nothing."""
    patches = Patches(np.ones((1, 1, 2), np.float32), Box(2, 0, 3, 1))
    assert heat_of(patches, ASKED) is None


@given(
    st.lists(st.lists(st.floats(-1, 1, width=32), min_size=4, max_size=4), min_size=2, max_size=6)
)
def test_the_best_patch_is_in_the_box(scores: list[list[float]]) -> None:
    """The middle of the hottest patch is in the box, and the box is in the picture."""
    vectors = np.array(scores, np.float32)[..., None].repeat(2, axis=2)
    found = heat_of(Patches(vectors, WHOLE), ASKED)
    if found is None:
        return
    rows, columns = found.grid.shape
    y, x = np.unravel_index(found.grid.argmax(), found.grid.shape)
    assert 0 <= found.box.left < (x + 0.5) / columns < found.box.right <= 1
    assert 0 <= found.box.top < (y + 0.5) / rows < found.box.bottom <= 1
    assert found.grid.min() >= 0
    assert found.grid.max() == 1


@pytest.mark.parametrize("resize", ["shortest", "longest", "squash"])
@pytest.mark.parametrize("size", [(64, 36), (36, 64), (33, 33)], ids=["wide", "tall", "square"])
def test_what_a_model_sees_is_where_its_pixels_come_from(
    resize: str, size: tuple[int, int]
) -> None:
    """A gradient tells where a column and a row of the prepared picture were."""
    width, height = size
    recipe = Recipe(32, (0, 0, 0), (1, 1, 1), "bilinear", resize, 0)  # type: ignore[arg-type]  # of ids
    y, x = np.mgrid[0:height, 0:width]
    shades = [55 + 200 * (x + 0.5) / width, 55 + 200 * (y + 0.5) / height, 0 * x]
    square = prepare(np.stack(shades, axis=2).astype(np.uint8)[None], recipe)[0].astype(float)
    area = covered(width, height, recipe)
    for pixel in (8, 16, 23):
        at_x = area.left + (pixel + 0.5) / 32 * (area.right - area.left)
        at_y = area.top + (pixel + 0.5) / 32 * (area.bottom - area.top)
        if not (0.05 < at_x < 0.95 and 0.05 < at_y < 0.95):
            continue
        assert (square[pixel, pixel, 0] - 55) / 200 == pytest.approx(at_x, abs=0.03)
        assert (square[pixel, pixel, 1] - 55) / 200 == pytest.approx(at_y, abs=0.03)
