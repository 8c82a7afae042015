"""What the demo model is taught with: symbols, sentences, and the losses of one step."""

from random import Random

import numpy as np
import pytest
import torch

from clipseek.demo import lessons, symbols, teacher, tower, train
from clipseek.demo.words import make_tokenizer
from clipseek.demo.world import Description, Item, Scene, Thing

RED_CAR = Thing("car", "red", 0.2, 0.7)
LEFT = Description((Item("car", "red"), Item("ball", "blue")), "left of", "road", "night")


def test_facts_are_of_visible_things() -> None:
    """A thing outside the picture leaves no trace; one inside leaves its place."""
    away = Thing("ball", "blue", 1.1, 0.5)
    seen, both = symbols.facts(
        [Scene("road", "night", (RED_CAR,)), Scene("road", "night", (RED_CAR, away))]
    )
    np.testing.assert_array_equal(seen, both)
    assert seen[symbols.number(RED_CAR)] == 1
    assert seen[symbols.THINGS + symbols.number(RED_CAR)] < 0


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(None, id="another-world"),
        pytest.param(Description(LEFT.items[::-1], "left of", "road", "night"), id="exchanged"),
        pytest.param(Description(LEFT.items, "right of", "road", "night"), id="relation"),
        pytest.param(Description(LEFT.items, "left of", None, "night"), id="no-place"),
        pytest.param(Description(LEFT.items, "left of", "road", "rain"), id="weather"),
    ],
)
def test_claims_differ(other: Description | None) -> None:
    """No two descriptions have the same codes."""
    first, second = symbols.claims([LEFT, other])
    assert (first != second).any()


def test_sentences_say_which_are_true() -> None:
    """Of its own scene, full and partial captions are true and the others are not."""
    scenes, said = next(lessons.discussions(3, 40))
    own = [said.true[first : first + 40].diagonal() for first in range(0, 160, 40)]
    assert len(scenes) == 40
    assert [column.all() for column in own[:2]] == [True, True]
    assert not np.concatenate(own[2:]).any()


def test_some_sentences_lack_articles() -> None:
    """People type "red car" too."""
    _, said = next(lessons.discussions(3, 100))
    terse = [text for text in said.texts[:100] if not {"a", "an", "the"} & set(text.split())]
    assert 0 < len(terse) < 60


def test_a_pair_told_rightly_costs_less() -> None:
    """Both losses fall where what is true is nearer than what is false."""
    true = torch.eye(4, dtype=torch.bool).repeat(2, 1)
    right = torch.where(true.T, 8.0, -8.0)
    assert teacher.contrast(right, true) < 1e-3 < teacher.contrast(-right, true)
    assert teacher.judge(right, true) < 1e-2 < teacher.judge(-right, true)


def test_the_teacher_learns_from_symbols() -> None:
    """Thirty steps on the same scenes make its loss smaller."""
    torch.manual_seed(1)
    scenes, said = next(lessons.discussions(5, 32))
    arrays = (symbols.facts(scenes), symbols.claims(said.claims), said.true)
    facts, claims, true = (torch.from_numpy(array) for array in arrays)
    taught = teacher.Teacher(64)
    optimiser = torch.optim.AdamW(taught.parameters(), lr=1e-2)
    losses = []
    for _ in range(30):
        optimiser.zero_grad()
        loss = taught.loss(taught.of_scenes(facts), taught.of_claims(claims), true)
        torch.autograd.backward(loss)
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 4


def test_both_towers_learn_from_the_teacher() -> None:
    """A batch gives every parameter of both towers a gradient."""
    torch.manual_seed(1)
    model = tower.create(make_tokenizer().get_vocab_size())
    taught = teacher.Teacher(tower.CONFIG["embed_dim"]).requires_grad_(False)
    seeing, reading = train.Eyes(model.visual, taught), train.Reader(model.text, taught)
    rng = Random(1)
    scenes, pixels = next(lessons.pictures(1, 4, tower.IMAGE_SIZE))
    said = lessons.sentences(scenes, rng)
    cells = np.stack([lessons.whereabouts(scene) for scene in scenes])
    tokens = [each.ids for each in make_tokenizer().encode_batch(said.texts)]
    facts, claims = symbols.facts(scenes), symbols.claims(said.claims)
    seen = [torch.from_numpy(each) for each in (pixels, facts, cells, claims, said.true)]
    read = [torch.from_numpy(each) for each in (np.array(tokens), claims, facts, said.true)]
    torch.autograd.backward(sum(seeing.losses(tuple(seen)).values(), torch.zeros(())))
    torch.autograd.backward(sum(reading.losses(tuple(read)).values(), torch.zeros(())))
    assert all(each.grad is not None for each in (*seeing.parameters(), *reading.parameters()))
