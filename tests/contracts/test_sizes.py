"""The bytes of what a catalog stores, by part."""

from dataclasses import replace

import numpy as np
import pytest

from clipseek.protocols import CatalogWriter
from clipseek.timed import Cue, Meaning, Span, TimedText
from clipseek.tracked import Track, VideoObjects
from tests.contracts.catalogs import DIM, a_video, unit_rows

NONE = {"frame_vectors": 0, "segments": 0, "texts": 0, "objects": 0}


def test_the_bytes_of_each_part_are_counted(catalog: CatalogWriter) -> None:
    """A byte for each component; those of other collections are not among them."""
    given = a_video()
    given.put_into(catalog)
    catalog.ensure_collection("other", "toy", DIM, "f" * 64)
    a_video("b").put_into(catalog, "other")
    found = catalog.part_bytes("default")
    key = catalog.collection("default").key
    names = sum(map(len, given.picture.thumbnails))
    each = DIM + len(key) + len("a") + len("picture") + 5 * 8 + 1
    assert found == NONE | {"frame_vectors": 6 * (4 + DIM), "segments": 3 * each + names}


def test_texts_and_objects_are_counted(catalog: CatalogWriter) -> None:
    """As they are written, and their vectors."""
    given = a_video()
    given.put_into(catalog)
    before = catalog.part_bytes("default")
    meaning = Meaning("m", b"12345678")
    catalog.put_text("default", "a", TimedText("speech", "s", (Cue(0.5, 2.5, "hello"),), meaning))
    found = catalog.part_bytes("default")
    assert found == before | {"texts": len('[[0.5, 2.5, "hello", ""]]') + 8}
    times, boxes = np.array([0.5]), np.array([[0.5, 0.5, 0.75, 0.75]], np.float32)
    vector = unit_rows(np.random.default_rng(0), 1)[0]
    track = Track("car", 0.5, Span(0.5, 1.5), times, boxes, 0, vector, 0.5)
    catalog.put_objects("default", "a", VideoObjects("s", (track,)))
    written = '[["car", 0.5, 0.5, 1.5, 0, 0.5, [0.5], [[0.5, 0.5, 0.75, 0.75]]]]'
    assert catalog.part_bytes("default") == found | {"objects": len(written) + DIM}


def test_nothing_has_no_bytes(catalog: CatalogWriter) -> None:
    """Nor does a collection that is not there."""
    assert catalog.part_bytes("default") == catalog.part_bytes("nope") == NONE


@pytest.mark.parametrize(
    "said", ["¿qué?", "日本語", "\U0001f600"], ids=["2 bytes", "3 bytes", "4 bytes"]
)
def test_bytes_are_counted_and_not_characters(catalog: CatalogWriter, said: str) -> None:
    """A character that is not ASCII has two bytes or more, in a name as in a text."""
    a_video("a").put_into(catalog)
    before = catalog.part_bytes("default")["segments"]
    other, name = a_video("b"), f"{said}.jpg"
    replace(other, picture=replace(other.picture, thumbnails=[name] * 3)).put_into(catalog)
    longer = sum(len(name.encode()) - len(each) for each in other.picture.thumbnails)
    assert catalog.part_bytes("default")["segments"] == 2 * before + longer
    catalog.put_text("default", "a", TimedText("speech", "s", (Cue(0.5, 2.5, said),)))
    assert catalog.part_bytes("default")["texts"] >= len(f'[[0.5, 2.5, "{said}", ""]]'.encode())
