"""Pictures a second, beside what the chip could do.

The floor of a picture is the work of its tower, in floating-point operations, divided by the rate
at which torch multiplies large square matrices of the tower's numbers on the same chip.
"""

import logging
from copy import deepcopy
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.gpu.work import Work
from clipseek.embedding.export.properties import recipe_of
from clipseek.embedding.openclip import Loaded, load_open_clip
from clipseek.embedding.towers.torch import TorchModel, TorchTower

LOADING_S = 30
"""About how long a model of some hundred million random weights takes to be made."""


def measure(work: Work) -> None:
    """Measure the visual tower of each architecture, with random weights."""
    numbers = torch.float16 if work.on_gpu else torch.float32
    rate = matrix_rate(work, numbers)
    work.found(f"matrix product, {str(numbers).removeprefix('torch.')}, TFLOP/s", rate / 1e12, 3)
    for architecture in work.size.architectures:
        if work.has(LOADING_S if work.on_gpu else 0, architecture):
            _tower(work, architecture, rate)


def matrix_rate(work: Work, numbers: torch.dtype) -> float:
    """Return the operations a second of a product of two square matrices."""
    side = work.size.matrix
    one, other = (torch.rand(side, side, device=work.device).to(numbers) for _ in range(2))
    return 2 * side**3 / work.seconds(partial(torch.mm, one, other))


def operations(visual: nn.Module, side: int) -> int:
    """Return the floating-point operations of one picture; a product and a sum count as two.

    Counted on a copy without numbers, and with gradients, because torch's counter does not know
    the fused attention of a CPU.
    """
    shapes = deepcopy(visual).to("meta")
    with FlopCounterMode(display=False) as counter, torch.enable_grad():
        shapes(torch.empty(1, 3, side, side, device="meta"))
    return int(counter.get_total_flops())


def drawn(architecture: str) -> Loaded:
    """Make a model of open_clip's list with random weights."""
    logging.disable(logging.WARNING)  # "initialized randomly"
    try:
        model: Any = load_open_clip().create_model(architecture)
    finally:
        logging.disable(logging.NOTSET)
    return Loaded(model.eval(), _no_tokenizer, model.visual.preprocess_cfg, "random weights")


def _no_tokenizer(*_: object) -> None:
    raise NotImplementedError("sentences are not measured here")


def _tower(work: Work, architecture: str, rate: float) -> None:
    model = TorchModel(partial(drawn, architecture), work.device)
    loaded: Any = model.loaded()
    recipe = recipe_of(loaded.visual.preprocess_cfg)
    side, count = recipe.image_size, work.size.pictures
    floor = rate / operations(loaded.visual, side)
    tower = TorchTower(model, "visual", recipe=recipe)
    shown = np.random.default_rng(0).integers(0, 256, (count, side, side, 3), np.uint8)
    block = tower.intake.most

    def run() -> None:
        for start in range(0, count, block):
            tower.run(shown[start : start + block])

    ready = torch.zeros(min(count, block), 3, side, side, device=work.device)

    def alone() -> None:
        with torch.inference_mode(), torch.autocast("cuda", torch.float16, enabled=work.on_gpu):
            loaded.encode_image(ready)

    pictures_per_s = count / work.seconds(run)
    work.found(f"{architecture}, GFLOP a picture", rate / floor / 1e9, 2)
    work.found(f"{architecture}, pictures/s", pictures_per_s)
    work.found(f"{architecture}, pictures/s of the model alone", len(ready) / work.seconds(alone))
    work.found(f"{architecture}, pictures/s that the matrix product would allow", floor)
    work.found(f"{architecture}, share of it", pictures_per_s / floor, 3)
