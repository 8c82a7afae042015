"""The timeline: relevance at every sampled frame, from the stored vectors."""

from pathlib import Path

import numpy as np
import pytest

from clipseek import calibration
from clipseek.errors import CollectionNotFound, InvalidQuery, QueryNotRead, VideoNotFound
from clipseek.parts import Like, Part, Text
from clipseek.query import Query
from clipseek.testing import MemoryCatalog, ToyEmbedder
from clipseek.timeline import Timeline, segment_of, timeline
from clipseek.types import PICTURE, FieldSegments, FrameVectors, Put, SearchResult, Video
from tests.api.library import toy_model
from tests.searching import searcher_over

COLOURS = ["red", "red", "blue", "blue", "blue"]
"""What a video shows at each second: red 0 to 2 s, blue 2 to 5 s."""


def stored(
    catalog: MemoryCatalog, *, frames: bool = True, biases: tuple[float, float] = (0, 0)
) -> None:
    """Store the video of two segments, which are given in the reverse order of time."""
    catalog.ensure_collection("default", "toy", ToyEmbedder.dim, ToyEmbedder.fingerprint)
    picture = FieldSegments(
        spans=np.array([[2.0, 5.0], [0.0, 2.0]]),
        vectors=ToyEmbedder().embed_texts(["blue", "red"]),
        best_times=np.array([3.0, 1.0]),
        biases=np.array(biases[::-1], np.float32),
        thumbnails=["blue.jpg", "red.jpg"],
    )
    kept = FrameVectors(np.arange(5.0), ToyEmbedder().embed_texts(COLOURS)) if frames else None
    video = Video("v", "/v.mp4", "v", 5.0, 64, 48, 1)
    catalog.put("default", Put(video, {PICTURE: picture}, frames=kept))


def asked(catalog: MemoryCatalog, folder: Path, sentence: str, video_id: str = "v") -> Timeline:
    """Return the timeline of a sentence."""
    searcher = searcher_over(catalog, folder, toy_model)
    return timeline(searcher.collections, searcher.texts, "default", video_id, [Text(sentence)])


def test_each_second_has_the_relevance_of_what_it_shows(tmp_path: Path) -> None:
    """Red 0 to 2 s, blue 2 to 5 s: to the second, whatever the order of the ids is."""
    catalog = MemoryCatalog()
    stored(catalog)
    found = asked(catalog, tmp_path, "blue")
    assert found.is_sampled
    assert found.times.tolist() == [0, 1, 2, 3, 4]
    assert (found.relevance > 0.5).tolist() == [False, False, True, True, True]
    assert found.segments.spans.tolist() == [[0, 2], [2, 5]]
    assert (found.segment_relevance > 0.5).tolist() == [False, True]


def test_a_segment_has_the_relevance_that_a_search_says(tmp_path: Path) -> None:
    """So that a hit of the list is a hit of the timeline."""
    catalog = MemoryCatalog()
    stored(catalog, biases=(0.0, 11.0))
    searcher = searcher_over(catalog, tmp_path, toy_model)
    (answer,) = searcher.search([Query.of("blue", min_relevance=0.01)])
    assert isinstance(answer, SearchResult)
    found = timeline(searcher.collections, searcher.texts, "default", "v", [Text("blue")])
    assert answer.hits[0].relevance == pytest.approx(found.segment_relevance[1], abs=1e-6)
    assert 0.01 < found.segment_relevance[1] < 0.5


def test_a_frame_has_the_bias_of_its_segment(tmp_path: Path) -> None:
    """A frame that is equal to its segment's vector has the relevance of the segment."""
    catalog = MemoryCatalog()
    stored(catalog, biases=(3.0, 11.0))
    found = asked(catalog, tmp_path, "blue")
    expected = calibration.relevance(
        np.array([-3.0, -3.0, 9.0, 9.0, 9.0]), toy_model(found.collection).relevance
    )
    assert found.relevance == pytest.approx(expected, abs=1e-6)


def test_a_video_without_vectors_of_frames_has_steps(tmp_path: Path) -> None:
    """The relevance of its segments, and the answer says so."""
    catalog = MemoryCatalog()
    stored(catalog, frames=False)
    found = asked(catalog, tmp_path, "red")
    assert not found.is_sampled
    assert found.times.tolist() == [0, 2]
    assert (found.relevance > 0.5).tolist() == [True, False]


def test_a_frame_that_begins_a_segment_is_in_it() -> None:
    """Times of frames are stored as float32, which may be a little less than the segment's."""
    start = 1.0 + 0.1
    times = np.array([0.0, 1.0, start], np.float32).astype(np.float64)
    assert times[2] != start
    starts = np.array([0.0, start])
    for shift in (-1e-4, 0.0, 1e-4):
        assert segment_of(times + np.array([0, 0, shift]), starts).tolist() == [0, 0, 1]
    assert segment_of(np.array([0.5, 1.09]), starts).tolist() == [0, 0]


def test_what_is_not_there_is_an_error(tmp_path: Path) -> None:
    """A collection, a video, or words."""
    catalog = MemoryCatalog()
    with pytest.raises(CollectionNotFound):
        asked(catalog, tmp_path, "red")
    stored(catalog)
    with pytest.raises(VideoNotFound):
        asked(catalog, tmp_path, "red", "w")
    with pytest.raises(QueryNotRead):
        asked(catalog, tmp_path, "???")


def composed(catalog: MemoryCatalog, folder: Path, *parts: Part) -> Timeline:
    """Return the timeline of several parts."""
    searcher = searcher_over(catalog, folder, toy_model)
    return timeline(searcher.collections, searcher.texts, "default", "v", parts)


def test_the_fits_of_all_parts_are_multiplied(tmp_path: Path) -> None:
    """Of each frame and of each segment: (f1^w1 * (1 - f2)^-w2)^(1 / w1)."""
    catalog = MemoryCatalog()
    stored(catalog, biases=(9.0, 11.0))
    blue, red = asked(catalog, tmp_path, "blue"), asked(catalog, tmp_path, "red")
    found = composed(catalog, tmp_path, Text("blue", 2.0), Text("red", -1.0))
    for both, wanted, unwanted in (
        (found.relevance, blue.relevance, red.relevance),
        (found.segment_relevance, blue.segment_relevance, red.segment_relevance),
    ):
        assert both == pytest.approx((wanted**2 * (1 - unwanted)) ** (1 / 2), abs=1e-9)
        assert 0 < both.min() < both.max() < 1
    assert (found.query, found.truncated_at, found.is_seen) == (None, None, False)


def test_composed_segments_have_the_relevance_that_a_search_says(tmp_path: Path) -> None:
    """So that a hit of the list is a hit of the timeline, also of several parts."""
    catalog = MemoryCatalog()
    stored(catalog, biases=(9.0, 11.0))
    parts = [Text("blue"), Text("red", -0.5)]
    (answer,) = searcher_over(catalog, tmp_path, toy_model).search([Query.of(parts)])
    assert isinstance(answer, SearchResult)
    relevance = {hit.span.start: hit.relevance for hit in answer.hits}
    found = composed(catalog, tmp_path, *parts)
    of_segments = zip(found.segments.spans[:, 0].tolist(), found.segment_relevance, strict=True)
    assert relevance == pytest.approx(dict(of_segments), abs=1e-6)


def test_what_looks_like_a_moment_is_seen(tmp_path: Path) -> None:
    """The seconds that are like second 4, and the answer says that a moment was asked for."""
    catalog = MemoryCatalog()
    stored(catalog)
    found = composed(catalog, tmp_path, Like("v", 4.0))
    assert (found.query, found.is_seen) == (None, True)
    assert (found.relevance > 0.5).tolist() == [False, False, True, True, True]
    with pytest.raises(InvalidQuery, match="must have one that is wanted"):
        composed(catalog, tmp_path, Like("v", 4.0, -1.0))
    with pytest.raises(InvalidQuery, match=r"like.time must be a second of video 'v'"):
        composed(catalog, tmp_path, Text("red"), Like("v", 9.0))
