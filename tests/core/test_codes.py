"""Vectors as the catalog stores them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from clipseek.catalog.codes import pack, read, unpack
from clipseek.errors import ServiceUnavailable

CODES = st.integers(-127, 127)


def unit(rows: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the rows at length one."""
    made: NDArray[np.float32] = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype("<f4")
    return made


def test_a_code_is_read_as_its_signed_square() -> None:
    """As a unit row."""
    squares = np.array([[127.0**2, 64.0**2, -(32.0**2), 0.0]])
    np.testing.assert_allclose(
        unpack(np.array([[127, 64, -32, 0]], np.int8)), unit(squares), rtol=1e-6
    )


@given(arrays(np.int8, st.tuples(st.integers(1, 150), st.just(5)), elements=CODES))
def test_packing_what_was_read_gives_the_same_codes(codes: NDArray[np.int8]) -> None:
    """So a video can move between catalogs any number of times; more rows than are read at once."""
    codes[:, 2] = -127
    assert (pack(unpack(codes)) == codes).all()


@pytest.mark.parametrize("great", [0.0, 0.6], ids=["alike", "one great component"])
def test_a_cosine_changes_little(great: float) -> None:
    """Equal steps between codes would be off by 1.2e-3 where one component is great."""
    rng = np.random.default_rng(0)
    drawn, asked = rng.normal(size=(300, 512)), unit(rng.normal(size=(100, 512)))
    drawn[:, 7] += great / (1 - great**2) ** 0.5 * 512**0.5
    rows = unit(drawn)
    errors = unpack(pack(rows)) @ asked.T - rows @ asked.T
    assert errors.std() < 6e-4
    assert abs(errors).max() < 4e-3


def test_a_row_without_direction_does_not_become_a_number() -> None:
    """`verify` finds damage by that; other rows are not concerned."""
    codes = np.eye(200, dtype=np.int8)
    codes[130, 130] = 0
    assert np.flatnonzero(~np.isfinite(unpack(codes)).all(axis=1)).tolist() == [130]


@pytest.mark.parametrize("row", [[0.0, 0.0], [1.0, np.nan], [np.inf, 1.0]])
def test_a_row_that_has_no_direction_is_refused(row: list[float]) -> None:
    """By name."""
    with pytest.raises(ValueError, match="frame vectors must be finite and not zero in every row"):
        pack(np.array([[1.0, 0.0], row], np.float32), "frame vectors")


def test_bytes_of_another_length_are_refused() -> None:
    """Such as those of an earlier form, with two bytes for each component."""
    assert read(b"\x01\xff\x02\x03", 2, 2).tolist() == [[1, -1], [2, 3]]
    with pytest.raises(ServiceUnavailable, match="2 vectors of 2 components must have 4 bytes"):
        read(bytes(8), 2, 2)
