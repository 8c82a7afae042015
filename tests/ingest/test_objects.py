"""The objects of videos: found once, again when something has changed, and searched."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from clipseek.errors import UnreadableVideo
from clipseek.frames import FrameBatch
from clipseek.ingest.objects import Looked, ObjectReader
from clipseek.ingest.recutting import Recutting
from clipseek.ingest.tools import Tools
from clipseek.objects.finding import Finder
from clipseek.objects.index import ObjectIndex
from clipseek.objects.rules import RuleBook, Rules
from clipseek.testing import MemoryCatalog
from clipseek.testing.detector import PaintedDetector
from clipseek.timed import OBJECT, Span
from clipseek.tracked import Track
from tests.ingest import test_threads
from tests.ingest.test_threads import BLUE, RED, Videos

COLOURS = {"red": RED, "blue": BLUE}


class Library:
    """A folder with one video, and what is known of its objects."""

    def __init__(self, root: Path) -> None:
        self.path, self.detector = root / "a.mp4", PaintedDetector(COLOURS)
        self.opener = Videos()
        self.tools: Tools = test_threads._tools(root, MemoryCatalog(), self.opener)
        self.path.write_text("r3 g2 b2")
        test_threads._run(self.tools, [self.path])
        self.opener.opened.clear()

    def reader(self, book: RuleBook | None = None) -> ObjectReader:
        """Return what finds objects by some rules."""
        tools = self.tools
        catalog, places, model = tools.catalog, tools.places, tools.model
        return ObjectReader(
            *(catalog, places, self.opener, model, self.detector, book or RuleBook())
        )

    def look(self, book: RuleBook | None = None) -> list[Looked]:
        """Find objects; return what was looked at."""
        return list(self.reader(book).read("default"))

    def tracks(self) -> tuple[Track, ...]:
        """Return the objects of the video."""
        ((_, found),) = self.tools.catalog.objects("default")
        return found.tracks


@pytest.fixture
def library(tmp_path: Path) -> Library:
    """Return a library with a video of three shots: red, green and blue."""
    return Library(tmp_path)


def test_objects_end_with_their_shot(library: Library) -> None:
    """Red is seen for three seconds and blue for two; green is nothing that is looked for."""
    (looked,) = library.look()
    assert (looked.tracks, looked.problem) == (2, "")
    red, blue = library.tracks()
    assert (red.label, red.span, red.times.tolist()) == ("red", Span(0, 3), [0, 1, 2])
    assert (blue.label, blue.span) == ("blue", Span(5, 7))
    assert red.boxes.tolist() == [[0, 0, 1, 1]] * 3
    (vector,) = library.tools.model.embedder.embed_texts(["red"])
    assert red.vector @ vector > 0.99


def test_a_video_is_looked_at_once(library: Library) -> None:
    """The second pass opens nothing, and changes nothing."""
    library.look()
    version = library.tools.catalog.collection("default").version
    assert library.look() == []
    assert library.opener.opened == ["a.mp4"]
    assert library.tools.catalog.collection("default").version == version


def test_other_rules_look_again(library: Library) -> None:
    """What they leave out is gone; nothing is doubled."""
    library.look()
    only_blue = RuleBook(Rules(classes={"blue": 0.5}))
    assert [looked.tracks for looked in library.look(only_blue)] == [1]
    assert [track.label for track in library.tracks()] == ["blue"]


def test_rules_of_another_camera_change_nothing(library: Library) -> None:
    """The video has no camera, so it is not looked at again."""
    library.look()
    assert library.look(RuleBook(cameras={"gate": Rules(threshold=0.9)})) == []


def test_a_camera_has_rules_of_its_own(library: Library) -> None:
    """By the name of the stream that the video is a chunk of."""
    catalog = library.tools.catalog
    (video,) = catalog.videos("default")
    book = RuleBook(cameras={"gate": Rules(classes={"blue": 0.5})})
    reader = library.reader(book)
    assert reader.stamp(replace(video, stream="gate")) != reader.stamp(video)
    assert reader.stamp(replace(video, duration=9.0)) != reader.stamp(video), "a chunk that grew"


def test_what_is_short_is_left_out(library: Library) -> None:
    """Blue is seen for two seconds."""
    library.look(RuleBook(Rules(shortest_s=2.5)))
    assert [track.label for track in library.tracks()] == ["red"]


def test_a_video_that_is_gone_is_a_problem_of_its_own(library: Library) -> None:
    """The others are looked at, and the next pass tries again."""
    library.path.unlink()
    (looked,) = library.look()
    assert looked.problem
    assert library.tools.catalog.object_stamps("default", [looked.video.id]) == {}


def _frames(seconds: int) -> Iterator[FrameBatch]:
    """Yield frames in which a red square moves to the right, one a second."""
    for second in range(seconds):
        pixels = np.zeros((1, 90, 160, 3), np.uint8)
        pixels[0, 40:60, second : second + 20] = RED
        yield FrameBatch(pixels, np.array([float(second)]), np.array([second == 0]))


def test_a_long_stay_is_several_tracks(library: Library) -> None:
    """After a minute another one begins; few of its frames are embedded."""
    model = library.tools.model
    found = Finder(library.detector, model, Rules(), 1.0).find(_frames(130), 130.0)
    assert [(track.span.start, track.span.end) for track in found] == [
        (0, 60),
        (60, 120),
        (120, 130),
    ]
    assert sum(len(track.times) for track in found) == 130
    assert found[0].edges(5) == pytest.approx((5 / 160, 40 / 90, 25 / 160, 60 / 90))


def test_a_sentence_finds_its_object(library: Library) -> None:
    """With the class, the relevance of a picture of that score, and the place in a frame."""
    library.look()
    catalog, model = library.tools.catalog, library.tools.model
    index = ObjectIndex().changed(frozenset(), catalog.objects("default"))
    (vector,) = model.embedder.embed_texts(["blue"])
    found, more = index.search(vector, model.scoring)
    assert [each.hit.text for each in found] == ["blue"], "red has next to no relevance"
    assert not more
    best = found[0]
    assert (best.hit.field, best.hit.span) == (OBJECT, Span(5, 7))
    assert best.hit.relevance > 0.5
    assert best.hit.where is not None
    assert not best.hit.where.is_shown
    shown = best.shown(6.0).hit.where
    assert shown is not None
    assert (shown.time, shown.is_shown) == (6.0, True)
    assert best.shown(6.5) is best
    assert index.search(vector, model.scoring, frozenset({"x"})) == ([], False)


def test_an_index_follows_changes(library: Library) -> None:
    """A video that has no objects any more is not found; another index keeps its own."""
    library.look()
    catalog, model = library.tools.catalog, library.tools.model
    (video,) = catalog.videos("default")
    index = ObjectIndex().changed(frozenset(), catalog.objects("default"))
    after = index.changed(frozenset({video.id}), [])
    assert (len(index), len(after)) == (2, 0)
    (vector,) = model.embedder.embed_texts(["blue"])
    assert after.search(vector, model.scoring) == ([], False)
    assert index.changed(frozenset({"x"}), []) is index


def test_objects_are_embedded_anew_without_a_detector(library: Library) -> None:
    """By the same frames: with the same model they are as they were; only these are decoded."""
    library.look()
    ((video_id, found),) = library.tools.catalog.objects("default")
    video = library.tools.catalog.video("default", video_id)
    blank = replace(found, tracks=tuple(_forgotten(track) for track in found.tracks))
    tools, seen = library.tools, library.detector.seen
    recutting = Recutting(tools.places, library.opener, tools.model)
    again = recutting.embedded(video, blank)
    assert again.stamp == found.stamp
    for track, before in zip(again.tracks, found.tracks, strict=True):
        assert np.allclose(track.vector, before.vector, atol=1e-3)
        assert (track.best, track.label, track.span) == (before.best, before.label, before.span)
        assert track.bias == pytest.approx(before.bias, abs=1e-3)
        assert track.boxes.tolist() == before.boxes.tolist()
    assert library.detector.seen == seen


def test_a_file_that_has_changed_since_is_not_embedded(library: Library) -> None:
    """Its boxes would be cut out of other pictures."""
    library.look()
    ((video_id, found),) = library.tools.catalog.objects("default")
    video = library.tools.catalog.video("default", video_id)
    library.path.write_text("r1 g1 b1 r1")
    recutting = Recutting(library.tools.places, library.opener, library.tools.model)
    with pytest.raises(UnreadableVideo, match="has changed since its objects were found"):
        recutting.embedded(video, found)


def _forgotten(track: Track) -> Track:
    """Return a track with another vector."""
    vector = np.roll(track.vector, 1)
    return replace(track, vector=vector, bias=9.0, best=len(track.times) - 1)
