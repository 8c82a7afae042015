"""A device with too little memory is given fewer rows at once."""

import logging
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("torch", reason="the extra `models` is not installed")

import torch

from clipseek.embedding.openclip import Loaded
from clipseek.embedding.pixels import Recipe
from clipseek.embedding.towers.torch import TorchModel, TorchTower
from clipseek.errors import ServiceUnavailable

RECIPE = Recipe(2, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))


class Narrow:
    """A model on a device with room for so many rows; a vector is the first value of a picture."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.asked: list[int] = []

    def to(self, _device: torch.device) -> "Narrow":
        """Stay where it is."""
        return self

    def encode_image(self, rows: torch.Tensor) -> torch.Tensor:
        """Return float32 (N, 1)."""
        self.asked.append(len(rows))
        if len(rows) > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return rows[:, 0, 0, :1] * 255


def tower(model: Narrow) -> TorchTower:
    """Return the visual tower of a model on the CPU."""
    loaded = Loaded(cast(Any, model), lambda *_: None, {}, "made")
    return TorchTower(TorchModel(lambda: loaded, "cpu"), "visual", recipe=RECIPE)


def rows(count: int) -> NDArray[np.uint8]:
    """Return pictures, each of one value."""
    values = np.arange(count, dtype=np.uint8)
    return np.broadcast_to(values[:, None, None, None], (count, 2, 2, 3)).copy()


def test_half_of_the_rows_are_run_from_then_on(caplog: pytest.LogCaptureFixture) -> None:
    """Every row has its vector, in order, and a sentence in the log says what happened."""
    model = Narrow(room=9)
    narrow = tower(model)
    with caplog.at_level(logging.WARNING):
        found = narrow.run(rows(32))
    assert np.rint(found[:, 0]).tolist() == [*range(32)]
    assert narrow.intake.most == 8
    assert caplog.messages == [
        "device cpu has too little memory for 32 rows at once; going on with 16",
        "device cpu has too little memory for 16 rows at once; going on with 8",
        "device cpu has too little memory for 16 rows at once; going on with 8",
    ]
    model.asked.clear()
    narrow.run(rows(8))
    assert model.asked == [8]


def test_no_room_for_one_row_is_told() -> None:
    """With what to do."""
    with pytest.raises(ServiceUnavailable, match=r"too little memory for one row; .*=cpu"):
        tower(Narrow(room=0)).run(rows(3))
