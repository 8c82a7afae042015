"""The teacher: vectors of scenes and of claims from their symbols, without pixels or words.

Contrastive training from pixels finds the words long before it finds which colour belongs to
which thing and which thing is left of which: after 300 000 pictures such a model told "a red car
left of a blue ball" from the same with colours or sides exchanged in half of the pairs. From
symbols the same losses reach 99 % in two minutes, and both towers then learn from it by
regression, apart from each other (as in Tian et al. 2020, "Contrastive Representation
Distillation").

A scene's vector is linear in its facts. That suffices: "left of" is the difference of two x.
"""

import logging
import math
import time
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, IterableDataset

from clipseek.demo import symbols
from clipseek.demo.lessons import discussions
from clipseek.demo.world import MOST_THINGS, PLACES, RELATIONS, WEATHERS

_log = logging.getLogger(__name__)

_BATCH = 128
_LEARNING_RATE = 3e-3
_WARM_UP_STEPS = 100
_LARGEST_LOGIT_SCALE = math.log(100)  # Radford et al. 2021, section 2.5
_FIRST_LOGIT_SCALE = math.log(30)
# Cosine above which a sentence is taken for true, at the start.
_FIRST_THRESHOLD = 0.1
# A partial caption says less about its picture, and counts for less.
_PARTIAL_WEIGHT = 0.7
_HIDDEN = 1024
_LOG_STEPS = 500

Discussion = tuple[Tensor, Tensor, Tensor]


class Teacher(nn.Module):
    """Embeds facts (S, FACTS) and claims (D, CLAIM) in one space of `dim` dimensions."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        weights = torch.eye(symbols.FACTS, dim)
        weights[symbols.THINGS : 3 * symbols.THINGS] *= 0.8
        weights[-1] *= 2
        self.facts = nn.Parameter(weights)
        relations = (1 + len(RELATIONS)) * symbols.ITEMS
        sizes = {
            "item": symbols.ITEMS,
            "first": relations,
            "second": relations,
            "place": 1 + len(PLACES),
            "weather": 1 + len(WEATHERS),
            "strange": 2,
            "said": (1 + MOST_THINGS) * 8,
        }
        self.claims = nn.ParameterDict(
            {n: 0.3 * torch.randn(size, dim) for n, size in sizes.items()}
        )
        self.mixed = nn.Sequential(
            nn.LayerNorm(dim), nn.Linear(dim, _HIDDEN), nn.GELU(), nn.Linear(_HIDDEN, dim)
        )
        self.logit_scale = nn.Parameter(torch.tensor(_FIRST_LOGIT_SCALE))
        self.threshold = nn.Parameter(torch.tensor(_FIRST_THRESHOLD))

    def of_scenes(self, facts: Tensor) -> Tensor:
        """Return unit rows (S, dim) for `symbols.facts`."""
        return functional.normalize(facts @ self.facts, dim=-1)

    def of_claims(self, claims: Tensor) -> Tensor:
        """Return unit rows (D, dim) for `symbols.claims`."""
        items = claims[:, :MOST_THINGS]
        relation, place, weather, strange = claims[:, MOST_THINGS:].T
        count = (items != symbols.ITEMS - 1).sum(1)
        said = 8 * count + 4 * (relation > 0) + 2 * (place > 0) + (weather > 0)
        table = self.claims
        vectors: Tensor = (
            table["item"][items].sum(1)
            + table["first"][relation * symbols.ITEMS + items[:, 0]]
            + table["second"][relation * symbols.ITEMS + items[:, 1]]
            + table["place"][place]
            + table["weather"][weather]
            + table["strange"][strange]
            + table["said"][said]
        )
        return functional.normalize(vectors + self.mixed(vectors), dim=-1)

    def loss(self, scenes: Tensor, claims: Tensor, true: Tensor) -> Tensor:
        """Return how badly unit vectors (S, dim) and (D, dim) tell which is true of which (D, S).

        Call it with vectors of this teacher or of a model that learns from it.
        """
        cosines, scale = scenes @ claims.T, self.logit_scale.exp()
        judged = judge(scale * (cosines - self.threshold), true)
        return contrast(scale * cosines, true) + judged


def contrast(logits: Tensor, true: Tensor) -> Tensor:
    """Return the loss: a softmax over pictures and over sentences (Radford et al. 2021, fig. 3).

    In both directions, a picture and its own sentence compete only with what is false: other
    sentences that are true of the picture, and other pictures of which the sentence is true, are
    left out.

    Args:
        logits: float32 (B, T), pictures by sentences.
        true: bool (T, B); the first B sentences are full captions, the next B partial ones.
    """
    count = len(logits)
    false = logits.masked_fill(true.T, -math.inf)
    loss = logits.new_zeros(())
    for first, weight in ((0, 1.0), (count, _PARTIAL_WEIGHT)):
        own = logits[:, first : first + count].diagonal()
        for wrong in (false, false[:, first : first + count].T):
            rivals = torch.cat((own[:, None], wrong), 1)
            loss = loss + weight * (rivals.logsumexp(1) - own).mean()
    return loss / (2 + 2 * _PARTIAL_WEIGHT)


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


class _Discussions(IterableDataset[Discussion]):
    """Endless facts, claims and truths, made in a process of their own."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def __iter__(self) -> Iterator[Discussion]:
        for scenes, said in discussions(self._seed, _BATCH):
            arrays = (symbols.facts(scenes), symbols.claims(said.claims), said.true)
            facts, claims, true = (torch.from_numpy(array) for array in arrays)
            yield facts, claims, true


def train_teacher(dim: int, *, minutes: float, seed: int) -> Teacher:
    """Train for so many minutes of wall-clock time and return the teacher, frozen."""
    torch.manual_seed(seed)
    teacher = Teacher(dim)
    learned = list(teacher.parameters())
    optimiser = torch.optim.AdamW(learned, betas=(0.9, 0.98), weight_decay=0)
    loader = DataLoader(_Discussions(seed), batch_size=None, num_workers=1)
    start = time.monotonic()
    for step, (facts, claims, true) in enumerate(loader):
        spent = (time.monotonic() - start) / (60 * minutes)
        if spent >= 1:
            break
        warm = min(1, (step + 1) / _WARM_UP_STEPS)
        for group in optimiser.param_groups:
            group["lr"] = _LEARNING_RATE * warm * (0.5 + 0.5 * math.cos(math.pi * spent))
        optimiser.zero_grad(set_to_none=True)
        loss = teacher.loss(teacher.of_scenes(facts), teacher.of_claims(claims), true)
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(learned, 1.0)
        optimiser.step()
        with torch.no_grad():
            teacher.logit_scale.clamp_(0, _LARGEST_LOGIT_SCALE)
        if step % _LOG_STEPS == 0:
            _log.info("teacher: %3.0f %%, step %d: %.3f", 100 * spent, step, loss.item())
    return teacher.requires_grad_(False)
