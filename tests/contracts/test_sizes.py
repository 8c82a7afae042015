"""The bytes of what a catalog stores, by part."""

import numpy as np

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
