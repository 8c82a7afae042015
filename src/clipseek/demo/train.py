"""Trains the demo model from nothing on fresh scenes of the cartoon world, and bundles it.

`python -m clipseek.demo.train --out DIR --minutes 52` writes `weights.pt` and `model/`. Two cores
and the extra `models` are all it needs. A teacher learns first, from symbols (`teacher`); then the
image tower and the text tower learn its vectors, side by side, a process and a core each.
"""

import argparse
import logging
import math
import time
from collections.abc import Callable, Iterable, Iterator
from multiprocessing import get_context
from pathlib import Path
from random import Random
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, IterableDataset

from clipseek.demo import symbols, tower
from clipseek.demo.bundling import bundle_model
from clipseek.demo.lessons import NOTHING, discussions, pictures, sentences, whereabouts
from clipseek.demo.teacher import Teacher, train_teacher
from clipseek.demo.words import make_tokenizer

_log = logging.getLogger(__name__)

PICTURES = 128  # a step of the image tower
SCENES = 64  # a step of the text tower: four sentences each
LEARNING_RATE = 1.5e-3
WEIGHT_DECAY = 0.05
WARM_UP_STEPS = 200
TEACHER_SHARE = 0.08  # of the time
# The losses in addition to the cosine distance to the teacher's vectors, with DISTANCE_WEIGHT.
DISTANCE_WEIGHT = 20.0
NAMES_WEIGHT = 1.0
WEIGHTS = "weights.pt"
_LOG_STEPS = 50
_SAVE_STEPS = 200

Lesson = tuple[Tensor, ...]


class Pictures(IterableDataset[Lesson]):
    """Endless pixels uint8 (B, S, S, 3), facts, cells int64 (B, GRID, GRID), claims and truth."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def __iter__(self) -> Iterator[Lesson]:
        rng = Random(self._seed)
        for scenes, pixels in pictures(self._seed, PICTURES, tower.IMAGE_SIZE):
            said = sentences(scenes, rng)
            cells = torch.tensor([whereabouts(scene).tolist() for scene in scenes])
            arrays = (pixels, symbols.facts(scenes), symbols.claims(said.claims), said.true)
            pixels_, facts, claims, true = (torch.from_numpy(array) for array in arrays)
            yield pixels_, facts, cells, claims, true


class Sentences(IterableDataset[Lesson]):
    """Endless tokens int64 (T, L), claims, facts and truth."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def __iter__(self) -> Iterator[Lesson]:
        tokenizer = make_tokenizer()
        for scenes, said in discussions(self._seed, SCENES):
            tokens = torch.tensor([each.ids for each in tokenizer.encode_batch(said.texts)])
            arrays = (symbols.claims(said.claims), symbols.facts(scenes), said.true)
            claims, facts, true = (torch.from_numpy(array) for array in arrays)
            yield tokens, claims, facts, true


class Names(nn.Module):
    """Says what is in each cell, from the image tower's map; it is dropped after training.

    Colour and kind of one thing are in one cell, so naming both together teaches features that
    bind them, sooner than the distance to a vector does.
    """

    def __init__(self) -> None:
        super().__init__()
        self._names = nn.Conv2d(tower.CELL_FEATURES, 1 + symbols.THINGS, 1)
        # Seven cells of eight are empty.
        self._weights = torch.ones(1 + symbols.THINGS)
        self._weights[NOTHING] = 0.1

    def forward(self, maps: Tensor, cells: Tensor) -> Tensor:
        """Return the cross-entropy of the names."""
        return functional.cross_entropy(self._names(maps), cells, weight=self._weights)


class Eyes(nn.Module):
    """The image tower in training."""

    def __init__(self, visual: Any, teacher: Teacher) -> None:
        super().__init__()
        self.visual = visual.to(memory_format=torch.channels_last)
        self._names = Names()
        self._teacher = [teacher]  # in a list, so that it is not a part of the module

    def losses(self, lesson: Lesson) -> dict[str, Tensor]:
        """Return the losses of one batch of `Pictures`."""
        pixels, facts, cells, claims, true = lesson
        # bfloat16 doubles the speed of convolutions on CPUs with AMX.
        with torch.autocast("cpu", dtype=torch.bfloat16):
            maps = self.visual.trunk.cells(normalise(pixels))
            vectors = self.visual.head(maps.flatten(1))
        vectors = functional.normalize(vectors.float(), dim=-1)
        teacher = self._teacher[0]
        return {
            "distance": DISTANCE_WEIGHT * distance(vectors, teacher.of_scenes(facts)),
            "told": teacher.loss(vectors, teacher.of_claims(claims), true),
            "names": NAMES_WEIGHT * self._names(maps.float(), cells),
        }


class Reader(nn.Module):
    """The text tower in training."""

    def __init__(self, text: Any, teacher: Teacher) -> None:
        super().__init__()
        self.text = text
        self._mask = text.attn_mask
        self._teacher = [teacher]

    def losses(self, lesson: Lesson) -> dict[str, Tensor]:
        """Return the losses of one batch of `Sentences`."""
        tokens, claims, facts, true = lesson
        teacher, vectors = self._teacher[0], self._read(tokens)
        return {
            "distance": DISTANCE_WEIGHT * distance(vectors, teacher.of_claims(claims)),
            "told": teacher.loss(teacher.of_scenes(facts), vectors, true),
        }

    def _read(self, tokens: Tensor) -> Tensor:
        """Run the text tower on rows cut to their length: most fill half the context.

        The end token sees what is before it only, so that padding changes nothing.
        """
        lengths = (tokens != 0).sum(1)
        order = lengths.argsort()
        parts = [self._cut(tokens[rows], int(lengths[rows].max())) for rows in order.chunk(3)]
        self.text.attn_mask = self._mask
        return functional.normalize(torch.cat(parts)[order.argsort()], dim=-1)

    def _cut(self, tokens: Tensor, length: int) -> Tensor:
        self.text.attn_mask = self._mask[:length, :length]
        vectors: Tensor = self.text(tokens[:, :length])
        return vectors


def distance(vectors: Tensor, wanted: Tensor) -> Tensor:
    """Return the mean cosine distance of unit rows."""
    return (1 - (vectors * wanted).sum(1)).mean()


def normalise(pixels: Tensor) -> Tensor:
    """Turn uint8 (N, S, S, 3) into what the image tower takes, float32 (N, 3, S, S)."""
    mean, std = (torch.tensor(tower.PREPROCESSING[key]) for key in ("mean", "std"))
    scaled = (pixels.float() / 255 - mean) / std
    return scaled.permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)


def train(out: Path, *, minutes: float, seed: int) -> Any:
    """Train for so many minutes; write `weights.pt` to the folder.

    Args:
        out: Folder; made if it is missing.
        minutes: Wall-clock time; the learning rates fall to zero by its end.
        seed: Of the weights and of the scenes.

    Returns:
        The open_clip model.
    """
    out.mkdir(parents=True, exist_ok=True)
    teacher = train_teacher(tower.CONFIG["embed_dim"], minutes=minutes * TEACHER_SHARE, seed=seed)
    torch.save(teacher.state_dict(), out / "teacher.pt")
    rest = minutes * (1 - TEACHER_SHARE)
    # Processes, not threads: two towers in one process wait for each other inside every operator.
    context = get_context("spawn")
    running = [
        context.Process(target=learn, args=(out, minutes_, seed), name=learn.__name__)
        for learn, minutes_ in ((train_eyes, rest), (train_reader, rest))
    ]
    for process in running:
        process.start()
    for process in running:
        process.join()
        if process.exitcode:
            raise RuntimeError(f"{process.name} ended with {process.exitcode}")
    model = _fresh(seed)
    model.visual.load_state_dict(torch.load(out / "eyes.pt"))
    model.text.load_state_dict(torch.load(out / "reader.pt"))
    with torch.no_grad():
        model.logit_scale.copy_(teacher.logit_scale)
        model.logit_bias.copy_(-teacher.logit_scale.exp() * teacher.threshold)
    torch.save(model.state_dict(), out / WEIGHTS)
    return model


def train_eyes(out: Path, minutes: float, seed: int) -> None:
    """Teach the image tower; write `eyes.pt` to the folder now and then and at the end."""
    eyes = Eyes(_fresh(seed).visual, _teacher(out))
    loader = DataLoader(Pictures(seed), batch_size=None, num_workers=1)
    _learn(eyes, eyes.losses, loader, minutes, lambda: _save(eyes.visual, out / "eyes.pt"))


def train_reader(out: Path, minutes: float, seed: int) -> None:
    """Teach the text tower; write `reader.pt` to the folder now and then and at the end."""
    reader = Reader(_fresh(seed).text, _teacher(out))
    loader = DataLoader(Sentences(seed), batch_size=None, num_workers=1)
    _learn(reader, reader.losses, loader, minutes, lambda: _save(reader.text, out / "reader.pt"))


def _fresh(seed: int) -> Any:
    torch.manual_seed(seed)
    return tower.create(make_tokenizer().get_vocab_size())


def _teacher(out: Path) -> Teacher:
    teacher = Teacher(tower.CONFIG["embed_dim"])
    teacher.load_state_dict(torch.load(out / "teacher.pt"))
    return teacher.requires_grad_(False)


def _learn(
    module: nn.Module,
    losses: Callable[[Lesson], dict[str, Tensor]],
    lessons: Iterable[Lesson],
    minutes: float,
    save: Callable[[], None],
) -> None:
    # open_clip has configured logging by warning of random weights.
    logging.basicConfig(level=logging.INFO, format="%(message)s", force=True)
    torch.set_num_threads(1)
    optimiser = _optimiser(list(module.parameters()))
    start = time.monotonic()
    for step, lesson in enumerate(lessons):
        spent = (time.monotonic() - start) / (60 * minutes)
        if spent >= 1:
            break
        rate = LEARNING_RATE * min(1, (step + 1) / WARM_UP_STEPS)
        for group in optimiser.param_groups:
            group["lr"] = rate * (0.5 + 0.5 * math.cos(math.pi * spent))
        optimiser.zero_grad(set_to_none=True)
        lost = losses(lesson)
        # What is near the teacher's vectors already is then told true from false.
        lost["told"] = min(1.0, 2 * spent) * lost["told"]
        torch.autograd.backward(sum(lost.values(), torch.zeros(())))
        nn.utils.clip_grad_norm_(module.parameters(), 1.0)
        optimiser.step()
        if step % _LOG_STEPS == 0:
            said = ", ".join(f"{name} {value.item():.3f}" for name, value in lost.items())
            _log.info("%s: %3.0f %%, step %d: %s", type(module).__name__, 100 * spent, step, said)
        if step % _SAVE_STEPS == 0:
            save()
    save()


def _save(part: nn.Module, path: Path) -> None:
    draft = path.with_suffix(".draft")
    torch.save(part.state_dict(), draft)
    draft.replace(path)


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
