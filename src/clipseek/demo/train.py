"""Trains the demo model from nothing on fresh scenes of the cartoon world, and bundles it.

`python -m clipseek.demo.train --out DIR --minutes 52` writes `weights.pt` and `model/`. Two cores
and the extra `models` are all it needs.
"""

import argparse
import logging
import math
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader, IterableDataset

from clipseek.demo import tower
from clipseek.demo.bundling import bundle_model
from clipseek.demo.lessons import NOTHING, THINGS, batches
from clipseek.demo.words import make_tokenizer

_log = logging.getLogger(__name__)

BATCH = 128
LEARNING_RATE = 1.5e-3
WEIGHT_DECAY = 0.05
WARM_UP_STEPS = 200
LARGEST_LOGIT_SCALE = math.log(100)  # Radford et al. 2021, section 2.5
# A partial caption says less about its picture, and counts for less.
PARTIAL_WEIGHT = 0.7
# Cosine above which a sentence is taken for true, at the start; learned, and stays near it.
FIRST_THRESHOLD = 0.42
JUDGE_WEIGHT = 0.5
NAMES_WEIGHT = 0.5
WEIGHTS = "weights.pt"
_LOG_STEPS = 50
_SAVE_STEPS = 200

Lesson = tuple[Tensor, Tensor, Tensor, Tensor]


class Lessons(IterableDataset[Lesson]):
    """Endless batches as tensors, made in a process of their own.

    Each is pixels uint8 (B, S, S, 3), tokens int64 (T, L), truth bool (T, B) and what is in each
    cell int64 (B, GRID, GRID); see `lessons.Batch`.
    """

    def __init__(self, seed: int, image_size: int) -> None:
        self._seed, self._image_size = seed, image_size

    def __iter__(self) -> Iterator[Lesson]:
        tokenizer = make_tokenizer()
        for batch in batches(self._seed, BATCH, self._image_size):
            ids = [encoding.ids for encoding in tokenizer.encode_batch(batch.texts)]
            tokens = torch.tensor(ids, dtype=torch.int64)
            arrays = (batch.pixels, batch.true, batch.cells)
            pixels, true, cells = (torch.from_numpy(array) for array in arrays)
            yield pixels, tokens, true, cells


class Towers:
    """Runs both towers side by side, one thread each, forwards and backwards.

    Two cores that others use too lose more to threads that wait for each other inside every
    operator than they gain: measured 2.2 s a step for one thread and 6 s for two.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        self._mask = model.text.attn_mask
        self._threads = ThreadPoolExecutor(2, initializer=torch.set_num_threads, initargs=(1,))

    def forward(self, pixels: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Embed pictures and sentences.

        Returns:
            Pictures float32 (B, dim), unit rows; their maps float32 (B, CELL_FEATURES, GRID,
            GRID); sentences float32 (T, dim), unit rows.
        """
        images = self._threads.submit(self._images, pixels)
        texts = self._threads.submit(self._texts, tokens)
        return *images.result(), texts.result()

    def backward(self, outputs: Sequence[Tensor], slopes: Sequence[Tensor]) -> None:
        """Add to the parameters' gradients, from the loss's gradients of the three outputs."""
        halves = (slice(0, 2), slice(2, 3))
        running = [
            self._threads.submit(torch.autograd.backward, outputs[half], slopes[half])
            for half in halves
        ]
        for each in running:
            each.result()

    def _images(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        # bfloat16 doubles the speed of convolutions on CPUs with AMX, and slows the text tower.
        with torch.autocast("cpu", dtype=torch.bfloat16):
            visual = self._model.visual
            cells = visual.trunk.cells(normalise(pixels))
            vectors = visual.head(cells.flatten(1))
        return functional.normalize(vectors.float(), dim=-1), cells.float()

    def _texts(self, tokens: Tensor) -> Tensor:
        """Run the text tower on rows cut to their length: most fill half the context.

        The end token sees what is before it only, so that padding changes nothing.
        """
        lengths = (tokens != 0).sum(1)
        order = lengths.argsort()
        parts = [self._cut(tokens[rows], int(lengths[rows].max())) for rows in order.chunk(3)]
        self._model.text.attn_mask = self._mask
        return functional.normalize(torch.cat(parts)[order.argsort()], dim=-1)

    def _cut(self, tokens: Tensor, length: int) -> Tensor:
        self._model.text.attn_mask = self._mask[:length, :length]
        vectors: Tensor = self._model.text(tokens[:, :length])
        return vectors


def normalise(pixels: Tensor) -> Tensor:
    """Turn uint8 (N, S, S, 3) into what the image tower takes, float32 (N, 3, S, S)."""
    mean, std = (torch.tensor(tower.PREPROCESSING[key]) for key in ("mean", "std"))
    scaled = (pixels.float() / 255 - mean) / std
    return scaled.permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)


def contrast(logits: Tensor, true: Tensor) -> Tensor:
    """Return the loss: a softmax over pictures and over sentences (Radford et al. 2021, fig. 3).

    Either way a picture and its own sentence compete with what is false only: other sentences
    that are true of the picture, and other pictures that the sentence is true of, are left out.

    Args:
        logits: float32 (B, T), pictures by sentences.
        true: bool (T, B); the first B sentences are full captions, the next B partial ones.
    """
    count = len(logits)
    false = logits.masked_fill(true.T, -math.inf)
    loss = logits.new_zeros(())
    for first, weight in ((0, 1.0), (count, PARTIAL_WEIGHT)):
        own = logits[:, first : first + count].diagonal()
        for wrong in (false, false[:, first : first + count].T):
            rivals = torch.cat((own[:, None], wrong), 1)
            loss = loss + weight * (rivals.logsumexp(1) - own).mean()
    return loss / (2 + 2 * PARTIAL_WEIGHT)


def judge(margins: Tensor, true: Tensor) -> Tensor:
    """Return the loss of saying of each pair alone whether it is true.

    A softmax compares the sentences of one picture; a library is asked whether a sentence is true
    of any of its pictures. So each pair has a sigmoid too, summed over a picture's sentences as in
    SigLIP (Zhai et al. 2023, section 3.2), with every true pair a positive.

    Args:
        margins: float32 (B, T), pictures by sentences: logits above the threshold.
        true: bool (T, B).
    """
    right = functional.softplus(-margins)[true.T].mean()
    wrong = functional.softplus(margins)[~true.T].sum() / len(margins)
    return right + wrong


class Teacher(torch.nn.Module):
    """Names what is in each cell, from the image tower's map; it is left behind after training.

    Colour and kind of one thing lie in one cell, so that naming both together teaches features
    that bind them. From sentences alone that is learned last, if at all.
    """

    def __init__(self) -> None:
        super().__init__()
        self._names = torch.nn.Conv2d(tower.CELL_FEATURES, THINGS, 1)
        # Seven cells of eight are empty.
        self._weights = torch.ones(THINGS)
        self._weights[NOTHING] = 0.1

    def forward(self, maps: Tensor, cells: Tensor) -> Tensor:
        """Return the cross-entropy of the names."""
        return functional.cross_entropy(self._names(maps), cells, weight=self._weights)


def train(out: Path, *, minutes: float, seed: int) -> Any:
    """Train for so many minutes; write `weights.pt` to the folder now and then and at the end.

    Args:
        out: Folder; made if it is missing.
        minutes: Wall-clock time; the learning rate falls to zero by its end.
        seed: Of the weights and of the scenes.

    Returns:
        The open_clip model.
    """
    out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    student = Student(seed)
    loader: DataLoader[Lesson] = DataLoader(
        Lessons(seed, tower.IMAGE_SIZE), batch_size=None, num_workers=1
    )
    start = time.monotonic()
    for step, lesson in enumerate(loader):
        spent = (time.monotonic() - start) / (60 * minutes)
        if spent >= 1:
            break
        student.set_rate(min(1, (step + 1) / WARM_UP_STEPS) * _cosine(spent))
        losses = student.learn(lesson)
        if step % _LOG_STEPS == 0:
            said = ", ".join(f"{name} {value:.3f}" for name, value in losses.items())
            _log.info("%3.0f %%, step %d: %s", 100 * spent, step, said)
        if step % _SAVE_STEPS == 0:
            student.save(out)
    student.save(out)
    return student.model


class Student:
    """The model in training."""

    def __init__(self, seed: int) -> None:
        torch.manual_seed(seed)
        self.model = tower.create(make_tokenizer().get_vocab_size())
        self.model.to(memory_format=torch.channels_last)
        self._threshold = torch.nn.Parameter(torch.tensor(FIRST_THRESHOLD))
        self._towers = Towers(self.model)
        self._teacher = Teacher()
        learned = [*self.model.parameters(), *self._teacher.parameters(), self._threshold]
        self._optimiser = _optimiser(learned)

    def set_rate(self, share: float) -> None:
        """Set the learning rate, as a share of LEARNING_RATE."""
        for group in self._optimiser.param_groups:
            group["lr"] = LEARNING_RATE * share

    def learn(self, lesson: Lesson) -> dict[str, float]:
        """Take one step; return the losses, the logit scale and the threshold, for the log."""
        pixels, tokens, true, cells = lesson
        self._optimiser.zero_grad(set_to_none=True)
        outputs = self._towers.forward(pixels, tokens)
        images, maps, texts = (each.detach().requires_grad_() for each in outputs)
        scale = self.model.logit_scale
        cosines = images @ texts.T
        contrasted = contrast(scale.exp() * cosines, true)
        judged = judge(scale.exp() * (cosines - self._threshold), true)
        named = self._teacher(maps, cells)
        (contrasted + JUDGE_WEIGHT * judged + NAMES_WEIGHT * named).backward()
        slopes = [each.grad for each in (images, maps, texts) if each.grad is not None]
        self._towers.backward(outputs, slopes)
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self._optimiser.step()
        with torch.no_grad():
            scale.clamp_(0, LARGEST_LOGIT_SCALE)
        return {
            "contrast": contrasted.item(),
            "judge": judged.item(),
            "names": named.item(),
            "scale": scale.exp().item(),
            "threshold": self._threshold.item(),
        }

    def save(self, out: Path) -> None:
        """Write the weights to the folder."""
        torch.save(self.model.state_dict(), out / WEIGHTS)


def _cosine(spent: float) -> float:
    return 0.5 + 0.5 * math.cos(math.pi * spent)


def _optimiser(parameters: list[torch.nn.Parameter]) -> torch.optim.Optimizer:
    """AdamW that leaves gains, biases and the logit scale undecayed."""
    groups = [
        {"params": [each for each in parameters if each.ndim > 1], "weight_decay": WEIGHT_DECAY},
        {"params": [each for each in parameters if each.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=LEARNING_RATE, betas=(0.9, 0.98))


def main() -> None:
    """Read the command line, train, and bundle."""
    parser = argparse.ArgumentParser(prog="python -m clipseek.demo.train", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder for weights and model")
    parser.add_argument("--minutes", type=float, default=52.0, help="how long to train")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    model = train(chosen.out, minutes=chosen.minutes, seed=chosen.seed)
    bundle_model(model, chosen.out / "model")


if __name__ == "__main__":
    main()
