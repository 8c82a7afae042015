"""Trains the demo detector on fresh scenes of the cartoon world, and writes it as ONNX.

`python -m clipseek.demo.train_detector --out DIR` writes `detector.onnx` and `detector.json`. One
core and the extra `models` are all it needs. The same seed and steps give the same weights on the
same machine.
"""

import argparse
import json
import logging
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from clipseek.demo.drawing import draw
from clipseek.demo.lessons import worn_at
from clipseek.demo.spotter import HEIGHT, STRIDE, WIDTH, Exported, Spotter
from clipseek.demo.world import KINDS, Scene, Thing, sample_scene

_log = logging.getLogger(__name__)

STEPS, BATCH, POOL = 800, 8, 480
THINGS = 3, 8
LEARNING_RATE, WEIGHT_DECAY, WARM_UP_STEPS = 2e-3, 0.05, 50
SIZES = (0.09, 0.47)
"""Sides of things, in heights of the picture: from a fortieth of the largest area on."""
LEAST_SEEN = 0.35
"""A thing at the edge is asked for if this share of its box is in the picture."""
ROWS, COLUMNS = -(-HEIGHT // STRIDE), WIDTH // STRIDE
_LOG_STEPS = 25

Box = tuple[float, float, float, float]


def scattered(rng: Random) -> Scene:
    """Draw a scene whose things are of any size, anywhere in the picture, and apart."""
    scene = sample_scene(rng)
    things: list[Thing] = []
    for _ in range(rng.randint(*THINGS)):
        thing = rng.choice(sample_scene(rng).things)
        # The logarithm is even: as many small ones as large ones.
        size = math.exp(rng.uniform(*map(math.log, SIZES)))
        x, y = rng.uniform(0.0, 1.0), rng.uniform(0.1, 0.9)
        moved = replace(thing, x=x, y=y, size=size)
        if all(_are_apart(moved, other) for other in things):
            things.append(moved)
    return replace(scene, things=tuple(things))


def _are_apart(one: Thing, other: Thing) -> bool:
    least = (one.size + other.size) / 2
    return abs(one.y - other.y) > least or abs(one.x - other.x) * WIDTH / HEIGHT > least


def box_of(thing: Thing) -> Box:
    """Return the box of a thing in pixels: left, top, right, bottom, cut at the edges."""
    half = thing.size * HEIGHT / 2
    x, y = thing.x * WIDTH, thing.y * HEIGHT
    left, top, right, bottom = x - half, y - half, x + half, y + half
    return max(left, 0.0), max(top, 0.0), min(right, WIDTH), min(bottom, HEIGHT)


def in_sight(thing: Thing) -> bool:
    """Whether enough of a thing is in the picture to be asked for."""
    left, top, right, bottom = box_of(thing)
    whole = (thing.size * HEIGHT) ** 2
    return max(0.0, right - left) * max(0.0, bottom - top) >= LEAST_SEEN * whole


def lessons(seed: int) -> Iterator[tuple[Tensor, list[list[Thing]]]]:
    """Yield pictures, BGR (BATCH, 3, H, W) padded to whole cells, and their things, endlessly."""
    rng, noise = Random(seed), np.random.default_rng(seed)
    pool: list[tuple[NDArray[np.uint8], list[Thing]]] = []
    while True:
        fresh = BATCH if len(pool) < POOL else BATCH // 2
        for _ in range(fresh):
            scene = scattered(rng)
            pixels = draw(scene, WIDTH, HEIGHT, oversampling=rng.choice((1, 2)))
            pixels = worn_at(pixels, (WIDTH, HEIGHT), rng, noise)
            pool.append((pixels, [thing for thing in scene.things if in_sight(thing)]))
        del pool[:-POOL]
        chosen = rng.sample(pool, BATCH)
        yield padded([pixels for pixels, _ in chosen]), [things for _, things in chosen]


def padded(pictures: Sequence[NDArray[np.uint8]]) -> Tensor:
    """Return RGB pictures as the network takes them."""
    canvas = np.full((len(pictures), ROWS * STRIDE, COLUMNS * STRIDE, 3), 114, np.uint8)
    canvas[:, :HEIGHT, :WIDTH] = np.stack(pictures)[..., ::-1]
    return torch.from_numpy(canvas).permute(0, 3, 1, 2).float()


def targets(things: Sequence[Sequence[Thing]]) -> tuple[Tensor, Tensor]:
    """Return the kind of each cell int64 (N, cells), -1 for none, and its box (N, cells, 4).

    The nine cells around the middle of a thing say it, as those of YOLOX do.
    """
    kinds = torch.full((len(things), ROWS, COLUMNS), -1, dtype=torch.int64)
    boxes = torch.zeros(len(things), ROWS, COLUMNS, 4)
    for number, some in enumerate(things):
        for thing in sorted(some, key=lambda each: -each.size):
            left, top, right, bottom = box_of(thing)
            row, column = (
                int((top + bottom) / 2 / STRIDE),
                int((left + right) / 2 / STRIDE),
            )
            rows = slice(max(row - 1, 0), row + 2)
            columns = slice(max(column - 1, 0), column + 2)
            kinds[number, rows, columns] = KINDS.index(thing.kind)
            boxes[number, rows, columns] = torch.tensor((left, top, right, bottom))
    return kinds.flatten(1), boxes.flatten(1, 2)


def edges(said: Tensor) -> Tensor:
    """Return the boxes (N, cells, 4) in pixels that the first four columns say."""
    rows, columns = torch.meshgrid(torch.arange(ROWS), torch.arange(COLUMNS), indexing="ij")
    corners = torch.stack([columns, rows], dim=-1).reshape(-1, 2)
    middle = (said[..., :2] + corners) * STRIDE
    half = said[..., 2:4].clamp(max=4).exp() * (STRIDE / 2)
    return torch.cat([middle - half, middle + half], dim=-1)


def apart(boxes: Tensor, wanted: Tensor) -> Tensor:
    """Return 1 - GIoU (Rezatofighi et al. 2019) of boxes (K, 4) in pixels."""
    areas = [(each[:, 2:] - each[:, :2]).clamp(min=0).prod(1) for each in (boxes, wanted)]
    least, most = torch.minimum, torch.maximum
    inner = least(boxes[:, 2:], wanted[:, 2:]) - most(boxes[:, :2], wanted[:, :2])
    outer = most(boxes[:, 2:], wanted[:, 2:]) - least(boxes[:, :2], wanted[:, :2])
    shared, around = inner.clamp(min=0).prod(1), outer.prod(1).clamp(min=1e-6)
    union = (areas[0] + areas[1] - shared).clamp(min=1e-6)
    return 1 - shared / union + (around - union) / around


def losses(said: Tensor, things: Sequence[Sequence[Thing]]) -> Tensor:
    """Return the loss of one batch: focal for what is there, of boxes, and of kinds."""
    kinds, boxes = targets(things)
    is_thing = kinds >= 0
    count = is_thing.sum().clamp(min=1)
    wanted = is_thing.float()
    probability = said[..., 4].sigmoid()
    missed = (wanted - probability).abs() ** 2
    there = functional.binary_cross_entropy_with_logits(said[..., 4], wanted, reduction="none")
    focal = (missed * there).sum() / count
    box = apart(edges(said)[is_thing], boxes[is_thing]).sum() / count
    named = functional.one_hot(kinds[is_thing], len(KINDS)).float()
    kind = (
        functional.binary_cross_entropy_with_logits(said[..., 5:][is_thing], named, reduction="sum")
        / count
    )
    return focal + 2 * box + kind


def train(*, steps: int, seed: int) -> Spotter:
    """Train for so many steps."""
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    spotter = Spotter(len(KINDS))
    optimiser = torch.optim.AdamW(spotter.parameters(), weight_decay=WEIGHT_DECAY)
    for step, (pixels, things) in zip(range(steps), lessons(seed), strict=False):
        rate = LEARNING_RATE * min(1, (step + 1) / WARM_UP_STEPS)
        for group in optimiser.param_groups:
            group["lr"] = rate * (0.5 + 0.5 * math.cos(math.pi * step / steps))
        optimiser.zero_grad(set_to_none=True)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            said = spotter(pixels.contiguous(memory_format=torch.channels_last))
        loss = losses(said.float(), things)
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(spotter.parameters(), 5.0)
        optimiser.step()
        if step % _LOG_STEPS == 0:
            _log.info("step %d of %d: %.3f", step, steps, loss.item())
    spotter.eval()
    return spotter


def write(spotter: Spotter, out: Path) -> None:
    """Write the network and the names of its classes to a folder, which is made if missing."""
    out.mkdir(parents=True, exist_ok=True)
    pixels = torch.zeros(1, 3, ROWS * STRIDE, COLUMNS * STRIDE)
    torch.onnx.export(
        Exported(spotter).eval(),
        (pixels,),
        out / "detector.onnx",
        input_names=["images"],
        output_names=["output"],
        dynamic_axes={"images": {0: "batch"}, "output": {0: "batch"}},
        dynamo=False,
    )
    beside = {"classes": list(KINDS), "strides": [STRIDE]}
    (out / "detector.json").write_text(json.dumps(beside, indent=2) + "\n", encoding="utf-8")


def main() -> None:
    """Read the command line, train, and write."""
    parser = argparse.ArgumentParser(
        prog="python -m clipseek.demo.train_detector", description=__doc__
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for the two files")
    parser.add_argument("--steps", type=int, default=STEPS, help=f"of training ({STEPS})")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    write(train(steps=chosen.steps, seed=chosen.seed), chosen.out)


if __name__ == "__main__":
    main()
