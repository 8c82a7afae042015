"""Which detections are kept, and which objects are the same."""

from pathlib import Path

import numpy as np
import pytest

from clipseek.detections import Detections, overlaps
from clipseek.errors import ConfigError
from clipseek.objects.crops import HEIGHTS, crops
from clipseek.objects.rules import RuleBook, Rules
from clipseek.objects.tracking import Tracker

NAMES = ("cat", "dog")


def seen(*rows: tuple[float, float, float, float, int, float]) -> Detections:
    """Return detections of left, top, right, bottom, class and confidence."""
    values = np.array(rows, np.float64).reshape(-1, 6)
    return Detections(
        values[:, :4].astype(np.float32),
        values[:, 4].astype(np.int64),
        values[:, 5].astype(np.float32),
    )


def test_overlap_is_the_shared_part_of_both() -> None:
    """Two squares that share a half of each have a third of both in common."""
    boxes = np.array([[0, 0, 0.4, 0.4], [0.2, 0, 0.6, 0.4], [0.7, 0.7, 0.9, 0.9]], np.float32)
    np.testing.assert_allclose(overlaps(boxes, boxes)[0], [1, 1 / 3, 0], atol=1e-6)


def test_of_two_boxes_of_one_object_the_surer_stays() -> None:
    """One of another class stays too, and so does one that is apart."""
    found = seen(
        (0.1, 0.1, 0.5, 0.5, 0, 0.6),
        (0.1, 0.1, 0.5, 0.52, 0, 0.9),
        (0.1, 0.1, 0.5, 0.5, 1, 0.5),
        (0.6, 0.1, 0.9, 0.5, 0, 0.7),
    )
    kept = Rules().kept(found, NAMES)
    assert kept.confidences.tolist() == pytest.approx([0.9, 0.7, 0.5])


def test_what_is_unsure_or_tiny_is_left_out() -> None:
    """0.4 is sure enough; a hundredth of the width and height is too small."""
    found = seen((0, 0, 0.5, 0.5, 0, 0.4), (0.5, 0.5, 1, 1, 0, 0.39), (0.9, 0, 0.91, 0.01, 0, 0.9))
    assert Rules().kept(found, NAMES).confidences.tolist() == pytest.approx([0.4])


@pytest.mark.parametrize(("side", "count"), [(24, 0), (26, 1)])
def test_an_object_has_25_pixels_square_of_full_hd(side: int, count: int) -> None:
    """Of less, its crop shows too little of it."""
    box = (0.5, 0.5, 0.5 + side / 1920, 0.5 + side / 1080)
    assert len(Rules().kept(seen((*box, 0, 0.9)), NAMES)) == count


@pytest.mark.parametrize(("hidden", "count"), [(1, 1), (2, 2)])
def test_an_object_may_be_hidden_in_one_frame(hidden: int, count: int) -> None:
    """Of one a second: what comes back after more may be another one."""
    tracker = Tracker(1.0)
    thing = seen((0.1, 0.1, 0.3, 0.3, 0, 0.9))
    steps = [thing, thing, *[seen()] * hidden, thing]
    numbers = [number for step in steps for number in tracker.follow(step).tolist()]
    assert len(set(numbers)) == count


def test_classes_have_thresholds_of_their_own() -> None:
    """A class that is not named is not wanted."""
    found = seen((0, 0, 0.5, 0.5, 0, 0.95), (0.5, 0.5, 1, 1, 1, 0.2))
    kept = Rules(classes={"dog": 0.2}).kept(found, NAMES)
    assert kept.classes.tolist() == [1]


def test_a_camera_has_rules_of_its_own(tmp_path: Path) -> None:
    """What it does not say is as for the others, and its stamp is its own."""
    path = tmp_path / "rules.json"
    path.write_text('{"threshold": 0.5, "cameras": {"gate": {"classes": {"cat": 0.7}}}}')
    book = RuleBook.read(path, NAMES)
    assert book.of("") == book.of("yard") == Rules(threshold=0.5)
    assert book.of("gate") == Rules(threshold=0.5, classes={"cat": 0.7})
    assert book.stamp("gate") != book.stamp("yard") == book.stamp("")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("[]", "must be an object", id="list"),
        pytest.param("{", "not JSON", id="damaged"),
        pytest.param('{"speed": 1}', "'speed' is not a rule", id="unknown"),
        pytest.param('{"threshold": 2}', "0.05 to 1, got 2", id="threshold"),
        pytest.param('{"classes": {"cow": 0.5}}', "no class 'cow'", id="class"),
        pytest.param('{"classes": []}', "a threshold for each name", id="classes"),
        pytest.param('{"cameras": {"gate": 1}}', '"cameras"', id="camera"),
    ],
)
def test_wrong_rules_are_refused(tmp_path: Path, text: str, said: str) -> None:
    """The error names the file and the value."""
    path = tmp_path / "rules.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match=said) as refused:
        RuleBook.read(path, NAMES)
    assert str(path) in str(refused.value)


def test_an_object_that_moves_keeps_its_number() -> None:
    """Two objects that move are two; one that is hidden for a frame is the same afterwards."""
    tracker = Tracker(16 / 9)
    numbers = []
    for step in range(6):
        moved = 0.03 * step
        rows = [(0.1 + moved, 0.1, 0.3 + moved, 0.3, 0, 0.9)]
        if step != 3:
            rows.append((0.6, 0.5 + moved / 3, 0.8, 0.7 + moved / 3, 0, 0.8))
        numbers.append(tracker.follow(seen(*rows)).tolist())
    assert len({each[0] for each in numbers}) == 1
    assert len({each[1] for each in numbers if len(each) > 1}) == 1
    assert numbers[0][0] != numbers[0][1]


def test_a_cat_does_not_become_a_dog() -> None:
    """An object of another class in the same place is another one."""
    tracker = Tracker(1.0)
    (first,) = tracker.follow(seen((0.1, 0.1, 0.3, 0.3, 0, 0.9)))
    (second,) = tracker.follow(seen((0.1, 0.1, 0.3, 0.3, 1, 0.9)))
    assert first != second


def test_a_crop_has_the_aspect_of_its_frame() -> None:
    """The object takes half of it, and its middle is in the upper and in the lower part."""
    frame = np.zeros((200, 400, 3), np.uint8)
    frame[90:110, 195:205] = 255  # 0.1 of the height, 0.025 of the width
    for crop, place in zip(crops(frame, (195 / 400, 0.45, 205 / 400, 0.55)), HEIGHTS, strict=True):
        assert crop.shape[:2] == (40, 80)
        rows, columns = np.nonzero(crop[..., 0])
        assert rows.mean() / len(crop) == pytest.approx(place, abs=0.03)
        assert columns.mean() / crop.shape[1] == pytest.approx(0.5, abs=0.03)


def test_a_crop_at_the_edge_is_whole() -> None:
    """Past the edge the last pixels of the frame are repeated."""
    frame = np.full((100, 100, 3), 7, np.uint8)
    upper, lower = crops(frame, (0.0, 0.0, 0.2, 0.2))
    assert upper.shape == lower.shape == (40, 40, 3)
    assert (upper == 7).all()
