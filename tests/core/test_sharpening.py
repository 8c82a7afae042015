"""Hits are cut to the frames that show what is asked for, if that is asked for."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from clipseek import calibration
from clipseek.errors import InvalidQuery, ServiceUnavailable
from clipseek.parts import Like, Part, Text
from clipseek.query import Query, Step
from clipseek.ranking import trimmed
from clipseek.search import Searcher
from clipseek.testing import MemoryCatalog
from clipseek.timed import SUBTITLE, Cue, TimedText
from clipseek.types import PICTURE, FieldSegments, FrameVectors, Hit, Put, SearchResult, Span, Video
from tests.core.test_search import EMBEDDER, MODEL
from tests.searching import searcher_over

TIMES = np.arange(8, dtype=np.float64)
WHOLE = Span(0, 8)


@pytest.mark.parametrize(
    ("relevance", "expected"),
    [
        pytest.param([0, 0, 1, 1, 1, 0, 0, 0], Span(2, 5), id="inside"),
        pytest.param([1, 1, 0, 0, 0, 0, 0, 0], Span(0, 2), id="at the start"),
        pytest.param([0, 0, 0, 0, 0, 0, 0, 1], Span(7, 8), id="at the end"),
        pytest.param([0, 1, 0, 1, 1, 0, 0, 0], Span(1, 5), id="an odd frame"),
        pytest.param([0.9] * 8, WHOLE, id="all"),
        pytest.param([0.01] * 8, WHOLE, id="none is relevant"),
        pytest.param([0, 0.3, 0.6, 0.9, 0.5, 0.4, 0, 0], Span(2, 5), id="half of the best"),
    ],
)
def test_a_moment_is_trimmed(relevance: list[float], expected: Span) -> None:
    """To the first and the last frame with half of the relevance of the best one."""
    assert trimmed(WHOLE, TIMES, np.array(relevance, np.float64)) == expected


def test_frames_outside_do_not_count() -> None:
    """Neither that before, though it is better, nor that which begins where the moment ends."""
    relevance = np.array([1, 1, 0.1, 0.4, 0.4, 0.1, 1, 1])
    assert trimmed(Span(2, 6), TIMES, relevance) == Span(3, 5)


def test_a_moment_stays_within_its_span() -> None:
    """It may begin before its first frame, and end before the next frame of the video."""
    assert trimmed(Span(1.5, 3.5), TIMES, np.ones(8)) == Span(1.5, 3.5)


@pytest.mark.parametrize("times", [np.empty(0), np.array([9.0])], ids=["none", "elsewhere"])
def test_a_moment_without_a_frame_stays(times: NDArray[np.float64]) -> None:
    """Nothing is known of its inside."""
    assert trimmed(WHOLE, times, np.ones(len(times))) == WHOLE


def _put(
    catalog: MemoryCatalog,
    video_id: str,
    colours: Sequence[str],
    *,
    has_frames: bool = True,
    says: str = "",
) -> None:
    """Put a video that is one segment and shows a colour each second."""
    frames = EMBEDDER.embed_texts(colours)
    mean = frames.mean(axis=0, keepdims=True)
    mean = (mean / np.linalg.norm(mean)).astype(np.float32)
    length = float(len(colours))
    picture = FieldSegments(
        spans=np.array([[0.0, length]]),
        vectors=mean,
        best_times=np.zeros(1),
        biases=calibration.bias(mean, MODEL.bank, MODEL.logit_scale),
        thumbnails=["none.jpg"],
    )
    kept = FrameVectors(np.arange(length), frames) if has_frames else None
    texts = (TimedText(SUBTITLE, "stamp", (Cue(0.0, length, says),)),) if says else ()
    video = Video(video_id, f"/{video_id}.mp4", video_id, length, 64, 36, 1)
    catalog.put("default", Put(video, {PICTURE: picture}, kept, texts=texts))


@pytest.fixture
def catalog() -> MemoryCatalog:
    """A video that is partly red; another test may add more."""
    catalog = MemoryCatalog()
    catalog.ensure_collection("default", "toy", EMBEDDER.dim, EMBEDDER.fingerprint)
    _put(catalog, "one", ["blue", "red", "red", "red", "blue"])
    return catalog


@pytest.fixture
def searcher(catalog: MemoryCatalog, tmp_path: Path) -> Searcher:
    """A searcher over the video."""
    return searcher_over(catalog, tmp_path, lambda _: MODEL)


def _hits(searcher: Searcher, *, sharpen: bool) -> dict[str, Hit]:
    (answer,) = searcher.search([Query.of("red", sharpen=sharpen)])
    assert isinstance(answer, SearchResult)
    return {hit.video.id: hit for hit in answer.hits}


def test_a_hit_is_cut_if_that_is_asked_for(searcher: Searcher) -> None:
    """All else is as it was."""
    whole, sharp = (_hits(searcher, sharpen=sharpen)["one"] for sharpen in (False, True))
    assert whole.span == Span(0, 5)
    assert sharp == whole._replace(span=Span(1, 4))


def test_a_video_without_frame_vectors_keeps_its_moments(
    catalog: MemoryCatalog, searcher: Searcher
) -> None:
    """The others are cut."""
    _put(catalog, "two", ["red", "red", "blue"], has_frames=False)
    _put(catalog, "six", ["red", "red", "blue"])
    spans = {name: hit.span for name, hit in _hits(searcher, sharpen=True).items()}
    assert spans == {"one": Span(1, 4), "two": Span(0, 3), "six": Span(0, 2)}


def test_what_words_found_stays_and_what_pictures_found_is_cut(
    catalog: MemoryCatalog, searcher: Searcher
) -> None:
    """With the field that it is of."""
    _put(catalog, "two", ["blue", "blue", "blue"], says="red")
    hits = _hits(searcher, sharpen=True)
    assert hits["two"].span == Span(0, 3)
    assert hits["one"].span == Span(1, 4)
    assert [(each.field, each.span) for each in hits["one"].fields] == [(PICTURE, Span(1, 4))]


def test_a_video_that_is_removed_while_it_is_found_keeps_its_moments(
    catalog: MemoryCatalog, searcher: Searcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others are cut."""
    _put(catalog, "six", ["red", "red", "blue"])
    assert _hits(searcher, sharpen=True)
    consistent = catalog.consistent

    def removed_before(name: str) -> object:
        catalog.remove(name, "one")
        return consistent(name)

    monkeypatch.setattr(catalog, "consistent", removed_before)
    spans = {name: hit.span for name, hit in _hits(searcher, sharpen=True).items()}
    assert spans == {"one": Span(0, 5), "six": Span(0, 2)}


def test_a_search_says_that_the_catalog_is_away(
    catalog: MemoryCatalog, searcher: Searcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others of the batch are answered."""
    assert _hits(searcher, sharpen=True)

    def away(*_: object) -> None:
        raise ServiceUnavailable("away")

    monkeypatch.setattr(catalog, "consistent", away)
    one, other = searcher.search([Query.of("red", sharpen=True), Query.of("red")])
    assert isinstance(one, ServiceUnavailable)
    assert isinstance(other, SearchResult)


@pytest.mark.parametrize(
    ("asked", "more"),
    [
        pytest.param([Text("red"), Text("blue")], {}, id="two parts"),
        pytest.param([Like("one", 0)], {}, id="a moment"),
        pytest.param([Text("red")], {"then": [Step((Text("blue"),), 3.0)]}, id="steps"),
        pytest.param([Text("red")], {"fields": (SUBTITLE,)}, id="words alone"),
    ],
)
def test_only_one_sentence_in_pictures_is_sharpened(
    asked: Sequence[Part], more: dict[str, object]
) -> None:
    """What cannot be done is said."""
    wrong = Query.of(asked, sharpen=True, **more).problem()  # type: ignore[arg-type]  # fields
    assert isinstance(wrong, InvalidQuery)
    assert str(wrong).startswith("sharpen must be false unless one sentence alone is searched for")
