"""The index of objects: what it finds does not depend on how it came to be."""

from random import Random

import numpy as np
import pytest

from clipseek.objects import index
from clipseek.objects.index import MOST, ObjectIndex
from clipseek.timed import Span
from clipseek.tracked import Track, VideoObjects
from clipseek.types import Relevance, Scoring

DIM = 8
SCORING = Scoring("b" * 64, 10.0, Relevance(1.0, 0.0, fitted=False))


def video(rng: np.random.Generator, count: int) -> VideoObjects:
    """Return a video with some objects, whose vectors are near the first axis."""
    tracks = []
    for number in range(count):
        vector = rng.normal(size=DIM) / 4 + np.eye(DIM)[0]
        frames = 1 + number % 3
        times = np.arange(frames, dtype=np.float64) + number
        boxes = np.tile(rng.random(4).astype(np.float32), (frames, 1))
        unit = (vector / np.linalg.norm(vector)).astype(np.float32)
        span = Span(float(number), number + float(frames))
        tracks.append(Track(f"thing {number % 2}", 0.5, span, times, boxes, frames - 1, unit, 0.1))
    return VideoObjects("stamp", tuple(tracks))


def shown(made: ObjectIndex, only: set[str] | None = None) -> list[tuple[object, ...]]:
    """Return what a search finds, with all that hits are made of."""
    found, more = made.search(np.eye(DIM, dtype=np.float32)[0], SCORING, only)
    hits = [(each.video_id, each.hit, each.track.times.tolist(), each.track.bias) for each in found]
    return [("more", more), *hits]


def test_changes_in_any_order_give_the_index_of_what_is_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also when small blocks are gathered again, and for some videos alone."""
    monkeypatch.setattr(index, "_BLOCK", 40)
    monkeypatch.setattr(index, "_MOST_SMALL", 3)
    rng, dice = np.random.default_rng(7), Random(7)
    there: dict[str, VideoObjects] = {}
    made = ObjectIndex()
    for _ in range(60):
        name = f"v{dice.randrange(25):02}"
        found, stays = video(rng, dice.choice([0, 1, 5, 60, 60])), dice.random() < 0.8
        made = made.changed({name}, [(name, found)] if stays else [])
        there.pop(name, None)
        if stays and found.tracks:
            there[name] = found
        again = ObjectIndex().changed(frozenset(), sorted(there.items()))
        assert len(made) == sum(len(each.tracks) for each in there.values())
        assert shown(made) == shown(again)
        some = set(dice.sample(sorted(there), len(there) // 2))
        assert shown(made, some) == shown(again, some)
    assert len(made) > MOST
    assert shown(made)[0] == ("more", True)


def test_equal_objects_are_in_the_order_of_videos_and_time() -> None:
    """Whichever was there first."""
    one = video(np.random.default_rng(1), 1)
    twice = VideoObjects("stamp", one.tracks * 2)
    made = ObjectIndex().changed(frozenset(), [("b", twice)]).changed({"a"}, [("a", twice)])
    found, more = made.search(np.eye(DIM, dtype=np.float32)[0], SCORING)
    assert ([each.video_id for each in found], more) == (["a", "a", "b", "b"], False)


def test_what_does_not_change_is_the_same_index() -> None:
    """So views that nothing has happened to share it."""
    made = ObjectIndex().changed(frozenset(), [("a", video(np.random.default_rng(1), 2))])
    assert made.changed({"b"}, [("b", VideoObjects("stamp"))]) is made
    assert made.changed(frozenset(), []) is made
    assert len(made.changed({"a"}, [])) == 0
    assert made.changed({"a"}, []).search(np.eye(DIM, dtype=np.float32)[0], SCORING) == ([], False)


def test_many_small_changes_leave_few_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A search has a product per block: a thousand new videos do not make a thousand of them."""
    monkeypatch.setattr(index, "_BLOCK", 40)
    rng = np.random.default_rng(11)
    made = ObjectIndex()
    for number in range(300):
        name = f"v{number:03}"
        made = made.changed({name}, [(name, video(rng, 1))])
        assert len(made._blocks) <= 45
    assert len(made) == 300
