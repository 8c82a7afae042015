"""Rules that say where an object is: spans from frame to frame, and the tags that follow."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from clipseek.errors import ConfigError
from clipseek.relations import PLACES, Place, Relation, held
from clipseek.rules import Rule
from clipseek.tagging.tags import require_objects
from clipseek.testing import ToyEmbedder
from clipseek.timed import Span
from clipseek.tracked import Track, VideoObjects
from tests.core.test_tagging import World

BESIDE = Rule("beside", (), relation=Relation("cat", "car", "left_of"))


def track(label: str, middles: dict[float, tuple[float, float]], sure: float = 0.9) -> Track:
    """Return an object whose middle is there at these times, a second from frame to frame."""
    boxes = [[x - 0.02, y - 0.02, x + 0.02, y + 0.02] for x, y in middles.values()]
    times = np.array(list(middles), np.float64)
    vector = np.eye(1, ToyEmbedder.dim, dtype=np.float32)[0]
    span = Span(times[0], times[-1] + 1)
    return Track(label, sure, span, times, np.array(boxes, np.float32), 0, vector, bias=0.0)


CAR = track("car", dict.fromkeys((0.0, 1.0, 2.0, 3.0), (0.5, 0.5)))


@pytest.mark.parametrize(
    ("middle", "places"),
    [
        ((0.3, 0.5), ["left_of"]),
        ((0.7, 0.5), ["right_of"]),
        ((0.5, 0.3), ["above"]),
        ((0.5, 0.7), ["below"]),
        ((0.3, 0.3), ["left_of", "above"]),
        ((0.42, 0.58), []),
    ],
)
def test_where_an_object_is(middle: tuple[float, float], places: list[Place]) -> None:
    """By the middles of the boxes, which are at least a tenth of the frame apart."""
    tracks = [track("cat", {0.0: middle}), CAR]
    found = [place for place in PLACES if held(Relation("cat", "car", place), tracks)]
    assert found == places


def test_a_span_has_the_frames_that_show_both_and_the_smaller_confidence() -> None:
    """A frame in which one is hidden belongs to the one before, and one after the end to none."""
    cat = track("cat", {1.0: (0.3, 0.5), 3.0: (0.3, 0.5), 4.0: (0.3, 0.5)}, sure=0.6)
    assert held(Relation("cat", "car", "left_of"), [cat, CAR]) == [(1, 2, 0.6), (3, 4, 0.6)]


@pytest.mark.parametrize(("apart", "count"), [(0.095, 0), (0.105, 1)])
def test_a_tenth_of_the_frame_is_beside(apart: float, count: int) -> None:
    """Unless a rule says: boxes of what is in one place differ by less."""
    tracks = [track("cat", {0.0: (0.5 - apart, 0.5)}), CAR]
    assert len(held(Relation("cat", "car", "left_of"), tracks)) == count


def test_a_margin_decides() -> None:
    """A wider one needs more distance; another class has no part in it."""
    tracks = [track("cat", {0.0: (0.3, 0.5)}), CAR]
    assert held(Relation("cat", "car", "left_of", 0.19), tracks)
    assert not held(Relation("cat", "car", "left_of", 0.21), tracks)
    assert not held(Relation("cat", "bus", "left_of"), tracks)


def test_a_tag_has_the_span_of_the_relation(tmp_path: Path) -> None:
    """Not that of the segment; a sentence must fit, too, and a threshold asks for sure boxes."""
    world = World(tmp_path)
    cat = track("cat", dict.fromkeys((1.0, 2.0), (0.3, 0.5)) | {3.0: (0.7, 0.5)}, sure=0.8)
    world.catalog.put_objects("default", "a", VideoObjects("one", (cat, CAR)))
    world.apply(BESIDE)
    assert world.tags() == [("a", 1, 3, "beside", "proposed")]
    assert world.store.tags("default")[0].relevance == pytest.approx(0.8)
    world.apply(replace(BESIDE, prompts=("blue",)))
    assert world.tags() == []
    world.apply(replace(BESIDE, prompts=("red",), threshold=0.7))
    assert world.tags() == [("a", 1, 3, "beside", "proposed")]
    world.apply(replace(BESIDE, threshold=0.85))
    assert world.tags() == []


def test_pictures_must_fit_all_sentences_of_a_relation(tmp_path: Path) -> None:
    """The one that fits least decides, and boxes that are not sure count, because pictures say."""
    world = World(tmp_path)
    cat = track("cat", dict.fromkeys((1.0, 2.0), (0.3, 0.5)), sure=0.31)
    world.catalog.put_objects("default", "a", VideoObjects("one", (cat, CAR)))
    world.apply(BESIDE)
    assert world.tags() == []
    for shows, tags in ((("red",), 1), (("red", "red"), 1), (("red", "blue"), 0)):
        world.apply(replace(BESIDE, relation=Relation("cat", "car", "left_of", shows=shows)))
        assert world.tags() == [("a", 1, 3, "beside", "proposed")] * tags, shows
    sentence = Rule("red", ("red",))
    shown = replace(BESIDE, relation=Relation("cat", "car", "left_of", shows=("red",)))
    world.apply(sentence, shown)
    by_rule = {tag.rule: tag.relevance for tag in world.store.tags("default")}
    assert by_rule["beside"] == pytest.approx(by_rule["red"])


def test_other_objects_are_looked_at_by_rules_that_need_them_alone(tmp_path: Path) -> None:
    """And a second run does nothing."""
    world = World(tmp_path)
    world.catalog.put_objects("default", "a", VideoObjects("one"))
    world.apply(BESIDE, Rule("red", ("red",)))
    assert world.apply().scored == 0
    cat = track("cat", {0.0: (0.3, 0.5)})
    world.catalog.put_objects("default", "a", VideoObjects("two", (cat, CAR)))
    report = world.apply()
    assert (report.looked_at, report.scored, report.added) == (1, 1, 1)


def test_a_rejected_span_is_not_proposed_again(tmp_path: Path) -> None:
    """What people have said stays if the objects are found again."""
    world = World(tmp_path)
    cat = track("cat", {0.0: (0.3, 0.5), 1.0: (0.3, 0.5)})
    world.catalog.put_objects("default", "a", VideoObjects("one", (cat, CAR)))
    world.apply(BESIDE)
    world.decide("reject", 0.0, BESIDE)
    world.catalog.put_objects("default", "a", VideoObjects("two", (cat, CAR)))
    world.apply()
    assert world.tags() == [("a", 0, 2, "beside", "rejected")]


def test_rules_that_need_objects_are_refused_without_any(tmp_path: Path) -> None:
    """Once a detector has looked at one video, the others are counted."""
    world = World(tmp_path)
    with pytest.raises(ConfigError, match="run `indexer objects --detector"):
        require_objects(world.store.facts("default"), "default", [BESIDE])
    assert require_objects(world.store.facts("default"), "default", [Rule("a", ("a",))]) == 0
    world.catalog.put_objects("default", "a", VideoObjects("one"))
    assert require_objects(world.store.facts("default"), "default", [BESIDE]) == 1
